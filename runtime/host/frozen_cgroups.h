// Cgroups that are frozen: their processes neither run nor die, and what waits for them waits for
// ever (kubernetes/kubernetes#102508).

#ifndef PLEGD_RUNTIME_HOST_FROZEN_CGROUPS_H_
#define PLEGD_RUNTIME_HOST_FROZEN_CGROUPS_H_

#include <string>
#include <vector>

#include "runtime/host/host_sample.h"

namespace runtime::host {

// Walks the cgroup tree at `root`, version 2 or the freezer hierarchy of version 1, breadth first
// and not beyond 20,000 groups. What cannot be read is told in `problems`. A group below a frozen
// one is not told again.
std::vector<FrozenGroup> FindFrozenCgroups(const std::string& root,
                                           std::vector<std::string>& problems);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_FROZEN_CGROUPS_H_
