// What can happen to a runtime and to plegd, done to real ones.

#ifndef PLEGD_TEST_SOAK_FAULTS_H_
#define PLEGD_TEST_SOAK_FAULTS_H_

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "test/containerd/containerd_fixture.h"
#include "test/process/plegd_process.h"
#include "test/soak/watch.h"

namespace plegd_testing {

struct FaultReport {
  std::string name = {};
  absl::Duration outage = {};
  // From the runtime's first answer (or plegd's release) to a good relist.
  absl::Duration recovery = {};
  std::vector<std::string> problems = {};
};

// Thread-compatible.
class Faults {
 public:
  // All must outlive this object. `victim` is a running container for whose lock others wait.
  Faults(Containerd& node, PlegdProcess& plegd, Watch& watch, std::string victim)
      : node_(node), plegd_(plegd), watch_(watch), victim_(std::move(victim)) {}

  static constexpr int kKinds = 6;
  // Does the number-th, modulo all kinds, and waits for the recovery, and for the diagnosis to tell
  // first what was done and then that all is well. Blocks up to half a minute, more if there is
  // none.
  FaultReport Do(int number);

  // How often plegd has lost its connection by this.
  int kills() const { return kills_; }

 private:
  void Kill(FaultReport& report);
  void Freeze(FaultReport& report);
  void Convoy(FaultReport& report);
  void RemoveSocket(FaultReport& report);
  void FreezePlegd(FaultReport& report);
  void KillInConvoy(FaultReport& report);

  // Beside HEALTHY and STARTING, while nothing is broken.
  std::set<std::string> CodesAtRest() const;
  void AwaitGoodDiagnosis(FaultReport& report) const;
  void Restart(FaultReport& report);
  // That plegd has said so of itself.
  void ExpectUnhealthy(FaultReport& report) const;
  // Since when it could.
  void AwaitRelist(FaultReport& report, double relists_before, absl::Time since) const;
  double GoodRelists() const;

  Containerd& node_;
  PlegdProcess& plegd_;
  Watch& watch_;
  const std::string victim_;
  int kills_ = 0;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_SOAK_FAULTS_H_
