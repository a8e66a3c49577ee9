// What the rules ask of the evidence, computed once: which calls are silent, who answers meanwhile,
// what the kubelet makes of it, whether the node as a whole starves. Private to the diagnosis.

#ifndef PLEGD_PLEG_DIAGNOSIS_FACTS_H_
#define PLEGD_PLEG_DIAGNOSIS_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/diagnosis/evidence.h"
#include "pleg/diagnosis/runtime_identity.h"
#include "pleg/diagnosis/verdict.h"

namespace pleg {

// Thresholds that more than one rule refers to. docs/verdicts/thresholds.md has all of them, and
// where each is from.
inline constexpr absl::Duration kSilentAfter = absl::Seconds(5);  // a call without an answer
inline constexpr absl::Duration kFailsAfter = absl::Seconds(10);  // a status that ends in errors
inline constexpr int kSilentFactor = 10;  // … and so many times what it usually takes;
inline constexpr absl::Duration kSilentListAtLast =
    absl::Minutes(1);                                         // of a list no more than this
inline constexpr absl::Duration kCrowded = absl::Minutes(2);  // inspections of changed pods
inline constexpr uint32_t kCrowd = 10;  // pods; fewer that take so long are slow, or hang
inline constexpr double kSlowdown = 5;  // times what an answer usually takes
inline constexpr absl::Duration kOwnLag = absl::Seconds(1);
inline constexpr absl::Duration kPastSample = absl::Seconds(15);      // no longer "now"
inline constexpr absl::Duration kStaleSample = absl::Seconds(30);     // three looks at rest
inline constexpr absl::Duration kForgottenSample = absl::Minutes(2);  // it tells of another time
inline constexpr double kDiskFull = 95;                               // bytes, inodes or pids
inline constexpr double kIoFull = 40;
inline constexpr double kDiskBusy = 90;
inline constexpr absl::Duration kDiskAwait = absl::Milliseconds(200);
inline constexpr double kCpuSome = 70;
inline constexpr double kMemoryFull = 20;
inline constexpr double kPid1Busy = 80;
inline constexpr uint64_t kManyMounts = 5000;
inline constexpr uint64_t kTooManyMounts = 20000;
inline constexpr uint64_t kMountsPerPod = 50;  // where that is more
inline constexpr absl::Duration kOldOciProcess = absl::Seconds(30);
inline constexpr absl::Duration kSlowCniProcess = absl::Seconds(10);
inline constexpr absl::Duration kOldCniProcess = absl::Minutes(1);
inline constexpr uint32_t kManyExited = 1000;      // containers
inline constexpr uint32_t kManyExitedOfOne = 100;  // of one pod
inline constexpr absl::Duration kOldFreeze = absl::Seconds(10);

// What the kubelet makes of the runtime's answers, over the generations that it may be of.
struct Outlook {
  bool known = false;
  bool not_ready = false;                                  // of some generation it is already
  absl::Duration to_not_ready = absl::InfiniteDuration();  // the soonest
  bool flapping = false;
  bool any_silent = false;  // stays Ready, events are late
  bool all_silent = false;
  absl::Duration lag = {};           // of events, while it stays Ready
  absl::Duration restart_cost = {};  // the worst
  // "node NotReady in 57s"; empty if nothing is known.
  std::string text;

  // The node is NotReady, or will be if nothing changes.
  bool breaks() const { return not_ready || to_not_ready != absl::InfiniteDuration(); }
};

// Borrows the evidence. Thread-compatible.
struct Facts {
  explicit Facts(const Evidence& evidence);

  const Evidence& e;
  // The last look at the host, however long ago; null if there was none.
  const HostEvidence* last_host = nullptr;
  // The same, unless it was so long ago that it may tell of another time than this.
  const HostEvidence* host = nullptr;
  const CgroupPressure* runtime_cgroup = nullptr;
  RuntimeIdentity runtime;
  Outlook outlook;

  // Unanswered for long enough to count as silent; oldest first.
  const UnansweredEvidence* silent_sandbox_list = nullptr;
  const UnansweredEvidence* silent_container_list = nullptr;
  const UnansweredEvidence* silent_probe = nullptr;  // Version or Status
  std::vector<const UnansweredEvidence*> silent_containers;
  std::vector<const UnansweredEvidence*> silent_sandboxes;
  std::vector<const UnansweredEvidence*> silent;  // all of these
  absl::Duration oldest_silence = {};

  // Statuses that are answered, and badly: with errors for long enough to count, and well but late
  // time after time. Longest first. None of them is silent at present.
  std::vector<const FailingEvidence*> failing;
  std::vector<const FailingEvidence*> late;

  // Severe: seen in the host's figures and in what we and the runtime suffer. Possible: in one.
  enum class Strain : uint8_t { kNone, kPossible, kSevere };
  Strain io = Strain::kNone;
  Strain cpu = Strain::kNone;
  Strain memory = Strain::kNone;
  // What is silent is silent by itself: few objects at most, while others are answered at once. A
  // node that starves is slow for all.
  bool selective = false;
  bool own_lag = false;  // our own timer slips: every age we measured is in doubt
  // Answers take many times what they usually do, whichever method was answered lately: the recent
  // median, or the last answer if that is worse, over the median of the hour, of the method for
  // which that is least. 1 if unknown.
  double slowdown = 1;
  // So many pods have changed that the kubelet takes long to inspect them.
  bool crowd = false;
  // What the statuses of one changed pod take, on average, one after another.
  absl::Duration pod_cost = {};

  const MethodEvidence* Method(absl::string_view name) const;
  // The method that was answered last among those that were within `age`; null if none was.
  const MethodEvidence* AnsweredWithin(absl::Duration age) const;
  // The last good relist is recent, and no call is silent.
  bool relists_well() const { return silent.empty() && relists_in_time(); }
  // The last good relist is recent, whatever is silent since.
  bool relists_in_time() const;
  // A call is silent or fails, or relists are late: what a forecast says is more than a slow call.
  bool troubled() const;
  bool lists_silent() const {
    return silent_sandbox_list != nullptr || silent_container_list != nullptr;
  }
  bool host_is_stale() const {
    return last_host != nullptr && last_host->sampled_ago > kStaleSample;
  }
  // What is said of the host is of then, not of now.
  bool host_is_past() const { return last_host != nullptr && last_host->sampled_ago > kPastSample; }
  // The host as it is now: null if it was not looked at lately.
  const HostEvidence* fresh_host() const { return host_is_past() ? nullptr : host; }
  // The kubelet began a relist after this status had fallen silent, and its relists end quickly: it
  // does not wait for it, whatever plegd itself has still to inspect.
  bool KubeletPasses(const UnansweredEvidence& call) const;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_FACTS_H_
