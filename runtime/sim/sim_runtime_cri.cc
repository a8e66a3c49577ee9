// SimRuntime as a client of the CRI sees it, and how people find things in it.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/sim/cri_encode.h"
#include "runtime/sim/filter.h"
#include "runtime/sim/not_found.h"
#include "runtime/sim/sim_runtime.h"

namespace sim {
namespace {

constexpr size_t kShortestPrefix = 4;

absl::Status NoSuch(absl::string_view kind, absl::string_view reference) {
  return absl::NotFoundError(absl::StrCat("no ", kind, " '", reference, "'"));
}

template <typename Item>
const Item* DefectiveItem(const std::vector<Item*>& items, const ItemDefect& defect) {
  const Item* chosen = nullptr;
  for (const Item* item : items) {
    if (!defect.id.empty() ? item->id == defect.id
                           : chosen == nullptr || item->ordinal < chosen->ordinal) {
      chosen = item;
    }
  }
  return chosen;
}

}  // namespace

template <typename Item>
std::vector<Piece> SimRuntime::Encode(std::vector<Item*> items, const ListOptions& options) {
  order_.Shuffle(items);
  const Item* defective =
      options.defect.has_value() ? DefectiveItem(items, *options.defect) : nullptr;
  std::vector<Piece> pieces;
  for (size_t i = 0; i < items.size();) {
    auto bytes = std::make_shared<std::string>();
    const size_t end = std::min(items.size(), i + options.piece_items);
    const size_t count = end - i;
    for (; i < end; ++i) {
      const bool broken = items[i] == defective;
      EncodeListed(*items[i], &order_,
                   broken ? std::optional<Defect>(options.defect->defect) : std::nullopt,
                   bytes.get());
    }
    pieces.push_back({std::move(bytes), count});
  }
  return pieces;
}

std::vector<Piece> SimRuntime::ListSandboxes(const ::runtime::v1::PodSandboxFilter& filter,
                                             const ListOptions& options) {
  pleg::MutexLock lock(mu_);
  using Cache = ListCache<Sandbox>;
  if (!IsEmpty(filter) || options.defect.has_value() || options.piece_items < Cache::kBlockItems) {
    return Encode(Select(world_, filter, options_.id_prefixes), options);
  }
  return world_.sandboxes().Snapshot(
      [&](const Sandbox& sandbox, std::string* out)
          ABSL_NO_THREAD_SAFETY_ANALYSIS { EncodeListed(sandbox, &order_, std::nullopt, out); },
      order_);
}

std::vector<Piece> SimRuntime::ListContainers(const ::runtime::v1::ContainerFilter& filter,
                                              const ListOptions& options) {
  pleg::MutexLock lock(mu_);
  using Cache = ListCache<Container>;
  if (!IsEmpty(filter) || options.defect.has_value() || options.piece_items < Cache::kBlockItems) {
    return Encode(Select(world_, filter, options_.id_prefixes), options);
  }
  return world_.containers().Snapshot(
      [&](const Container& container, std::string* out)
          ABSL_NO_THREAD_SAFETY_ANALYSIS { EncodeListed(container, &order_, std::nullopt, out); },
      order_);
}

absl::StatusOr<std::string> SimRuntime::SandboxStatus(const pleg::ContainerId& id, bool verbose,
                                                      bool with_containers,
                                                      std::optional<Defect> defect) {
  pleg::MutexLock lock(mu_);
  const Sandbox* sandbox = world_.FindSandbox(id, options_.id_prefixes);
  if (sandbox == nullptr) return CriNotFound("sandbox", options_.crio_words, id);
  SandboxStatusOptions options{.verbose = verbose, .with_containers_at = std::nullopt};
  if (with_containers) options.with_containers_at = Now();
  std::string reply;
  EncodeStatusResponse(*sandbox, options, &order_, defect, &reply);
  return reply;
}

absl::StatusOr<std::string> SimRuntime::ContainerStatus(const pleg::ContainerId& id, bool verbose,
                                                        std::optional<Defect> defect) {
  pleg::MutexLock lock(mu_);
  const Container* container = world_.FindContainer(id, options_.id_prefixes);
  if (container == nullptr) return CriNotFound("container", options_.crio_words, id);
  std::string reply;
  EncodeStatusResponse(*container, verbose, &order_, defect, &reply);
  return reply;
}

absl::StatusOr<Pod*> SimRuntime::FindPodLocked(absl::string_view reference) const {
  if (Pod* pod = world_.FindPod(pleg::PodUid(reference)); pod != nullptr) return pod;
  Pod* found = nullptr;
  for (const auto& pod : world_.pods()) {
    if (pod->name != reference && absl::StrCat(pod->namespace_name, "/", pod->name) != reference) {
      continue;
    }
    if (found != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("pod '", reference, "' is ambiguous: use its UID"));
    }
    found = pod.get();
  }
  if (found == nullptr) return NoSuch("pod", reference);
  return found;
}

absl::StatusOr<pleg::PodUid> SimRuntime::FindPod(absl::string_view reference) const {
  pleg::MutexLock lock(mu_);
  const absl::StatusOr<Pod*> pod = FindPodLocked(reference);
  if (!pod.ok()) return pod.status();
  return (*pod)->uid;
}

absl::StatusOr<pleg::ContainerId> SimRuntime::FindSandbox(absl::string_view reference) const {
  pleg::MutexLock lock(mu_);
  const Sandbox* sandbox =
      world_.FindSandbox(pleg::ContainerId(reference), reference.size() >= kShortestPrefix);
  if (sandbox != nullptr) return sandbox->id;
  const absl::StatusOr<Pod*> pod = FindPodLocked(reference);
  if (absl::IsNotFound(pod.status())) return NoSuch("sandbox", reference);
  if (!pod.ok()) return pod.status();
  return (*pod)->sandboxes.back()->id;
}

absl::StatusOr<pleg::ContainerId> SimRuntime::FindContainer(absl::string_view reference) const {
  pleg::MutexLock lock(mu_);
  const Container* container =
      world_.FindContainer(pleg::ContainerId(reference), reference.size() >= kShortestPrefix);
  if (container != nullptr) return container->id;
  const size_t slash = reference.rfind('/');
  if (slash == absl::string_view::npos) return NoSuch("container", reference);
  const absl::StatusOr<Pod*> pod = FindPodLocked(reference.substr(0, slash));
  if (!pod.ok()) return pod.status();
  const auto& containers = (*pod)->containers;
  const auto newest = std::find_if(containers.rbegin(), containers.rend(), [&](const auto& other) {
    return other->name == reference.substr(slash + 1);
  });
  if (newest == containers.rend()) return NoSuch("container", reference);
  return (*newest)->id;
}

}  // namespace sim
