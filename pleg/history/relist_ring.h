// The relists of the last hour, as an observer of the core.
//
//   RelistRing ring(clock);   …   std::vector<RelistRing::Entry> newest = ring.Newest(60);

#ifndef PLEGD_PLEG_HISTORY_RELIST_RING_H_
#define PLEGD_PLEG_HISTORY_RELIST_RING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"
#include "pleg/observer.h"

namespace pleg {

// Thread-safe. Allocates once, about 300 KB; telling it of a relist that succeeded allocates
// nothing.
class RelistRing : public PlegObserver {
 public:
  static constexpr size_t kCapacity = 3600;
  static constexpr absl::Duration kKept = absl::Hours(1);
  // An error is cut off after so many bytes.
  static constexpr size_t kMaxErrorBytes = 512;

  struct Entry {
    MonoTime started_at;
    absl::Duration total;
    absl::Duration list_sandboxes;
    absl::Duration list_containers;
    absl::Duration diff;
    absl::Duration inspect;
    uint32_t sandboxes = 0;
    uint32_t containers = 0;
    uint32_t changed_pods = 0;
    uint32_t list_sandboxes_bytes = 0;
    uint32_t list_containers_bytes = 0;
    std::shared_ptr<const std::string> error;  // why a list failed; null if both succeeded
  };

  // Between the ends of two relists the wall clock went otherwise than the monotonic one, by at
  // least kStep: it was set, or the machine slept.
  static constexpr absl::Duration kStep = absl::Seconds(1);
  struct ClockStep {
    MonoTime at;
    absl::Duration by;  // negative: back
  };

  // `clock` outlives the ring.
  explicit RelistRing(const Clock& clock);
  RelistRing(const RelistRing&) = delete;
  RelistRing& operator=(const RelistRing&) = delete;

  // The newest `limit` that began in the last hour, all of them with 0; in the order in which they
  // ended.
  std::vector<Entry> Newest(size_t limit) const;
  // The last; empty before the first.
  std::optional<ClockStep> LastClockStep() const;

  void OnRelistEnd(const RelistRecord& relist) override;
  void OnRelistInterval(absl::Duration) override {}
  void OnPodRelistEnd(absl::Duration) override {}
  void OnInspectionEnd(InspectionResult, absl::Duration) override {}
  void OnEvent(EventType) override {}
  void OnEventsDiscarded(size_t) override {}
  void OnRelistRequestDropped() override {}

 private:
  void NoteClockLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Clock& clock_;
  mutable Mutex mu_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mu_);  // a ring once it is full
  size_t next_ ABSL_GUARDED_BY(mu_) = 0;
  std::optional<absl::Time> clock_started_ ABSL_GUARDED_BY(mu_);  // wall time of MonoTime()
  std::optional<ClockStep> step_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const std::string> last_error_ ABSL_GUARDED_BY(mu_);  // shared while it stays
};

}  // namespace pleg

#endif  // PLEGD_PLEG_HISTORY_RELIST_RING_H_
