// Gentle, deterministic life on the simulated node: containers exit and are restarted, pods come
// and go.
//
//   Churn churn(&world, seed);
//   churn.SetRate(10, now);
//   churn.AdvanceTo(now + absl::Seconds(1));  // about ten changes, each at its own time

#ifndef PLEGD_RUNTIME_SIM_CHURN_H_
#define PLEGD_RUNTIME_SIM_CHURN_H_

#include <cstddef>
#include <cstdint>
#include <map>

#include "absl/time/time.h"
#include "pleg/ids.h"
#include "runtime/sim/random.h"
#include "runtime/sim/world.h"

namespace sim {

// Half of the changes are first ones (7 of 10 a container's exit, else a pod's creation or the
// start of its removal, so that their number stays about what it was); each has one consequence a
// little later: a restart, the start of the containers, the removal. What happens depends on the
// seed and the sequence of calls, never on how often AdvanceTo is called. Thread-compatible.
class Churn {
 public:
  // `world` must outlive this.
  Churn(World* world, uint64_t seed);

  // Changes per second from now on; 0 stops (consequences still follow).
  void SetRate(double changes_per_second, absl::Time now);
  double rate() const { return rate_; }

  // When the next change is due; InfiniteFuture() when none is.
  absl::Time Next() const;
  // Does all that is due, each at its own time.
  void AdvanceTo(absl::Time now);

  // In up to `count` pods at once one container exits with 0 and its next instance runs. Returns
  // how many pods changed.
  size_t ChangeMany(size_t count, absl::Time now);

 private:
  enum class Kind { kRestart, kStartPod, kRemovePod };
  struct Consequence {
    Kind kind;
    pleg::PodUid pod;
    pleg::ContainerId container;
  };

  void DoFirstChange(absl::Time now);
  void ExitOne(absl::Time now);
  void CreatePod(absl::Time now);
  void KillOne(absl::Time now);
  void Do(const Consequence& consequence, absl::Time now);
  void Restart(Container& exited, absl::Time now);
  Pod* PickPod();
  void Schedule(absl::Time now, Kind kind, const Pod& pod, const pleg::ContainerId& container = {});

  World* const world_;
  Random random_;
  double rate_ = 0;
  size_t target_pods_ = 0;
  absl::Time next_first_ = absl::InfiniteFuture();
  std::multimap<absl::Time, Consequence> consequences_;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_CHURN_H_
