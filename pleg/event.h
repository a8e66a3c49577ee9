// Lifecycle events (pkg/kubelet/pleg/pleg.go, PodLifecycleEvent).

#ifndef PLEGD_PLEG_EVENT_H_
#define PLEGD_PLEG_EVENT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/ids.h"

namespace pleg {

enum class EventType : uint8_t {
  kContainerStarted,
  kContainerDied,
  kContainerRemoved,
  kPodSync,           // a reinspection found nothing changed, or its pod gone
  kContainerChanged,  // to unknown; inspected, but never sent
};

// "ContainerStarted", …: the kubelet's names.
absl::string_view EventTypeName(EventType type);

// One event. Thread-compatible.
struct Event {
  uint64_t seq = 0;  // from 1 in a run, without gaps; 0 before it is published
  absl::Time time;   // when it was published: wall clock
  EventType type = EventType::kPodSync;
  PodUid pod_uid;
  std::string pod_name;
  std::string pod_namespace;
  ContainerId id;  // of the container or sandbox; empty for kPodSync
  bool is_sandbox = false;
  std::string container_name;  // empty for a sandbox
  // Only for kContainerDied of a container that the fresh status still has.
  std::optional<int32_t> exit_code;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_EVENT_H_
