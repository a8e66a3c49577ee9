// A FixedWorld as a client of the CRI sees it.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "runtime/sim/fixed_world.h"
#include "runtime/sim/model.h"
#include "runtime/sim/not_found.h"
#include "runtime/sim/wire_writer.h"

namespace sim {
namespace {

namespace cri = ::runtime::v1;

constexpr int kUnknownState = 99;
constexpr int kLaterField = 2047;  // No CRI version uses it.

template <typename Item>
int OtherState(const Item& item) {
  if constexpr (requires { item.image(); }) {
    return item.state() == kContainerRunning ? kContainerExited : kContainerRunning;
  } else {
    return item.state() == kSandboxReady ? kSandboxNotReady : kSandboxReady;
  }
}

// The message, bent as its defect says.
template <typename Item>
std::string Encode(Item item, std::optional<Defect> defect) {
  const int labels = item.GetDescriptor()->FindFieldByName("labels")->number();
  std::string tail;
  WireWriter wire(&tail, nullptr);
  using State = decltype(item.state());
  if (defect == Defect::kNoId) item.clear_id();
  if (defect == Defect::kNoMetadata) item.clear_metadata();
  if (defect == Defect::kUnknownEnum) item.set_state(static_cast<State>(kUnknownState));
  if (defect == Defect::kOtherState) item.set_state(static_cast<State>(OtherState(item)));
  if (defect == Defect::kBadUtf8) wire.Entry(labels, "cri-sim.io/latin1", "caf\xe9");
  if (defect == Defect::kUnknownField) wire.Uint(kLaterField, 7);
  if (defect == Defect::kBadItem) wire.Overrun(labels, 100);
  if constexpr (requires { item.clear_image(); }) {
    if (defect == Defect::kNoImage) item.clear_image();
  }
  return item.SerializeAsString() + tail;
}

bool HasLabels(const google::protobuf::Map<std::string, std::string>& labels,
               const google::protobuf::Map<std::string, std::string>& selector) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& wanted) {
    const auto it = labels.find(wanted.first);
    return it != labels.end() && it->second == wanted.second;
  });
}

// Of those that `matches`, in the file's order.
template <typename Item, typename Matches>
std::vector<Piece> List(const std::vector<Item>& items, Matches matches,
                        const std::optional<ItemDefect>& defect, size_t piece_items) {
  std::vector<Piece> pieces;
  std::shared_ptr<std::string> bytes;
  bool first = true;
  for (const Item& item : items) {
    if (!matches(item.listed)) continue;
    const bool chosen = defect.has_value() && !defect->id.empty()
                            ? defect->id.value() == item.listed.id()
                            : std::exchange(first, false);
    const bool broken = defect.has_value() && chosen;
    if (bytes == nullptr || pieces.back().items >= piece_items) {
      bytes = std::make_shared<std::string>();
      pieces.push_back({bytes, 0});
    }
    WireWriter wire(bytes.get(), nullptr);
    const auto how = broken ? std::optional<Defect>(defect->defect) : std::nullopt;
    wire.Bytes(1, Encode(item.listed, how));
    if (how == Defect::kDuplicate) wire.Bytes(1, Encode(item.listed, std::nullopt));
    ++pieces.back().items;
  }
  return pieces;
}

template <typename Item>
std::string Response(const Item& status, std::optional<Defect> defect) {
  std::string reply;
  WireWriter(&reply, nullptr).Bytes(1, Encode(status, defect));
  return reply;
}

}  // namespace

std::vector<Piece> ListSandboxes(const FixedWorld& world, const cri::PodSandboxFilter& filter,
                                 const std::optional<ItemDefect>& defect, size_t piece_items) {
  const FixedSandbox* by_id = world.FindSandbox(filter.id());
  const auto matches = [&](const cri::PodSandbox& sandbox) {
    if (!filter.id().empty() && (by_id == nullptr || &by_id->listed != &sandbox)) return false;
    if (filter.has_state() && filter.state().state() != sandbox.state()) return false;
    return HasLabels(sandbox.labels(), filter.label_selector());
  };
  return List(world.sandboxes, matches, defect, piece_items);
}

std::vector<Piece> ListContainers(const FixedWorld& world, const cri::ContainerFilter& filter,
                                  const std::optional<ItemDefect>& defect, size_t piece_items) {
  const FixedContainer* by_id = world.FindContainer(filter.id());
  const FixedSandbox* sandbox = world.FindSandbox(filter.pod_sandbox_id());
  const std::string& sandbox_id =
      sandbox == nullptr ? filter.pod_sandbox_id() : sandbox->listed.id();
  const auto matches = [&](const cri::Container& container) {
    if (!filter.id().empty() && (by_id == nullptr || &by_id->listed != &container)) return false;
    if (!sandbox_id.empty() && container.pod_sandbox_id() != sandbox_id) return false;
    if (filter.has_state() && filter.state().state() != container.state()) return false;
    return HasLabels(container.labels(), filter.label_selector());
  };
  return List(world.containers, matches, defect, piece_items);
}

absl::StatusOr<std::string> SandboxStatus(const FixedWorld& world, const pleg::ContainerId& id,
                                          std::optional<Defect> defect) {
  const FixedSandbox* sandbox = world.FindSandbox(id.value());
  if (sandbox == nullptr) return CriNotFound("sandbox", world.is_crio(), id);
  return Response(sandbox->status, defect);
}

absl::StatusOr<std::string> ContainerStatus(const FixedWorld& world, const pleg::ContainerId& id,
                                            std::optional<Defect> defect) {
  const FixedContainer* container = world.FindContainer(id.value());
  if (container == nullptr) return CriNotFound("container", world.is_crio(), id);
  return Response(container->status, defect);
}

}  // namespace sim
