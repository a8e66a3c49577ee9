#include "runtime/sim/fixed_world.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sim {
namespace {

namespace cri = ::runtime::v1;

constexpr size_t kShortestPrefix = 4;
constexpr absl::string_view kPodName = "io.kubernetes.pod.name";
constexpr absl::string_view kPodNamespace = "io.kubernetes.pod.namespace";
constexpr absl::string_view kPodUid = "io.kubernetes.pod.uid";
constexpr absl::string_view kContainerName = "io.kubernetes.container.name";

using LabelMap = google::protobuf::Map<std::string, std::string>;

const std::string& LabelOf(const LabelMap& labels, absl::string_view key) {
  static const std::string none;
  const auto it = labels.find(std::string(key));
  return it == labels.end() ? none : it->second;
}

void AddLabel(LabelMap& labels, absl::string_view key, const std::string& value) {
  labels.insert({std::string(key), value});  // What is there stays.
}

template <typename Item>
const Item* FindById(const std::vector<Item>& items, absl::string_view id, bool prefix) {
  const Item* found = nullptr;
  for (const Item& item : items) {
    if (item.listed.id() == id) return &item;
    if (!prefix || id.empty() || !absl::StartsWith(item.listed.id(), id)) continue;
    if (found != nullptr) return nullptr;
    found = &item;
  }
  return found;
}

bool IsPod(absl::string_view reference, const std::string& ns, const std::string& name) {
  return reference == name || reference == absl::StrCat(ns, "/", name);
}

// "1 container", "2 containers", "602 sandboxes".
std::string Counted(size_t count, absl::string_view one, absl::string_view many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

void CompleteConditions(cri::RuntimeStatus& status) {
  for (const absl::string_view type : {"RuntimeReady", "NetworkReady"}) {
    const bool there = std::any_of(status.conditions().begin(), status.conditions().end(),
                                   [&](const auto& condition) { return condition.type() == type; });
    if (there) continue;
    cri::RuntimeCondition& condition = *status.add_conditions();
    condition.set_type(std::string(type));
    condition.set_status(true);
  }
}

}  // namespace

const FixedSandbox* FixedWorld::FindSandbox(absl::string_view id) const {
  return FindById(sandboxes, id, !is_crio());
}

const FixedContainer* FixedWorld::FindContainer(absl::string_view id) const {
  return FindById(containers, id, !is_crio());
}

absl::StatusOr<pleg::ContainerId> FixedWorld::Resolve(absl::string_view reference) const {
  const bool prefix = reference.size() >= kShortestPrefix;
  if (const auto* container = FindById(containers, reference, prefix); container != nullptr) {
    return pleg::ContainerId(container->listed.id());
  }
  if (const auto* sandbox = FindById(sandboxes, reference, prefix); sandbox != nullptr) {
    return pleg::ContainerId(sandbox->listed.id());
  }
  const size_t slash = reference.rfind('/');
  const cri::Container* container = nullptr;
  for (const FixedContainer& other : containers) {
    const LabelMap& labels = other.listed.labels();
    if (slash == absl::string_view::npos ||
        other.listed.metadata().name() != reference.substr(slash + 1) ||
        !IsPod(reference.substr(0, slash), LabelOf(labels, kPodNamespace),
               LabelOf(labels, kPodName))) {
      continue;
    }
    if (container == nullptr ||
        other.listed.metadata().attempt() >= container->metadata().attempt()) {
      container = &other.listed;
    }
  }
  if (container != nullptr) return pleg::ContainerId(container->id());
  const cri::PodSandbox* sandbox = nullptr;
  for (const FixedSandbox& other : sandboxes) {
    const cri::PodSandboxMetadata& metadata = other.listed.metadata();
    if (!IsPod(reference, metadata.namespace_(), metadata.name())) continue;
    if (sandbox == nullptr || metadata.attempt() >= sandbox->metadata().attempt()) {
      sandbox = &other.listed;
    }
  }
  if (sandbox != nullptr) return pleg::ContainerId(sandbox->id());
  return absl::NotFoundError(absl::StrCat("no container or sandbox '", reference, "'"));
}

std::string Describe(const FixedWorld& world) {
  return absl::StrCat(Counted(world.sandboxes.size(), "sandbox", "sandboxes"), ", ",
                      Counted(world.containers.size(), "container", "containers"), " and ",
                      Counted(world.rules.size(), "rule", "rules"));
}

std::vector<PodInfo> PodsOf(const FixedWorld& world) {
  std::vector<PodInfo> pods;
  std::map<std::string, size_t> by_key;
  const auto pod_of = [&](const std::string& uid, const std::string& ns,
                          const std::string& name) -> PodInfo& {
    const std::string key = uid.empty() ? absl::StrCat(ns, "/", name) : uid;
    const auto [it, added] = by_key.emplace(key, pods.size());
    if (added) pods.push_back({pleg::PodUid(uid), name, ns, {}, {}});
    return pods[it->second];
  };
  for (const FixedSandbox& sandbox : world.sandboxes) {
    const cri::PodSandbox& listed = sandbox.listed;
    const cri::PodSandboxMetadata& metadata = listed.metadata();
    pod_of(metadata.uid(), metadata.namespace_(), metadata.name())
        .sandboxes.push_back({pleg::ContainerId(listed.id()), metadata.attempt(), listed.state()});
  }
  for (const FixedContainer& container : world.containers) {
    const cri::Container& listed = container.listed;
    const LabelMap& labels = listed.labels();
    pod_of(LabelOf(labels, kPodUid), LabelOf(labels, kPodNamespace), LabelOf(labels, kPodName))
        .containers.push_back({pleg::ContainerId(listed.id()), listed.metadata().name(),
                               listed.metadata().attempt(), listed.state(),
                               container.status.exit_code()});
  }
  return pods;
}

cri::PodSandboxStatus StatusOf(const cri::PodSandbox& listed, size_t index) {
  cri::PodSandboxStatus status;
  status.set_id(listed.id());
  *status.mutable_metadata() = listed.metadata();
  status.set_state(listed.state());
  status.set_created_at(listed.created_at());
  *status.mutable_labels() = listed.labels();
  *status.mutable_annotations() = listed.annotations();
  status.set_runtime_handler(listed.runtime_handler());
  if (listed.state() == cri::SANDBOX_READY) {
    status.mutable_network()->set_ip(
        absl::StrCat("10.88.", index / 250 % 250, ".", index % 250 + 2));
  }
  return status;
}

cri::ContainerStatus StatusOf(const cri::Container& listed) {
  cri::ContainerStatus status;
  status.set_id(listed.id());
  *status.mutable_metadata() = listed.metadata();
  status.set_state(listed.state());
  status.set_created_at(listed.created_at());
  if (listed.has_image()) *status.mutable_image() = listed.image();
  status.set_image_ref(listed.image_ref());
  *status.mutable_labels() = listed.labels();
  *status.mutable_annotations() = listed.annotations();
  if (listed.state() == cri::CONTAINER_RUNNING || listed.state() == cri::CONTAINER_EXITED) {
    status.set_started_at(listed.created_at());
  }
  return status;
}

void Complete(FixedWorld& world) {
  CompleteConditions(world.status);
  std::map<std::string, const cri::PodSandboxMetadata*> pods;
  for (FixedSandbox& sandbox : world.sandboxes) {
    const cri::PodSandboxMetadata& metadata = sandbox.listed.metadata();
    pods[sandbox.listed.id()] = &metadata;
    for (LabelMap* labels : {sandbox.listed.mutable_labels(), sandbox.status.mutable_labels()}) {
      AddLabel(*labels, kPodName, metadata.name());
      AddLabel(*labels, kPodNamespace, metadata.namespace_());
      AddLabel(*labels, kPodUid, metadata.uid());
    }
  }
  for (FixedContainer& container : world.containers) {
    cri::Container& listed = container.listed;
    if (!listed.has_image()) {
      listed.mutable_image()->set_image(
          absl::StrCat("registry.example/", listed.metadata().name()));
    }
    if (listed.image_ref().empty()) listed.set_image_ref(listed.image().image());
    if (!container.status.has_image()) *container.status.mutable_image() = listed.image();
    // Without one no kubelet reads the status.
    if (container.status.image_ref().empty()) container.status.set_image_ref(listed.image_ref());
    const auto pod = pods.find(listed.pod_sandbox_id());
    for (LabelMap* labels : {listed.mutable_labels(), container.status.mutable_labels()}) {
      AddLabel(*labels, kContainerName, listed.metadata().name());
      if (pod == pods.end()) continue;
      AddLabel(*labels, kPodName, pod->second->name());
      AddLabel(*labels, kPodNamespace, pod->second->namespace_());
      AddLabel(*labels, kPodUid, pod->second->uid());
    }
  }
}

}  // namespace sim
