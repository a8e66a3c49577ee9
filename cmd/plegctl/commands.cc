#include "cmd/plegctl/commands.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/evidence_record.h"
#include "cmd/plegctl/check.h"
#include "cmd/plegctl/completion.h"
#include "cmd/plegctl/explain.h"
#include "cmd/plegctl/find_pod.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/record_file.h"
#include "cmd/plegctl/render.h"
#include "cmd/plegctl/structured.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

using plegd::v1::PodStatus;

// Candidates that an ambiguous name is answered with.
constexpr size_t kMostCandidates = 20;

Result Fail(const Failure& failure, const Attempt& attempt) {
  const Explanation explanation = Explain(failure, attempt);
  Result result{.error = absl::StrCat("plegctl: ", explanation.what, "\n"), .code = kExitUnknown};
  for (const std::string& hint : explanation.hints) {
    absl::StrAppend(&result.error, "  ", hint, "\n");
  }
  return result;
}

std::optional<Structure> StructureOf(const Flags& flags) {
  switch (flags.output) {
    case Output::kJson:
      return flags.watch ? Structure::kJsonLine : Structure::kJson;
    case Output::kYaml:
      return Structure::kYaml;
    case Output::kTable:
    case Output::kWide:
      return std::nullopt;
  }
  return std::nullopt;
}

Result Status(const Flags& flags, Client& client, const Terminal& terminal) {
  const Answer<Snapshot> answer = client.GetSnapshot(kRecentRelists);
  if (const auto* failure = std::get_if<Failure>(&answer)) return Fail(*failure, client.attempt());
  return ShowSnapshot(flags, std::get<Snapshot>(answer), terminal);
}

// Those of a namespace, and those that concern every pod.
plegd::v1::Calls CallsIn(const plegd::v1::Calls& calls, const std::string& pod_namespace) {
  plegd::v1::Calls out = calls;
  const auto elsewhere = [&](const auto& call) {
    return !call.target().id().empty() && call.target().pod_namespace() != pod_namespace;
  };
  const auto filter = [&](auto& list) {
    list.erase(std::remove_if(list.begin(), list.end(), elsewhere), list.end());
  };
  filter(*out.mutable_running());
  filter(*out.mutable_unanswered());
  for (auto& method : *out.mutable_methods()) filter(*method.mutable_slowest());
  return out;
}

Result ShowCalls(const Flags& flags, Client& client, const Terminal& terminal) {
  Answer<plegd::v1::Calls> answer = client.GetCalls();
  if (const auto* failure = std::get_if<Failure>(&answer)) return Fail(*failure, client.attempt());
  plegd::v1::Calls calls = std::get<plegd::v1::Calls>(std::move(answer));
  if (!flags.pod_namespace.empty()) calls = CallsIn(calls, flags.pod_namespace);
  const std::optional<Structure> structure = StructureOf(flags);
  return {.out = structure.has_value() ? WriteMessage("Calls", calls, *structure)
                                       : RenderCalls(calls, terminal)};
}

Result ShowRelists(const Flags& flags, Client& client, const Terminal& terminal) {
  const std::optional<Structure> structure = StructureOf(flags);
  // The marks above the table are those of an hour.
  const Answer<plegd::v1::Relists> answer =
      client.GetRelists(structure.has_value() ? flags.rows : 0);
  if (const auto* failure = std::get_if<Failure>(&answer)) return Fail(*failure, client.attempt());
  const auto& relists = std::get<plegd::v1::Relists>(answer);
  return {.out = structure.has_value() ? WriteMessage("Relists", relists, *structure)
                                       : RenderRelists(relists, flags.rows, terminal)};
}

Result ShowPods(const Flags& flags, Client& client, const Terminal& terminal) {
  const Answer<plegd::v1::PodList> answer = client.ListPods();
  if (const auto* failure = std::get_if<Failure>(&answer)) return Fail(*failure, client.attempt());
  const std::vector<const PodStatus*> pods =
      PodsIn(std::get<plegd::v1::PodList>(answer), flags.pod_namespace);
  const std::optional<Structure> structure = StructureOf(flags);
  if (!structure.has_value()) return {.out = RenderPods(pods, absl::Now(), terminal)};
  plegd::v1::PodList list;
  for (const PodStatus* pod : pods) *list.add_pods() = *pod;
  return {.out = WriteMessage("PodList", list, *structure)};
}

Result NotOne(const Flags& flags, const std::vector<const PodStatus*>& found, size_t all,
              const Terminal& terminal) {
  const std::string query = Visible(flags.query, terminal, 100);
  if (found.empty()) {
    return {.error = absl::StrCat(
                "plegctl: no pod, container or sandbox is called \"", query, "\" or begins so, of ",
                Count(all, "pod"), flags.pod_namespace.empty() ? " on this node" : " in ",
                Visible(flags.pod_namespace, terminal, 100), "; plegctl pods lists them\n"),
            .code = kExitProblem};
  }
  const std::vector<const PodStatus*> shown(
      found.begin(),
      found.begin() + static_cast<std::ptrdiff_t>(std::min(found.size(), kMostCandidates)));
  Result result{
      .error = absl::StrCat("plegctl: \"", query, "\" may be any of ", found.size(), " pods:\n"),
      .code = kExitUnknown};
  for (const PodStatus* pod : shown) {
    absl::StrAppend(&result.error, "  ", Visible(pod->namespace_(), terminal, 253), "/",
                    Visible(pod->name(), terminal, 253), "  ", Visible(pod->uid(), terminal, 100),
                    "\n");
  }
  if (shown.size() < found.size()) {
    absl::StrAppend(&result.error, "  and ", found.size() - shown.size(), " more\n");
  }
  return result;
}

Result ShowPod(const Flags& flags, Client& client, const Terminal& terminal) {
  const Answer<plegd::v1::PodList> answer = client.ListPods();
  if (const auto* failure = std::get_if<Failure>(&answer)) return Fail(*failure, client.attempt());
  const std::vector<const PodStatus*> pods =
      PodsIn(std::get<plegd::v1::PodList>(answer), flags.pod_namespace);
  const std::vector<const PodStatus*> found = FindPods(pods, flags.query);
  if (found.size() != 1) return NotOne(flags, found, pods.size(), terminal);
  Result result;
  PodStatus pod = *found[0];
  if (flags.fresh) {
    Answer<PodStatus> fresh = client.GetFreshPod(pod.uid());
    if (const auto* failure = std::get_if<Failure>(&fresh)) {
      // What there was before is worth more than nothing.
      result.error = absl::StrCat("plegctl: nothing fresh: ", Brief(*failure, client.attempt()),
                                  "; this is what was observed before\n");
      result.code = kExitUnknown;
    } else {
      pod = std::get<PodStatus>(std::move(fresh));
    }
  }
  if (const std::optional<Structure> structure = StructureOf(flags)) {
    result.out = WriteMessage("PodStatus", pod, *structure);
    return result;
  }
  const Answer<plegd::v1::Calls> calls = client.GetCalls();
  result.out = RenderPod(pod, std::get_if<plegd::v1::Calls>(&calls), absl::Now(), terminal);
  return result;
}

Result Check(const Flags& flags, Client& client) {
  const Answer<plegd::v1::Diagnosis> answer = client.GetDiagnosis();
  if (const auto* failure = std::get_if<Failure>(&answer)) {
    return {.out = absl::StrCat("UNKNOWN: ", Explain(*failure, client.attempt()).what, "\n"),
            .code = kExitUnknown};
  }
  const auto& diagnosis = std::get<plegd::v1::Diagnosis>(answer);
  const std::string line = flags.no_ages ? StableCheckLine(diagnosis, flags.patience)
                                         : CheckLine(diagnosis, flags.patience);
  return {.out = absl::StrCat(line, "\n"),
          .code = CheckExitCode(CheckLevel(diagnosis, flags.patience))};
}

Result Version(const Flags& flags, Client& client) {
  Fields fields = {{"client_version", PLEGD_VERSION}};
  Result result;
  if (!flags.client_only) {
    const Answer<plegd::v1::Node> answer = client.GetNode();
    if (const auto* failure = std::get_if<Failure>(&answer)) {
      result = Fail(*failure, client.attempt());
    } else {
      const auto& node = std::get<plegd::v1::Node>(answer);
      fields.emplace_back("server_version", node.version());
      fields.emplace_back("server_socket", client.attempt().socket);
      fields.emplace_back("runtime_name", node.runtime_name());
      fields.emplace_back("runtime_version", node.runtime_version());
      fields.emplace_back("runtime_api_version", node.runtime_api_version());
    }
  }
  if (const std::optional<Structure> structure = StructureOf(flags)) {
    result.out = WriteFields("Version", fields, *structure);
    return result;
  }
  const Terminal plain;
  const auto field = [&](size_t i) { return Visible(fields[i].second, plain, 100); };
  result.out = absl::StrCat("plegctl  ", field(0), "\n");
  if (fields.size() > 1) {
    absl::StrAppend(
        &result.out, "plegd    ", field(1), " at ", field(2), "\nruntime  ",
        fields[3].second.empty() ? "has not told its name" : absl::StrCat(field(3), " ", field(4)),
        fields[5].second.empty() ? "" : ", CRI ", field(5), "\n");
  }
  return result;
}

Result Complete(const Flags& flags, Client& client) {
  return {.out = Candidates(DescribeCommands(), flags.words, [&]() -> std::string {
            const Answer<plegd::v1::PodList> answer = client.ListPods();
            const auto* pods = std::get_if<plegd::v1::PodList>(&answer);
            return pods == nullptr ? "" : PodNames(PodsIn(*pods, ""));
          })};
}

Result FileFailure(const absl::Status& status) {
  return {.error = absl::StrCat("plegctl: ", VisibleLines(status.message()), "\n"),
          .code = kExitUnknown};
}

Result ExplainRecord(const Flags& flags, const Terminal& terminal) {
  const absl::StatusOr<std::string> text = ReadRecord(flags.record);
  if (!text.ok()) return FileFailure(text.status());
  const absl::StatusOr<plegd::v1::Evidence> evidence = api::ParseEvidence(*text);
  if (!evidence.ok()) {
    return FileFailure(absl::InvalidArgumentError(
        absl::StrCat(flags.record, " is no record of evidence: ", evidence.status().message())));
  }
  return ShowEvidence(flags, *evidence, terminal);
}

Result ExplainNode(const Flags& flags, Client& client, const Terminal& terminal) {
  if (std::optional<Result> cannot = CannotSave(flags)) return *std::move(cannot);
  if (!flags.record.empty()) return ExplainRecord(flags, terminal);
  if (!flags.save.empty()) {
    const Answer<plegd::v1::Evidence> answer = client.GetEvidence();
    if (const auto* failure = std::get_if<Failure>(&answer))
      return Fail(*failure, client.attempt());
    return ShowEvidence(flags, std::get<plegd::v1::Evidence>(answer), terminal);
  }
  const Answer<plegd::v1::Diagnosis> answer = client.GetDiagnosis();
  if (const auto* failure = std::get_if<Failure>(&answer)) return Fail(*failure, client.attempt());
  return ShowDiagnosis(flags, std::get<plegd::v1::Diagnosis>(answer), terminal);
}

}  // namespace

std::optional<Result> CannotSave(const Flags& flags) {
  if (flags.save.empty()) return std::nullopt;
  const absl::Status usable = CheckRecordPath(flags.save);
  if (usable.ok()) return std::nullopt;
  return FileFailure(usable);
}

Result ShowDiagnosis(const Flags& flags, const plegd::v1::Diagnosis& diagnosis,
                     const Terminal& terminal) {
  const std::optional<Structure> structure = StructureOf(flags);
  const bool all = flags.all || flags.output == Output::kWide;
  return {.out = structure.has_value() ? WriteMessage("Diagnosis", diagnosis, *structure)
                                       : RenderDiagnosis(diagnosis,
                                                         {.all = all,
                                                          .recorded = !flags.record.empty(),
                                                          .zone = absl::LocalTimeZone()},
                                                         terminal),
          .code = DiagnosisExitCode(diagnosis)};
}

Result ShowEvidence(const Flags& flags, const plegd::v1::Evidence& evidence,
                    const Terminal& terminal) {
  if (!flags.save.empty()) {
    const absl::Status saved = WriteRecord(flags.save, api::PrintEvidence(evidence));
    if (!saved.ok()) return FileFailure(saved);
    if (flags.save == "-") return {.code = DiagnosisExitCode(DiagnoseEvidence(evidence))};
  }
  return ShowDiagnosis(flags, DiagnoseEvidence(evidence), terminal);
}

Result ShowSnapshot(const Flags& flags, const Snapshot& snapshot, const Terminal& terminal) {
  const std::optional<Structure> structure = StructureOf(flags);
  return {.out = structure.has_value() ? WriteSnapshot(snapshot, *structure)
                                       : RenderStatus(snapshot, terminal),
          .code = snapshot.missing.empty() ? kExitSuccess : kExitUnknown};
}

Result Run(const Flags& flags, Client& client, const Terminal& terminal) {
  switch (flags.command) {
    case Command::kStatus:
      return Status(flags, client, terminal);
    case Command::kCalls:
      return ShowCalls(flags, client, terminal);
    case Command::kRelists:
      return ShowRelists(flags, client, terminal);
    case Command::kPods:
      return ShowPods(flags, client, terminal);
    case Command::kPod:
      return ShowPod(flags, client, terminal);
    case Command::kCheck:
      return Check(flags, client);
    case Command::kExplain:
      return ExplainNode(flags, client, terminal);
    case Command::kVersion:
      return Version(flags, client);
    case Command::kCompletion:
      return {.out = CompletionScript(flags.shell)};
    case Command::kComplete:
      return Complete(flags, client);
  }
  return {};
}

}  // namespace plegctl
