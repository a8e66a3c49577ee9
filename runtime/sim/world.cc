#include "runtime/sim/world.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/sim/kubelet_metadata.h"

namespace sim {
namespace {

// What a container weighs in a list without padding, close enough for --container-bytes.
constexpr size_t kTypicalContainerBytes = 1450;
constexpr int32_t kKilled = 137;

template <typename Index>
auto FindById(const Index& index, const pleg::ContainerId& id, bool prefix) ->
    typename Index::mapped_type {
  const auto exact = index.find(id.value());
  if (exact != index.end()) return exact->second;
  if (!prefix || id.empty()) return nullptr;
  typename Index::mapped_type found = nullptr;
  for (const auto& [candidate, item] : index) {
    if (!absl::StartsWith(candidate, id.value())) continue;
    if (found != nullptr) return nullptr;
    found = item;
  }
  return found;
}

}  // namespace

World::World(uint64_t seed, size_t container_bytes)
    : container_bytes_(container_bytes), random_(seed), order_(~seed) {}

absl::StatusOr<Pod*> World::AddPod(const PodSpec& spec, absl::Time now) {
  if (pods_by_uid_.contains(spec.uid.value())) {
    return absl::AlreadyExistsError(absl::StrCat("pod with UID ", spec.uid.value(), " exists"));
  }
  for (const std::string& name : spec.containers) {
    if (name.empty()) return absl::InvalidArgumentError("container name is empty");
  }
  auto owned = std::make_unique<Pod>();
  Pod& pod = *owned;
  pod.ordinal = next_ordinal_++;
  pod.uid = spec.uid.empty() ? pleg::PodUid(random_.Uuid()) : spec.uid;
  pod.name = spec.name.empty() ? MakePodName(random_) : spec.name;
  pod.namespace_name = spec.namespace_name.empty() ? "default" : spec.namespace_name;
  pod.host_network = spec.host_network;
  if (!spec.host_network) pod.ips = spec.ips.empty() ? NewAddresses() : spec.ips;
  pod.labels = MakePodLabels(pod.name);
  pod.labels.insert(pod.labels.end(), spec.labels.begin(), spec.labels.end());
  pod.index = pods_.size();
  pods_.push_back(std::move(owned));
  pods_by_uid_[pod.uid.value()] = &pod;

  AddSandbox(pod, 0, now);
  for (const std::string& name : spec.containers) {
    const absl::StatusOr<Container*> container = AddContainer(pod, name, now);
    if (!container.ok()) return container.status();
    if (!spec.start) continue;
    if (absl::Status started = Start(**container, now); !started.ok()) return started;
  }
  return &pod;
}

Sandbox& World::AddSandbox(Pod& pod, uint32_t attempt, absl::Time now) {
  auto owned = std::make_unique<Sandbox>();
  Sandbox& sandbox = *owned;
  sandbox.pod = &pod;
  sandbox.ordinal = next_ordinal_++;
  sandbox.id = pleg::ContainerId(random_.Hex(64));
  sandbox.attempt = attempt;
  sandbox.created_at = now;
  sandbox.ips = pod.ips;
  sandbox.annotations = MakeSandboxAnnotations(sandbox, random_);
  pod.sandboxes.push_back(std::move(owned));
  sandboxes_by_id_[sandbox.id.value()] = &sandbox;
  sandbox_list_.Add(&sandbox, order_);
  Record("sandbox created", pod, sandbox.id, now);
  Emit(EventKind::kCreated, pod, sandbox.id, now);
  Emit(EventKind::kStarted, pod, sandbox.id, now);
  return sandbox;
}

absl::StatusOr<Container*> World::AddContainer(Pod& pod, absl::string_view name, absl::Time now) {
  if (name.empty()) return absl::InvalidArgumentError("container name is empty");
  if (pod.sandboxes.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("pod ", pod.uid.value(), " has no sandbox for container ", name));
  }
  uint32_t attempt = 0;
  for (const auto& other : pod.containers) {
    if (other->name == name) attempt = std::max(attempt, other->attempt + 1);
  }
  auto owned = std::make_unique<Container>();
  Container& container = *owned;
  container.pod = &pod;
  container.sandbox = pod.sandboxes.back().get();
  container.ordinal = next_ordinal_++;
  container.id = pleg::ContainerId(random_.Hex(64));
  container.name = std::string(name);
  container.attempt = attempt;
  container.created_at = now;
  SetImage(name, container);
  container.labels = MakeContainerLabels(pod, name);
  container.annotations = MakeContainerAnnotations(
      name, attempt,
      container_bytes_ > kTypicalContainerBytes ? container_bytes_ - kTypicalContainerBytes : 0);
  pod.containers.push_back(std::move(owned));
  containers_by_id_[container.id.value()] = &container;
  container_list_.Add(&container, order_);
  Record("container created", pod, container.id, now, name);
  Emit(EventKind::kCreated, pod, container.id, now);
  return &container;
}

Sandbox& World::NewAttempt(Pod& pod, absl::Time now) {
  uint32_t attempt = 0;
  for (const auto& sandbox : pod.sandboxes) {
    Stop(*sandbox, now);
    attempt = std::max(attempt, sandbox->attempt + 1);
  }
  if (!pod.host_network) pod.ips = NewAddresses();
  return AddSandbox(pod, attempt, now);
}

absl::Status World::Start(Container& container, absl::Time now) {
  if (container.state != kContainerCreated) {
    return absl::FailedPreconditionError(absl::StrCat("container ", container.id.value(),
                                                      " cannot be started: its state is ",
                                                      container.state, ", not created"));
  }
  container.state = kContainerRunning;
  container.started_at = now;
  container_list_.Touch(&container);
  Record("container started", *container.pod, container.id, now, container.name);
  Emit(EventKind::kStarted, *container.pod, container.id, now);
  return absl::OkStatus();
}

absl::Status World::Exit(Container& container, const ExitSpec& spec, absl::Time now) {
  if (container.state == kContainerExited) {
    return absl::FailedPreconditionError(
        absl::StrCat("container ", container.id.value(), " has exited already"));
  }
  container.state = kContainerExited;
  container.finished_at = now;
  container.exit_code = spec.code;
  container.reason = !spec.reason.empty() ? spec.reason : spec.code == 0 ? "Completed" : "Error";
  container.message = spec.message;
  container_list_.Touch(&container);
  Record("container exited", *container.pod, container.id, now, container.name, spec.code);
  Emit(EventKind::kStopped, *container.pod, container.id, now);
  return absl::OkStatus();
}

void World::SetState(Container& container, int state, absl::Time now) {
  container.state = state;
  if (state == kContainerRunning && container.started_at == absl::UnixEpoch()) {
    container.started_at = now;
  }
  if (state == kContainerExited) container.finished_at = now;
  container_list_.Touch(&container);
  Record("container state set", *container.pod, container.id, now, container.name);
}

void World::SetState(Sandbox& sandbox, int state, absl::Time now) {
  sandbox.state = state;
  sandbox_list_.Touch(&sandbox);
  Record("sandbox state set", *sandbox.pod, sandbox.id, now);
}

void World::Remove(Container& container, absl::Time now) {
  Pod& pod = *container.pod;
  if (container.state == kContainerRunning) (void)Exit(container, {.code = kKilled}, now);
  Record("container removed", pod, container.id, now, container.name);
  Emit(EventKind::kDeleted, pod, container.id, now);
  EraseFromPod(container);
  ErasePodIfEmpty(pod);
}

absl::Status World::Move(Container& container, Pod& to, absl::Time now) {
  if (to.sandboxes.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("pod ", to.uid.value(), " has no sandbox for container ", container.name));
  }
  Pod& from = *container.pod;
  Record("container removed", from, container.id, now, container.name);
  const auto owned = std::find_if(from.containers.begin(), from.containers.end(),
                                  [&](const auto& other) { return other.get() == &container; });
  to.containers.push_back(std::move(*owned));
  from.containers.erase(owned);
  container.pod = &to;
  container.sandbox = to.sandboxes.back().get();
  container.created_at = now;
  container.labels = MakeContainerLabels(to, container.name);
  container_list_.Touch(&container);
  Record("container created", to, container.id, now, container.name);
  return absl::OkStatus();
}

void World::EraseFromPod(Container& container) {
  container_list_.Remove(&container);
  containers_by_id_.erase(container.id.value());
  Pod& pod = *container.pod;
  pod.containers.erase(std::find_if(pod.containers.begin(), pod.containers.end(),
                                    [&](const auto& owned) { return owned.get() == &container; }));
}

void World::Stop(Sandbox& sandbox, absl::Time now) {
  for (const auto& container : sandbox.pod->containers) {
    if (container->sandbox != &sandbox || container->state == kContainerExited) continue;
    (void)Exit(*container, {.code = kKilled}, now);
  }
  if (sandbox.state == kSandboxNotReady) return;
  sandbox.state = kSandboxNotReady;
  sandbox_list_.Touch(&sandbox);
  Record("sandbox stopped", *sandbox.pod, sandbox.id, now);
  Emit(EventKind::kStopped, *sandbox.pod, sandbox.id, now);
}

void World::Remove(Sandbox& sandbox, absl::Time now) {
  Pod& pod = *sandbox.pod;
  Stop(sandbox, now);
  for (size_t i = pod.containers.size(); i > 0; --i) {
    Container& container = *pod.containers[i - 1];
    if (container.sandbox != &sandbox) continue;
    Record("container removed", pod, container.id, now, container.name);
    Emit(EventKind::kDeleted, pod, container.id, now);
    EraseFromPod(container);
  }
  Record("sandbox removed", pod, sandbox.id, now);
  Emit(EventKind::kDeleted, pod, sandbox.id, now);
  sandbox_list_.Remove(&sandbox);
  sandboxes_by_id_.erase(sandbox.id.value());
  pod.sandboxes.erase(std::find_if(pod.sandboxes.begin(), pod.sandboxes.end(),
                                   [&](const auto& owned) { return owned.get() == &sandbox; }));
  ErasePodIfEmpty(pod);
}

void World::ErasePodIfEmpty(Pod& pod) {
  if (!pod.sandboxes.empty() || !pod.containers.empty()) return;
  pods_by_uid_.erase(pod.uid.value());
  const size_t index = pod.index;
  std::swap(pods_[index], pods_.back());
  pods_[index]->index = index;
  pods_.pop_back();
}

void World::Remove(Pod& pod, absl::Time now) {
  for (size_t left = pod.sandboxes.size(); left > 0; --left) Remove(*pod.sandboxes.back(), now);
}

Pod* World::FindPod(const pleg::PodUid& uid) const {
  const auto it = pods_by_uid_.find(uid.value());
  return it == pods_by_uid_.end() ? nullptr : it->second;
}

Sandbox* World::FindSandbox(const pleg::ContainerId& id, bool prefix) const {
  return FindById(sandboxes_by_id_, id, prefix);
}

Container* World::FindContainer(const pleg::ContainerId& id, bool prefix) const {
  return FindById(containers_by_id_, id, prefix);
}

std::vector<std::string> World::NewAddresses() {
  const uint32_t n = next_address_++;
  const uint32_t high = (n >> 8) & 0xff, low = n & 0xff;
  return {absl::StrCat("10.", 244 + (n >> 16) % 4, ".", high, ".", low),
          absl::StrCat("fd00:10:244::", absl::Hex(n))};
}

void World::Record(absl::string_view what, const Pod& pod, const pleg::ContainerId& id,
                   absl::Time now, absl::string_view name, int32_t exit_code) {
  if (history_.size() == kHistory) history_.pop_front();
  history_.push_back({now, what, pod.uid, id, std::string(name), exit_code});
}

void World::Emit(EventKind kind, const Pod& pod, const pleg::ContainerId& id, absl::Time now) {
  if (event_sink_) event_sink_(kind, pod, id, now);
}

}  // namespace sim
