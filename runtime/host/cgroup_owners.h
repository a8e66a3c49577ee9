// How much of a cgroup's path root has named. A cgroup that is delegated (a unit with Delegate=yes
// and User=, a user's own systemd, a container of a user namespace) has another owner, who makes,
// names and freezes groups below it: what those are called says nothing.
//
//   CgroupOwners owners("/sys/fs/cgroup");
//   owners.NamedByRoot("/system.slice/ci.service/mine/x");   // "/system.slice/ci.service"

#ifndef PLEGD_RUNTIME_HOST_CGROUP_OWNERS_H_
#define PLEGD_RUNTIME_HOST_CGROUP_OWNERS_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "runtime/host/host_tree.h"

namespace runtime::host {

// For one look at the host: what it has found out stays. Root is uid 0, or whoever has the top of
// the tree, as in a user namespace. Thread-compatible.
class CgroupOwners {
 public:
  // Finds out nothing.
  CgroupOwners() = default;
  // `root` as in HostPaths: the mount of version 2, or what the mounts of the hierarchies of
  // version 1 are in.
  explicit CgroupOwners(const std::string& root);

  // The longest beginning of `path`, as in /proc/PID/cgroup, whose names are root's: it ends with
  // the first group that is another's in any hierarchy. All of it where no such group is found, as
  // where no tree can be read.
  absl::string_view NamedByRoot(absl::string_view path);

 private:
  struct Tree {
    HostTree groups;
    uid_t owner;  // of its top
  };
  bool IsDelegated(absl::string_view group);

  std::vector<Tree> trees_;
  absl::flat_hash_map<std::string, bool> delegated_;  // so far, by path
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_CGROUP_OWNERS_H_
