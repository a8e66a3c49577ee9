// Whether a process is the part of the node that its name says. Anybody can give a process any
// name, command line and working directory; what decides here is the kernel's word for who owns it
// and who started it.
//
//   ProcessIdentifier identifier(proc, false, stats);
//   const Identity& identity = identifier.Of(4711);   // identity.role is proven, or kOther
//
// Proven is a process
// - that root owns, by all four of its uids: root of the host's user namespace, of which plegd's
//   own is one unless `rootless` says that another one's is the node's;
// - that is in no container's cgroup but plegd's own, which is the node's where a node is a
//   container, and in no PID namespace below the one that plegd looks at, whatever its cgroup;
// - whose executable has its name, where that may be read; else, of a runtime or kubelet, which is
//   the main process of the systemd unit that it is in, if it is in one, and nothing that runs in a
//   user's session: there, a setuid program goes by any name.
// A child of what is proven needs no executable of its name: what a runtime starts is a CNI plugin,
// what a shim starts outside of containers is an OCI runtime. `runc:[2:INIT]` is in the container's
// cgroup, and proven while an OCI runtime is its parent: a container's own first process has the
// shim for one. The message bus has a user of its own: it is proven by being
// the main process of its unit, one of the node's systemd.

#ifndef PLEGD_RUNTIME_HOST_PROCESS_IDENTITY_H_
#define PLEGD_RUNTIME_HOST_PROCESS_IDENTITY_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/host/cgroup_owners.h"
#include "runtime/host/host_process.h"
#include "runtime/host/host_tree.h"
#include "runtime/host/proc_parse.h"

namespace runtime::host {

struct Identity {
  Role role = Role::kOther;  // proven
  bool of_root = false;      // so that what it says of itself may be read
  // Why it is not what its name says: "its owner is uid 65534"; empty if it is, or says nothing.
  std::string doubt = {};
};

// For one look at the host. Reads /proc as it is asked, which may block as the kernel does.
// Thread-compatible.
class ProcessIdentifier {
 public:
  // Refers to `proc`, a procfs, and to `stats`: all processes in sight, by pid.
  ProcessIdentifier(const HostTree& proc, bool rootless,
                    const absl::flat_hash_map<int, ProcessStat>& stats);

  // Who listens at the runtime's socket is a runtime, whoever owns it: it is the one plegd asks.
  void SetListener(int pid) { listener_ = pid; }

  // Where the cgroup tree is, which is read from now on. Before, its names are taken for root's.
  void SetCgroupTree(const std::string& cgroupfs) { owners_ = CgroupOwners(cgroupfs); }

  // Of a process in `stats`, else of none. Lives as long as the identifier.
  const Identity& Of(int pid);

  // plegd's uids are those of another user namespace than the host's, and that is not said to be
  // the node's: nothing can be proven.
  bool blind() const { return !own_root_.has_value(); }

  // Text of /proc/PID/cgroup; empty if it cannot be read.
  std::string CgroupsOf(int pid) const;
  // The container that a cgroup is of: the outermost, since below its own cgroup a container may
  // give names as it likes. plegd's own, which may be the node, only if there is no other. Empty
  // for none, and for what users have.
  std::string ContainerOf(absl::string_view cgroup_path);
  // Whether a cgroup is of a user's session, or below one that is a user's: of the user's own
  // systemd, or of a unit that is delegated. A user makes, names and freezes them. None is if the
  // node runs without root.
  bool IsOfUser(absl::string_view cgroup_path);
  // "containerd" of what is in containerd.service, given the text of /proc/PID/cgroup; empty for
  // what is in no service. Names that users gave do not count.
  std::string UnitOf(absl::string_view cgroups);
  // Started by PID 1, or by a distribution's own program that was: its unit is then the process's.
  bool IsMainOfUnit(const ProcessStat& stat) const;

 private:
  Identity Identify(const ProcessStat& stat);
  Identity ByRelation(const ProcessStat& stat);
  Identity InitOfContainer(const ProcessStat& stat);
  Identity MessageBus(const ProcessStat& stat) const;
  std::string DoubtOfBus(const ProcessStat& stat) const;
  bool IsInUnitOfBus(const std::string& cgroups) const;
  bool IsMainOfBus(const ProcessStat& stat) const;
  // How much of a path is that of plegd's own container, which is the node; 0 if it is in none.
  size_t EndOfOwnContainer(absl::string_view cgroup_path) const;
  std::string DoubtOfOwner(const ProcessStat& stat) const;
  std::string DoubtOfCgroup(const std::string& cgroups) const;
  std::string ForeignContainerOf(absl::string_view cgroup_path) const;
  std::string DoubtOfProgram(const ProcessStat& stat, Role role, const std::string& cgroups);
  bool IsRoot(const std::vector<uint32_t>& uids) const;
  // Another process has its pid by now, or it has another name.
  bool HasChanged(const ProcessStat& stat) const;
  absl::StatusOr<std::string> Read(int pid, absl::string_view name) const;

  const HostTree& proc_;
  const bool rootless_;
  const absl::flat_hash_map<int, ProcessStat>& stats_;
  absl::flat_hash_set<std::string> own_containers_;
  CgroupOwners owners_;
  std::optional<uint32_t> own_root_;  // whose processes are the node's, beside uid 0
  int listener_ = 0;
  absl::node_hash_map<int, Identity> known_;  // so far
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PROCESS_IDENTITY_H_
