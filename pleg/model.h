// What a listing of the runtime says: the sandboxes and containers of a node and their states, and
// the pods they make.
//
// The part of an object that never changes while its ID lives is one shared immutable *Info; a
// listing pairs it with the state. Sources: CRI PodSandbox and Container; Kubernetes
// pkg/kubelet/kuberuntime/kuberuntime_manager.go (GetPods), pkg/kubelet/container/runtime.go.

#ifndef PLEGD_PLEG_MODEL_H_
#define PLEGD_PLEG_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/ids.h"
#include "pleg/mono_time.h"

namespace pleg {

// CRI ContainerState. Any number without a name is kUnknown.
enum class ContainerState : uint8_t { kCreated, kRunning, kExited, kUnknown };
// CRI PodSandboxState. Any number without a name is kUnknown.
enum class SandboxState : uint8_t { kReady, kNotReady, kUnknown };
// The state alphabet of PLEG itself (pkg/kubelet/pleg/generic.go, plegContainerState).
enum class PlegState : uint8_t { kNonExistent, kRunning, kExited, kUnknown };

// "created", "running", "exited", "unknown": as the kubelet's labels have them.
absl::string_view ContainerStateName(ContainerState state);
// "ready", "notready", "unknown".
absl::string_view SandboxStateName(SandboxState state);
// "non-existent", "running", "exited", "unknown".
absl::string_view PlegStateName(PlegState state);
// kCreated is kUnknown to PLEG: created -> unknown -> created is no transition.
PlegState ToPlegState(ContainerState state);
PlegState ToPlegState(SandboxState state);

// What never changes of a sandbox. Immutable once shared.
struct SandboxInfo {
  ContainerId id;
  PodUid pod_uid;             // metadata.uid
  std::string pod_name;       // metadata.name
  std::string pod_namespace;  // metadata.namespace
  uint32_t attempt = 0;       // metadata.attempt
  absl::Time created_at;      // the runtime's wall clock

  friend bool operator==(const SandboxInfo&, const SandboxInfo&) = default;
};

// What never changes of a container. Immutable once shared.
struct ContainerInfo {
  ContainerId id;
  ContainerId sandbox_id;
  PodUid pod_uid;             // label io.kubernetes.pod.uid; empty when absent
  std::string pod_name;       // label io.kubernetes.pod.name
  std::string pod_namespace;  // label io.kubernetes.pod.namespace
  std::string name;           // metadata.name
  uint32_t attempt = 0;       // metadata.attempt
  absl::Time created_at;
  std::string image;     // image.image
  std::string image_id;  // image_id, else image_ref
  std::string
      image_ref;      // never to be compared with a status' image_ref: containerd answers another
  uint64_t hash = 0;  // annotation io.kubernetes.container.hash

  friend bool operator==(const ContainerInfo&, const ContainerInfo&) = default;
};

struct ListedSandbox {
  std::shared_ptr<const SandboxInfo> info;  // never null
  SandboxState state = SandboxState::kUnknown;
  uint32_t bytes = 0;  // its size in the list when it was last read as a whole; 0 if unknown
  // Of a Pod's: start of the listing that showed it in this state first.
  MonoTime since = {};
};

struct ListedContainer {
  std::shared_ptr<const ContainerInfo> info;  // never null
  ContainerState state = ContainerState::kUnknown;
  uint32_t bytes = 0;  // as above, as the next
  MonoTime since = {};
};

// The answer to one ListPodSandbox and one ListContainers, in the runtime's order, without items
// that the kubelet skips (no metadata, no id, a container without image).
struct Listing {
  MonoTime started_at;  // before the first list was sent; every Pod of this listing carries it
  std::vector<ListedSandbox> sandboxes;
  std::vector<ListedContainer> containers;
  absl::Duration list_sandboxes_took;
  absl::Duration list_containers_took;
  size_t list_sandboxes_bytes = 0;  // size of the reply; 0 if unknown
  size_t list_containers_bytes = 0;
};

// One pod of one listing: its sandboxes sorted by attempt, then creation (both falling), then ID;
// its containers by creation falling, then ID. Immutable once shared.
struct Pod {
  PodUid uid;
  std::string name;
  std::string pod_namespace;
  MonoTime timestamp;     // Listing::started_at
  absl::Time created_at;  // of its oldest listed sandbox; infinite past without one
  std::vector<ListedSandbox> sandboxes;
  std::vector<ListedContainer> containers;
};

// The orders above (ContainerByCreatedThenID and PodSandboxByCreatedThenID of the kubelet).
bool SandboxBefore(const SandboxInfo& a, const SandboxInfo& b);
bool ContainerBefore(const ContainerInfo& a, const ContainerInfo& b);

}  // namespace pleg

#endif  // PLEGD_PLEG_MODEL_H_
