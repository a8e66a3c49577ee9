// Numbers events and hands each to every subscriber.
//
//   std::shared_ptr<EventQueue> queue = hub.Subscribe(1000);  …  hub.Publish(event);

#ifndef PLEGD_PLEG_EVENT_HUB_H_
#define PLEGD_PLEG_EVENT_HUB_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "pleg/event.h"
#include "pleg/event_queue.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace pleg {

// Publish is confined to the core's thread; Subscribe and Unsubscribe are thread-safe.
class EventHub {
 public:
  explicit EventHub(const Clock& clock) : clock_(clock) {}

  // From now on the queue receives every event. Capacity and on_ready as EventQueue's.
  std::shared_ptr<EventQueue> Subscribe(size_t capacity,
                                        absl::AnyInvocable<void()> on_ready = nullptr);
  void Unsubscribe(const std::shared_ptr<EventQueue>& queue);

  // Events that wait in each subscriber's queue. Thread-safe.
  std::vector<size_t> Pending();

  // Sets seq and time of `event` and pushes it. Returns how many events subscribers' queues folded
  // away for it.
  size_t Publish(Event event);

 private:
  const Clock& clock_;
  Mutex mu_;
  uint64_t last_seq_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::shared_ptr<EventQueue>> queues_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pleg

#endif  // PLEGD_PLEG_EVENT_HUB_H_
