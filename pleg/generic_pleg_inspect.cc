// The inspect stage of GenericPleg: from a changed pod to its cache entry and its events.

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "pleg/diff.h"
#include "pleg/generic_pleg_impl.h"

namespace pleg {
namespace {

bool IsRunning(const Pod& pod) {
  return std::any_of(pod.containers.begin(), pod.containers.end(),
                     [](const ListedContainer& c) { return c.state == ContainerState::kRunning; });
}

// 0: nothing to ask the runtime; 1: something runs; 2: the rest.
int InspectionRank(const PodRecord& record) {
  if (record.current == nullptr) return 0;
  return IsRunning(*record.current) ? 1 : 2;
}

bool AnyReady(const PodStatus& status) {
  return std::any_of(status.sandbox_statuses.begin(), status.sandbox_statuses.end(),
                     [](const auto& s) { return s->state == SandboxState::kReady; });
}

}  // namespace

std::vector<PodRecord*> GenericPleg::Impl::Candidates(const std::vector<PodRecord*>& changed,
                                                      MonoTime now) {
  std::vector<PodRecord*> candidates = changed;
  absl::flat_hash_set<PodRecord*> known(changed.begin(), changed.end());
  auto add = [&](const PodUid& uid) {
    PodRecord* record = records_.Find(uid);
    if (record == nullptr || (record->retry_at > now && !reinspect_.contains(uid))) return;
    if (known.insert(record).second) candidates.push_back(record);
  };
  for (const PodUid& uid : unsettled_) add(uid);
  for (const PodUid& uid : reinspect_) add(uid);
  std::sort(candidates.begin() + static_cast<std::ptrdiff_t>(changed.size()), candidates.end(),
            [](PodRecord* a, PodRecord* b) { return a->uid < b->uid; });
  std::stable_sort(candidates.begin(), candidates.end(), [](PodRecord* a, PodRecord* b) {
    return InspectionRank(*a) < InspectionRank(*b);
  });
  return candidates;
}

void GenericPleg::Impl::Reconcile(PodRecord& record, const std::shared_ptr<Relist>& relist) {
  std::vector<Event> events = ComputeEvents(record.reported.get(), record.current.get());
  if (record.inspection != 0 && record.current != nullptr) {
    const bool needed = !events.empty() || record.reinspection || reinspect_.contains(record.uid);
    // One that has begun is let finish: it publishes the listing it began from, and what has
    // changed since comes after it.
    if (!inspector_.Waiting(record.inspection)) return;
    if (needed) {
      record.reinspection |= reinspect_.erase(record.uid) > 0;
      record.target = record.current;
      record.target_at = records_.ListedAt(record);
      inspector_.Replace(record.inspection, record.target, record.target_at);
      return;
    }
  }
  const bool reinspect = reinspect_.erase(record.uid) > 0 || record.reinspection;
  if (record.inspection != 0) {
    AbandonInspection(record);
    deps_.observer.OnInspectionEnd(InspectionResult::kDiscarded, absl::ZeroDuration());
  }
  record.reinspection = reinspect;
  if (events.empty() && !reinspect) {
    Settle(record);
  } else if (record.current == nullptr) {
    ReconcileGone(record, std::move(events));
  } else {
    Inspect(record, relist);
  }
}

void GenericPleg::Impl::AbandonInspection(PodRecord& record) {
  const uint64_t id = std::exchange(record.inspection, 0);
  record.target = nullptr;
  if (id == 0) return;
  inspector_.Discard(id);
  LeaveInspection(id);
}

void GenericPleg::Impl::Settle(PodRecord& record) {
  pods_changed_ |= unsettled_.erase(record.uid) > 0;
  deps_.cache.SetPending(record.uid, false);
  if (record.current == nullptr && record.reported == nullptr) records_.Erase(record.uid);
}

Event GenericPleg::Impl::PodSyncEvent(const PodRecord& record) {
  Event event;
  event.type = EventType::kPodSync;
  event.pod_uid = record.uid;
  event.pod_name = record.name;
  event.pod_namespace = record.pod_namespace;
  return event;
}

void GenericPleg::Impl::ReconcileGone(PodRecord& record, std::vector<Event> events) {
  if (events.empty()) events.push_back(PodSyncEvent(record));
  const PodUid uid = record.uid;
  unsettled_.erase(uid);
  pods_changed_ = true;
  // Waiters are answered by the time of this listing, never with what was true before it.
  deps_.cache.Delete(uid);
  records_.Erase(uid);
  Publish(std::move(events), nullptr);
  deps_.observer.OnInspectionEnd(InspectionResult::kGone, absl::ZeroDuration());
}

void GenericPleg::Impl::Inspect(PodRecord& record, const std::shared_ptr<Relist>& relist) {
  record.target = record.current;
  record.target_at = records_.ListedAt(record);
  if (unsettled_.insert(record.uid).second || record.unsettled_since == MonoTime()) {
    record.unsettled_since = record.target_at;
  }
  pods_changed_ = true;
  deps_.cache.SetPending(record.uid, true);
  deps_.cache.SetName(record.uid, record.name, record.pod_namespace);
  // The id is known only after Inspect returns, but its callback never runs before that.
  auto id = std::make_shared<uint64_t>(0);
  *id = inspector_.Inspect(record.target, record.target_at, record.trust,
                           [this, uid = record.uid, id](Inspector::Result result) {
                             OnInspected(uid, *id, std::move(result));
                           });
  record.inspection = *id;
  causes_.emplace(*id, InspectionCause{record.uid, relist});
  if (relist != nullptr) ++relist->open;
}

void GenericPleg::Impl::OnInspected(const PodUid& uid, uint64_t id, Inspector::Result result) {
  PodRecord* record = records_.Find(uid);
  if (run_ == 0 || record == nullptr || record->inspection != id) return;
  record->inspection = 0;
  const std::shared_ptr<const Pod> target = std::exchange(record->target, nullptr);
  if (result.status.ok()) {
    const bool reinspection = std::exchange(record->reinspection, false);
    record->trust = Trust::kAnswered;
    record->unsettled_since = MonoTime();  // what has changed meanwhile is another change
    record->backoff = absl::ZeroDuration();
    record->retry_at = MonoTime();
    const std::shared_ptr<const PodStatus> status = KeepIps(uid, *std::move(result.status));
    std::vector<Event> events = ComputeEvents(record->reported.get(), target.get());
    if (events.empty() && reinspection) events.push_back(PodSyncEvent(*record));
    record->reported = target;
    deps_.cache.Set(uid, status, absl::OkStatus(), record->target_at);
    Publish(std::move(events), status.get());
    deps_.observer.OnInspectionEnd(InspectionResult::kOk, result.took);
    Reconcile(*record, nullptr);
  } else {
    OnInspectionFailed(*record, *target, result.status.status());
    deps_.observer.OnInspectionEnd(InspectionResult::kError, result.took);
  }
  LeaveInspection(id);
  PublishSnapshot();
  pods_changed_ = true;
  if (inspector_.running() == inspector_.set_aside()) PublishPods();
}

void GenericPleg::Impl::OnInspectionFailed(PodRecord& record, const Pod& target,
                                           const absl::Status& error) {
  deps_.log.Write(LogLevel::kError, "PLEG: Write status",
                  {{"pod", absl::StrCat(record.pod_namespace, "/", record.name), true},
                   {"pod_uid", record.uid.value()},
                   {"error", error.ToString(absl::StatusToStringMode::kWithNoExtraData)}});
  deps_.cache.Set(record.uid, nullptr, error, record.target_at);
  record.reinspection = true;
  record.trust = Trust::kFailed;
  record.retry_at = deps_.clock.Now() + NextBackoff(record);
  // What has changed meanwhile is not to wait for what failed before.
  if (record.current.get() != &target) record.retry_at = deps_.clock.Now();
}

// Doubles the pod's back-off, and varies it so that pods which failed together come back apart.
absl::Duration GenericPleg::Impl::NextBackoff(PodRecord& record) {
  record.backoff = record.backoff == absl::ZeroDuration()
                       ? options_.retry_backoff
                       : std::min(record.backoff * 2, options_.retry_backoff_limit);
  const auto spread = absl::Hash<PodUid>()(record.uid) % 1024;
  return record.backoff * (0.9 + 0.2 * static_cast<double>(spread) / 1024);
}

// A relist does not wait for what takes long, and a pod that takes long is not to be trusted.
void GenericPleg::Impl::OnSetAside(uint64_t id) {
  auto it = causes_.find(id);
  if (it == causes_.end()) return;
  if (PodRecord* record = records_.Find(it->second.uid)) record->trust = Trust::kFailed;
  const std::shared_ptr<Relist> relist = std::exchange(it->second.relist, nullptr);
  if (relist != nullptr) Leave(relist);
}

std::shared_ptr<const PodStatus> GenericPleg::Impl::KeepIps(
    const PodUid& uid, std::shared_ptr<const PodStatus> status) const {
  if (!status->ips.empty() || AnyReady(*status)) return status;
  const CachedPod cached = deps_.cache.Get(uid);
  if (cached.status->ips.empty()) return status;
  auto kept = std::make_shared<PodStatus>(*status);
  kept->ips = cached.status->ips;
  return kept;
}

void GenericPleg::Impl::AddExitCode(Event& event, const PodStatus& status) {
  if (event.type != EventType::kContainerDied || event.is_sandbox) return;
  const ContainerStatus* container = status.FindContainer(event.id);
  if (container == nullptr || container->state != ContainerState::kExited) return;
  event.exit_code = container->exit_code;
  deps_.log.Write(LogLevel::kInfo, "Generic (PLEG): container finished",
                  {{"pod", absl::StrCat(event.pod_namespace, "/", event.pod_name)},
                   {"container", event.container_name},
                   {"container_id", event.id.value(), true},
                   {"exit_code", absl::StrCat(container->exit_code)}});
}

void GenericPleg::Impl::Publish(std::vector<Event> events, const PodStatus* status) {
  for (Event& event : events) {
    if (event.type == EventType::kContainerChanged) continue;
    if (status != nullptr) AddExitCode(event, *status);
    deps_.observer.OnEvent(event.type);
    const size_t folded = deps_.hub.Publish(std::move(event));
    if (folded == 0) continue;
    deps_.observer.OnEventsDiscarded(folded);
    deps_.log.Write(LogLevel::kError, "a subscriber does not keep up, its events are folded", {});
  }
}

}  // namespace pleg
