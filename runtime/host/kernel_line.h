// What a line of the kernel's log says, by the format that the kernel has for it, from its first
// byte on: "INFO: task %s:%d blocked for more than". The words alone prove nothing. Many lines
// quote the name of a process, some begin with it, and anybody may choose 15 bytes of it.

#ifndef PLEGD_RUNTIME_HOST_KERNEL_LINE_H_
#define PLEGD_RUNTIME_HOST_KERNEL_LINE_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace runtime::host {

enum class KernelLineKind : uint8_t {
  kHungTask,  // a task that has been in uninterruptible sleep for long
  kLockup,    // a CPU that does nothing else any more
  kKill,      // for want of memory: of the whole node, or of a service that runs pods
  kServer,    // of a network file system, that does not answer
  kStorage,   // disks and file systems that fail
};

// The kind of one line; none for what tells nothing, and for a kill within a memory limit, which
// takes the line before it to judge.
std::optional<KernelLineKind> KindOfKernelLine(absl::string_view line);

// "Memory cgroup out of memory: Killed process 890 (containerd) total-vm:…": the pid, if what was
// killed has the name of something that runs pods; containers exceed their limits every day.
std::optional<int> KilledInItsLimit(absl::string_view line);

// "oom-kill:constraint=CONSTRAINT_MEMCG,…", the line that comes before it, unless too many do: the
// pid, if that process is root's and in the cgroup of one of the node's own services.
std::optional<int> ServiceInItsLimit(absl::string_view line);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_KERNEL_LINE_H_
