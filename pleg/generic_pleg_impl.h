// The state of a GenericPleg. Private to generic_pleg.cc and its parts.

#ifndef PLEGD_PLEG_GENERIC_PLEG_IMPL_H_
#define PLEGD_PLEG_GENERIC_PLEG_IMPL_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "pleg/generic_pleg.h"
#include "pleg/inspector.h"
#include "pleg/mutex.h"
#include "pleg/pod_records.h"

namespace pleg {

// As GenericPleg. Shared so that a task that is posted or a call that is out finds out, by the run
// it belongs to, that it has been stopped.
class GenericPleg::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(PlegOptions options, PlegDeps deps);

  void Start();
  void Stop();
  void RelistNow();
  void OnRelistSent(std::function<void()> callback) { on_relist_sent_ = std::move(callback); }
  void RequestRelist(const PodUid& uid);
  void RequestReinspect(const PodUid& uid);
  std::vector<std::shared_ptr<const ContainerInfo>> RunningContainers() const {
    return records_.RunningContainers();
  }
  Verdict Healthy() const { return health_.Check(deps_.clock.Now()); }
  std::shared_ptr<const PlegSnapshot> Snapshot() const;
  std::shared_ptr<const PodsView> Pods() const;
  void PublishPods();

 private:
  // One relist from its start until the last inspection it caused has ended.
  struct Relist {
    RelistRecord record;
    MonoTime diffed_at;
    bool of_one_pod = false;
    size_t open = 1;  // the list stage, and its inspections
  };
  struct InspectionCause {
    PodUid uid;
    std::shared_ptr<Relist> relist;  // waits for it; null if none does
  };

  // Wraps `f` so that it runs only if this run still lasts.
  template <typename F>
  auto Guarded(F f);

  // The list stage: one at a time, a global one that is due before any request.
  void StartNextList();
  void ArmTimer();
  void StartGlobalRelist();
  void OnListing(const std::shared_ptr<Relist>& relist, absl::Time started_wall,
                 absl::StatusOr<Listing> listing);
  // `fits`: it found room among those that wait.
  void OnRequest(const PodUid& uid, bool fits);
  // When the latest request for the pod was made; it no longer waits.
  std::optional<MonoTime> TakeRequest(const PodUid& uid);
  // Whether a listing of the pod began at or after `at`.
  bool ListedSince(const PodUid& uid, MonoTime at);
  void StartPodRelist(const PodUid& uid);
  void OnPodListing(const std::shared_ptr<Relist>& relist, const PodUid& uid,
                    absl::StatusOr<Listing> listing);

  // The inspect stage.
  // The pods that need a look: changed by this listing, failed before and due again, or flagged.
  std::vector<PodRecord*> Candidates(const std::vector<PodRecord*>& changed, MonoTime now);
  // Brings what is reported of the pod to what is listed, at once or through an inspection.
  void Reconcile(PodRecord& record, const std::shared_ptr<Relist>& relist);
  // `relist` caused it and ends no sooner than the inspection; may be null.
  void ReconcileGone(PodRecord& record, std::vector<Event> events);
  void Inspect(PodRecord& record, const std::shared_ptr<Relist>& relist);
  void OnInspected(const PodUid& uid, uint64_t id, Inspector::Result result);
  void OnInspectionFailed(PodRecord& record, const Pod& target, const absl::Status& error);
  void OnSetAside(uint64_t id);
  absl::Duration NextBackoff(PodRecord& record);
  void AbandonInspection(PodRecord& record);
  // What a pod without news needs: nothing any more.
  void Settle(PodRecord& record);
  std::shared_ptr<const PodStatus> KeepIps(const PodUid& uid,
                                           std::shared_ptr<const PodStatus> status) const;
  void AddExitCode(Event& event, const PodStatus& status);
  void Publish(std::vector<Event> events, const PodStatus* status);
  static Event PodSyncEvent(const PodRecord& record);
  void Leave(const std::shared_ptr<Relist>& relist);
  void LeaveInspection(uint64_t id);
  void PublishSnapshot();

  const PlegOptions options_;
  const PlegDeps deps_;
  Health health_;

  // Core's thread only.
  uint64_t run_ = 0;  // 0 while stopped, else the number of this run
  uint64_t runs_ = 0;
  Executor::TimerId timer_ = 0;
  std::function<void()> on_relist_sent_;
  bool global_due_ = false;
  bool listing_ = false;
  std::deque<PodUid> requests_;
  absl::flat_hash_set<PodUid> reinspect_;
  absl::flat_hash_set<PodUid> unsettled_;  // reported and listed differ, or a look is still owed
  PodRecords records_;
  bool pods_changed_ = false;  // since PublishPods
  Inspector inspector_;
  absl::flat_hash_map<uint64_t, InspectionCause> causes_;  // of the inspections not yet ended

  mutable Mutex mu_;
  PlegSnapshot snapshot_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const PodsView> pods_ ABSL_GUARDED_BY(mu_) = std::make_shared<const PodsView>();
  // The pods of requests_ and of requests that are being posted, with the time of the latest.
  absl::flat_hash_map<PodUid, MonoTime> requested_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pleg

#endif  // PLEGD_PLEG_GENERIC_PLEG_IMPL_H_
