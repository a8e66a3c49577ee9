// The formats of /proc and of the cgroup tree (man 5 proc, Documentation/admin-guide/cgroup-v2.rst,
// Documentation/accounting/psi.rst, Documentation/admin-guide/iostats.rst in Linux), as functions
// from text to values. Anything malformed is INVALID_ARGUMENT, or a line left out where many lines
// make the value.

#ifndef PLEGD_RUNTIME_HOST_PROC_PARSE_H_
#define PLEGD_RUNTIME_HOST_PROC_PARSE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime::host {

// /proc/PID/stat. A command may hold spaces, parentheses and line feeds.
struct ProcessStat {
  int pid = 0;
  std::string comm;  // at most 15 bytes, any of them
  char state = '?';  // R, S, D, T, t, Z, X, I
  int parent = 0;
  uint64_t cpu_ticks = 0;    // user and system
  uint64_t start_ticks = 0;  // after boot
  int threads = 0;
};
absl::StatusOr<ProcessStat> ParseProcessStat(absl::string_view text);

// /proc/pressure/*, and *.pressure of a cgroup: shares of the last ten seconds, in percent.
struct Pressure {
  double some = 0;
  double full = 0;  // 0 where the kernel tells none
};
absl::StatusOr<Pressure> ParsePressure(absl::string_view text);

// A line of /proc/diskstats. Counters since boot or since the device came; the kernel prints the
// milliseconds modulo 2^32, which a busy disk reaches in days.
struct DiskStat {
  uint32_t major = 0;
  uint32_t minor = 0;
  std::string name;
  uint64_t completed = 0;  // reads, writes and discards
  uint32_t read_ms = 0;    // of all reads, from queueing to completion
  uint32_t write_ms = 0;
  uint64_t in_flight = 0;  // now
  uint32_t busy_ms = 0;    // with at least one in flight
};
std::vector<DiskStat> ParseDiskstats(absl::string_view text);

// A line of /proc/PID/mountinfo. Paths with the octal escapes undone.
struct Mount {
  uint32_t major = 0;
  uint32_t minor = 0;
  std::string mount_point;
  std::string fs_type;  // "ext4", "nfs4", "fuse.sshfs"
  std::string source;   // "server:/export"; any text
};
std::vector<Mount> ParseMountinfo(absl::string_view text);
// The mount that a path is on: the last of the longest mount points that hold it; null if none.
const Mount* FindMount(const std::vector<Mount>& mounts, absl::string_view path);
// Whether the file system is served over a network, so that it may hang for ever.
bool IsNetworkFileSystem(absl::string_view fs_type);

// The container that a cgroup is of: "cri-containerd-<id>.scope", "crio-<id>.scope",
// "docker-<id>.scope", or "<id>" itself (cgroupfs driver) as the last component that names one.
// Empty if none does. "crio-conmon-<id>.scope" holds the monitor, not the container: empty.
std::string ContainerOfCgroup(absl::string_view path);
// The uids of /proc/PID/status: real, effective, saved, of the file system. Empty if there are
// none.
std::vector<uint32_t> UidsOfStatus(absl::string_view status);
// In how many PID namespaces it has a pid, from the reader's down (NSpid of /proc/PID/status); 0 if
// that is not told (before Linux 4.1).
size_t PidNamespacesOfStatus(absl::string_view status);
// The path of /proc/PID/cgroup that tells most: of the unified hierarchy, else of the freezer's,
// else of the first.
std::string CgroupPath(absl::string_view proc_cgroup);

// The path in the unified hierarchy alone, where version 2 has its files; empty if there is none.
std::string UnifiedPath(absl::string_view proc_cgroup);
// The system unit whose cgroup a path is, without ".service": "containerd" of
// "/system.slice/containerd.service". Empty for none, and for those of a user's own systemd.
std::string UnitOfCgroup(absl::string_view path);

// The value of a key in the "key value" lines of cgroup.events, memory.events and /proc/vmstat.
std::optional<uint64_t> FlatKey(absl::string_view text, absl::string_view key);
// In kB, of /proc/meminfo.
std::optional<uint64_t> MeminfoKb(absl::string_view text, absl::string_view key);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PROC_PARSE_H_
