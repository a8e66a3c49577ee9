// Directories of the node by their names, as far as they are on its own disks: a mount that another
// machine or a process serves may never answer, even to a look at it.
//
//   const LocalPath place = FindLocally("/var/lib/containerd", mounts);
//   if (place.directory.ok()) fstatvfs(place.directory.get(), &info);

#ifndef PLEGD_RUNTIME_HOST_LOCAL_PATH_H_
#define PLEGD_RUNTIME_HOST_LOCAL_PATH_H_

#include <string>
#include <vector>

#include "runtime/host/host_tree.h"
#include "runtime/host/proc_parse.h"

namespace runtime::host {

// Whether it may hang for ever; false for null.
bool IsRemote(const Mount* mount);

struct LocalPath {
  // By O_PATH. None if the path leads nowhere, to anything but a directory or onto a remote mount.
  OwnedFd directory;
  const Mount* mount = nullptr;  // the one that it is on, as far as the path was followed
};

// Follows the absolute `path`, and symbolic links on it, component by component, and stops before
// the first of `mounts` that is remote. The result refers to `mounts`.
LocalPath FindLocally(const std::string& path, const std::vector<Mount>& mounts);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_LOCAL_PATH_H_
