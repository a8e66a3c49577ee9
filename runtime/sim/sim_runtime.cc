#include "runtime/sim/sim_runtime.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/sim/cri_encode.h"
#include "runtime/sim/filter.h"

namespace sim {
namespace {

constexpr absl::string_view kContainerNames[] = {"app", "sidecar", "proxy", "agent"};
constexpr absl::string_view kExitedName = "job";

std::string ContainerName(size_t index) {
  constexpr size_t kNames = std::size(kContainerNames);
  return index < kNames ? std::string(kContainerNames[index]) : absl::StrCat("app-", index);
}

absl::Status NoSuch(absl::string_view kind, absl::string_view id) {
  return absl::NotFoundError(absl::StrCat("no ", kind, " '", id, "'"));
}

}  // namespace

SimRuntime::SimRuntime(RuntimeOptions options)
    : options_(std::move(options)),
      world_(options_.seed, options_.container_bytes),
      churn_(&world_, options_.seed ^ 0x6368'7572'6eu),
      order_(options_.seed ^ 0x6f72'6465'72u) {
  pleg::MutexLock lock(mu_);
  Populate();
  churn_.SetRate(options_.churn, options_.clock());
}

// The node has been up for a while: pods are up to ten days old, earlier attempts older than later
// ones.
void SimRuntime::Populate() {
  const absl::Time now = options_.clock();
  const size_t live = options_.pods * options_.containers_per_pod;
  size_t index = 0;
  for (size_t p = 0; p < options_.pods; ++p) {
    const absl::Duration age =
        absl::Minutes(10 + static_cast<int64_t>(world_.random().Below(14400)));
    const absl::StatusOr<Pod*> pod = world_.AddPod({.containers = {}}, now - age);
    if (!pod.ok()) continue;
    for (size_t c = 0; c < options_.containers_per_pod; ++c, ++index) {
      const size_t dead = options_.exited / live + (index < options_.exited % live ? 1 : 0);
      const absl::Duration step = age / static_cast<int64_t>(dead + 2);
      absl::Time time = now - age;
      for (size_t attempt = 0; attempt <= dead; ++attempt) {
        time += step;
        const auto container = world_.AddContainer(**pod, ContainerName(c), time);
        if (!container.ok()) break;
        (void)world_.Start(**container, time);
        if (attempt < dead) (void)world_.Exit(**container, {.code = 1}, time + step / 2);
      }
    }
  }
}

template <typename Operation>
auto SimRuntime::Mutate(Operation operation) {
  std::function<void()> notify;
  auto result = [&] {
    pleg::MutexLock lock(mu_);
    auto value = operation(world_);
    if (!events_.empty()) notify = listener_;
    return value;
  }();
  if (notify) notify();
  return result;
}

template <typename Operation>
auto SimRuntime::OnPod(const pleg::PodUid& uid, Operation operation) {
  using Result = decltype(operation(std::declval<World&>(), std::declval<Pod&>()));
  return Mutate([&](World& world) -> Result {
    Pod* pod = world.FindPod(uid);
    if (pod == nullptr) return NoSuch("pod", uid.value());
    return operation(world, *pod);
  });
}

template <typename Operation>
absl::Status SimRuntime::OnContainer(const pleg::ContainerId& id, Operation operation) {
  return Mutate([&](World& world) -> absl::Status {
    Container* container = world.FindContainer(id, false);
    if (container == nullptr) return NoSuch("container", id.value());
    return operation(world, *container);
  });
}

template <typename Operation>
absl::Status SimRuntime::OnSandbox(const pleg::ContainerId& id, Operation operation) {
  return Mutate([&](World& world) -> absl::Status {
    Sandbox* sandbox = world.FindSandbox(id, false);
    if (sandbox == nullptr) return NoSuch("sandbox", id.value());
    operation(world, *sandbox);
    return absl::OkStatus();
  });
}

absl::StatusOr<pleg::PodUid> SimRuntime::AddPod(const PodSpec& spec) {
  return Mutate([&](World& world) -> absl::StatusOr<pleg::PodUid> {
    const absl::StatusOr<Pod*> pod = world.AddPod(spec, Now());
    if (!pod.ok()) return pod.status();
    return (*pod)->uid;
  });
}

absl::StatusOr<pleg::ContainerId> SimRuntime::AddContainer(const pleg::PodUid& pod,
                                                           absl::string_view name, bool start) {
  return OnPod(pod, [&](World& world, Pod& found) -> absl::StatusOr<pleg::ContainerId> {
    const absl::StatusOr<Container*> container = world.AddContainer(found, name, Now());
    if (!container.ok()) return container.status();
    if (start) (void)world.Start(**container, Now());
    return (*container)->id;
  });
}

absl::StatusOr<pleg::ContainerId> SimRuntime::NewAttempt(const pleg::PodUid& pod) {
  return OnPod(pod, [&](World& world, Pod& found) -> absl::StatusOr<pleg::ContainerId> {
    return world.NewAttempt(found, Now()).id;
  });
}

absl::Status SimRuntime::Start(const pleg::ContainerId& id) {
  return OnContainer(id, [&](World& world, Container& c) { return world.Start(c, Now()); });
}

absl::Status SimRuntime::Exit(const pleg::ContainerId& id, const ExitSpec& spec) {
  return OnContainer(id, [&](World& world, Container& c) { return world.Exit(c, spec, Now()); });
}

absl::Status SimRuntime::SetState(const pleg::ContainerId& id, int state) {
  return Mutate([&](World& world) -> absl::Status {
    if (Container* container = world.FindContainer(id, false); container != nullptr) {
      world.SetState(*container, state, Now());
    } else if (Sandbox* sandbox = world.FindSandbox(id, false); sandbox != nullptr) {
      world.SetState(*sandbox, state, Now());
    } else {
      return NoSuch("container or sandbox", id.value());
    }
    return absl::OkStatus();
  });
}

absl::Status SimRuntime::MoveContainer(const pleg::ContainerId& id, const pleg::PodUid& to) {
  return OnContainer(id, [&](World& world, Container& container) -> absl::Status {
    Pod* pod = world.FindPod(to);
    if (pod == nullptr) return NoSuch("pod", to.value());
    return world.Move(container, *pod, Now());
  });
}

absl::Status SimRuntime::RemoveContainer(const pleg::ContainerId& id) {
  return OnContainer(id, [&](World& world, Container& container) {
    world.Remove(container, Now());
    return absl::OkStatus();
  });
}

absl::Status SimRuntime::StopSandbox(const pleg::ContainerId& id) {
  return OnSandbox(id, [&](World& world, Sandbox& sandbox) { world.Stop(sandbox, Now()); });
}

absl::Status SimRuntime::RemoveSandbox(const pleg::ContainerId& id) {
  return OnSandbox(id, [&](World& world, Sandbox& sandbox) { world.Remove(sandbox, Now()); });
}

absl::Status SimRuntime::RemovePod(const pleg::PodUid& pod) {
  return OnPod(pod, [&](World& world, Pod& found) {
    world.Remove(found, Now());
    return absl::OkStatus();
  });
}

size_t SimRuntime::ChangeMany(size_t pods) {
  return Mutate([&](World&)
                    ABSL_NO_THREAD_SAFETY_ANALYSIS { return churn_.ChangeMany(pods, Now()); });
}

absl::Status SimRuntime::AddExited(size_t count, const pleg::PodUid& pod) {
  return Mutate([&](World& world) -> absl::Status {
    std::vector<Pod*> pods;
    for (const auto& p : world.pods()) {
      if (pod.empty() || p->uid == pod) pods.push_back(p.get());
    }
    if (pods.empty()) return NoSuch("pod", pod.value());
    for (size_t i = 0; i < count; ++i) {
      const absl::StatusOr<Container*> container =
          world.AddContainer(*pods[i % pods.size()], kExitedName, Now());
      if (!container.ok()) return container.status();
      (void)world.Start(**container, Now());
      (void)world.Exit(**container, {.code = 1}, Now());
    }
    return absl::OkStatus();
  });
}

size_t SimRuntime::RemoveExited() {
  return Mutate([&](World& world) {
    std::vector<Container*> exited;
    for (const auto& pod : world.pods()) {
      for (const auto& container : pod->containers) {
        if (container->state == kContainerExited) exited.push_back(container.get());
      }
    }
    for (Container* container : exited) world.Remove(*container, Now());
    return exited.size();
  });
}

void SimRuntime::SetChurn(double changes_per_second) {
  std::function<void()> notify;
  {
    pleg::MutexLock lock(mu_);
    churn_.SetRate(changes_per_second, Now());
    notify = listener_;
  }
  if (notify) notify();
}

double SimRuntime::churn() const {
  pleg::MutexLock lock(mu_);
  return churn_.rate();
}

absl::Time SimRuntime::NextChange() const {
  pleg::MutexLock lock(mu_);
  return churn_.Next();
}

void SimRuntime::AdvanceTo(absl::Time now) {
  Mutate([&](World&) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    churn_.AdvanceTo(now);
    return 0;
  });
}

std::vector<PodInfo> SimRuntime::Pods() const {
  pleg::MutexLock lock(mu_);
  std::vector<const Pod*> pods;
  for (const auto& pod : world_.pods()) pods.push_back(pod.get());
  std::sort(pods.begin(), pods.end(),
            [](const Pod* a, const Pod* b) { return a->ordinal < b->ordinal; });
  std::vector<PodInfo> infos;
  for (const Pod* pod : pods) {
    PodInfo info{pod->uid, pod->name, pod->namespace_name, {}, {}};
    for (const auto& s : pod->sandboxes) info.sandboxes.push_back({s->id, s->attempt, s->state});
    for (const auto& c : pod->containers) {
      info.containers.push_back({c->id, c->name, c->attempt, c->state, c->exit_code});
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

std::vector<Change> SimRuntime::History() const {
  pleg::MutexLock lock(mu_);
  return {world_.history().begin(), world_.history().end()};
}

size_t SimRuntime::sandbox_count() const {
  pleg::MutexLock lock(mu_);
  return world_.sandbox_count();
}

size_t SimRuntime::container_count() const {
  pleg::MutexLock lock(mu_);
  return world_.container_count();
}

void SimRuntime::SetListener(std::function<void()> listener) {
  pleg::MutexLock lock(mu_);
  listener_ = std::move(listener);
}

void SimRuntime::EnableEvents(bool enable) {
  pleg::MutexLock lock(mu_);
  events_.clear();
  if (!enable) return world_.set_event_sink(nullptr);
  world_.set_event_sink([this](EventKind kind, const Pod& pod, const pleg::ContainerId& id,
                               absl::Time now) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (events_.size() == kEventQueue) events_.pop_front();
    EncodeEvent(static_cast<int>(kind), pod, id, now, &order_, &events_.emplace_back());
  });
}

std::vector<std::string> SimRuntime::TakeEvents() {
  pleg::MutexLock lock(mu_);
  std::vector<std::string> taken(std::make_move_iterator(events_.begin()),
                                 std::make_move_iterator(events_.end()));
  events_.clear();
  return taken;
}

}  // namespace sim
