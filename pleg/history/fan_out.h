// Observers of which everybody has only one, made many.
//
//   PlegFanOut observer({&metrics, &ring});   CallFanOut calls({&metrics, &history});

#ifndef PLEGD_PLEG_HISTORY_FAN_OUT_H_
#define PLEGD_PLEG_HISTORY_FAN_OUT_H_

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/call_stats.h"
#include "pleg/observer.h"

namespace pleg {

// Tells each of several, in order. Confined as PlegObserver.
class PlegFanOut : public PlegObserver {
 public:
  // None is null; all outlive this.
  explicit PlegFanOut(std::vector<PlegObserver*> observers);

  void OnRelistInterval(absl::Duration interval) override;
  void OnRelistEnd(const RelistRecord& relist) override;
  void OnPodRelistEnd(absl::Duration duration) override;
  void OnInspectionEnd(InspectionResult result, absl::Duration duration) override;
  void OnEvent(EventType type) override;
  void OnEventsDiscarded(size_t count) override;
  void OnRelistRequestDropped() override;

 private:
  const std::vector<PlegObserver*> observers_;
};

// Tells each of several, in order. Thread-safe if they are.
class CallFanOut : public CallObserver {
 public:
  // None is null; all outlive this.
  explicit CallFanOut(std::vector<CallObserver*> observers);

  void OnCallEnd(const CallRecord& call) override;
  void OnInvalidItem(absl::string_view method, absl::string_view reason) override;

 private:
  const std::vector<CallObserver*> observers_;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_HISTORY_FAN_OUT_H_
