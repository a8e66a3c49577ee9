#include "pleg/diagnosis/gather_objects.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "pleg/wall_time.h"

namespace pleg {
namespace {

// Collects the objects of one kind.
class Collector {
 public:
  Collector(const PodsView& pods, MonoTime now, absl::Time wall_now)
      : pods_(pods), now_(now), wall_now_(wall_now) {
    for (size_t i = 0; i < kinds_.size(); ++i) kinds_[i].lasting = kLastings[i];
  }

  std::vector<LastingEvidence> Collect() {
    for (const auto& pod : pods_.listed) Look(*pod);
    for (const UnsettledPod& unsettled : pods_.unsettled) {
      if (unsettled.failed) Add(Lasting::kNotInspected, PodRef(*unsettled.pod), unsettled.since);
    }
    std::vector<LastingEvidence> result;
    for (LastingEvidence& kind : kinds_) {
      if (kind.total == 0) continue;
      if (kind.lasting == Lasting::kNotReady && kind.total < kNotReadyToTell) continue;
      std::stable_sort(kind.worst.begin(), kind.worst.end(),
                       [](const LastingObject& a, const LastingObject& b) {
                         return a.count != b.count ? a.count > b.count : a.age > b.age;
                       });
      if (kind.worst.size() > kMaxLastingObjects) kind.worst.resize(kMaxLastingObjects);
      result.push_back(std::move(kind));
    }
    return result;
  }

 private:
  LastingEvidence& Kind(Lasting lasting) { return kinds_[static_cast<size_t>(lasting)]; }

  void Add(Lasting lasting, ObjectRef object, MonoTime since) {
    ++Kind(lasting).total;
    Kind(lasting).worst.push_back({std::move(object), now_ - since, 1});
  }

  // Since its creation, as far as the wall clock can be believed.
  absl::Duration CreatedAgo(absl::Time created_at, absl::Duration otherwise) const {
    if (!IsTold(created_at) || created_at > wall_now_) return otherwise;
    return std::max(wall_now_ - created_at, otherwise);
  }

  void Look(const Pod& pod) {
    if (pod.uid.empty()) {
      for (const ListedSandbox& s : pod.sandboxes) Add(Lasting::kNoUid, RefOf(pod, s), s.since);
      for (const ListedContainer& c : pod.containers) Add(Lasting::kNoUid, RefOf(pod, c), c.since);
      return;  // objects of several pods
    }
    LookAtSandboxes(pod);
    LookAtContainers(pod);
  }

  void LookAtSandboxes(const Pod& pod) {
    std::vector<MonoTime> ready;
    uint32_t not_ready = 0;
    absl::Duration oldest;
    const SandboxInfo* newer = nullptr;
    for (const ListedSandbox& sandbox : pod.sandboxes) {
      if (sandbox.state == SandboxState::kReady) ready.push_back(sandbox.since);
      if (sandbox.state == SandboxState::kUnknown) {
        Add(Lasting::kUnknown, RefOf(pod, sandbox), sandbox.since);
      }
      if (sandbox.state == SandboxState::kNotReady) {
        ++not_ready;
        oldest = std::max(oldest, CreatedAgo(sandbox.info->created_at, now_ - sandbox.since));
      }
      // Sorted by attempt, falling.
      if (newer != nullptr && newer->created_at < sandbox.info->created_at) {
        Add(Lasting::kAttemptOrder, RefOf(pod, sandbox), sandbox.since);
      }
      newer = sandbox.info.get();
    }
    AddTwice(Lasting::kReadyTwice, PodRef(pod), std::move(ready));
    if (not_ready == 0) return;
    Kind(Lasting::kNotReady).total += not_ready;
    Kind(Lasting::kNotReady).worst.push_back({PodRef(pod), oldest, not_ready});
  }

  void LookAtContainers(const Pod& pod) {
    absl::flat_hash_map<absl::string_view, std::vector<const ListedContainer*>> by_name;
    for (const ListedContainer& container : pod.containers) {
      by_name[container.info->name].push_back(&container);
      if (container.state == ContainerState::kUnknown) {
        Add(Lasting::kUnknown, RefOf(pod, container), container.since);
      }
      if (container.state == ContainerState::kCreated) {
        ++Kind(Lasting::kCreated).total;
        Kind(Lasting::kCreated)
            .worst.push_back({RefOf(pod, container),
                              CreatedAgo(container.info->created_at, now_ - container.since), 1});
      }
    }
    for (const auto& [name, instances] : by_name) {
      if (instances.size() > 1) LookAtInstances(pod, instances);
    }
  }

  // Of one name; sorted by creation, falling.
  void LookAtInstances(const Pod& pod, const std::vector<const ListedContainer*>& instances) {
    std::vector<MonoTime> running;
    const ListedContainer* latest = instances.front();
    for (const ListedContainer* instance : instances) {
      if (instance->state == ContainerState::kRunning) running.push_back(instance->since);
      if (instance->info->attempt > latest->info->attempt) latest = instance;
    }
    AddTwice(Lasting::kRunningTwice, RefOf(pod, *latest), std::move(running));
    if (latest != instances.front() &&
        latest->info->created_at < instances.front()->info->created_at) {
      Add(Lasting::kAttemptOrder, RefOf(pod, *latest), latest->since);
    }
  }

  // Two of them have been so since the second began to.
  void AddTwice(Lasting lasting, ObjectRef object, std::vector<MonoTime> since) {
    if (since.size() < 2) return;
    std::sort(since.begin(), since.end());
    Add(lasting, std::move(object), since[1]);
    Kind(lasting).worst.back().count = static_cast<uint32_t>(since.size());
  }

  const PodsView& pods_;
  const MonoTime now_;
  const absl::Time wall_now_;
  std::array<LastingEvidence, std::size(kLastings)> kinds_;
};

}  // namespace

ObjectRef PodRef(const Pod& pod) {
  ObjectRef ref;
  ref.pod_uid = pod.uid;
  ref.pod_namespace = pod.pod_namespace;
  ref.pod_name = pod.name;
  return ref;
}

ObjectRef RefOf(const Pod& pod, const ListedContainer& container) {
  ObjectRef ref = PodRef(pod);
  ref.id = container.info->id;
  ref.container = container.info->name;
  ref.image = container.info->image;
  if (!container.info->pod_name.empty()) {
    ref.pod_namespace = container.info->pod_namespace;
    ref.pod_name = container.info->pod_name;
  }
  return ref;
}

ObjectRef RefOf(const Pod& pod, const ListedSandbox& sandbox) {
  ObjectRef ref = PodRef(pod);
  ref.id = sandbox.info->id;
  // Those without a UID are of several pods.
  if (!sandbox.info->pod_name.empty()) {
    ref.pod_namespace = sandbox.info->pod_namespace;
    ref.pod_name = sandbox.info->pod_name;
  }
  return ref;
}

std::vector<LastingEvidence> FindLasting(const PodsView& pods, MonoTime now, absl::Time wall_now) {
  return Collector(pods, now, wall_now).Collect();
}

}  // namespace pleg
