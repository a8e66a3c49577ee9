#include "pleg/event_hub.h"

#include <algorithm>
#include <utility>

namespace pleg {

std::shared_ptr<EventQueue> EventHub::Subscribe(size_t capacity,
                                                absl::AnyInvocable<void()> on_ready) {
  auto queue = std::make_shared<EventQueue>(capacity, std::move(on_ready));
  MutexLock lock(mu_);
  queues_.push_back(queue);
  return queue;
}

void EventHub::Unsubscribe(const std::shared_ptr<EventQueue>& queue) {
  MutexLock lock(mu_);
  queues_.erase(std::remove(queues_.begin(), queues_.end(), queue), queues_.end());
}

std::vector<size_t> EventHub::Pending() {
  std::vector<std::shared_ptr<EventQueue>> queues;
  {
    MutexLock lock(mu_);
    queues = queues_;
  }
  std::vector<size_t> pending;
  pending.reserve(queues.size());
  for (const auto& queue : queues) pending.push_back(queue->size());
  return pending;
}

size_t EventHub::Publish(Event event) {
  event.time = clock_.WallNow();
  std::vector<std::shared_ptr<EventQueue>> queues;
  {
    MutexLock lock(mu_);
    event.seq = ++last_seq_;
    queues = queues_;
  }
  size_t folded = 0;
  for (const auto& queue : queues) folded += queue->Push(event);
  return folded;
}

}  // namespace pleg
