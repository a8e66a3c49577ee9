#include "pleg/history/fan_out.h"

#include <utility>

namespace pleg {

PlegFanOut::PlegFanOut(std::vector<PlegObserver*> observers) : observers_(std::move(observers)) {}

void PlegFanOut::OnRelistInterval(absl::Duration interval) {
  for (PlegObserver* observer : observers_) observer->OnRelistInterval(interval);
}

void PlegFanOut::OnRelistEnd(const RelistRecord& relist) {
  for (PlegObserver* observer : observers_) observer->OnRelistEnd(relist);
}

void PlegFanOut::OnPodRelistEnd(absl::Duration duration) {
  for (PlegObserver* observer : observers_) observer->OnPodRelistEnd(duration);
}

void PlegFanOut::OnInspectionEnd(InspectionResult result, absl::Duration duration) {
  for (PlegObserver* observer : observers_) observer->OnInspectionEnd(result, duration);
}

void PlegFanOut::OnEvent(EventType type) {
  for (PlegObserver* observer : observers_) observer->OnEvent(type);
}

void PlegFanOut::OnEventsDiscarded(size_t count) {
  for (PlegObserver* observer : observers_) observer->OnEventsDiscarded(count);
}

void PlegFanOut::OnRelistRequestDropped() {
  for (PlegObserver* observer : observers_) observer->OnRelistRequestDropped();
}

CallFanOut::CallFanOut(std::vector<CallObserver*> observers) : observers_(std::move(observers)) {}

void CallFanOut::OnCallEnd(const CallRecord& call) {
  for (CallObserver* observer : observers_) observer->OnCallEnd(call);
}

void CallFanOut::OnInvalidItem(absl::string_view method, absl::string_view reason) {
  for (CallObserver* observer : observers_) observer->OnInvalidItem(method, reason);
}

}  // namespace pleg
