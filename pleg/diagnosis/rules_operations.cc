// What the kubelet asks of the runtime, beside lists and statuses, fails: seen in the kubelet's own
// metrics.

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

constexpr size_t kNamed = 3;
constexpr uint64_t kSurely = 10;  // fewer may be of one pod that is tried again and again
// The kubelet gives a call up after 2 minutes, one that starts a container after 4.
constexpr absl::Duration kGivenUp = absl::Seconds(110);

using Operations = std::vector<const KubeletOperation*>;

// What ends pods first: nothing else shows that it fails.
Operations FailingOperations(const KubeletEvidence& kubelet) {
  Operations failing;
  for (const KubeletOperation& operation : kubelet.operations) {
    if (FailsOften(operation) && NeedOf(operation) != PodNeeds::kNothing) {
      failing.push_back(&operation);
    }
  }
  std::stable_sort(failing.begin(), failing.end(), [](const auto* a, const auto* b) {
    return NeedOf(*a) != NeedOf(*b) ? NeedOf(*a) == PodNeeds::kToEnd : a->errors > b->errors;
  });
  return failing;
}

std::string Count(const KubeletOperation& operation) {
  return absl::StrCat(operation.errors, " of ", operation.count, " ", operation.name);
}

std::string Counts(const Operations& failing) {
  std::vector<std::string> counts;
  for (size_t i = 0; i < std::min(kNamed, failing.size()); ++i)
    counts.push_back(Count(*failing[i]));
  return absl::StrJoin(counts, ", ");
}

bool Any(const Operations& failing, PodNeeds need) {
  return std::any_of(failing.begin(), failing.end(),
                     [need](const auto* operation) { return NeedOf(*operation) == need; });
}

absl::string_view WhatPodsDo(const Operations& failing) {
  const bool ends = Any(failing, PodNeeds::kToEnd);
  if (ends && Any(failing, PodNeeds::kToStart)) return "pods neither start nor end";
  return ends ? "pods do not end" : "pods do not start";
}

bool IsGivenUp(const KubeletOperation& operation) { return operation.mean >= kGivenUp; }

std::string Line(const KubeletOperation& operation) {
  return absl::StrCat("the kubelet's ", Count(operation), " failed since the look before, after ",
                      FormatLatency(operation.mean), " on average",
                      IsGivenUp(operation) ? ": as long as it waits" : "");
}

}  // namespace

std::optional<Ranked> KubeletOperationsFail(const Facts& facts) {
  // Of a runtime that answers nothing, this follows.
  const bool answers = facts.relists_in_time() && !facts.lists_silent() && !IsGone(facts);
  if (!facts.e.kubelet.has_value() || !answers) return std::nullopt;
  const Operations failing = FailingOperations(*facts.e.kubelet);
  if (failing.empty()) return std::nullopt;
  uint64_t errors = 0;
  for (const KubeletOperation* operation : failing) errors += operation->errors;
  const bool given_up = std::any_of(failing.begin(), failing.end(),
                                    [](const auto* operation) { return IsGivenUp(*operation); });
  Draft draft(VerdictCode::kRuntimeErrors, Tier::kHurtsPods,
              errors >= kSurely ? Confidence::kHigh : Confidence::kMedium);
  draft.RestsOn(given_up ? Basis::kTiming : Basis::kSeen)
      .Say(absl::StrCat(
               "What the kubelet asks of ", facts.runtime.title,
               given_up ? " fails, or is not answered in time: " : " fails: ", Counts(failing)),
           absl::StrCat(WhatPodsDo(failing), ", although the node is Ready and lists are answered"),
           "Read the kubelet's log for the errors, then the runtime's")
      .Brief(Counts(failing));
  for (const KubeletOperation* operation : failing) draft.For(Line(*operation));
  if (errors < kSurely)
    draft.Against("so few may all be of one pod, which is tried again and again");
  draft.Do("Read the errors: whose they are, and whether it is one pod or all",
           absl::StrCat(facts.runtime.kubelet_unit.Log(),
                        " --since -15min --no-pager | grep -E 'rpc error|DeadlineExceeded' | "
                        "tail -n 20"));
  LookAtLog(facts, "See what the runtime says of them", draft);
  draft.Do("See which network plugin, runc or crun runs for long",
           "ps -eo pid,etimes,stat,args --sort=-etimes | grep -E '[r]unc|[c]run|/cni/' | head");
  KeepGoroutines(facts, draft);
  RestartRuntime(facts, draft);
  return draft.Done();
}

}  // namespace pleg
