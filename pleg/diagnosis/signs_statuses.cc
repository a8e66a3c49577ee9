// Signs of the statuses of objects: each target, and each method as a whole.

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/gather.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/sign_table.h"
#include "pleg/diagnosis/text.h"
#include "pleg/utf8.h"

namespace pleg {
namespace {

// Fifty statuses in a row are as many seconds late.
constexpr absl::Duration kSlowStatus = absl::Seconds(1);
constexpr absl::Duration kSlowerStatus = absl::Milliseconds(500);
constexpr absl::Duration kStillSlow = absl::Seconds(5);
// Objects; as many that fail have something in common.
constexpr size_t kMany = 4;
constexpr size_t kMaxKinds = 3;

enum class Of : uint8_t { kSandboxes, kContainers };
constexpr absl::string_view NameOf(Of of) {
  return of == Of::kSandboxes ? "PodSandboxStatus" : "ContainerStatus";
}
const std::vector<const UnansweredEvidence*>& Silent(const Facts& facts, Of of) {
  return of == Of::kSandboxes ? facts.silent_sandboxes : facts.silent_containers;
}

template <Of of>
void JudgeSilence(const Facts& facts, SignJudge& judge) {
  for (const UnansweredEvidence* call : Silent(facts, of)) {
    judge.Bad(absl::StrCat(NameOf(of), " of ", ObjectName(call->object), " unanswered for ",
                           FormatAge(call->age)),
              call->age, call->object);
  }
  if (!Silent(facts, of).empty()) return;
  judge.Good(absl::StrCat("no ", NameOf(of), " is silent"));
}

std::string FailingText(const FailingEvidence& row) {
  const std::string what = absl::StrCat(row.method, " of ", ObjectName(row.object));
  if (row.only_late()) return absl::StrCat(what, " takes ", FormatLatency(row.duration));
  return absl::StrCat(
      what, " ends with ", Shorten(Printable(row.code), 24),
      row.duration >= kSlowStatus ? absl::StrCat(" after ", FormatLatency(row.duration)) : "",
      row.text.empty() ? "" : absl::StrCat(": ", Abridge(Printable(row.text), 80)));
}

// "UNKNOWN" with 54 and "late" with 3: "54 with UNKNOWN, 3 late", the most first.
std::string Kinds(const std::vector<const FailingEvidence*>& rows) {
  std::map<std::string, size_t> counts;
  for (const FailingEvidence* row : rows) {
    ++counts[row->only_late() ? "late" : absl::StrCat("with ", Shorten(Printable(row->code), 24))];
  }
  std::vector<std::pair<size_t, std::string>> kinds;
  kinds.reserve(counts.size());
  for (const auto& [kind, count] : counts) kinds.emplace_back(count, kind);
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  if (kinds.size() > kMaxKinds) kinds.resize(kMaxKinds);
  return absl::StrJoin(kinds, ", ", [](std::string* out, const auto& kind) {
    absl::StrAppend(out, kind.first, " ", kind.second);
  });
}

std::string ManyFailing(const Facts& facts, const std::vector<const FailingEvidence*>& rows) {
  const FailingEvidence& first = *rows.front();
  const bool all_known = facts.e.failing.size() < kMaxGatheredCalls;
  return absl::StrCat(first.method, " of ", rows.size(),
                      all_known ? " objects" : " objects or more", ", of them ", Kinds(rows),
                      "; first ", ObjectName(first.object), first.text.empty() ? "" : ": ",
                      Abridge(Printable(first.text), 80));
}

template <Of of>
void JudgeErrors(const Facts& facts, SignJudge& judge) {
  std::vector<const FailingEvidence*> rows;
  for (const auto* bad : {&facts.failing, &facts.late}) {
    for (const FailingEvidence* row : *bad) {
      if (row->method == NameOf(of)) rows.push_back(row);
    }
  }
  judge.Good(absl::StrCat("no ", NameOf(of), " fails"));
  if (rows.size() >= kMany) {
    const FailingEvidence& first = *rows.front();
    judge.Bad(ManyFailing(facts, rows), first.since, first.object);
    return;
  }
  for (const FailingEvidence* row : rows) {
    Sign& sign = judge.Bad(FailingText(*row), row->since, row->object);
    const std::string id = IdWord(row->object.id);
    const absl::string_view ask = of == Of::kSandboxes ? "inspectp " : "inspect ";
    if (!id.empty()) sign.command = Crictl(facts, absl::StrCat(ask, id));
  }
}

template <Of of>
void JudgeSlow(const Facts& facts, SignJudge& judge) {
  const MethodEvidence* method = facts.Method(NameOf(of));
  if (method == nullptr || !method->median_recent.has_value()) return;
  const absl::Duration recent = *method->median_recent;
  const bool slower = recent >= kSlowerStatus && method->median_hour.has_value() &&
                      recent >= kSlowdown * *method->median_hour;
  const absl::Duration answered_ago = method->answered_ago.value_or(absl::InfiniteDuration());
  const bool slow = recent >= kSlowStatus || slower;
  // What was slow while the runtime stood still, and is not asked again, is slow no longer.
  if (slow && answered_ago > kStillSlow + recent) {
    return judge.Good(absl::StrCat(NameOf(of), " took ", FormatLatency(recent), ", and was not ",
                                   "asked for ", FormatAge(answered_ago)));
  }
  judge.Judge(
      slow,
      absl::StrCat(NameOf(of), " takes ", FormatLatency(recent),
                   slower ? absl::StrCat(", usually ", FormatLatency(*method->median_hour)) : ""));
}

// Silent for many, and answered for none of them meanwhile: it is the runtime, not one object.
template <Of of>
void JudgeMethod(const Facts& facts, SignJudge& judge) {
  const MethodEvidence* method = facts.Method(NameOf(of));
  if (const auto mute = MuteFor(facts, NameOf(of))) {
    judge.Bad(absl::StrCat(NameOf(of), " of ", mute->objects,
                           " objects unanswered, of none answered for ", FormatAge(mute->age)),
              mute->age);
  } else if (method != nullptr && method->answered_ago.has_value()) {
    judge.Good(
        absl::StrCat(NameOf(of), " was answered ", FormatAge(*method->answered_ago), " ago"));
  } else {
    judge.Good(absl::StrCat(NameOf(of), " is not silent"));
  }
}

constexpr absl::string_view kLosesEvents =
    "none of its pod's events comes, and every relist of the kubelet loses the time it takes";
constexpr absl::string_view kLateEvents = "the events of all pods are late";
constexpr absl::Duration kRelease = absl::Seconds(5);

constexpr SignRow kRows[] = {
    {SignId::kSandboxStatusSilent,
     "sandbox_status_silent",
     {"statuses",
      "PodSandboxStatus",
      "5s and 10 times the usual",
      "the kubelet waits for it when its pod changes",
      "See what holds it",
      "ps -eo pid,etimes,stat,args | grep -E '[r]unc|[c]run'",
      Severity::kPage,
      {},
      kRelease},
     JudgeSilence<Of::kSandboxes>},
    {SignId::kSandboxStatusErrors,
     "sandbox_status_errors",
     {"statuses",
      "PodSandboxStatus",
      "errors for 10s, or twice after 5s",
      kLosesEvents,
      "See what the runtime says of it",
      "crictl inspectp ID",
      Severity::kPage,
      {},
      kRelease},
     JudgeErrors<Of::kSandboxes>},
    {SignId::kSandboxStatusSlow,
     "sandbox_status_slow",
     {"statuses",
      "PodSandboxStatus",
      "1s, or 500 ms and 5 times the hour's median",
      kLateEvents,
      "See what the node waits for",
      "head /proc/pressure/io /proc/pressure/cpu /proc/pressure/memory",
      Severity::kPage,
      {},
      kRelease},
     JudgeSlow<Of::kSandboxes>},
    {SignId::kSandboxStatusMute,
     "sandbox_status_mute",
     {"statuses",
      "PodSandboxStatus",
      "4 silent, none answered meanwhile",
      "it is the runtime, not one pod",
      "See the runtime's log",
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeMethod<Of::kSandboxes>},
    {SignId::kContainerStatusSilent,
     "container_status_silent",
     {"statuses",
      "ContainerStatus",
      "5s and 10 times the usual",
      "the kubelet waits for it when its pod changes",
      "See what holds it",
      "ps -eo pid,etimes,stat,args | grep -E '[r]unc|[c]run'",
      Severity::kPage,
      {},
      kRelease},
     JudgeSilence<Of::kContainers>},
    {SignId::kContainerStatusErrors,
     "container_status_errors",
     {"statuses",
      "ContainerStatus",
      "errors for 10s, or twice after 5s",
      kLosesEvents,
      "See what the runtime says of it",
      "crictl inspect ID",
      Severity::kPage,
      {},
      kRelease},
     JudgeErrors<Of::kContainers>},
    {SignId::kContainerStatusSlow,
     "container_status_slow",
     {"statuses",
      "ContainerStatus",
      "1s, or 500 ms and 5 times the hour's median",
      kLateEvents,
      "See what the node waits for",
      "head /proc/pressure/io /proc/pressure/cpu /proc/pressure/memory",
      Severity::kPage,
      {},
      kRelease},
     JudgeSlow<Of::kContainers>},
    {SignId::kContainerStatusMute,
     "container_status_mute",
     {"statuses",
      "ContainerStatus",
      "4 silent, none answered meanwhile",
      "it is the runtime, not one pod",
      "See the runtime's log",
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeMethod<Of::kContainers>},
};

}  // namespace

absl::Span<const SignRow> StatusSigns() { return kRows; }

}  // namespace pleg
