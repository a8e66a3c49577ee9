#include "pleg/event_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pleg {

EventQueue::EventQueue(size_t capacity, absl::AnyInvocable<void()> on_ready)
    : capacity_(std::max<size_t>(capacity, 1)),
      on_ready_(std::move(on_ready)),
      forget_above_(kForgetFactor * capacity_) {}

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

size_t EventQueue::Forget() {
  size_t kept = 0;
  for (auto& [uid, events] : pods_) {
    Fold(events);  // from here on a removal is its container's last event
    auto told = told_.find(uid);
    absl::flat_hash_set<ContainerId> forgotten;
    for (const Event& event : events) {
      const bool known = told != told_.end() && told->second.contains(event.id);
      if (event.type == EventType::kContainerRemoved && !known) forgotten.insert(event.id);
    }
    std::erase_if(events, [&forgotten](const Event& event) {
      return event.type == EventType::kPodSync || forgotten.contains(event.id);
    });
    kept += events.size();
  }
  absl::erase_if(pods_, [](const auto& pod) { return pod.second.empty(); });
  std::erase_if(order_, [this](const PodUid& uid)
                            ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !pods_.contains(uid); });
  forget_above_ = std::max(kForgetFactor * capacity_, 2 * kept);
  return size_ - kept;
}

void EventQueue::NoteTold(const Event& event) {
  if (event.type == EventType::kPodSync) return;
  if (event.type != EventType::kContainerRemoved) {
    told_[event.pod_uid].insert(event.id);
    return;
  }
  auto pod = told_.find(event.pod_uid);
  if (pod == told_.end()) return;
  pod->second.erase(event.id);
  if (pod->second.empty()) told_.erase(pod);
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
    if (size_ > forget_above_) {
      gone = Forget();
    } else if (size_ > capacity_) {
      gone = Fold(events);
    }
    size_ -= gone;
    folded_ += gone;
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
    for (const Event& event : pod->second) NoteTold(event);
    std::move(pod->second.begin(), pod->second.end(), std::back_inserter(batch.events));
    pods_.erase(pod);
    order_.pop_front();
  }
  batch.folded = folded_ - std::exchange(folded_told_, folded_);
  std::sort(batch.events.begin(), batch.events.end(),
            [](const Event& a, const Event& b) { return a.seq < b.seq; });
  return batch;
}

size_t EventQueue::size() const {
  MutexLock lock(mu_);
  return size_;
}

uint64_t EventQueue::folded() const {
  MutexLock lock(mu_);
  return folded_;
}

}  // namespace pleg
