// The runtime answers, and the kubelet does not relist.

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

constexpr absl::Duration kOld = absl::Minutes(1);
constexpr absl::Duration kEventedOld = absl::Minutes(6);  // it relists every 5
constexpr absl::Duration kEventedThreshold = absl::Minutes(10);

bool OursIsFast(const Facts& facts) {
  const RelistEvidence& relist = facts.e.relist;
  const absl::Duration limit = std::max(absl::Seconds(10), 5 * relist.period);
  return relist.last_good_ago.has_value() && *relist.last_good_ago <= limit &&
         !facts.lists_silent();
}

// What its own metrics tell of its relists and of its calls to the runtime.
void WhatItDid(const KubeletEvidence& kubelet, Draft& draft) {
  if (kubelet.relist_mean.has_value()) {
    draft.For(absl::StrCat("its relists take ", FormatLatency(*kubelet.relist_mean)));
  }
  if (kubelet.discarded_events > 0) {
    draft.For(absl::StrCat("its event channel was full, ", kubelet.discarded_events,
                           " events were discarded"));
  }
  for (const KubeletOperation& operation : kubelet.operations) {
    draft.For(absl::StrCat("its ", operation.name, ": ", operation.count, " calls, ",
                           operation.errors, " failed, ", FormatLatency(operation.mean), " each"));
  }
}

std::optional<Ranked> KubeletStopped(const Facts& facts) {
  if (facts.host == nullptr || !facts.host->kubelet_process.has_value()) return std::nullopt;
  const ProcessEvidence& process = *facts.host->kubelet_process;
  if (!process.stopped() || process.state_for < kSilentAfter) return std::nullopt;
  const std::string proceed = Signal("CONT", process.pid);
  Draft draft(VerdictCode::kKubeletSide, Tier::kBlocksPleg, Confidence::kHigh);
  draft.OfHost()
      .Since(process.state_for)
      .Say(absl::StrCat("The kubelet is stuck",
                        OursIsFast(facts) ? absl::StrCat(", not ", facts.runtime.title) : "",
                        ": its process ", process.pid, " is stopped for ",
                        FormatAge(process.state_for)),
           "the node is or will be NotReady", absl::StrCat("Let it go on: ", proceed))
      .For(absl::StrCat(ProcessName(process), ProcessState(process)))
      .Do("Let it continue", proceed);
  return draft.Done();
}

}  // namespace

std::optional<Ranked> KubeletSide(const Facts& facts) {
  if (std::optional<Ranked> stopped = KubeletStopped(facts)) return stopped;
  if (!facts.e.kubelet.has_value() || !OursIsFast(facts)) return std::nullopt;
  const KubeletEvidence& kubelet = *facts.e.kubelet;
  const bool gone = absl::StrContains(kubelet.error, "refused");
  const absl::Duration old = kubelet.evented ? kEventedOld : kOld;
  const absl::Duration threshold = kubelet.evented ? kEventedThreshold : facts.e.relist.threshold;
  const bool late = kubelet.last_seen_ago > old || kubelet.never_relisted;
  const bool unwell = kubelet.healthz_ok == false;
  if (!late && !unwell && !gone) return std::nullopt;
  const bool over = kubelet.never_relisted || kubelet.last_seen_ago > threshold || unwell || gone;
  Draft draft(VerdictCode::kKubeletSide, over ? Tier::kBlocksPleg : Tier::kHurtsPods,
              late && over ? Confidence::kHigh : Confidence::kMedium);
  const std::string seen =
      kubelet.never_relisted ? "it has never relisted"
      : kubelet.last_seen_ago.has_value()
          ? absl::StrCat("it relisted ", FormatAge(*kubelet.last_seen_ago), " ago")
          : "";
  const std::string why = WhyNotRestartKubelet(facts);
  draft
      .Say(absl::StrCat("The kubelet is stuck, not ", facts.runtime.title, ": ",
                        late     ? seen
                        : unwell ? "its healthz fails"
                                 : "it does not listen",
                        ", plegd ", FormatAge(*facts.e.relist.last_good_ago), " ago"),
           over ? "the node is or will be NotReady" : "its events are late",
           why.empty() ? "Keep the kubelet's goroutines, then restart it"
                       : "Keep the kubelet's goroutines, but do not restart it yet")
      .For(seen)
      .For(absl::StrCat(
          "plegd's last good relist began ", FormatAge(*facts.e.relist.last_good_ago), " ago",
          facts.e.relist.recent.empty()
              ? ""
              : absl::StrCat(" and took ", FormatLatency(facts.e.relist.recent.front()))));
  if (unwell) draft.For(absl::StrCat("healthz: ", kubelet.healthz_text));
  if (gone) draft.For(absl::StrCat("asked for its metrics: ", kubelet.error));
  WhatItDid(kubelet, draft);
  if (late && !kubelet.never_relisted) draft.Since(*kubelet.last_seen_ago);
  if (kubelet.healthz_ok == true) draft.Against("its healthz says ok");
  if (kubelet.evented) draft.Against("with EventedPLEG it relists only every 5 minutes");
  const size_t silent = facts.silent_containers.size() + facts.silent_sandboxes.size();
  if (silent > 0)
    draft.Doubt("it may wait for a status that does not answer: that is the runtime's");
  draft
      .Do("Keep its goroutines; a restart destroys them",
          "kubectl get --raw \"/api/v1/nodes/$(hostname)/proxy/debug/pprof/goroutine?debug=2\""
          " > kubelet-goroutines.txt")
      .Do("Read its log", absl::StrCat(facts.runtime.kubelet_unit.Log(), " -n 200 --no-pager"));
  if (why.empty()) {
    const std::string& cost = facts.runtime.kubelet_cost;
    draft.DoDisruptive(
        absl::StrCat("Then restart it; containers run on", cost.empty() ? "" : ", ", cost),
        facts.runtime.kubelet_unit.Revive());
  } else {
    draft.Against(why);
  }
  return draft.Done();
}

}  // namespace pleg
