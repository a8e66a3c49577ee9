#include "runtime/sim/churn.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace sim {
namespace {

ExitSpec DrawExit(Random& random) {
  switch (random.Below(4)) {
    case 0:
      return {.code = 1};
    case 1:
      return {.code = 137, .reason = "OOMKilled"};
    default:
      return {.code = 0};
  }
}

Container* RunningContainer(const Pod& pod, Random& random) {
  std::vector<Container*> running;
  for (const auto& container : pod.containers) {
    if (container->state == kContainerRunning) running.push_back(container.get());
  }
  return running.empty() ? nullptr : running[random.Below(running.size())];
}

// Between first changes, of which there are half as many as changes in all; in whole nanoseconds.
absl::Duration Interval(double share, double changes_per_second) {
  return absl::Trunc(absl::Seconds(share * 2 / changes_per_second), absl::Nanoseconds(1));
}

// The kubelet keeps one dead instance of a name: when one more is dead, the next older goes.
void RemoveInstanceBefore(const Container& dead, World& world, absl::Time now) {
  for (const auto& other : dead.pod->containers) {
    if (other->name == dead.name && other->attempt + 1 == dead.attempt) {
      world.Remove(*other, now);
      return;
    }
  }
}

}  // namespace

Churn::Churn(World* world, uint64_t seed) : world_(world), random_(seed) {}

void Churn::SetRate(double changes_per_second, absl::Time now) {
  if (rate_ == 0) target_pods_ = world_->pods().size();
  rate_ = changes_per_second;
  next_first_ =
      rate_ > 0 ? now + absl::Seconds(2 * random_.Unit() / rate_) : absl::InfiniteFuture();
}

absl::Time Churn::Next() const {
  return consequences_.empty() ? next_first_ : std::min(next_first_, consequences_.begin()->first);
}

void Churn::AdvanceTo(absl::Time now) {
  while (Next() <= now) {
    if (consequences_.empty() || next_first_ < consequences_.begin()->first) {
      const absl::Time due = next_first_;
      next_first_ += Interval(0.5 + random_.Unit(), rate_);
      DoFirstChange(due);
    } else {
      auto node = consequences_.extract(consequences_.begin());
      Do(node.mapped(), node.key());
    }
  }
}

void Churn::DoFirstChange(absl::Time now) {
  if (random_.Below(10) < 7) return ExitOne(now);
  const size_t pods = world_->pods().size();
  if (pods > target_pods_ || (pods == target_pods_ && random_.Below(2) == 0)) return KillOne(now);
  CreatePod(now);
}

Pod* Churn::PickPod() {
  const auto& pods = world_->pods();
  for (int attempt = 0; attempt < 8 && !pods.empty(); ++attempt) {
    Pod* pod = pods[random_.Below(pods.size())].get();
    if (!pod->terminating) return pod;
  }
  return nullptr;
}

void Churn::ExitOne(absl::Time now) {
  Pod* pod = PickPod();
  Container* container = pod == nullptr ? nullptr : RunningContainer(*pod, random_);
  if (container == nullptr) return;
  (void)world_->Exit(*container, DrawExit(random_), now);
  Schedule(now, Kind::kRestart, *pod, container->id);
}

void Churn::CreatePod(absl::Time now) {
  const absl::StatusOr<Pod*> pod =
      world_->AddPod({.containers = {"app", "sidecar"}, .start = false}, now);
  if (pod.ok()) Schedule(now, Kind::kStartPod, **pod);
}

void Churn::KillOne(absl::Time now) {
  Pod* pod = PickPod();
  if (pod == nullptr) return;
  pod->terminating = true;
  for (const auto& sandbox : pod->sandboxes) world_->Stop(*sandbox, now);
  Schedule(now, Kind::kRemovePod, *pod);
}

void Churn::Schedule(absl::Time now, Kind kind, const Pod& pod,
                     const pleg::ContainerId& container) {
  const absl::Duration delay = absl::Milliseconds(500 + static_cast<int64_t>(random_.Below(1500)));
  consequences_.emplace(now + delay, Consequence{kind, pod.uid, container});
}

void Churn::Do(const Consequence& consequence, absl::Time now) {
  Pod* pod = world_->FindPod(consequence.pod);
  if (pod == nullptr) return;
  switch (consequence.kind) {
    case Kind::kRestart: {
      Container* exited = world_->FindContainer(consequence.container, false);
      if (exited != nullptr && !pod->terminating) Restart(*exited, now);
      return;
    }
    case Kind::kStartPod:
      for (const auto& container : pod->containers) {
        if (container->state == kContainerCreated) (void)world_->Start(*container, now);
      }
      return;
    case Kind::kRemovePod:
      world_->Remove(*pod, now);
      return;
  }
}

void Churn::Restart(Container& exited, absl::Time now) {
  const absl::StatusOr<Container*> next = world_->AddContainer(*exited.pod, exited.name, now);
  if (!next.ok()) return;
  (void)world_->Start(**next, now);
  RemoveInstanceBefore(exited, *world_, now);
}

size_t Churn::ChangeMany(size_t count, absl::Time now) {
  std::vector<Pod*> candidates;
  for (const auto& pod : world_->pods()) candidates.push_back(pod.get());
  random_.Shuffle(candidates);
  size_t changed = 0;
  for (size_t i = 0; i < candidates.size() && changed < count; ++i) {
    Container* container = RunningContainer(*candidates[i], random_);
    if (container == nullptr) continue;
    (void)world_->Exit(*container, {.code = 0}, now);
    Restart(*container, now);
    ++changed;
  }
  return changed;
}

}  // namespace sim
