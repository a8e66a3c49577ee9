// The pod cache (pkg/kubelet/container/cache.go): the last inspected status of every pod, and
// waiting for one that is newer than a moment.
//
//   auto id = cache.GetNewerThan(uid, last_sync, deadline, [](auto result) { … });
//
// Beyond the kubelet's: an error keeps the last good status beside it; a pod that the runtime lists
// but that is not inspected yet is *pending* and never answered with a default status; waiting
// takes a deadline and can be cancelled; the global time never goes back; memory is bounded: where
// statuses take more in all, those of the pods that take most are truncated (status_size.h).

#ifndef PLEGD_PLEG_POD_CACHE_H_
#define PLEGD_PLEG_POD_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pleg/executor.h"
#include "pleg/ids.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"
#include "pleg/pod_status.h"

namespace pleg {

// What the cache says of one pod.
struct CachedPod {
  // Never null. Without a successful inspection it carries only the UID and, once listed, the
  // names.
  std::shared_ptr<const PodStatus> status;
  // Of the last inspection; `status` is then the last good one.
  absl::Status error;
  bool found = false;    // there is an entry (a status or an error)
  bool pending = false;  // listed, with a change that has not been inspected yet
  MonoTime observed_at;  // `status` (or `error`) was true at least until then
};

// Get and All are thread-safe; every other method is confined to the core's thread, where callbacks
// run.
class PodCache {
 public:
  // The pod, or kDeadlineExceeded ("no status of pod <uid> newer than …"). Not run when cancelled.
  using Waiter = absl::AnyInvocable<void(absl::StatusOr<CachedPod>)>;
  using WaiterId = uint64_t;

  // `executor` outlives the cache. `max_bytes` are for VariableBytes of all statuses together.
  explicit PodCache(Executor& executor, size_t max_bytes = std::numeric_limits<size_t>::max());
  ~PodCache();
  PodCache(const PodCache&) = delete;
  PodCache& operator=(const PodCache&) = delete;

  // Never waits. A miss is a default status with only the UID and no error.
  CachedPod Get(const PodUid& uid) const;
  // Every entry and every pending pod, by UID.
  std::vector<CachedPod> All() const;

  // Answers through `done`, posted: at once if what is known is strictly newer than `min_time`,
  // else when a Set, SetObservedTime or UpdateTime brings a time >= `min_time`, as the kubelet's. A
  // pod that is neither cached nor listed is answered with a default status once the global time is
  // newer.
  WaiterId GetNewerThan(const PodUid& uid, MonoTime min_time, MonoTime deadline, Waiter done);
  // After return `done` will not run. Unknown ids are ignored.
  void CancelWaiter(WaiterId id);

  // The result of an inspection that belongs to a listing begun at `timestamp`. Without `status`
  // (an error) the last good one stays. Overwrites also what is newer. Wakes waiters.
  void Set(const PodUid& uid, std::shared_ptr<const PodStatus> status, absl::Status error,
           MonoTime timestamp);
  // The pod was looked at at `timestamp` and the entry still holds. Wakes waiters also without an
  // entry, but not those of a pending pod.
  void SetObservedTime(const PodUid& uid, MonoTime timestamp);
  // The pod is gone. Waiters stay until the next UpdateTime.
  void Delete(const PodUid& uid);
  // While a pod is pending the global time says nothing of it.
  void SetPending(const PodUid& uid, bool pending);
  // What the listing calls a pod that has an entry and no status yet; else ignored.
  void SetName(const PodUid& uid, absl::string_view name, absl::string_view pod_namespace);
  // All that is not pending was looked at at `timestamp`. Wakes waiters. Earlier times are ignored.
  void UpdateTime(MonoTime timestamp);

  size_t waiters() const { return waiters_.size(); }

 private:
  struct Entry {
    std::shared_ptr<const PodStatus> status;
    size_t bytes = 0;     // VariableBytes of `status`
    bool shrunk = false;  // as far as it may be
    absl::Status error;
    bool set = false;
    bool pending = false;
    MonoTime modified;
    MonoTime observed;
  };
  struct PendingWait {
    PodUid uid;
    MonoTime min_time;
    Waiter done;
    Executor::TimerId timer = 0;
  };

  CachedPod Describe(const PodUid& uid, const Entry* entry) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  CachedPod GetLocked(const PodUid& uid) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  bool IsNewerLocked(const PodUid& uid, MonoTime min_time) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  void PutLocked(Entry& entry, std::shared_ptr<const PodStatus> status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Truncates the largest until all are within the bound.
  void ShrinkLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Releases the waiters of `uid` that `timestamp` satisfies, oldest first.
  void Notify(const PodUid& uid, MonoTime timestamp);
  void Finish(WaiterId id, absl::StatusOr<CachedPod> result);

  Executor& executor_;
  const size_t max_bytes_;
  mutable Mutex mu_;
  absl::flat_hash_map<PodUid, Entry> entries_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;  // of all entries
  std::optional<MonoTime> global_ ABSL_GUARDED_BY(mu_);

  // Core's thread only.
  WaiterId next_waiter_ = 1;
  absl::flat_hash_map<WaiterId, PendingWait> waiters_;
  absl::flat_hash_map<PodUid, std::vector<WaiterId>> waiters_by_pod_;  // oldest first
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace pleg

#endif  // PLEGD_PLEG_POD_CACHE_H_
