// A node that says what somebody wrote down: the objects, the answers about each of them, and how
// calls fail. Nothing in it changes by itself.
//
//   absl::StatusOr<FixedWorld> world = ReadWorldFile(*JsonText::Parse(…), origin);   //
//   world_file.h world->FindContainer("shop/web-0/app");

#ifndef PLEGD_RUNTIME_SIM_FIXED_WORLD_H_
#define PLEGD_RUNTIME_SIM_FIXED_WORLD_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pleg/ids.h"
#include "runtime/sim/defect.h"
#include "runtime/sim/fault.h"
#include "runtime/sim/list_cache.h"
#include "runtime/sim/pod_info.h"
#include "runtime/v1/api.pb.h"

namespace sim {

// What a list says of an object and what its status says: they may disagree.
struct FixedSandbox {
  ::runtime::v1::PodSandbox listed;
  ::runtime::v1::PodSandboxStatus status;
};
struct FixedContainer {
  ::runtime::v1::Container listed;
  ::runtime::v1::ContainerStatus status;
};

// Ids are unique among sandboxes and among containers.
struct FixedWorld {
  std::vector<FixedSandbox> sandboxes;
  std::vector<FixedContainer> containers;
  ::runtime::v1::RuntimeStatus status;
  std::string runtime_name;     // Empty if nobody said.
  std::string runtime_version;  // The same.
  std::vector<Fault> rules;     // The first that matches a call decides.

  bool is_crio() const { return runtime_name == "cri-o"; }

  // Null without one. containerd takes an unambiguous beginning for an id.
  const FixedSandbox* FindSandbox(absl::string_view id) const;
  const FixedContainer* FindContainer(absl::string_view id) const;
  // What a person may call them: an id, its beginning of 4 characters or more, namespace/name or
  // name of the pod (the newest attempt of its sandbox), and that with /container (the same).
  // kNotFound.
  absl::StatusOr<pleg::ContainerId> Resolve(absl::string_view reference) const;
};

// "2 sandboxes, 1 container and 3 rules".
std::string Describe(const FixedWorld& world);
// Its objects by pod, in the order of the first of each.
std::vector<PodInfo> PodsOf(const FixedWorld& world);

// What a status says as long as nobody says otherwise: what the list says, an address for a sandbox
// that is ready (the `index`th), and that a container which runs or has run started when it was
// created.
::runtime::v1::PodSandboxStatus StatusOf(const ::runtime::v1::PodSandbox& listed, size_t index);
::runtime::v1::ContainerStatus StatusOf(const ::runtime::v1::Container& listed);

// Adds what every runtime and kubelet write and somebody who writes a node leaves out: both
// conditions, the kubelet's labels, an image. What is there stays.
void Complete(FixedWorld& world);

// Replies as SimRuntime gives them: elements of a list, whole responses, kNotFound in the runtime's
// words.
std::vector<Piece> ListSandboxes(const FixedWorld& world,
                                 const ::runtime::v1::PodSandboxFilter& filter,
                                 const std::optional<ItemDefect>& defect, size_t piece_items);
std::vector<Piece> ListContainers(const FixedWorld& world,
                                  const ::runtime::v1::ContainerFilter& filter,
                                  const std::optional<ItemDefect>& defect, size_t piece_items);
absl::StatusOr<std::string> SandboxStatus(const FixedWorld& world, const pleg::ContainerId& id,
                                          std::optional<Defect> defect);
absl::StatusOr<std::string> ContainerStatus(const FixedWorld& world, const pleg::ContainerId& id,
                                            std::optional<Defect> defect);

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_FIXED_WORLD_H_
