// Nodes in trouble, as plegd describes them.

#ifndef PLEGD_CMD_PLEGCTL_TESTING_SCENARIOS_H_
#define PLEGD_CMD_PLEGCTL_TESTING_SCENARIOS_H_

#include <string>
#include <vector>

#include "cmd/plegctl/snapshot.h"
#include "plegd/v1/pod.pb.h"

namespace plegctl_testing {

// 110 pods on containerd, a relist a second.
plegctl::Snapshot Healthy();
// A container that changed and whose status hangs.
plegctl::Snapshot HungStatus();
// The same, unchanged since: nobody asks but plegd.
plegctl::Snapshot LatentHang();
// A lock convoy: the list of containers hangs, and the status of the one that holds the lock.
plegctl::Snapshot HungList();
// The same, three minutes later.
plegctl::Snapshot NotReady();
// Nobody listens at the runtime's socket.
plegctl::Snapshot RuntimeDown();
// There is no runtime at all.
plegctl::Snapshot NoRuntime();
// plegd started a moment ago.
plegctl::Snapshot JustStarted();
// plegd started on a node whose lists hang already.
plegctl::Snapshot StartedOnHungNode();
// Every pod changes, and statuses are slow: nothing hangs.
plegctl::Snapshot TooSlow();
// The runtime's network is not ready.
plegctl::Snapshot NetworkDown();
// plegd answered some calls only.
plegctl::Snapshot Half();
// Names that a terminal would obey.
plegctl::Snapshot Hostile();

struct Scenario {
  std::string name;  // of its golden file
  plegctl::Snapshot snapshot;
};
std::vector<Scenario> Scenarios();

// Three pods: healthy; with an error and a restart; without sandbox.
plegd::v1::PodList Pods();

// Escape sequences, a new line, right-to-left override, zero-width, invalid UTF-8, wide characters.
std::string HostileName();

}  // namespace plegctl_testing

#endif  // PLEGD_CMD_PLEGCTL_TESTING_SCENARIOS_H_
