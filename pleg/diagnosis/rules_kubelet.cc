// The runtime answers, and the kubelet does not relist.

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/surroundings.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

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

// By way of the API server, which asks the kubelet: it has to listen.
constexpr char kGoroutines[] =
    "kubectl get --raw \"/api/v1/nodes/NODE/proxy/debug/pprof/goroutine?debug=2\""
    " > kubelet-goroutines.txt";

// Seen at the last look, if that was lately.
const ProcessEvidence* Process(const Facts& facts) {
  const HostEvidence* const host = facts.fresh_host();
  return host != nullptr && host->kubelet_process.has_value() ? &*host->kubelet_process : nullptr;
}

void ReadLog(const Facts& facts, Draft& draft) {
  draft.Do("Read its log", absl::StrCat(facts.runtime.kubelet_unit.Log(), " -n 200 --no-pager"));
}

std::optional<Ranked> KubeletStopped(const Facts& facts) {
  if (facts.host == nullptr || !facts.host->kubelet_process.has_value()) return std::nullopt;
  const ProcessEvidence& process = *facts.host->kubelet_process;
  if (!process.stopped() || process.state_for < kSilentAfter) return std::nullopt;
  const Remedy remedy = Proceed(process);
  Draft draft(VerdictCode::kKubeletSide, Tier::kBlocksPleg, Confidence::kHigh);
  draft.OfHost()
      .Since(process.state_for)
      .Say(absl::StrCat("The kubelet is stuck",
                        OursIsFast(facts) ? absl::StrCat(", not ", facts.runtime.title) : "",
                        ": its process ", process.pid, " has been ",
                        process.state == 't' ? "held by a debugger" : "stopped", " for ",
                        FormatAge(process.state_for)),
           "the node is or will be NotReady", remedy.advice)
      .For(absl::StrCat(ProcessName(process), ProcessState(process)));
  for (const Action& action : remedy.actions) draft.Do(action);
  return draft.Done();
}

// Nobody listens where it listened before, or no process is the kubelet.
std::optional<Ranked> KubeletEnded(const Facts& facts) {
  const KubeletEvidence& kubelet = *facts.e.kubelet;
  const bool missing = KubeletIsMissing(facts);
  const bool listened = !kubelet.version.empty() && Process(facts) == nullptr;
  if (!IsRefused(kubelet.error) || !(missing || listened)) return std::nullopt;
  const Units& unit = facts.runtime.kubelet_unit;
  Draft draft(VerdictCode::kKubeletSide, Tier::kBlocksPleg,
              missing ? Confidence::kHigh : Confidence::kMedium);
  const std::string start = unit.Start();
  draft
      .Say(missing ? "The kubelet does not run: there is no such process, and its port refuses"
                   : "The kubelet does not listen any more: it has ended, or is being restarted",
           "the node is or will be NotReady",
           start.empty() ? "Start it" : absl::StrCat("See why it ended, then start it: ", start))
      .For(absl::StrCat("asked for its metrics: ", kubelet.error));
  if (missing) draft.OfHost().For("no process on the host is proven to be the kubelet");
  if (!missing) draft.Against("the host's processes could not be looked at");
  if (!unit.empty()) {
    draft.Do("See what systemd knows of it",
             absl::StrCat("systemctl status --no-pager ", absl::StrJoin(unit.names, " ")));
  }
  ReadLog(facts, draft);
  if (!start.empty()) draft.Do("Start it", start);
  return draft.Done();
}

// What it does not do that it should; what that is called, and how sure it is.
struct Failing {
  std::string what;
  bool over = false;  // the limit at which the node turns NotReady, or it says so itself
  bool late = false;  // by its own account
  std::string doubt;  // empty if nothing else explains it
  explicit operator bool() const { return !what.empty(); }
};

Failing FindFailing(const Facts& facts) {
  const KubeletEvidence& kubelet = *facts.e.kubelet;
  Failing failing;
  const KubeletAge age = JudgeKubeletAge(facts);
  const bool unwell = kubelet.healthz_ok == false && !IsRefused(kubelet.healthz_text);
  failing.late = age.never || age.late;
  failing.over = age.over || unwell;
  if (age.never) {
    failing.what = "it has never relisted";
  } else if (age.late) {
    failing.what = absl::StrCat("it relisted ", FormatAge(*kubelet.last_seen_ago), " ago");
  } else if (unwell) {
    failing.what = "its healthz fails";
  }
  if (age.late) failing.doubt = WhyKubeletIsBusy(facts);
  return failing;
}

void Restart(const Facts& facts, const Failing& failing, Draft& draft) {
  draft.Do(
      "From where kubectl works, with this node's name for NODE: keep its goroutines; a "
      "restart destroys them",
      kGoroutines);
  ReadLog(facts, draft);
  if (!failing.over) return;
  if (const std::string why = WhyNotRestartKubelet(facts); !why.empty()) {
    draft.Against(why);
    return;
  }
  const std::string& cost = facts.runtime.kubelet_cost;
  draft.DoDisruptive(
      absl::StrCat("Then restart it; containers run on", cost.empty() ? "" : ", ", cost),
      facts.runtime.kubelet_unit.Revive());
}

absl::string_view AdviceOf(const Facts& facts, const Failing& failing) {
  if (!failing.over) return "Ask again in a minute; keep its goroutines if it is no better";
  return WhyNotRestartKubelet(facts).empty()
             ? "Keep the kubelet's goroutines, then restart it"
             : "Keep the kubelet's goroutines, but do not restart it yet";
}

std::optional<Ranked> KubeletFails(const Facts& facts) {
  const KubeletEvidence& kubelet = *facts.e.kubelet;
  const Failing failing = FindFailing(facts);
  // Late, and for a reason that is not its own: beside HEALTHY, if nothing else is wrong.
  if (!failing || (!failing.over && !failing.doubt.empty())) return std::nullopt;
  Draft draft(VerdictCode::kKubeletSide, failing.over ? Tier::kBlocksPleg : Tier::kHurtsPods,
              failing.late && failing.over ? Confidence::kHigh : Confidence::kMedium);
  const std::string ours = FormatAge(*facts.e.relist.last_good_ago);
  draft
      .Say(absl::StrCat("The kubelet is ", failing.over ? "stuck" : "late", ", not ",
                        facts.runtime.title, ": ", failing.what, ", plegd ", ours, " ago"),
           failing.over ? "the node is or will be NotReady" : "its events are late",
           AdviceOf(facts, failing))
      .For(failing.what)
      .For(absl::StrCat(
          "plegd's last good relist began ", ours, " ago",
          facts.e.relist.recent.empty()
              ? ""
              : absl::StrCat(" and took ", FormatLatency(facts.e.relist.recent.front()))));
  if (kubelet.healthz_ok == false) draft.For(absl::StrCat("healthz: ", kubelet.healthz_text));
  WhatItDid(kubelet, draft);
  if (failing.late && !kubelet.never_relisted) draft.Since(*kubelet.last_seen_ago);
  if (kubelet.healthz_ok == true) draft.Against("its healthz says ok");
  if (kubelet.evented) draft.Against("with EventedPLEG it relists only every 5 minutes");
  if (!failing.doubt.empty()) draft.Doubt(failing.doubt);
  if (!facts.silent_containers.empty() || !facts.silent_sandboxes.empty()) {
    draft.Doubt("it may wait for a status that does not answer: that is the runtime's");
  }
  Restart(facts, failing, draft);
  return draft.Done();
}

}  // namespace

bool IsRefused(absl::string_view error) { return absl::StrContains(error, "refused"); }

bool KubeletIsMissing(const Facts& facts) {
  const HostEvidence* const host = facts.fresh_host();
  // Where one unit is both, its process has another name.
  return host != nullptr && host->runtime_process.has_value() &&
         !host->kubelet_process.has_value() && !host->roles_unknown && !facts.runtime.one_unit();
}

std::string WhyKubeletIsBusy(const Facts& facts) {
  if (!facts.e.kubelet.has_value() || !facts.e.kubelet->last_seen_ago.has_value()) return "";
  if (facts.slowdown >= kSlowdown) return "every call is many times slower than usual";
  const absl::Duration work = facts.e.counts.changed_pods_lately * facts.pod_cost;
  if (!facts.crowd && work < *facts.e.kubelet->last_seen_ago / 2) return "";
  return absl::StrCat(
      facts.e.counts.changed_pods_lately,
      " pods have changed in 3 minutes: it inspects one after another, which takes ",
      FormatAge(std::max(work, facts.e.predicted_status_phase)));
}

std::optional<Ranked> KubeletSide(const Facts& facts) {
  if (std::optional<Ranked> stopped = KubeletStopped(facts)) return stopped;
  if (!facts.e.kubelet.has_value()) return std::nullopt;
  if (std::optional<Ranked> ended = KubeletEnded(facts)) return ended;
  return OursIsFast(facts) ? KubeletFails(facts) : std::nullopt;
}

}  // namespace pleg
