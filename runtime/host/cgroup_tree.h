// What the cgroup tree tells: which containers there are, whatever the runtime answers, and which
// groups are frozen. Processes of a frozen group neither run nor die, and what waits for them waits
// for ever (kubernetes/kubernetes#102508).

#ifndef PLEGD_RUNTIME_HOST_CGROUP_TREE_H_
#define PLEGD_RUNTIME_HOST_CGROUP_TREE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/host/host_sample.h"

namespace runtime::host {

struct CgroupTree {
  bool version_1 = false;
  std::vector<FrozenGroup> frozen;      // a group below a frozen one is not told again
  std::vector<std::string> containers;  // ids, each once
};

// Walks the tree at `root`, version 2 or the freezer hierarchy of version 1, breadth first and not
// beyond 20,000 groups. What cannot be read is told in `problems`. `container_of` says whose a path
// below `root` is: ContainerOfCgroup, or better. What `is_left_out` holds for is not entered.
CgroupTree ReadCgroupTree(const std::string& root,
                          const std::function<std::string(absl::string_view)>& container_of,
                          const std::function<bool(absl::string_view)>& is_left_out,
                          std::vector<std::string>& problems);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_CGROUP_TREE_H_
