// Whether a /proc shows the host, or no more than the container that plegd is in.

#ifndef PLEGD_RUNTIME_HOST_OWN_NAMESPACE_H_
#define PLEGD_RUNTIME_HOST_OWN_NAMESPACE_H_

#include <string>

namespace runtime::host {

// Whether PID 1 of `procfs` is of the container of the calling process, so that the host's
// processes and mounts are out of sight: the PID namespace is neither the host's nor one above the
// caller's, and its first process is in the caller's cgroup, or holds the namespace for a pod
// ("pause"). A node that is itself a container, as kind's, has another process there. False if it
// cannot be told.
bool SeesOwnContainerOnly(const std::string& procfs);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_OWN_NAMESPACE_H_
