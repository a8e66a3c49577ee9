#include "runtime/sim/filter.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/map.h"
#include "pleg/ids.h"
#include "runtime/sim/kubelet_metadata.h"

namespace sim {
namespace {

using Selector = google::protobuf::Map<std::string, std::string>;

bool HasLabels(const Labels& labels, const Selector& selector) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    return std::any_of(labels.begin(), labels.end(), [&](const auto& label) {
      return label.first == wanted.first && label.second == wanted.second;
    });
  });
}

// What can match at all: the item of the id, the items of the pod, or all.
template <typename Item>
std::vector<Item*> Candidates(const std::string& id, const Selector& selector, World& world,
                              Item* by_id, ListCache<Item>& all,
                              const std::vector<std::unique_ptr<Item>> Pod::*of_pod) {
  if (!id.empty()) return by_id == nullptr ? std::vector<Item*>{} : std::vector<Item*>{by_id};
  const auto uid = selector.find("io.kubernetes.pod.uid");
  if (uid == selector.end()) return all.Items();
  std::vector<Item*> items;
  if (const Pod* pod = world.FindPod(pleg::PodUid(uid->second)); pod != nullptr) {
    for (const auto& item : pod->*of_pod) items.push_back(item.get());
  }
  return items;
}

}  // namespace

bool IsEmpty(const ::runtime::v1::PodSandboxFilter& filter) {
  return filter.id().empty() && !filter.has_state() && filter.label_selector().empty();
}

bool IsEmpty(const ::runtime::v1::ContainerFilter& filter) {
  return filter.id().empty() && !filter.has_state() && filter.pod_sandbox_id().empty() &&
         filter.label_selector().empty();
}

std::vector<Sandbox*> Select(World& world, const ::runtime::v1::PodSandboxFilter& filter,
                             bool id_prefixes) {
  std::vector<Sandbox*> items =
      Candidates(filter.id(), filter.label_selector(), world,
                 world.FindSandbox(pleg::ContainerId(filter.id()), id_prefixes), world.sandboxes(),
                 &Pod::sandboxes);
  std::erase_if(items, [&](const Sandbox* sandbox) {
    if (filter.has_state() && sandbox->state != filter.state().state()) return true;
    return !filter.label_selector().empty() &&
           !HasLabels(MakeSandboxLabels(*sandbox->pod), filter.label_selector());
  });
  return items;
}

std::vector<Container*> Select(World& world, const ::runtime::v1::ContainerFilter& filter,
                               bool id_prefixes) {
  std::vector<Container*> items =
      Candidates(filter.id(), filter.label_selector(), world,
                 world.FindContainer(pleg::ContainerId(filter.id()), id_prefixes),
                 world.containers(), &Pod::containers);
  const Sandbox* sandbox =
      world.FindSandbox(pleg::ContainerId(filter.pod_sandbox_id()), id_prefixes);
  std::erase_if(items, [&](const Container* container) {
    if (!filter.pod_sandbox_id().empty() && container->sandbox != sandbox) return true;
    if (filter.has_state() && container->state != filter.state().state()) return true;
    return !HasLabels(container->labels, filter.label_selector());
  });
  return items;
}

}  // namespace sim
