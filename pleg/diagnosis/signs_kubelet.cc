// Signs of the kubelet: what it has to be by the runtime's answers, and what it tells where it is
// asked.

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pleg/diagnosis/known_versions.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/sign_table.h"
#include "pleg/diagnosis/surroundings.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

// An image takes minutes, a command as long as it runs, a stop as long as its grace.
constexpr absl::string_view kLongOperations[] = {"pull_image", "exec_sync",    "exec",
                                                 "attach",     "port_forward", "stop_container"};
constexpr absl::Duration kSlowOperation = absl::Seconds(30);
constexpr size_t kOperations = 3;  // that are named

void JudgeNodeReady(const Facts& facts, SignJudge& judge) {
  if (facts.e.twins.empty()) return;
  // A call that has been out for a second makes a forecast, too.
  const bool settled = facts.outlook.not_ready || facts.troubled();
  judge.Judge(facts.outlook.breaks() && settled,
              facts.outlook.text.empty() ? "a kubelet stays Ready" : facts.outlook.text);
}

void JudgeEventLag(const Facts& facts, SignJudge& judge) {
  if (facts.e.twins.empty()) return;
  // So late are the events of a crowd of changes, too, or of a call that has been out for a moment.
  const bool late = facts.outlook.any_silent && facts.troubled();
  judge.Judge(late, facts.outlook.any_silent
                        ? absl::StrCat("the node stays Ready, and events are up to ",
                                       FormatAge(facts.outlook.lag), " late")
                        : "events come in time");
}

void JudgeRestartCost(const Facts& facts, SignJudge& judge) {
  if (!facts.outlook.known) return;
  const absl::Duration cost = facts.outlook.restart_cost;
  judge.Judge(cost > facts.e.relist.threshold,
              absl::StrCat("the first relist of a kubelet restarted now takes ",
                           cost == absl::InfiniteDuration() ? "forever" : FormatAge(cost)));
}

void JudgeInspections(const Facts& facts, SignJudge& judge) {
  judge.Judge(facts.crowd,
              absl::StrCat(facts.e.counts.pods_pending, " changed pods, whose inspections take ",
                           FormatAge(facts.e.predicted_status_phase)));
}

std::string StatusCommand(const Facts& facts) {
  if (facts.runtime.kubelet_unit.empty()) return "";
  return absl::StrCat("systemctl status --no-pager ",
                      absl::StrJoin(facts.runtime.kubelet_unit.names, " "));
}

// It answers, and not to plegd.
bool IsDenied(absl::string_view error) {
  return absl::StrContains(error, "401") || absl::StrContains(error, "403") ||
         absl::StrContains(error, "orbidden") || absl::StrContains(error, "nauthorized");
}

void JudgeProcess(const Facts& facts, SignJudge& judge) {
  const HostEvidence* host = judge.Host();
  if (host == nullptr) return;
  const auto& process = host->kubelet_process;
  if (process.has_value()) {
    const bool stopped = process->stopped() && process->state_for >= kSilentAfter;
    judge.Judge(stopped, absl::StrCat(ProcessName(*process), ProcessState(*process)),
                stopped ? std::optional(process->state_for) : std::nullopt);
    return;
  }
  const bool told = facts.e.kubelet.has_value() && (facts.e.kubelet->last_seen_ago.has_value() ||
                                                    IsDenied(facts.e.kubelet->error));
  if (KubeletIsMissing(facts) && !told) {
    Sign& sign = judge.Bad("no kubelet process is in sight");
    sign.severity = Severity::kWarn;
    sign.command = StatusCommand(facts);
  } else if (told || facts.runtime.one_unit()) {
    judge.Good("the kubelet runs");
  } else {
    judge.Unknown(Ignorance::kNotYet);
  }
}

void JudgeMetrics(const Facts& facts, SignJudge& judge) {
  const KubeletEvidence* kubelet = judge.Kubelet();
  if (kubelet == nullptr) return;
  const std::string error = Shorten(Printable(kubelet->error), 110);
  if (error.empty()) {
    judge.Good(absl::StrCat("it answers", kubelet->version.empty() ? "" : ": ",
                            Shorten(Printable(kubelet->version), 40)));
  } else if (IsRefused(error)) {
    judge.Bad("nothing listens where the kubelet was to be asked for its metrics").command =
        StatusCommand(facts);
  } else if (IsDenied(error)) {
    judge.Unknown(Ignorance::kNotAllowed, error);
  } else {
    judge.Bad(absl::StrCat("the kubelet could not be asked for its metrics: ", error));
  }
}

void JudgeRelist(const Facts& facts, SignJudge& judge) {
  const KubeletEvidence* kubelet = judge.Kubelet();
  if (kubelet == nullptr) return;
  const KubeletAge age = JudgeKubeletAge(facts);
  if (age.never) {
    judge.Bad("the kubelet has never relisted");
    return;
  }
  if (!kubelet->last_seen_ago.has_value() || kubelet->never_relisted) return;
  const std::string busy = age.late ? WhyKubeletIsBusy(facts) : "";
  const std::string text = absl::StrCat("the kubelet relisted ", FormatAge(*kubelet->last_seen_ago),
                                        " ago", busy.empty() ? "" : ": ", busy);
  if (!age.late) {
    judge.Good(text);
    return;
  }
  Sign& sign = judge.Bad(text, *kubelet->last_seen_ago);
  // It is late for a reason that is not its own.
  if (!busy.empty() && !age.over) sign.severity = Severity::kWarn;
}

void JudgeHealthz(const Facts& /*facts*/, SignJudge& judge) {
  const KubeletEvidence* kubelet = judge.Kubelet();
  if (kubelet == nullptr || !kubelet->healthz_ok.has_value()) return;
  if (*kubelet->healthz_ok) {
    judge.Good("healthz says ok");
  } else if (IsRefused(kubelet->healthz_text)) {
    judge.Unknown(Ignorance::kNotYet, kubelet->healthz_text);
  } else {
    judge.Bad(absl::StrCat("the kubelet's healthz fails: ",
                           Shorten(Printable(kubelet->healthz_text), 110)));
  }
}

std::string OperationText(const KubeletOperation& operation) {
  return absl::StrCat(Shorten(Printable(operation.name), 32), ": ", operation.errors, " of ",
                      operation.count, " failed, ", FormatLatency(operation.mean), " each");
}

void JudgeOperations(bool (*bad)(const KubeletOperation&), absl::string_view good,
                     absl::string_view prefix, SignJudge& judge) {
  const KubeletEvidence* kubelet = judge.Kubelet();
  if (kubelet == nullptr) return;
  std::vector<std::string> texts;
  for (const KubeletOperation& operation : kubelet->operations) {
    if (bad(operation) && texts.size() < kOperations) texts.push_back(OperationText(operation));
  }
  judge.Judge(!texts.empty(),
              texts.empty() ? std::string(good) : absl::StrCat(prefix, absl::StrJoin(texts, "; ")));
}

bool IsSlow(const KubeletOperation& operation) {
  return operation.mean >= kSlowOperation &&
         std::count(std::begin(kLongOperations), std::end(kLongOperations), operation.name) == 0;
}

void JudgeOperationErrors(const Facts& facts, SignJudge& judge) {
  JudgeOperations(FailsOften, "the kubelet's own operations do not fail",
                  "the kubelet's own operations fail: ", judge);
  if (!facts.e.kubelet.has_value()) return;
  const auto& operations = facts.e.kubelet->operations;
  const bool hurts = std::any_of(operations.begin(), operations.end(), [](const auto& operation) {
    return FailsOften(operation) && NeedOf(operation) != PodNeeds::kNothing;
  });
  if (!hurts) judge.Soften(Severity::kWarn);
}

void JudgeOperationsSlow(const Facts& /*facts*/, SignJudge& judge) {
  JudgeOperations(IsSlow, "the kubelet's own operations do not take long",
                  "the kubelet's own operations take long: ", judge);
}

void JudgeEvents(const Facts& /*facts*/, SignJudge& judge) {
  const KubeletEvidence* kubelet = judge.Kubelet();
  if (kubelet == nullptr) return;
  judge.Judge(kubelet->discarded_events > 0,
              absl::StrCat("the kubelet has discarded ", kubelet->discarded_events,
                           " events of its PLEG since the last look"));
}

void JudgeEvented(const Facts& facts, SignJudge& judge) {
  const KubeletEvidence* kubelet = judge.Kubelet();
  if (kubelet == nullptr) return;
  const std::string& version = facts.e.runtime.version;
  // The first that stream events of containers over CRI.
  const absl::string_view first = facts.runtime.kind == RuntimeKind::kContainerd ? "1.7"
                                  : facts.runtime.kind == RuntimeKind::kCrio     ? "1.26"
                                                                                 : "";
  const bool misfit =
      kubelet->evented && !first.empty() && !version.empty() && CompareVersions(version, first) < 0;
  judge.Judge(misfit, misfit ? absl::StrCat("EventedPLEG with ", facts.runtime.title,
                                            ", which sends no events before ", first)
                             : std::string(kubelet->evented ? "EventedPLEG" : "no EventedPLEG"));
}

constexpr absl::string_view kReadLog = "Read the kubelet's log";
constexpr absl::string_view kLogCommand = "journalctl -u kubelet -n 200 --no-pager";
constexpr absl::string_view kKeep = "Ask again in 15 seconds, then keep the evidence";
constexpr absl::string_view kKeepCommand = "plegctl explain --save evidence.textproto";
constexpr absl::string_view kMetrics = "kubelet /metrics";
constexpr absl::Duration kRelease = absl::Seconds(5);

constexpr SignRow kRows[] = {
    {SignId::kNodeReady,
     "node_ready",
     {"kubelet",
      "the model of the kubelet",
      "NotReady now, or if nothing changes",
      "no pod is started or stopped",
      kKeep,
      kKeepCommand,
      Severity::kPage,
      {},
      kRelease},
     JudgeNodeReady},
    {SignId::kEventLag,
     "event_lag",
     {"kubelet",
      "the model of the kubelet",
      "10s, while a call is silent or fails",
      "probes, restarts and endpoints are as late",
      kKeep,
      kKeepCommand,
      Severity::kPage,
      {},
      kRelease},
     JudgeEventLag},
    {SignId::kRestartCost,
     "restart_cost",
     {"kubelet",
      "the model of the kubelet",
      "the kubelet's threshold, 3m",
      "a kubelet that restarts is NotReady meanwhile",
      "Do not restart the kubelet",
      "",
      Severity::kWarn,
      {},
      kRelease},
     JudgeRestartCost},
    {SignId::kInspections,
     "inspections",
     {"kubelet",
      "the model of the kubelet",
      "2m, of 10 pods or more",
      "the node turns NotReady at 3m",
      "See which pods change so often",
      "kubectl get events -A --sort-by=.lastTimestamp",
      Severity::kPage,
      {},
      kRelease},
     JudgeInspections},
    {SignId::kKubeletProcess,
     "kubelet_process",
     {"kubelet",
      "the host's processes",
      "stopped for 5s, or none",
      "the node is or will be NotReady",
      "See whether the kubelet runs",
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeProcess},
    {SignId::kKubeletMetrics,
     "kubelet_metrics",
     {"kubelet",
      kMetrics,
      "no answer",
      "plegd does not see what the kubelet does",
      "Check --kubelet.metrics-url, and see whether the kubelet runs",
      "",
      Severity::kWarn,
      {},
      kRelease},
     JudgeMetrics},
    {SignId::kKubeletRelist,
     "kubelet_relist",
     {"kubelet",
      kMetrics,
      "1m, with EventedPLEG 6m",
      "its events are late, and the node NotReady at 3m",
      kReadLog,
      kLogCommand,
      Severity::kPage,
      {},
      kRelease},
     JudgeRelist},
    {SignId::kKubeletHealthz,
     "kubelet_healthz",
     {"kubelet",
      "kubelet /healthz",
      "not ok",
      "the kubelet restarts, or its sync loop stands still",
      kReadLog,
      kLogCommand,
      Severity::kPage,
      {},
      kRelease},
     JudgeHealthz},
    {SignId::kKubeletOperationErrors,
     "kubelet_operation_errors",
     {"kubelet",
      kMetrics,
      "3 of a type, and half of all; a warning, but for those that start and end pods",
      "pods neither start nor end, although the node is Ready",
      kReadLog,
      kLogCommand,
      Severity::kPage,
      {},
      absl::Seconds(30)},
     JudgeOperationErrors},
    {SignId::kKubeletOperationsSlow,
     "kubelet_operations_slow",
     {"kubelet",
      kMetrics,
      "30s on average, but for images, commands and stops",
      "pods start and end late",
      kReadLog,
      kLogCommand,
      Severity::kPage,
      {},
      absl::Seconds(30)},
     JudgeOperationsSlow},
    {SignId::kKubeletEvents,
     "kubelet_events",
     {"kubelet",
      kMetrics,
      "any discarded",
      "changes of pods are seen at the next resync, a minute later",
      kReadLog,
      kLogCommand,
      Severity::kWarn,
      {},
      absl::Seconds(30)},
     JudgeEvents},
    {SignId::kEventedPleg,
     "evented_pleg",
     {"kubelet",
      kMetrics,
      "on, with containerd before 1.7 or CRI-O before 1.26",
      "the kubelet relists every 5 minutes and no event comes between",
      "Turn EventedPLEG off",
      "",
      Severity::kWarn,
      {},
      kRelease},
     JudgeEvented},
};

}  // namespace

absl::Span<const SignRow> KubeletSigns() { return kRows; }

}  // namespace pleg
