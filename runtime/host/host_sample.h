// One look at the host: what runs that belongs to the runtime, what is blocked, how starved the
// node is. Every part is read by itself; one that cannot be read leaves its value empty and a line
// in `problems`.
//
//   const HostSample sample = TakeHostSample(HostPaths{}, HostQuestion{});
//
// Of processes only stat, status, cgroup, wchan and stack are read, the stat of each thread of
// those that matter: these never wait for the process's memory lock, as its command line and
// environment do, which are therefore read last, and of proven runtimes, kubelets, OCI runtimes,
// CNI plugins and shims that are not blocked alone. Mounts are read from mountinfo; no mount point
// of a network or FUSE file system is touched.

#ifndef PLEGD_RUNTIME_HOST_HOST_SAMPLE_H_
#define PLEGD_RUNTIME_HOST_HOST_SAMPLE_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pleg/diagnosis/host_evidence.h"
#include "runtime/host/host_process.h"
#include "runtime/host/node_directories.h"
#include "runtime/host/probe_parts.h"
#include "runtime/host/proc_parse.h"

namespace runtime::host {

// Where the host's file systems are: elsewhere in a container, and in tests.
struct HostPaths {
  std::string procfs = "/proc";
  std::string sysfs = "/sys";
  std::string cgroupfs = "/sys/fs/cgroup";
  std::string kmsg = "/dev/kmsg";
  // The node runs without root: its runtime, shims and kubelet are plegd's own user's, in whatever
  // user namespace that is.
  bool rootless = false;
};

struct FrozenGroup {
  std::string path;  // of the directory, as a shell on the node has it: "/sys/fs/cgroup/…"
  std::string container;
};

// What the processes of a cgroup wait for. Version 2 alone tells.
struct GroupPressure {
  std::string of;         // "runtime", "kubelet"; empty for a container
  std::string container;  // its id
  std::optional<Pressure> cpu;
  std::optional<Pressure> io;
  std::optional<Pressure> memory;
};

struct FuseRequests {
  std::string connection;
  uint64_t waiting = 0;
};

// Of a file system that is not served over a network. Percent.
struct Usage {
  double bytes = 0;
  double inodes = 0;
};

// Thread-compatible.
struct HostSample {
  double uptime_seconds = 0;  // of the host, when it was taken
  double took_seconds = 0;
  long ticks_per_second = 100;

  std::optional<Pressure> cpu;
  std::optional<Pressure> io;
  std::optional<Pressure> memory;
  std::vector<DiskStat> disks;
  std::optional<uint64_t> memory_total_kb;
  std::optional<uint64_t> memory_available_kb;
  std::optional<uint64_t> tasks;  // threads on the host
  std::optional<uint64_t> tasks_max;

  std::vector<GroupPressure> groups;

  // plegd is in a PID namespace of its own, or processes were left out, so that of what follows up
  // to `fuse` nothing is known.
  bool hidden = false;
  // Something was left out that tells which containers a shim serves: none is known to lack one.
  bool shims_unknown = false;
  // There were more processes than are looked at: one that was not seen may be there all the same.
  bool processes_cut = false;
  uint32_t turn = 0;  // which of the shims have their threads looked at while all is well
  // By pid. Those with a role, those in D state, the one behind the runtime's socket, and the
  // containers' own first ones: children of shims, or of PID 1 where the shim is gone.
  std::vector<HostProcess> processes;
  std::vector<pleg::LookAlike> look_alikes;  // as pleg::HostEvidence has them
  uint32_t look_alike_count = 0;
  bool roles_unknown = false;       // the same
  std::map<int, uint32_t> zombies;  // by parent
  std::optional<uint64_t> init_cpu_ticks;

  std::optional<uint32_t> mounts;
  std::vector<Mount> network_mounts;  // those of silent pods first, FUSE's of these among them
  std::vector<Mount> fuse_mounts;
  std::vector<FuseRequests> fuse;  // with requests that wait
  // Where runtime and kubelet have their files, and the mounts that these are on.
  std::string runtime_root;
  std::string kubelet_root;
  std::optional<Mount> runtime_mount;
  std::optional<Mount> kubelet_mount;
  std::optional<Usage> runtime_usage;
  std::optional<Usage> kubelet_usage;
  // The process behind the runtime's socket, if the one that was asked for is still there; else 0.
  int listener = 0;
  std::vector<FrozenGroup> frozen;
  bool cgroup_v1 = false;
  // Ids of containers and sandboxes, by cgroups, shims and the runtime's own directories: known
  // without asking it anything.
  std::vector<std::string> containers;

  std::string kernel;   // "6.1.0-38-amd64"
  std::string systemd;  // "252"; empty if PID 1 is none, or its version cannot be told
  std::vector<std::string> problems;
};

// Of a process that started so many ticks after boot.
inline double AgeSeconds(const HostSample& sample, uint64_t start_ticks) {
  const double started =
      static_cast<double>(start_ticks) / static_cast<double>(sample.ticks_per_second);
  return std::max(0.0, sample.uptime_seconds - started);
}

struct HostQuestion {
  NodeDirectories directories = {};
  // The process behind the runtime's socket; 0 if it is not known.
  int listener = 0;
  // When it started; another process that has its pid is not taken for it. 0 if it is not known.
  uint64_t listener_start_ticks = 0;
  // Containers whose own pressure is of interest; a few.
  std::vector<std::string> silent = {};
  // UIDs of their pods, whose volumes are of interest.
  std::vector<std::string> silent_pods = {};
};

// Blocks for as long as the kernel does; milliseconds on a host that is well. What does not change
// about a process is not read again if `before`, the look before this one, has it.
// `begin` is asked before each part; empty: none is left out. Where processes are left out, no more
// is known of them than where they are hidden.
HostSample TakeHostSample(const HostPaths& paths, const HostQuestion& question,
                          const HostSample* before = nullptr, const BeginPart& begin = {});

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_HOST_SAMPLE_H_
