#include "pleg/pod_cache.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "pleg/status_size.h"

namespace pleg {

PodCache::PodCache(Executor& executor, size_t max_bytes)
    : executor_(executor), max_bytes_(max_bytes) {}

PodCache::~PodCache() {
  *alive_ = false;
  for (const auto& [id, wait] : waiters_) executor_.Cancel(wait.timer);
}

CachedPod PodCache::Describe(const PodUid& uid, const Entry* entry) const {
  CachedPod pod;
  if (entry != nullptr) {
    pod.status = entry->status;
    pod.error = entry->error;
    pod.found = entry->set;
    pod.pending = entry->pending;
    pod.observed_at = std::max(entry->modified, entry->observed);
    if (entry->set && !entry->pending && global_.has_value()) {
      pod.observed_at = std::max(pod.observed_at, *global_);
    }
  } else if (global_.has_value()) {
    pod.observed_at = *global_;
  }
  if (pod.status == nullptr) {
    auto empty = std::make_shared<PodStatus>();
    empty->uid = uid;
    pod.status = std::move(empty);
  }
  return pod;
}

CachedPod PodCache::GetLocked(const PodUid& uid) const {
  auto it = entries_.find(uid);
  return Describe(uid, it == entries_.end() ? nullptr : &it->second);
}

CachedPod PodCache::Get(const PodUid& uid) const {
  MutexLock lock(mu_);
  return GetLocked(uid);
}

std::vector<CachedPod> PodCache::All() const {
  std::vector<CachedPod> pods;
  {
    MutexLock lock(mu_);
    pods.reserve(entries_.size());
    for (const auto& [uid, entry] : entries_) pods.push_back(Describe(uid, &entry));
  }
  std::sort(pods.begin(), pods.end(),
            [](const CachedPod& a, const CachedPod& b) { return a.status->uid < b.status->uid; });
  return pods;
}

bool PodCache::IsNewerLocked(const PodUid& uid, MonoTime min_time) const {
  auto it = entries_.find(uid);
  if (it == entries_.end()) return global_.has_value() && *global_ > min_time;
  const Entry& entry = it->second;
  if (entry.set && (entry.modified > min_time || entry.observed > min_time)) return true;
  return !entry.pending && global_.has_value() && *global_ > min_time;
}

PodCache::WaiterId PodCache::GetNewerThan(const PodUid& uid, MonoTime min_time, MonoTime deadline,
                                          Waiter done) {
  const WaiterId id = next_waiter_++;
  waiters_.emplace(id, PendingWait{uid, min_time, std::move(done), 0});
  waiters_by_pod_[uid].push_back(id);
  bool newer;
  {
    MutexLock lock(mu_);
    newer = IsNewerLocked(uid, min_time);
  }
  if (newer) {
    Finish(id, Get(uid));
    return id;
  }
  if (deadline != MonoTime::Max()) {
    waiters_.at(id).timer = executor_.PostAt(deadline, [this, alive = alive_, id, uid] {
      if (!*alive) return;
      Finish(id, absl::DeadlineExceededError(absl::StrCat("no newer status of pod \"", uid.value(),
                                                          "\" before the deadline")));
    });
  }
  return id;
}

void PodCache::CancelWaiter(WaiterId id) {
  auto it = waiters_.find(id);
  if (it == waiters_.end()) return;
  executor_.Cancel(it->second.timer);
  auto by_pod = waiters_by_pod_.find(it->second.uid);
  if (by_pod != waiters_by_pod_.end()) {
    std::erase(by_pod->second, id);
    if (by_pod->second.empty()) waiters_by_pod_.erase(by_pod);
  }
  waiters_.erase(it);
}

// The waiter leaves the pod's list now, so that it is answered once, but stays known until its
// callback runs, so that it can still be cancelled.
void PodCache::Finish(WaiterId id, absl::StatusOr<CachedPod> result) {
  auto it = waiters_.find(id);
  if (it == waiters_.end()) return;
  executor_.Cancel(std::exchange(it->second.timer, 0));
  auto by_pod = waiters_by_pod_.find(it->second.uid);
  if (by_pod != waiters_by_pod_.end()) {
    std::erase(by_pod->second, id);
    if (by_pod->second.empty()) waiters_by_pod_.erase(by_pod);
  }
  executor_.Post([this, alive = alive_, id, result = std::move(result)]() mutable {
    if (!*alive) return;
    auto waiter = waiters_.find(id);
    if (waiter == waiters_.end()) return;
    Waiter done = std::move(waiter->second.done);
    waiters_.erase(waiter);
    done(std::move(result));
  });
}

void PodCache::Notify(const PodUid& uid, MonoTime timestamp) {
  auto it = waiters_by_pod_.find(uid);
  if (it == waiters_by_pod_.end()) return;
  std::vector<WaiterId> ready;
  for (WaiterId id : it->second) {
    if (waiters_.at(id).min_time <= timestamp) ready.push_back(id);
  }
  if (ready.empty()) return;
  const CachedPod pod = Get(uid);
  for (WaiterId id : ready) Finish(id, pod);
}

void PodCache::Set(const PodUid& uid, std::shared_ptr<const PodStatus> status, absl::Status error,
                   MonoTime timestamp) {
  {
    MutexLock lock(mu_);
    Entry& entry = entries_[uid];
    if (status != nullptr) PutLocked(entry, std::move(status));
    entry.error = std::move(error);
    entry.set = true;
    entry.modified = timestamp;
    entry.observed = timestamp;
    ShrinkLocked();
  }
  Notify(uid, timestamp);
}

void PodCache::PutLocked(Entry& entry, std::shared_ptr<const PodStatus> status) {
  bytes_ -= entry.bytes;
  entry.bytes = VariableBytes(*status);
  entry.shrunk = false;
  bytes_ += entry.bytes;
  entry.status = std::move(status);
}

void PodCache::ShrinkLocked() {
  while (bytes_ > max_bytes_) {
    Entry* largest = nullptr;
    for (auto& [uid, entry] : entries_) {
      if (entry.shrunk || (largest != nullptr && entry.bytes <= largest->bytes)) continue;
      largest = &entry;
    }
    // One that cannot shrink does not keep the others from it.
    if (largest == nullptr) return;
    if (largest->bytes > 0) {
      PutLocked(*largest, Truncated(kTruncatedStatusBytes, *largest->status));
    }
    largest->shrunk = true;
  }
}

void PodCache::SetObservedTime(const PodUid& uid, MonoTime timestamp) {
  {
    MutexLock lock(mu_);
    auto it = entries_.find(uid);
    if (it != entries_.end()) {
      if (it->second.pending) return;
      it->second.observed = std::max(it->second.observed, timestamp);
    }
  }
  Notify(uid, timestamp);
}

void PodCache::Delete(const PodUid& uid) {
  MutexLock lock(mu_);
  const auto it = entries_.find(uid);
  if (it == entries_.end()) return;
  bytes_ -= it->second.bytes;
  entries_.erase(it);
}

void PodCache::SetName(const PodUid& uid, absl::string_view name, absl::string_view pod_namespace) {
  MutexLock lock(mu_);
  const auto it = entries_.find(uid);
  if (it == entries_.end() || it->second.status != nullptr) return;
  auto named = std::make_shared<PodStatus>();
  named->uid = uid;
  named->name = std::string(name);
  named->pod_namespace = std::string(pod_namespace);
  it->second.status = std::move(named);
}

void PodCache::SetPending(const PodUid& uid, bool pending) {
  std::optional<MonoTime> released;
  {
    MutexLock lock(mu_);
    auto it = entries_.find(uid);
    if (it == entries_.end()) {
      if (pending) entries_[uid].pending = true;
      return;
    }
    if (it->second.pending == pending) return;
    it->second.pending = pending;
    if (!pending && !it->second.set) entries_.erase(it);
    if (!pending) released = global_;
  }
  if (released.has_value()) Notify(uid, *released);
}

void PodCache::UpdateTime(MonoTime timestamp) {
  std::vector<PodUid> waiting;
  {
    MutexLock lock(mu_);
    if (global_.has_value() && timestamp <= *global_) return;
    global_ = timestamp;
    for (const auto& [uid, ids] : waiters_by_pod_) {
      auto it = entries_.find(uid);
      if (it == entries_.end() || !it->second.pending) waiting.push_back(uid);
    }
  }
  for (const PodUid& uid : waiting) Notify(uid, timestamp);
}

}  // namespace pleg
