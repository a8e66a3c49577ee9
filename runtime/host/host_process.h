// A process of the host as one look finds it, and what kind of process it is.

#ifndef PLEGD_RUNTIME_HOST_HOST_PROCESS_H_
#define PLEGD_RUNTIME_HOST_HOST_PROCESS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/host/proc_parse.h"

namespace runtime::host {

// See process_identity.h for how one is proven.
enum class Role : uint8_t {
  kOther,
  kRuntime,     // containerd, crio, cri-dockerd, dockerd
  kShim,        // containerd-shim*, conmon, conmonrs
  kOciRuntime,  // runc, crun, youki, kata-runtime, and what they call runc:[…]
  kCniPlugin,   // another child of the runtime that is no helper by its name
  kKubelet,
  kMessageBus,  // dbus-daemon, dbus-broker
  kInit,
};

// What a CNI plugin was told in its environment. Empty where it was not.
struct CniCall {
  std::string command;  // "ADD", "DEL", "CHECK"
  std::string sandbox;
  std::string pod_namespace;
  std::string pod_name;
};

// A thread in uninterruptible sleep.
struct BlockedThread {
  int id = 0;                      // the process's own of its first
  uint64_t start_ticks = 0;        // after boot
  std::string wait_channel;        // empty if it may not be read
  std::vector<std::string> stack;  // kernel functions, innermost first; the same
};

struct HostProcess {
  ProcessStat stat;
  Role role = Role::kOther;
  bool of_root = false;                // it is root's: what it says of itself may be read
  std::string container;               // by its cgroup; empty if none, or if the role is the node's
  std::string unit;                    // of systemd, of a runtime or kubelet that PID 1 started
  std::string wait_channel;            // of one that sleeps; empty if it may not be read
  std::vector<std::string> stack;      // kernel functions, innermost first; the same
  std::vector<BlockedThread> blocked;  // of a process without a role its first one at most
  std::string bundle;                  // of a shim: the sandbox or container it serves
  bool for_kubelet = false;            // of a shim: containerd started it for the kubelet
  std::optional<std::string> root;     // of runtime and kubelet: what they were told to keep all in
  std::vector<std::string> command;    // of an OCI runtime that is not blocked
  CniCall cni;                         // of a CNI plugin that is not blocked
  bool guessed = false;  // of one whose environment and name do not tell that it is one
};

// Of /proc/PID/environ; nothing else of it is kept.
CniCall ParseCniCall(absl::string_view environment);

// What kind of process this calls itself, which proves nothing.
Role RoleByName(const ProcessStat& process);
// What an OCI runtime calls the process that becomes a container's first: "runc:[2:INIT]".
bool IsInitOfContainer(absl::string_view comm);
// How many of these there are in runc, each a child of the one before or of runc itself.
inline constexpr int kMaxInitStages = 3;
// Whether a child of the runtime goes by the name of something else than a CNI plugin.
bool IsHelperOfRuntime(absl::string_view comm);

// Whether plugins of this name are about: those of containernetworking/plugins and of the networks
// that many clusters have. `name` may be cut at 15 bytes, as the kernel does.
bool IsKnownCniPlugin(absl::string_view name);

// The directory that the command line of a runtime or a kubelet tells to keep all in; empty if
// none.
std::string RootOfCommand(const std::vector<std::string>& command);

// The sandbox, or under CRI-O the container, that a shim's command line tells it was started for.
std::string ContainerOfShim(const std::vector<std::string>& command);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_HOST_PROCESS_H_
