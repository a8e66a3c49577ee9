// What an inspection of a pod yields: the typed statuses of its sandboxes and containers.
//
// Sources: CRI PodSandboxStatus and ContainerStatus; Kubernetes pkg/kubelet/container/runtime.go
// (PodStatus), pkg/kubelet/kuberuntime/kuberuntime_container.go (toKubeContainerStatus).
// Annotations are not kept: they carry user data that lifecycle consumers do not need.

#ifndef PLEGD_PLEG_POD_STATUS_H_
#define PLEGD_PLEG_POD_STATUS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "pleg/ids.h"
#include "pleg/model.h"
#include "pleg/mono_time.h"

namespace pleg {

// Immutable once shared. Times are the runtime's wall clock; absl::InfinitePast() where there is
// none.
struct SandboxStatus {
  ContainerId id;
  PodUid pod_uid;
  std::string pod_name;
  std::string pod_namespace;
  uint32_t attempt = 0;
  SandboxState state = SandboxState::kUnknown;
  absl::Time created_at = absl::InfinitePast();
  std::string primary_ip;                   // network.ip as answered; empty for host networking
  std::vector<std::string> additional_ips;  // network.additional_ips as answered
  bool host_network = false;                // linux.namespaces.options.network == NODE
  std::string runtime_handler;
  std::vector<std::pair<std::string, std::string>> labels;  // sorted by key
  // Labels or additional addresses are missing: there were more than is kept (status_size.h).
  bool truncated = false;

  friend bool operator==(const SandboxStatus&, const SandboxStatus&) = default;
};

struct Mount {
  std::string container_path;
  std::string host_path;
  bool read_only = false;
  bool selinux_relabel = false;
  bool recursive_read_only = false;
  std::string propagation;  // "private", "host-to-container", "bidirectional", "unknown"

  friend bool operator==(const Mount&, const Mount&) = default;
};

// Resources as the kubelet derives them from a Linux container's cgroup settings; absent where
// unset.
struct ContainerResources {
  std::optional<int64_t> cpu_request_millis;  // ceil(shares * 1000 / 1024), shares >= 2
  std::optional<int64_t> cpu_limit_millis;    // quota * 1000 / period, positive
  std::optional<int64_t> memory_limit_bytes;  // positive

  friend bool operator==(const ContainerResources&, const ContainerResources&) = default;
};

struct ContainerUser {
  int64_t uid = 0;
  int64_t gid = 0;
  std::vector<int64_t> supplemental_groups;

  friend bool operator==(const ContainerUser&, const ContainerUser&) = default;
};

// Immutable once shared.
struct ContainerStatus {
  ContainerId id;
  ContainerId sandbox_id;  // from the listing: CRI's status does not tell it
  std::string name;        // label io.kubernetes.container.name
  ContainerState state = ContainerState::kUnknown;
  absl::Time created_at = absl::InfinitePast();
  absl::Time started_at = absl::InfinitePast();   // only if not created
  absl::Time finished_at = absl::InfinitePast();  // only if exited, as the next three
  int32_t exit_code = 0;
  std::string reason;
  std::string message;
  std::string image;
  std::string image_id;  // image_id, else image_ref
  std::string image_ref;
  std::string image_runtime_handler;
  uint64_t hash = 0;  // annotation io.kubernetes.container.hash, hex; 0 if absent or malformed
  int32_t restart_count = 0;  // annotation io.kubernetes.container.restartCount
  std::vector<Mount> mounts;
  std::optional<ContainerResources> resources;
  std::optional<ContainerUser> user;
  std::string stop_signal;  // "SIGTERM"; empty for the runtime's default
  // Of mounts, supplemental groups, reason, message or what follows them in the runtime's answer,
  // something is missing: there was more than is kept (status_size.h).
  bool truncated = false;

  friend bool operator==(const ContainerStatus&, const ContainerStatus&) = default;
};

// Immutable once shared.
struct PodStatus {
  PodUid uid;
  std::string name;
  std::string pod_namespace;
  std::vector<std::string> ips;  // primary first
  // Newest first: by attempt, then creation.
  std::vector<std::shared_ptr<const SandboxStatus>> sandbox_statuses;
  // Newest first: by creation.
  std::vector<std::shared_ptr<const ContainerStatus>> container_statuses;
  // Those of the newest sandbox, if that is ready.
  std::vector<std::shared_ptr<const ContainerStatus>> active_container_statuses;
  MonoTime timestamp;  // Pod::timestamp of the listing that was inspected

  // The container with that ID; null if there is none.
  const ContainerStatus* FindContainer(const ContainerId& id) const;
};

// The addresses of a sandbox by the kubelet's rule (kuberuntime_sandbox.go,
// determinePodSandboxIPs): primary if not empty, then the additional ones; one unparsable address
// makes them none. Leading zeros in IPv4 octets are accepted, CIDR is not.
std::vector<std::string> PodIps(const SandboxStatus& status);

}  // namespace pleg

#endif  // PLEGD_PLEG_POD_STATUS_H_
