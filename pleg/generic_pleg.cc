#include "pleg/generic_pleg.h"

#include <algorithm>
#include <utility>

#include "pleg/generic_pleg_impl.h"

namespace pleg {
namespace {

// Whether the listing has an object of the pod: a runtime may filter otherwise than asked.
bool Lists(const Listing& listing, const PodUid& uid) {
  auto of_pod = [&uid](const auto& item) { return item.info->pod_uid == uid; };
  return std::any_of(listing.sandboxes.begin(), listing.sandboxes.end(), of_pod) ||
         std::any_of(listing.containers.begin(), listing.containers.end(), of_pod);
}

}  // namespace

GenericPleg::GenericPleg(PlegOptions options, PlegDeps deps)
    : impl_(std::make_shared<Impl>(options, deps)) {}
GenericPleg::~GenericPleg() { impl_->Stop(); }
void GenericPleg::Start() { impl_->Start(); }
void GenericPleg::Stop() { impl_->Stop(); }
void GenericPleg::RelistNow() { impl_->RelistNow(); }
void GenericPleg::OnRelistSent(std::function<void()> callback) {
  impl_->OnRelistSent(std::move(callback));
}
void GenericPleg::RequestRelist(const PodUid& uid) { impl_->RequestRelist(uid); }
void GenericPleg::RequestReinspect(const PodUid& uid) { impl_->RequestReinspect(uid); }
std::vector<std::shared_ptr<const ContainerInfo>> GenericPleg::RunningContainers() const {
  return impl_->RunningContainers();
}
Verdict GenericPleg::Healthy() const { return impl_->Healthy(); }
std::shared_ptr<const PlegSnapshot> GenericPleg::Snapshot() const { return impl_->Snapshot(); }
std::shared_ptr<const PodsView> GenericPleg::Pods() const { return impl_->Pods(); }
void GenericPleg::PublishPods() { impl_->PublishPods(); }

template <typename F>
auto GenericPleg::Impl::Guarded(F f) {
  return [weak = weak_from_this(), run = run_, f = std::move(f)](auto&&... args) mutable {
    const std::shared_ptr<Impl> self = weak.lock();
    if (self == nullptr || self->run_ != run) return;
    f(*self, std::forward<decltype(args)>(args)...);
  };
}

GenericPleg::Impl::Impl(PlegOptions options, PlegDeps deps)
    : options_(options),
      deps_(deps),
      health_(options.relist_threshold),
      inspector_(deps.runtime, deps.executor, deps.clock,
                 {.window = options.inspect_window,
                  .calls_per_pod = options.inspect_calls_per_pod,
                  .slow_after = options.inspect_slow_after,
                  .max_slow_calls = options.inspect_max_slow_calls,
                  .large_pod_bytes = options.inspect_large_pod_bytes,
                  .slow_start_calls = options.inspect_slow_start_calls}) {
  inspector_.OnSetAside([this](uint64_t id) { OnSetAside(id); });
}

void GenericPleg::Impl::Start() {
  if (run_ != 0) return;
  run_ = ++runs_;
  global_due_ = true;
  StartNextList();
}

void GenericPleg::Impl::Stop() {
  if (run_ == 0) return;
  run_ = 0;
  deps_.executor.Cancel(std::exchange(timer_, 0));
  global_due_ = false;
  listing_ = false;
  requests_.clear();
  inspector_.DiscardAll();
  causes_.clear();
  for (const PodUid& uid : unsettled_) {
    if (PodRecord* record = records_.Find(uid)) AbandonInspection(*record);
  }
  MutexLock lock(mu_);
  requested_.clear();
  snapshot_.relist_running_since.reset();
  snapshot_.inspections_running = 0;
}

void GenericPleg::Impl::RelistNow() {
  if (run_ == 0 || listing_) return;
  deps_.executor.Cancel(std::exchange(timer_, 0));
  global_due_ = true;
  StartNextList();
}

void GenericPleg::Impl::RequestRelist(const PodUid& uid) {
  const MonoTime now = deps_.clock.Now();
  bool fits = false;
  {
    MutexLock lock(mu_);
    auto known = requested_.find(uid);
    if (known != requested_.end()) {
      known->second = std::max(known->second, now);
      return;
    }
    fits = requested_.size() < options_.relist_request_capacity;
    if (fits) requested_.emplace(uid, now);
  }
  deps_.executor.Post([weak = weak_from_this(), uid, fits] {
    if (const std::shared_ptr<Impl> self = weak.lock()) self->OnRequest(uid, fits);
  });
}

void GenericPleg::Impl::OnRequest(const PodUid& uid, bool fits) {
  if (!fits) {
    deps_.observer.OnRelistRequestDropped();
    deps_.log.Write(LogLevel::kError, "relist request channel full; dropping relist request",
                    {{"pod_uid", uid.value(), true}});
  } else if (run_ == 0) {
    TakeRequest(uid);
  } else {
    requests_.push_back(uid);
    StartNextList();
  }
}

std::optional<MonoTime> GenericPleg::Impl::TakeRequest(const PodUid& uid) {
  MutexLock lock(mu_);
  auto node = requested_.extract(uid);
  if (node.empty()) return std::nullopt;
  return node.mapped();
}

bool GenericPleg::Impl::ListedSince(const PodUid& uid, MonoTime at) {
  const std::optional<MonoTime> global = health_.last_relist();
  if (global.has_value() && at <= *global) return true;
  const PodRecord* record = records_.Find(uid);
  return record != nullptr && at <= records_.ListedAt(*record);
}

void GenericPleg::Impl::RequestReinspect(const PodUid& uid) {
  deps_.executor.Post([weak = weak_from_this(), uid] {
    if (const std::shared_ptr<Impl> self = weak.lock()) self->reinspect_.insert(uid);
  });
}

std::shared_ptr<const PlegSnapshot> GenericPleg::Impl::Snapshot() const {
  MutexLock lock(mu_);
  return std::make_shared<const PlegSnapshot>(snapshot_);
}

void GenericPleg::Impl::ArmTimer() {
  timer_ =
      deps_.executor.PostAt(deps_.clock.Now() + options_.relist_period, Guarded([](Impl& self) {
                              self.timer_ = 0;
                              self.global_due_ = true;
                              self.StartNextList();
                            }));
}

void GenericPleg::Impl::StartNextList() {
  if (listing_) return;
  if (global_due_) {
    StartGlobalRelist();
    return;
  }
  while (!requests_.empty() && !listing_) {
    const PodUid uid = std::move(requests_.front());
    requests_.pop_front();
    const std::optional<MonoTime> at = TakeRequest(uid);
    if (at.has_value() && !ListedSince(uid, *at)) StartPodRelist(uid);
  }
}

void GenericPleg::Impl::StartGlobalRelist() {
  global_due_ = false;
  listing_ = true;
  auto relist = std::make_shared<Relist>();
  relist->record.started_at = deps_.clock.Now();
  const absl::Time started_wall = deps_.clock.WallNow();
  if (const auto last = health_.last_relist()) {
    deps_.observer.OnRelistInterval(relist->record.started_at - *last);
  }
  {
    MutexLock lock(mu_);
    snapshot_.relist_running_since = relist->record.started_at;
  }
  deps_.runtime.List(std::nullopt,
                     Guarded([relist, started_wall](Impl& self, absl::StatusOr<Listing> listing) {
                       self.OnListing(relist, started_wall, std::move(listing));
                     }));
  if (on_relist_sent_) on_relist_sent_();
}

void GenericPleg::Impl::OnListing(const std::shared_ptr<Relist>& relist, absl::Time started_wall,
                                  absl::StatusOr<Listing> listing) {
  RelistRecord& record = relist->record;
  listing_ = false;
  record.lists = listing.status();
  relist->diffed_at = deps_.clock.Now();
  if (listing.ok()) {
    const MonoTime listed_at = relist->diffed_at;
    listing->started_at = record.started_at;
    record.list_sandboxes = listing->list_sandboxes_took;
    record.list_containers = listing->list_containers_took;
    record.list_sandboxes_bytes = listing->list_sandboxes_bytes;
    record.list_containers_bytes = listing->list_containers_bytes;
    record.sandboxes = listing->sandboxes.size();
    record.containers = listing->containers.size();
    health_.RecordRelist(record.started_at, started_wall);
    const std::vector<PodRecord*> changed = records_.Apply(*listing);
    record.changed_pods = changed.size();
    pods_changed_ |= !changed.empty();
    relist->diffed_at = deps_.clock.Now();
    record.diff = relist->diffed_at - listed_at;
    for (PodRecord* pod : Candidates(changed, relist->diffed_at)) Reconcile(*pod, relist);
    // Flags of pods that do not exist would stay for ever.
    absl::erase_if(reinspect_, [this](const PodUid& uid) { return records_.Find(uid) == nullptr; });
    deps_.cache.UpdateTime(record.started_at);
  } else {
    // One line of an outage is enough, and the observer of lists knows when it begins and ends.
    deps_.log.Write(LogLevel::kDebug, "GenericPLEG: Unable to retrieve pods",
                    {{"code", absl::StatusCodeToString(listing.status().code()), true},
                     {"error", std::string(listing.status().message())}});
  }
  ArmTimer();
  PublishSnapshot();
  PublishPods();
  Leave(relist);
  StartNextList();
}

void GenericPleg::Impl::StartPodRelist(const PodUid& uid) {
  listing_ = true;
  auto relist = std::make_shared<Relist>();
  relist->of_one_pod = true;
  relist->record.started_at = deps_.clock.Now();
  {
    MutexLock lock(mu_);
    snapshot_.relist_running_since = relist->record.started_at;
  }
  deps_.runtime.List(uid, Guarded([relist, uid](Impl& self, absl::StatusOr<Listing> listing) {
                       self.OnPodListing(relist, uid, std::move(listing));
                     }));
}

void GenericPleg::Impl::OnPodListing(const std::shared_ptr<Relist>& relist, const PodUid& uid,
                                     absl::StatusOr<Listing> listing) {
  listing_ = false;
  if (!listing.ok()) {
    deps_.log.Write(
        LogLevel::kError, "GenericPLEG: Unable to retrieve pod",
        {{"pod_uid", uid.value(), true},
         {"error", listing.status().ToString(absl::StatusToStringMode::kWithNoExtraData)}});
  } else {
    listing->started_at = relist->record.started_at;
    PodRecord* changed = records_.ApplyPod(uid, *listing);
    pods_changed_ |= changed != nullptr;
    PodRecord* record = records_.Find(uid);
    const bool listed = Lists(*listing, uid);
    if (changed != nullptr ||
        (record != nullptr && listed && (reinspect_.contains(uid) || unsettled_.contains(uid)))) {
      Reconcile(*record, relist);
    }
    if (listed) {
      deps_.cache.SetObservedTime(uid, relist->record.started_at);
    } else {
      deps_.log.Write(LogLevel::kDebug, "pod sandboxes not found",
                      {{"pod_uid", uid.value(), true}});
    }
  }
  PublishSnapshot();
  PublishPods();
  Leave(relist);
  StartNextList();
}

void GenericPleg::Impl::Leave(const std::shared_ptr<Relist>& relist) {
  if (--relist->open != 0) return;
  RelistRecord& record = relist->record;
  const MonoTime now = deps_.clock.Now();
  record.total = now - record.started_at;
  if (relist->of_one_pod) {
    deps_.observer.OnPodRelistEnd(record.total);
    return;
  }
  if (record.lists.ok()) record.inspect = now - relist->diffed_at;
  deps_.observer.OnRelistEnd(record);
}

void GenericPleg::Impl::LeaveInspection(uint64_t id) {
  auto node = causes_.extract(id);
  if (!node.empty() && node.mapped().relist != nullptr) Leave(node.mapped().relist);
}

std::shared_ptr<const PodsView> GenericPleg::Impl::Pods() const {
  MutexLock lock(mu_);
  return pods_;
}

void GenericPleg::Impl::PublishPods() {
  if (!std::exchange(pods_changed_, false)) return;
  auto view = std::make_shared<PodsView>();
  view->listed = records_.ListedPods();
  view->unsettled.reserve(unsettled_.size());
  for (const PodUid& uid : unsettled_) {
    const PodRecord* record = records_.Find(uid);
    if (record == nullptr || record->current == nullptr) continue;
    view->unsettled.push_back(
        {record->current, record->unsettled_since, !deps_.cache.Get(uid).error.ok()});
  }
  std::shared_ptr<const PodsView> next = std::move(view);
  MutexLock lock(mu_);
  pods_.swap(next);
}

void GenericPleg::Impl::PublishSnapshot() {
  const ListingCounts& counts = records_.counts();
  MutexLock lock(mu_);
  snapshot_.last_relist = health_.last_relist();
  snapshot_.last_relist_wall = health_.last_relist_wall();
  if (!listing_) snapshot_.relist_running_since.reset();
  snapshot_.pods_ready = counts.pods_ready;
  snapshot_.pods_notready = counts.pods_notready;
  snapshot_.pods_no_sandbox = counts.pods_no_sandbox;
  snapshot_.containers_created = counts.containers[static_cast<size_t>(ContainerState::kCreated)];
  snapshot_.containers_running = counts.containers[static_cast<size_t>(ContainerState::kRunning)];
  snapshot_.containers_exited = counts.containers[static_cast<size_t>(ContainerState::kExited)];
  snapshot_.containers_unknown = counts.containers[static_cast<size_t>(ContainerState::kUnknown)];
  snapshot_.sandboxes = counts.sandboxes;
  snapshot_.inspections_running = inspector_.running();
  snapshot_.pods_pending = unsettled_.size();
}

}  // namespace pleg
