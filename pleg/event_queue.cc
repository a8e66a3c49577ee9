#include "pleg/event_queue.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"

namespace pleg {

EventQueue::EventQueue(size_t capacity, absl::AnyInvocable<void()> on_ready)
    : capacity_(std::max<size_t>(capacity, 1)), on_ready_(std::move(on_ready)) {}

size_t EventQueue::Fold(std::vector<Event>& events) {
  absl::flat_hash_set<ContainerId> ended;
  absl::flat_hash_set<ContainerId> died;
  std::vector<Event> kept;
  for (auto it = events.rbegin(); it != events.rend(); ++it) {
    const bool is_last = ended.insert(it->id).second;
    const bool is_last_death = it->type == EventType::kContainerDied && died.insert(it->id).second;
    if (is_last || is_last_death) kept.push_back(std::move(*it));
  }
  const size_t gone = events.size() - kept.size();
  std::reverse(kept.begin(), kept.end());
  events = std::move(kept);
  return gone;
}

size_t EventQueue::Push(const Event& event) {
  bool was_empty = false;
  size_t gone = 0;
  {
    MutexLock lock(mu_);
    was_empty = size_ == 0;
    std::vector<Event>& events = pods_[event.pod_uid];
    if (events.empty()) order_.push_back(event.pod_uid);
    events.push_back(event);
    ++size_;
    if (size_ > capacity_) {
      gone = Fold(events);
      size_ -= gone;
      folded_ += gone;
    }
  }
  if (was_empty && on_ready_) on_ready_();
  return gone;
}

EventQueue::Batch EventQueue::Take(size_t max) {
  Batch batch;
  MutexLock lock(mu_);
  while (!order_.empty() && batch.events.size() < max) {
    auto pod = pods_.find(order_.front());
    size_ -= pod->second.size();
    std::move(pod->second.begin(), pod->second.end(), std::back_inserter(batch.events));
    pods_.erase(pod);
    order_.pop_front();
  }
  batch.folded = std::exchange(folded_, 0);
  std::sort(batch.events.begin(), batch.events.end(),
            [](const Event& a, const Event& b) { return a.seq < b.seq; });
  return batch;
}

size_t EventQueue::size() const {
  MutexLock lock(mu_);
  return size_;
}

}  // namespace pleg
