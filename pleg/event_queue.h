// One subscriber's events: a FIFO of pods, each with its pending events in order, bounded by
// folding instead of loss.
//
// The kubelet's channel of 1000 drops what does not fit, for good. This queue, when over its
// capacity, folds the pending events of a pod: what remains is, per container or sandbox, its last
// ContainerDied (with the exit code) and its last event, so that a slow consumer always arrives at
// the true state. Far over its capacity it also forgets what has come and gone since the consumer
// looked: containers that it never heard of and that are removed again, and PodSync. Memory is thus
// bounded by what exists and what the consumer was told of. Every event folded away is counted and
// the consumer is told.

#ifndef PLEGD_PLEG_EVENT_QUEUE_H_
#define PLEGD_PLEG_EVENT_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "pleg/event.h"
#include "pleg/ids.h"
#include "pleg/mutex.h"

namespace pleg {

// Thread-safe: one side pushes, another takes.
class EventQueue {
 public:
  struct Batch {
    std::vector<Event> events;  // by seq, so in order within each pod
    uint64_t folded = 0;        // events folded away since the last Take
  };

  // `capacity`: events held before folding begins; at least 1. `on_ready` runs on the pusher's
  // thread each time the queue turns non-empty; it must not block and must not call the queue. May
  // be null.
  explicit EventQueue(size_t capacity, absl::AnyInvocable<void()> on_ready = nullptr);

  // The backlog, in capacities, at which what came and went is forgotten.
  static constexpr size_t kForgetFactor = 4;

  // Returns how many events were folded away to make room.
  size_t Push(const Event& event);

  // Everything pending; with `max`, whole pods by their oldest pending event until that many are
  // taken.
  Batch Take(size_t max = SIZE_MAX);

  size_t size() const;
  // Events folded away since the queue was made.
  uint64_t folded() const;

 private:
  // Folds `events` of one pod; returns how many are gone.
  static size_t Fold(std::vector<Event>& events);
  // Folds every pod and forgets what came and went; returns how many events are gone.
  size_t Forget() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Notes that the consumer knows what the event tells of.
  void NoteTold(const Event& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const size_t capacity_;
  absl::AnyInvocable<void()> on_ready_;
  mutable Mutex mu_;
  std::deque<PodUid> order_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<PodUid, std::vector<Event>> pods_ ABSL_GUARDED_BY(mu_);
  size_t size_ ABSL_GUARDED_BY(mu_) = 0;
  size_t forget_above_ ABSL_GUARDED_BY(mu_);
  // What was taken and not taken as removed.
  absl::flat_hash_map<PodUid, absl::flat_hash_set<ContainerId>> told_ ABSL_GUARDED_BY(mu_);
  uint64_t folded_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t folded_told_ ABSL_GUARDED_BY(mu_) = 0;  // of these, in batches
};

}  // namespace pleg

#endif  // PLEGD_PLEG_EVENT_QUEUE_H_
