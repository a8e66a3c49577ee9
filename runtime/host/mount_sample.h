// What a look at the host tells of its file systems. Mounts are read from mountinfo; no mount point
// of a network or FUSE file system is touched.

#ifndef PLEGD_RUNTIME_HOST_MOUNT_SAMPLE_H_
#define PLEGD_RUNTIME_HOST_MOUNT_SAMPLE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/host/host_sample.h"
#include "runtime/host/host_tree.h"
#include "runtime/host/proc_parse.h"

namespace runtime::host {

// Those of PID 1, which systemd and the runtime walk; of this process where they are hidden.
absl::StatusOr<std::vector<Mount>> ReadHostMounts(const HostTree& proc);

// Adds them to a sample. Asks no file system anything.
void TakeMounts(const std::vector<Mount>& mounts, const HostQuestion& question, HostSample& sample);

// Adds where runtime and kubelet keep their files, which the processes of the sample tell, and how
// full these disks are.
void TakeDirectories(const std::vector<Mount>& mounts, const HostQuestion& question,
                     HostSample& sample);

// Adds the FUSE connections with requests that wait.
void TakeFuse(const std::string& sysfs, HostSample& sample);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_MOUNT_SAMPLE_H_
