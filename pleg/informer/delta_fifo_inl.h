// The bodies of DeltaFifo: included by delta_fifo.h alone.

#ifndef PLEGD_PLEG_INFORMER_DELTA_FIFO_INL_H_
#define PLEGD_PLEG_INFORMER_DELTA_FIFO_INL_H_

#include "pleg/informer/delta_fifo.h"

namespace pleg {

// client-go's limits for its trace of a slow consumer.
inline constexpr absl::Duration kSlowProcess = absl::Milliseconds(100);
inline constexpr size_t kSlowProcessDepth = 10;

template <typename T, typename Key>
absl::Status DeltaFifo<T, Key>::Upsert(DeltaType type, Object object) {
  bool was_empty = false;
  {
    MutexLock lock(mu_);
    Populate(0);  // upstream counts even an operation that fails
    const absl::StatusOr<Key> key = KeyOf(*object);
    if (!key.ok()) return key.status();
    Delta<T> delta{type, std::move(object), false};
    if (absl::Status status = Transform(delta); !status.ok()) return status;
    was_empty = order_.empty();
    Queue(*key, std::move(delta));
  }
  Announce(was_empty, false);
  return absl::OkStatus();
}

template <typename T, typename Key>
absl::Status DeltaFifo<T, Key>::DeleteKey(const Key& key, Delta<T> delta) {
  bool was_empty = false;
  {
    MutexLock lock(mu_);
    Populate(0);
    if (!items_.contains(key) && !IsKnown(key)) return absl::OkStatus();
    if (absl::Status status = Transform(delta); !status.ok()) return status;
    was_empty = order_.empty();
    Queue(key, std::move(delta));
  }
  Announce(was_empty, false);
  return absl::OkStatus();
}

template <typename T, typename Key>
bool DeltaFifo<T, Key>::IsKnown(const Key& key) const {
  if (IsInHand(key)) return in_hand_->newest.type != DeltaType::kDeleted;
  if (options_.known_objects == nullptr) return false;
  // What cannot be looked up may be there.
  return !absl::IsNotFound(options_.known_objects->GetByKey(key).status());
}

template <typename T, typename Key>
absl::Status DeltaFifo<T, Key>::Replace(const std::vector<Object>& list) {
  absl::Status status;
  bool was_empty = false;
  bool is_empty = false;
  {
    MutexLock lock(mu_);
    was_empty = order_.empty();
    status = ReplaceLocked(list);
    is_empty = order_.empty();
  }
  Announce(was_empty, is_empty);
  return status;
}

template <typename T, typename Key>
absl::Status DeltaFifo<T, Key>::ReplaceLocked(const std::vector<Object>& list) {
  const DeltaType type =
      options_.emit_delta_type_replaced ? DeltaType::kReplaced : DeltaType::kSync;
  absl::flat_hash_set<Key> listed;
  listed.reserve(list.size());
  for (const Object& object : list) {
    const absl::StatusOr<Key> key = KeyOf(*object);
    if (!key.ok()) return key.status();
    listed.insert(*key);
    Delta<T> delta{type, object, false};
    if (absl::Status status = Transform(delta); !status.ok()) return status;
    Queue(*key, std::move(delta));
  }
  const size_t gone = QueueTombstones(listed);
  Populate(listed.size() + gone);
  return absl::OkStatus();
}

template <typename T, typename Key>
size_t DeltaFifo<T, Key>::QueueTombstones(const absl::flat_hash_set<Key>& listed) {
  size_t gone = 0;
  const size_t queued = order_.size();
  for (size_t i = 0; i < queued; ++i) {
    const Key& key = order_[i];
    if (listed.contains(key)) continue;
    QueueTombstone(key, items_.at(key).back().object);
    ++gone;
  }
  if (in_hand_.has_value() && !listed.contains(in_hand_->key) && !items_.contains(in_hand_->key) &&
      in_hand_->newest.type != DeltaType::kDeleted) {
    QueueTombstone(in_hand_->key, in_hand_->newest.object);
    ++gone;
  }
  if (options_.known_objects == nullptr) return gone;
  for (const Key& key : options_.known_objects->ListKeys()) {
    // What is in hand is either queued by now or about to be deleted.
    if (listed.contains(key) || items_.contains(key) || IsInHand(key)) continue;
    absl::StatusOr<Object> known = options_.known_objects->GetByKey(key);
    QueueTombstone(key, known.ok() ? *std::move(known) : nullptr);
    ++gone;
  }
  return gone;
}

template <typename T, typename Key>
void DeltaFifo<T, Key>::Resync() {
  if (options_.known_objects == nullptr) return;
  bool was_empty = false;
  bool is_empty = false;
  {
    MutexLock lock(mu_);
    was_empty = order_.empty();
    for (const Key& key : options_.known_objects->ListKeys()) {
      // Something newer is queued, or about to be stored.
      if (items_.contains(key) || IsInHand(key)) continue;
      absl::StatusOr<Object> known = options_.known_objects->GetByKey(key);
      if (known.ok()) Queue(key, {DeltaType::kSync, *std::move(known), false});
    }
    is_empty = order_.empty();
  }
  Announce(was_empty, is_empty);
}

template <typename T, typename Key>
void DeltaFifo<T, Key>::Queue(const Key& key, Delta<T> delta) {
  const auto [item, is_new] = items_.try_emplace(key);
  if (is_new) order_.push_back(key);
  AppendDelta(item->second, std::move(delta));
}

template <typename T, typename Key>
void DeltaFifo<T, Key>::Close() {
  MutexLock lock(mu_);
  closed_ = true;
  wake_.notify_all();
}

template <typename T, typename Key>
bool DeltaFifo<T, Key>::IsClosed() const {
  MutexLock lock(mu_);
  return closed_;
}

template <typename T, typename Key>
bool DeltaFifo<T, Key>::HasSynced() const {
  MutexLock lock(mu_);
  return synced_;
}

template <typename T, typename Key>
absl::Status DeltaFifo<T, Key>::Pop(Process process) {
  MutexLock lock(mu_);
  while (!CanPop()) {
    if (closed_ && order_.empty()) return FifoClosedError();
    wake_.wait(mu_);
  }
  return ProcessFirst(process);
}

template <typename T, typename Key>
std::optional<absl::Status> DeltaFifo<T, Key>::TryPop(Process process) {
  MutexLock lock(mu_);
  if (CanPop()) return ProcessFirst(process);
  if (closed_ && order_.empty()) return FifoClosedError();
  return std::nullopt;
}

template <typename T, typename Key>
absl::Status DeltaFifo<T, Key>::ProcessFirst(Process process) {
  const Key key = std::move(order_.front());
  order_.pop_front();
  auto item = items_.extract(key);
  Deltas<T>& deltas = item.mapped();
  const bool initial = !synced_;
  // Not if the initial list arrives meanwhile: this key is none of its.
  const bool counts = initial_ > 0;
  const size_t waiting = order_.size();
  in_hand_.emplace(InHand{key, deltas.back()});
  const MonoTime began = options_.clock == nullptr ? MonoTime() : options_.clock->Now();
  mu_.Unlock();
  std::optional<ProcessResult> result;
  try {
    result.emplace(process(key, deltas, initial));
    ReportSlow(key, began, waiting);
  } catch (...) {  // the embedder's own: it costs this item, not the queue
    mu_.Lock();
    EndProcess(counts);
    throw;
  }
  mu_.Lock();
  EndProcess(counts);
  if (result->requeue) PutBack(key, std::move(deltas));
  return std::move(result->status);
}

template <typename T, typename Key>
void DeltaFifo<T, Key>::EndProcess(bool counts) {
  in_hand_.reset();
  if (counts && --initial_ == 0) synced_ = true;
  // Others may wait for the key in hand to be done with.
  wake_.notify_all();
}

template <typename T, typename Key>
void DeltaFifo<T, Key>::ReportSlow(const Key& key, MonoTime began, size_t waiting) {
  if (options_.on_slow == nullptr || options_.clock == nullptr || waiting <= kSlowProcessDepth) {
    return;
  }
  const absl::Duration took = options_.clock->Now() - began;
  if (took > kSlowProcess) options_.on_slow(key, took, waiting);
}

template <typename T, typename Key>
void DeltaFifo<T, Key>::PutBack(const Key& key, Deltas<T> deltas) {
  Populate(0);
  const auto [item, is_new] = items_.try_emplace(key);
  if (is_new) order_.push_back(key);
  for (Delta<T>& newer : item->second) AppendDelta(deltas, std::move(newer));
  item->second = std::move(deltas);
}

template <typename T, typename Key>
void DeltaFifo<T, Key>::AddIfNotPresent(const Key& key, Deltas<T> deltas) {
  bool was_empty = false;
  {
    MutexLock lock(mu_);
    was_empty = order_.empty();
    Populate(0);
    if (items_.contains(key) || deltas.empty()) return;
    PutBack(key, std::move(deltas));
  }
  Announce(was_empty, false);
}

template <typename T, typename Key>
size_t DeltaFifo<T, Key>::size() const {
  MutexLock lock(mu_);
  return order_.size();
}

template <typename T, typename Key>
std::vector<std::pair<Key, Delta<T>>> DeltaFifo<T, Key>::List() const {
  MutexLock lock(mu_);
  std::vector<std::pair<Key, Delta<T>>> newest;
  newest.reserve(order_.size());
  for (const Key& key : order_) newest.emplace_back(key, items_.at(key).back());
  return newest;
}

template <typename T, typename Key>
std::vector<Key> DeltaFifo<T, Key>::ListKeys() const {
  MutexLock lock(mu_);
  return {order_.begin(), order_.end()};
}

template <typename T, typename Key>
Deltas<T> DeltaFifo<T, Key>::GetByKey(const Key& key) const {
  MutexLock lock(mu_);
  const auto item = items_.find(key);
  return item == items_.end() ? Deltas<T>() : item->second;
}

}  // namespace pleg

#endif  // PLEGD_PLEG_INFORMER_DELTA_FIFO_INL_H_
