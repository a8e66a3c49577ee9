// The kubelet's relists one after another, as the model sees them. Private to the twin.

#ifndef PLEGD_PLEG_TWIN_KUBELET_LOOP_H_
#define PLEGD_PLEG_TWIN_KUBELET_LOOP_H_

#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "pleg/mono_time.h"
#include "pleg/twin/kubelet_twin.h"

namespace pleg {

// One relist whose lists succeed.
struct TwinRound {
  MonoTime start = {};
  MonoTime listed_at = {};         // the kubelet's relistTime becomes `start`
  MonoTime end = {};               // all inspections have ended
  MonoTime next = {};              // the pause has ended, too
  absl::Duration first_pass = {};  // one try of each pod that fails
  bool steady = false;             // all that follow are the same
};

// Thread-compatible.
class KubeletLoop {
 public:
  KubeletLoop(const KubeletModel& kubelet, const TwinInput& input);

  // Of both lists, when they are answered.
  absl::Duration Lists() const;
  // Since when relists fail for good, because a list does; empty if they do not.
  std::optional<MonoTime> ListsFailSince() const { return lists_fail_since_; }
  // How long a relist takes whose lists fail.
  absl::Duration FailingLists() const;
  // Since when a pod that does not answer costs the time-out; empty without one.
  std::optional<MonoTime> FirstSilence() const;
  // Some pod is inspected again in each relist.
  bool AnyFails() const { return !failing_.empty(); }
  // One inspection of each pod that is due.
  absl::Duration StatusPhase() const;

  // The relist that begins then. Pods that answer are inspected in the first that sees them.
  TwinRound Run(MonoTime start);

 private:
  struct Answering {
    MonoTime since;
    absl::Duration cost;
  };
  struct Failing {
    MonoTime since;
    absl::Duration cost;
    bool silent = false;
    bool failed_before = false;
  };

  void Add(const TwinPod& pod);
  absl::Duration InspectFailing(MonoTime seen, TwinRound& round);
  absl::Duration InspectAnswering(MonoTime seen);

  const KubeletModel kubelet_;
  const MonoTime now_;
  const TwinList sandboxes_;
  const TwinList containers_;
  std::optional<MonoTime> sandboxes_silent_;
  std::optional<MonoTime> containers_silent_;
  std::optional<MonoTime> lists_fail_since_;
  std::vector<Answering> answering_;
  std::vector<Failing> failing_;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_TWIN_KUBELET_LOOP_H_
