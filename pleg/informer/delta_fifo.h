// client-go's DeltaFIFO: a queue of keys, each once, with all that has happened to its object since
// it was popped last. The rules are those of client-go 1.36 (tools/cache/delta_fifo.go), recorded
// in test/golden/fifo and compared step by step; what 1.33 removed is kept as a named extension.
//
//   DeltaFifo<Pod, PodUid> queue({.key = [](const Pod& pod) { return pod.uid; },
//                                 .known_objects = &store});
//   queue.Replace(pods);  queue.Update(pod);  …
//   queue.Pop([&](const PodUid& uid, const Deltas<Pod>& deltas, bool is_in_initial_list) { … });
//
// One deviation, for the sake of producers that must never wait for a consumer: `process` runs
// without the queue's lock, so the initial list counts down only when `process` has returned, as
// client-go's RealFIFO does. The key in hand counts as known, in the state it was popped with, so
// that a deletion or a list that arrives meanwhile is not judged by a store that is behind.

#ifndef PLEGD_PLEG_INFORMER_DELTA_FIFO_H_
#define PLEGD_PLEG_INFORMER_DELTA_FIFO_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/informer/delta.h"
#include "pleg/informer/known_objects.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace pleg {

// What Pop returns once the queue is closed and empty (client-go: ErrFIFOClosed).
absl::Status FifoClosedError();
bool IsFifoClosed(const absl::Status& status);

// What `process` made of what was popped.
struct ProcessResult {
  // NOLINTNEXTLINE(google-explicit-constructor): `return absl::OkStatus();` is how most end.
  ProcessResult(absl::Status result) : status(std::move(result)) {}

  // client-go up to 1.32 (ErrRequeue): puts what was popped back, at the end of the queue; before
  // what has been queued of the same key meanwhile, if anything has. `status` may be OK.
  static ProcessResult Requeue(absl::Status status) {
    ProcessResult result(std::move(status));
    result.requeue = true;
    return result;
  }

  absl::Status status;
  bool requeue = false;
};

// Thread-safe. Any number of threads may produce, and wait in Pop; one at a time processes.
template <typename T, typename Key = std::string>
class DeltaFifo {
 public:
  using Object = std::shared_ptr<const T>;
  using Process = absl::FunctionRef<ProcessResult(const Key& key, const Deltas<T>& deltas,
                                                  bool is_in_initial_list)>;

  struct Options {
    // Pure. An error refuses the object.
    absl::AnyInvocable<absl::StatusOr<Key>(const T&) const> key;
    // Null: the consumer keeps nothing; Resync then does nothing, and Replace finds only deletions
    // of what is queued. Outlives the queue.
    const KnownObjects<T, Key>* known_objects = nullptr;
    // What Replace queues: Replaced, or Sync as before client-go 1.17.
    bool emit_delta_type_replaced = true;
    // Runs on every object that is not a tombstone, once, before it is queued; the key is taken
    // before. An error is returned to the producer, and nothing of that object is queued. May be
    // null. Called with the lock held: must not call the queue.
    absl::AnyInvocable<absl::StatusOr<Object>(Object) const> transform;
    // Runs on the producer's thread, without the lock, each time the queue turns non-empty; as
    // thread-safe as there are producers. May be null.
    absl::AnyInvocable<void() const> on_ready;
    // Reports a `process` that took more than 100 ms while more than 10 keys waited, after it has
    // returned, on the popper's thread. May be null; needs `clock`.
    absl::AnyInvocable<void(const Key& key, absl::Duration took, size_t waiting)> on_slow;
    const Clock* clock = nullptr;  // outlives the queue
  };

  explicit DeltaFifo(Options options) : options_(std::move(options)) {}
  DeltaFifo(const DeltaFifo&) = delete;
  DeltaFifo& operator=(const DeltaFifo&) = delete;

  // Producers. They never block for longer than another one takes, are not refused after Close, and
  // fail only if the key or the transform does. `object` is not null.
  absl::Status Add(Object object) { return Upsert(DeltaType::kAdded, std::move(object)); }
  absl::Status Update(Object object) { return Upsert(DeltaType::kUpdated, std::move(object)); }
  // Queues nothing if the key is neither queued nor known; even then the queue has its first
  // operation, so that it has synced.
  absl::Status Delete(Object object) {
    absl::StatusOr<Key> key = KeyOf(*object);
    if (!key.ok()) return key.status();
    return DeleteKey(*key, {DeltaType::kDeleted, std::move(object), false});
  }
  // The same of a deletion that nobody saw; `last_known` may be null.
  absl::Status DeleteFinalStateUnknown(const Key& key, Object last_known) {
    return DeleteKey(key, {DeltaType::kDeleted, std::move(last_known), true});
  }
  // The state of everything: each object is queued as Replaced (or Sync), in the order of the list,
  // then a tombstone for every key that was queued or known and is not listed. The first Replace,
  // unless something came before, is the initial list. An object without a key ends it there: what
  // came before stays queued, and no deletion is found.
  absl::Status Replace(const std::vector<Object>& list);
  // Queues Sync for every known object of which nothing is queued.
  void Resync();

  // Wakes everybody who waits in Pop. What is queued can still be popped, and more be queued.
  // Idempotent.
  void Close();
  bool IsClosed() const;

  // Whether the initial list has been processed; true for good from the first Add, Update or Delete
  // on if one came before it, and at once if it was empty with nothing to delete.
  bool HasSynced() const;

  // Waits for a key, calls `process` with what has happened to it, oldest first, and returns what
  // that says. The key has left the queue then, even after an error or an exception, which passes
  // through. `is_in_initial_list`: the queue had not synced before. FifoClosedError() once the
  // queue is closed and empty. `process` must not pop; it may produce.
  absl::Status Pop(Process process);
  // The same without waiting: nothing if no key is queued, or another thread is processing.
  std::optional<absl::Status> TryPop(Process process);

  // Keys queued.
  size_t size() const;

  // Extension, as client-go up to 1.32 had it. -------------------------------------------------

  // Puts back what was popped, at the end, unless something of the key is queued: that is newer.
  void AddIfNotPresent(const Key& key, Deltas<T> deltas);
  // Of every queued key, in the order of the queue, the newest delta, which may be a deletion.
  std::vector<std::pair<Key, Delta<T>>> List() const;
  // In the order of the queue.
  std::vector<Key> ListKeys() const;
  // All that is queued of a key, oldest first; empty if nothing is.
  Deltas<T> GetByKey(const Key& key) const;
  // INVALID_ARGUMENT if the object has no key.
  absl::StatusOr<Deltas<T>> Get(const T& object) const {
    absl::StatusOr<Key> key = KeyOf(object);
    if (!key.ok()) return key.status();
    return GetByKey(*key);
  }

 private:
  // The key whose deltas are with `process`, and the newest of them.
  struct InHand {
    Key key;
    Delta<T> newest;
  };

  absl::StatusOr<Key> KeyOf(const T& object) const {
    absl::StatusOr<Key> key = options_.key(object);
    if (key.ok()) return key;
    return absl::InvalidArgumentError(
        absl::StrCat("couldn't create key for object: ", key.status().message()));
  }

  absl::Status Upsert(DeltaType type, Object object);
  absl::Status DeleteKey(const Key& key, Delta<T> delta);
  absl::Status ReplaceLocked(const std::vector<Object>& list) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Queues a tombstone for what is gone without having been seen to go; returns how many.
  size_t QueueTombstones(const absl::flat_hash_set<Key>& listed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void QueueTombstone(const Key& key, Object last_known) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Queue(key, {DeltaType::kDeleted, std::move(last_known), true});
  }
  // Whether the consumer has the key, or will when what is in hand is processed.
  bool IsKnown(const Key& key) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsInHand(const Key& key) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return in_hand_.has_value() && in_hand_->key == key;
  }
  // In place, if the transform wants it so.
  absl::Status Transform(Delta<T>& delta) const {
    if (options_.transform == nullptr || delta.final_state_unknown) return absl::OkStatus();
    absl::StatusOr<Object> transformed = options_.transform(std::move(delta.object));
    if (!transformed.ok()) return transformed.status();
    delta.object = *std::move(transformed);
    return absl::OkStatus();
  }
  void Queue(const Key& key, Delta<T> delta) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The first operation decides how many pops the initial list takes.
  void Populate(size_t initial) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (!std::exchange(populated_, true)) initial_ = initial;
    if (initial_ == 0) synced_ = true;
  }
  // After an operation, with the lock released: reports whether it made the queue non-empty.
  void Announce(bool was_empty, bool is_empty) {
    if (!was_empty || is_empty) return;
    if (options_.on_ready != nullptr) options_.on_ready();
    wake_.notify_one();
  }
  bool CanPop() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !order_.empty() && !in_hand_.has_value();
  }
  absl::Status ProcessFirst(Process process) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Of the initial list, if it `counts`.
  void EndProcess(bool counts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReportSlow(const Key& key, MonoTime began, size_t waiting);
  void PutBack(const Key& key, Deltas<T> deltas) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Options options_;
  mutable Mutex mu_;
  std::condition_variable_any wake_;
  std::deque<Key> order_ ABSL_GUARDED_BY(mu_);  // the keys of items_
  absl::flat_hash_map<Key, Deltas<T>> items_ ABSL_GUARDED_BY(mu_);
  std::optional<InHand> in_hand_ ABSL_GUARDED_BY(mu_);
  bool populated_ ABSL_GUARDED_BY(mu_) = false;
  size_t initial_ ABSL_GUARDED_BY(mu_) = 0;  // pops until the initial list has been processed
  bool synced_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace pleg

#include "pleg/informer/delta_fifo_inl.h"

#endif  // PLEGD_PLEG_INFORMER_DELTA_FIFO_H_
