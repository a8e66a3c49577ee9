// What the core tells of its own work: as it happens (PlegObserver), and at one moment
// (PlegSnapshot).

#ifndef PLEGD_PLEG_OBSERVER_H_
#define PLEGD_PLEG_OBSERVER_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pleg/event.h"
#include "pleg/mono_time.h"

namespace pleg {

// One global relist that has ended: its lists failed, or they are diffed and every inspection they
// caused has ended (or was set aside because it takes too long).
struct RelistRecord {
  MonoTime started_at;
  absl::Status lists;    // OK, or why a list failed; the durations after the failure are zero
  absl::Duration total;  // from the start to the end above
  absl::Duration list_sandboxes;
  absl::Duration list_containers;
  absl::Duration diff;     // grouping the listing into pods and comparing them
  absl::Duration inspect;  // from the diff to the end
  size_t sandboxes = 0;
  size_t containers = 0;
  size_t changed_pods = 0;
  size_t list_sandboxes_bytes = 0;  // of the replies; 0 where unknown
  size_t list_containers_bytes = 0;
};

enum class InspectionResult : uint8_t {
  kOk,         // the status is in the cache and its events are sent
  kError,      // tried again later
  kGone,       // the pod left the runtime; its entry is deleted
  kDiscarded,  // the pod left while it was inspected: the answer was dropped
};
inline constexpr size_t kInspectionResults = 4;

// Implementations are called on the core's thread and do not block.
class PlegObserver {
 public:
  virtual ~PlegObserver() = default;
  // The gap between the starts of the last relist that listed successfully and of this one.
  virtual void OnRelistInterval(absl::Duration interval) = 0;
  virtual void OnRelistEnd(const RelistRecord& relist) = 0;
  // An on-demand relist of one pod ended.
  virtual void OnPodRelistEnd(absl::Duration duration) = 0;
  virtual void OnInspectionEnd(InspectionResult result, absl::Duration duration) = 0;
  virtual void OnEvent(EventType type) = 0;
  // Events that a subscriber's queue folded away because the subscriber does not keep up.
  virtual void OnEventsDiscarded(size_t count) = 0;
  // A request for an on-demand relist found the queue full.
  virtual void OnRelistRequestDropped() = 0;
};

// Counts of the last good listing, and what is under way. Immutable once shared.
struct PlegSnapshot {
  std::optional<MonoTime> last_relist;  // start of the last relist whose lists succeeded
  std::optional<absl::Time> last_relist_wall;
  std::optional<MonoTime> relist_running_since;  // a list call is out
  size_t pods_ready = 0;                         // pods with at least one ready sandbox
  size_t pods_notready = 0;                      // pods with sandboxes, none of them ready
  size_t pods_no_sandbox = 0;                    // pods with containers only
  size_t containers_created = 0;
  size_t containers_running = 0;
  size_t containers_exited = 0;
  size_t containers_unknown = 0;
  size_t sandboxes = 0;
  size_t inspections_running = 0;
  size_t pods_pending = 0;  // listed with a change that has not been inspected yet
};

}  // namespace pleg

#endif  // PLEGD_PLEG_OBSERVER_H_
