// The parts of a look at the host, in the order in which they are read. Any read may block for ever
// on a host that is sick, so the child that looks reports each part before it begins with it, and
// its successor can leave out the part that it got stuck in.

#ifndef PLEGD_RUNTIME_HOST_PROBE_PARTS_H_
#define PLEGD_RUNTIME_HOST_PROBE_PARTS_H_

#include <cstdint>
#include <functional>

#include "absl/strings/string_view.h"

namespace runtime::host {

enum class ProbePart : uint8_t {
  kConfinement,      // the directories that the probe is confined to, which it opens for that
  kNode,             // pressure, disks, memory, tasks
  kFuse,             // connections of FUSE
  kCgroups,          // the cgroup tree
  kTaskDirectories,  // the runtime's directory of each task
  kProcesses,        // stat, cgroup, wait channel and stack of processes
  kOwnWords,         // their command lines, environments and working directories
  kMounts,           // the table of mounts
  kDirectories,      // how full the disks of runtime and kubelet are
  kSystemd,          // the version of systemd
  kBundles,          // names in the runtime's bundles
  kKernelLog,        // the kernel's log
};
inline constexpr uint8_t kProbeParts = 12;

// As a person is told: "the cgroup tree".
absl::string_view NameOf(ProbePart part);

// Called before a part is read; false if it is to be left out.
using BeginPart = std::function<bool(ProbePart)>;

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PROBE_PARTS_H_
