// Whether a /proc shows the host, or no more than the container that plegd is in.

#ifndef PLEGD_RUNTIME_HOST_OWN_NAMESPACE_H_
#define PLEGD_RUNTIME_HOST_OWN_NAMESPACE_H_

#include <string>

#include "runtime/host/host_tree.h"

namespace runtime::host {

// Whether PID 1 of `proc`, a procfs, is of the container of the calling process, so that the host's
// processes and mounts are out of sight: the PID namespace is neither the host's nor one above the
// caller's, and its first process is in the caller's cgroup, or holds the namespace for a pod
// ("pause"). A node that is itself a container, as kind's, has another process there. False if it
// cannot be told.
bool SeesOwnContainerOnly(const HostTree& proc);

// The calling process's own directory below `proc`: its pid there. "self" is a link, and links are
// not followed.
std::string OwnDirectory(const HostTree& proc);

// The calling process's own cgroup file; empty if it cannot be read.
std::string OwnCgroups(const HostTree& proc);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_OWN_NAMESPACE_H_
