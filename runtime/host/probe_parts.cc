#include "runtime/host/probe_parts.h"

namespace runtime::host {

absl::string_view NameOf(ProbePart part) {
  switch (part) {
    case ProbePart::kConfinement:
      return "the directories of the runtime and of systemd, to be confined to them";
    case ProbePart::kNode:
      return "pressure, disks and memory";
    case ProbePart::kFuse:
      return "FUSE connections";
    case ProbePart::kCgroups:
      return "the cgroup tree";
    case ProbePart::kTaskDirectories:
      return "the runtime's task directories";
    case ProbePart::kProcesses:
      return "the processes";
    case ProbePart::kOwnWords:
      return "command lines and environments of processes";
    case ProbePart::kMounts:
      return "the mounts";
    case ProbePart::kDirectories:
      return "the directories of the runtime and the kubelet";
    case ProbePart::kSystemd:
      return "systemd's version";
    case ProbePart::kBundles:
      return "the runtime's bundles";
    case ProbePart::kKernelLog:
      return "the kernel's log";
  }
  return "unknown";
}

}  // namespace runtime::host
