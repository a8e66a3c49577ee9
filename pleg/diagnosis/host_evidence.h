// What was observed of the host beside the runtime's socket: part of Evidence. Each piece is
// optional; an absent one was not to be had, and `problems` says why. All times are ages at the
// moment of the evidence, percentages are 0 to 100.

#ifndef PLEGD_PLEG_DIAGNOSIS_HOST_EVIDENCE_H_
#define PLEGD_PLEG_DIAGNOSIS_HOST_EVIDENCE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pleg/ids.h"

namespace pleg {

// A container or a sandbox by name. Names are empty if nothing told them.
struct ObjectRef {
  ContainerId id;
  PodUid pod_uid;
  std::string pod_namespace;
  std::string pod_name;
  std::string container;  // empty for a sandbox; "?" if no more than its pod is known
  std::string image;      // empty for a sandbox
};

// /proc/pressure/*: share of the last 10 s in which some, or all, tasks waited.
struct Pressure {
  double some_avg10 = 0;
  double full_avg10 = 0;
};

// The same of one cgroup: what its processes wait for, whatever the node has.
struct CgroupPressure {
  std::string of;    // "runtime", "kubelet"; empty for a container
  ObjectRef object;  // that container
  std::optional<Pressure> cpu = {};
  std::optional<Pressure> io = {};
  std::optional<Pressure> memory = {};
};

struct DiskEvidence {
  std::string device;  // "sda1"
  std::string holds;   // "runtime", "kubelet" or "runtime and kubelet"
  double utilization_percent = 0;
  absl::Duration await = {};  // mean of a request over the last sample; at least answers_none_for
  uint32_t in_flight = 0;
  // Requests have been out for so long, at least, and none has come back; 0 while some do.
  absl::Duration answers_none_for = {};
};

// Of /proc/PID/stat: by a signal, or by a tracer.
inline bool IsStoppedState(char state) { return state == 'T' || state == 't'; }
// Stopped, or in uninterruptible sleep.
inline bool IsStuckState(char state) { return IsStoppedState(state) || state == 'D'; }

struct ProcessEvidence {
  int64_t pid = 0;
  int64_t parent_pid = 0;
  // Of /proc/PID/stat, clock ticks after boot: with the pid it is this process and no later one. 0
  // if it is not known, as in records of older versions.
  uint64_t start_ticks = 0;
  std::string name;    // comm
  std::string parent;  // comm of the parent
  // Of an OCI runtime "update", "create", "init", of a CNI plugin "ADD", "DEL"; empty if not known.
  std::string action;
  // Of /proc/PID/stat: R, S, D, T, t, Z. D also where not the first thread but another one is, of a
  // process whose threads were looked at: those of the runtime and of what it starts, the kubelet
  // and what is silent. `wait_function` and `stack` are then that thread's.
  char state = '?';
  absl::Duration age = {};
  absl::Duration state_for = {};   // it has been seen in `state` and nowhere else
  std::string wait_function;       // wchan; empty if it may not be read
  std::vector<std::string> stack;  // kernel stack, innermost first; empty if it may not be read
  ContainerId container_id;        // that it works for; empty if not known
  std::string unit;                // of systemd: "containerd"; empty unless PID 1 started it as one
  int64_t blocked_thread = 0;      // the one in D, of several the longest; 0 for none
  uint32_t blocked_threads = 0;    // how many are in D
  // Of a CNI plugin: it is another child of the runtime, of a name that no known plugin has, whose
  // environment could not be read, so that it may as well be a helper that runs as long as the
  // runtime does. To end it by advice would be wrong.
  bool guessed = false;
  std::string pod_namespace;  // of the pod that a CNI plugin was called for; empty if not known
  std::string pod_name;       // the same

  bool stopped() const { return IsStoppedState(state); }
  bool stuck() const { return IsStuckState(state); }
};

// Tasks in uninterruptible sleep in one kernel function.
struct BlockedGroup {
  std::string wait_function;
  uint32_t count = 0;
  absl::Duration oldest = {};
  int64_t example_pid = 0;
  std::string example_name;
  ContainerId example_container;  // whose cgroup it is in; empty for none
};

struct ZombieGroup {
  int64_t parent_pid = 0;
  std::string parent;
  uint32_t count = 0;
};

struct FrozenCgroup {
  ObjectRef object;  // whose cgroup it is; without id if that is not known
  std::string path;  // of the directory, as a shell on the node has it: "/sys/fs/cgroup/…"
  bool v1 = false;   // freezer.state instead of cgroup.freeze
  absl::Duration frozen_for = {};
};

struct FuseConnection {
  std::string id;           // below /sys/fs/fuse/connections
  std::string mount_point;  // empty if PID 1 has none of it
  uint32_t waiting = 0;
  absl::Duration waiting_for = {};  // more than 0 at every look, not the same requests
};

struct NfsMount {
  std::string mount_point;
  std::string source;  // "server:/export"
};

// Of a container whose status is silent, or about which host and runtime may disagree.
struct ShimEvidence {
  ObjectRef object;
  std::string listed_state;  // running, exited, …, in the last good listing; empty if in none
  ContainerId sandbox;       // that its shim was started for; empty if not known
  std::optional<ProcessEvidence> shim = {};
  bool shim_missing = false;  // looked for and not there
  std::optional<bool> container_alive = {};
  int64_t container_pid = 0;           // 0 if not known
  uint64_t container_start_ticks = 0;  // of that process, as ProcessEvidence has it
  absl::Duration disagree_for = {};    // listed state and process contradict each other
};

// containerd's shims of the kubelet's containers. A shim that serves none any more has leaked.
struct ShimCount {
  uint32_t all = 0;
  // Older than 5 minutes, and started for what no listing has, or for what is gone from the host.
  uint32_t unlisted = 0;
  absl::Duration oldest_unlisted = {};
};

// A process that has the name of the runtime, of a shim or of another part of the node, and is not
// proven to be one. Nothing is concluded from it.
struct LookAlike {
  int64_t pid = 0;
  std::string name;    // comm
  std::string reason;  // "its owner is uid 65534"
  char state = '?';
};

// How much of a limit is used.
struct Headroom {
  std::string resource;  // "pids", "inodes of /var/lib/containerd", "bytes of …"
  double used_percent = 0;
};

struct ProbeProblem {
  std::string probe;  // "stack", "cgroup", "all"
  std::string text;
  bool hangs = false;  // the probe itself got stuck …
  absl::Duration hangs_for = {};
};

struct HostEvidence {
  absl::Duration sampled_ago = {};
  std::optional<Pressure> cpu = {};
  std::optional<Pressure> io = {};
  std::optional<Pressure> memory = {};
  std::vector<CgroupPressure> cgroup_pressure;  // of the runtime, the kubelet, silent containers
  std::optional<double> memory_available_percent = {};
  std::vector<DiskEvidence> disks;
  std::vector<BlockedGroup> blocked;
  std::vector<ZombieGroup> zombies;
  std::vector<ProcessEvidence> oci_processes;  // runc, crun; oldest first
  std::vector<ProcessEvidence> cni_processes;  // CNI plugins; oldest first
  std::optional<double> pid1_cpu_percent = {};
  std::optional<ProcessEvidence> dbus = {};
  std::optional<uint64_t> mountinfo_lines = {};
  std::vector<FuseConnection> fuse;
  std::vector<NfsMount> nfs;  // of any network; of silent pods also those of FUSE, and first
  std::vector<FrozenCgroup> frozen;
  std::vector<Headroom> headroom;
  // The one that listens at the runtime's socket; if that cannot be seen, one of a runtime's name.
  std::optional<ProcessEvidence> runtime_process = {};
  std::optional<ProcessEvidence> kubelet_process = {};
  std::vector<ShimEvidence> shims;
  std::optional<ShimCount> shim_count = {};  // where it is known what each of them was started for
  std::vector<LookAlike> look_alikes;        // stuck ones first; 20 at most, of
  uint32_t look_alike_count = 0;
  // plegd's user namespace is not the host's: but for the one behind the runtime's socket no
  // process can be proven to be the node's, so that one that is not told may be there.
  bool roles_unknown = false;
  // The last hour's lines of the kernel's log that tell of hung tasks, lockups, kills for memory or
  // storage that fails; latest first.
  std::vector<std::string> kernel_log;
  std::string kernel_version;   // uname -r
  std::string systemd_version;  // "252"; empty if PID 1 is none, or its version is not known
  std::vector<ProbeProblem> problems;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_HOST_EVIDENCE_H_
