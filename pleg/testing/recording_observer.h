// A PlegObserver that keeps everything it is told.
//
//   RecordingObserver observer;  …  EXPECT_EQ(observer.relists.size(), 1);

#ifndef PLEGD_PLEG_TESTING_RECORDING_OBSERVER_H_
#define PLEGD_PLEG_TESTING_RECORDING_OBSERVER_H_

#include <cstddef>
#include <map>
#include <vector>

#include "absl/time/time.h"
#include "pleg/event.h"
#include "pleg/observer.h"

namespace pleg::testing {

// Confined to one thread, as the core it observes.
class RecordingObserver : public PlegObserver {
 public:
  void OnRelistInterval(absl::Duration interval) override { intervals.push_back(interval); }
  void OnRelistEnd(const RelistRecord& relist) override { relists.push_back(relist); }
  void OnPodRelistEnd(absl::Duration duration) override { pod_relists.push_back(duration); }
  void OnInspectionEnd(InspectionResult result, absl::Duration duration) override {
    ++inspections[result];
    inspection_durations.push_back(duration);
  }
  void OnEvent(EventType type) override { ++events[type]; }
  void OnEventsDiscarded(size_t count) override { events_discarded += count; }
  void OnRelistRequestDropped() override { ++relist_requests_dropped; }

  std::vector<absl::Duration> intervals;
  std::vector<RelistRecord> relists;
  std::vector<absl::Duration> pod_relists;
  std::map<InspectionResult, size_t> inspections;
  std::vector<absl::Duration> inspection_durations;
  std::map<EventType, size_t> events;
  size_t events_discarded = 0;
  size_t relist_requests_dropped = 0;
};

}  // namespace pleg::testing

#endif  // PLEGD_PLEG_TESTING_RECORDING_OBSERVER_H_
