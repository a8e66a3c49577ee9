#include "pleg/pod_records.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pleg {
namespace {

bool HasReadySandbox(const Pod& pod) {
  return std::any_of(pod.sandboxes.begin(), pod.sandboxes.end(),
                     [](const ListedSandbox& s) { return s.state == SandboxState::kReady; });
}

// Removes what follows an object of the same ID; reports each info that is not kept.
template <typename Listed, typename Report>
void DropDuplicates(std::vector<Listed>& sorted, Report report) {
  auto kept = sorted.begin();
  for (auto it = sorted.begin(); it != sorted.end(); ++it) {
    if (kept != sorted.begin() && std::prev(kept)->info->id == it->info->id) {
      if (std::prev(kept)->info != it->info) report(it->info.get());
      continue;
    }
    if (kept != it) *kept = std::move(*it);
    ++kept;
  }
  sorted.erase(kept, sorted.end());
}

// Sorts as the kubelet does and names the pod.
template <typename Report>
void Finish(Pod& pod, Report report_duplicate) {
  std::stable_sort(pod.sandboxes.begin(), pod.sandboxes.end(),
                   [](const auto& a, const auto& b) { return SandboxBefore(*a.info, *b.info); });
  std::stable_sort(pod.containers.begin(), pod.containers.end(),
                   [](const auto& a, const auto& b) { return ContainerBefore(*a.info, *b.info); });
  DropDuplicates(pod.sandboxes, report_duplicate);
  DropDuplicates(pod.containers, report_duplicate);
  if (!pod.sandboxes.empty()) {
    pod.name = pod.sandboxes.front().info->pod_name;
    pod.pod_namespace = pod.sandboxes.front().info->pod_namespace;
  } else if (!pod.containers.empty()) {
    pod.name = pod.containers.front().info->pod_name;
    pod.pod_namespace = pod.containers.front().info->pod_namespace;
  }
  pod.created_at = absl::InfinitePast();
  for (const ListedSandbox& s : pod.sandboxes) {
    if (pod.created_at == absl::InfinitePast() || s.info->created_at < pod.created_at) {
      pod.created_at = s.info->created_at;
    }
  }
}

// What was in its state already has been so for as long as before. Both are sorted.
template <typename Listed, typename Info>
void DateStates(std::vector<Listed>& now, const std::vector<Listed>& before, MonoTime listed_at,
                bool (*precedes)(const Info&, const Info&)) {
  auto earlier = before.begin();
  for (Listed& item : now) {
    item.since = listed_at;
    while (earlier != before.end() && precedes(*earlier->info, *item.info)) ++earlier;
    const bool same = earlier != before.end() && earlier->info->id == item.info->id;
    if (same && earlier->state == item.state) item.since = earlier->since;
  }
}

void DateStates(Pod& now, const Pod* before) {
  static const Pod& nothing = *new Pod();
  const Pod& earlier = before == nullptr ? nothing : *before;
  DateStates(now.sandboxes, earlier.sandboxes, now.timestamp, SandboxBefore);
  DateStates(now.containers, earlier.containers, now.timestamp, ContainerBefore);
}

bool NewerPodFirst(const PodRecord* a, const PodRecord* b) {
  if ((a->current == nullptr) != (b->current == nullptr)) return a->current != nullptr;
  if (a->current != nullptr && a->current->created_at != b->current->created_at) {
    return a->current->created_at > b->current->created_at;
  }
  return a->uid < b->uid;
}

}  // namespace

PodRecord& PodRecords::FindOrCreate(const PodUid& uid) {
  std::unique_ptr<PodRecord>& record = records_[uid];
  if (record == nullptr) {
    record = std::make_unique<PodRecord>();
    record->uid = uid;
  }
  return *record;
}

void PodRecords::MarkChanged(PodRecord* record) {
  if (record->rebuild_epoch == epoch_) return;
  record->rebuild_epoch = epoch_;
  changed_.push_back(record);
}

void PodRecords::Touch(const void* info, const PodUid& uid, uint8_t state) {
  auto it = items_.find(info);
  if (it == items_.end()) {
    PodRecord& record = FindOrCreate(uid);
    items_.emplace(info, Item{&record, state, epoch_});
    ++touched_;
    MarkChanged(&record);
    return;
  }
  Item& item = it->second;
  if (item.epoch == epoch_) return;  // listed twice: the first counts
  item.epoch = epoch_;
  ++touched_;
  if (item.state == state) return;
  item.state = state;
  MarkChanged(item.record);
}

void PodRecords::SweepUntouched() {
  if (touched_ == items_.size()) return;
  absl::erase_if(items_, [this](const auto& entry) {
    if (entry.second.epoch == epoch_) return false;
    MarkChanged(entry.second.record);
    return true;
  });
}

void PodRecords::SweepUntouchedOf(const Pod& pod) {
  auto sweep = [this](const void* info) {
    auto it = items_.find(info);
    if (it == items_.end() || it->second.epoch == epoch_) return;
    MarkChanged(it->second.record);
    items_.erase(it);
  };
  for (const ListedSandbox& s : pod.sandboxes) sweep(s.info.get());
  for (const ListedContainer& c : pod.containers) sweep(c.info.get());
}

void PodRecords::Rebuild(const Listing& listing) {
  absl::flat_hash_map<PodRecord*, std::shared_ptr<Pod>> built;
  auto pod_of = [&](const void* info, PodRecord*& record) -> Pod* {
    auto it = items_.find(info);
    if (it == items_.end()) return nullptr;
    record = it->second.record;
    if (record->rebuild_epoch != epoch_) return nullptr;
    std::shared_ptr<Pod>& pod = built[record];
    if (pod == nullptr) {
      pod = std::make_shared<Pod>();
      pod->uid = record->uid;
      pod->timestamp = listing.started_at;
    }
    return pod.get();
  };
  PodRecord* record = nullptr;
  for (const ListedSandbox& s : listing.sandboxes) {
    if (Pod* pod = pod_of(s.info.get(), record)) pod->sandboxes.push_back(s);
  }
  for (const ListedContainer& c : listing.containers) {
    if (Pod* pod = pod_of(c.info.get(), record)) pod->containers.push_back(c);
  }
  pods_counted_ = false;
  for (auto& [owner, pod] : built) {
    // What the pod does not keep must not be known by its address any longer.
    Finish(*pod, [this](const void* info) { items_.erase(info); });
    DateStates(*pod, owner->current.get());
  }
  for (PodRecord* changed : changed_) changed->current = nullptr;
  for (auto& [owner, pod] : built) {
    owner->name = pod->name;
    owner->pod_namespace = pod->pod_namespace;
    owner->current = std::move(pod);
  }
  std::sort(changed_.begin(), changed_.end(), NewerPodFirst);
}

void PodRecords::Count(const Listing& listing) {
  ListingCounts counts = counts_;
  std::fill(std::begin(counts.containers), std::end(counts.containers), 0);
  counts.sandboxes = listing.sandboxes.size();
  for (const ListedContainer& c : listing.containers) {
    ++counts.containers[static_cast<size_t>(c.state)];
  }
  if (!std::exchange(pods_counted_, true)) {
    counts.pods_ready = counts.pods_notready = counts.pods_no_sandbox = 0;
    for (const auto& [uid, record] : records_) {
      if (record->current == nullptr) continue;
      if (record->current->sandboxes.empty()) {
        ++counts.pods_no_sandbox;
      } else if (HasReadySandbox(*record->current)) {
        ++counts.pods_ready;
      } else {
        ++counts.pods_notready;
      }
    }
  }
  counts_ = counts;
}

std::vector<PodRecord*> PodRecords::Apply(const Listing& listing) {
  ++epoch_;
  touched_ = 0;
  changed_.clear();
  for (const ListedSandbox& s : listing.sandboxes) {
    Touch(s.info.get(), s.info->pod_uid, static_cast<uint8_t>(s.state));
  }
  for (const ListedContainer& c : listing.containers) {
    Touch(c.info.get(), c.info->pod_uid, static_cast<uint8_t>(c.state));
  }
  SweepUntouched();
  if (!changed_.empty()) Rebuild(listing);
  Count(listing);
  listed_at_ = listing.started_at;
  return std::exchange(changed_, {});
}

PodRecord* PodRecords::ApplyPod(const PodUid& uid, const Listing& listing) {
  Listing own;
  own.started_at = listing.started_at;
  for (const ListedSandbox& s : listing.sandboxes) {
    if (s.info->pod_uid == uid) own.sandboxes.push_back(s);
  }
  for (const ListedContainer& c : listing.containers) {
    if (c.info->pod_uid == uid) own.containers.push_back(c);
  }
  if (own.sandboxes.empty() && own.containers.empty()) return nullptr;
  ++epoch_;
  touched_ = 0;
  changed_.clear();
  for (const ListedSandbox& s : own.sandboxes) {
    Touch(s.info.get(), uid, static_cast<uint8_t>(s.state));
  }
  for (const ListedContainer& c : own.containers) {
    Touch(c.info.get(), uid, static_cast<uint8_t>(c.state));
  }
  PodRecord& record = FindOrCreate(uid);
  if (record.current != nullptr) SweepUntouchedOf(*record.current);
  const bool changed = !changed_.empty();
  if (changed) Rebuild(own);
  record.listed_at = listing.started_at;
  changed_.clear();
  return changed ? &record : nullptr;
}

MonoTime PodRecords::ListedAt(const PodRecord& record) const {
  return std::max(listed_at_, record.listed_at);
}

std::vector<std::shared_ptr<const ContainerInfo>> PodRecords::RunningContainers() const {
  std::vector<std::shared_ptr<const ContainerInfo>> running;
  for (const auto& [uid, record] : records_) {
    if (record->current == nullptr) continue;
    for (const ListedContainer& c : record->current->containers) {
      if (c.state == ContainerState::kRunning) running.push_back(c.info);
    }
  }
  return running;
}

std::vector<std::shared_ptr<const Pod>> PodRecords::ListedPods() const {
  std::vector<std::shared_ptr<const Pod>> listed;
  listed.reserve(records_.size());
  for (const auto& [uid, record] : records_) {
    if (record->current != nullptr) listed.push_back(record->current);
  }
  return listed;
}

PodRecord* PodRecords::Find(const PodUid& uid) {
  auto it = records_.find(uid);
  return it == records_.end() ? nullptr : it->second.get();
}

void PodRecords::Erase(const PodUid& uid) { records_.erase(uid); }

}  // namespace pleg
