#include "pleg/diff.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace pleg {
namespace {

// The states of one observation by ID.
class StateIndex {
 public:
  explicit StateIndex(const Pod* pod) {
    if (pod == nullptr) return;
    states_.reserve(pod->containers.size() + pod->sandboxes.size());
    for (const auto& c : pod->containers) states_.emplace(c.info->id.value(), ToPlegState(c.state));
    for (const auto& s : pod->sandboxes) states_.emplace(s.info->id.value(), ToPlegState(s.state));
  }

  PlegState Find(const ContainerId& id) const {
    auto it = states_.find(id.value());
    return it == states_.end() ? PlegState::kNonExistent : it->second;
  }

 private:
  absl::flat_hash_map<absl::string_view, PlegState> states_;
};

class EventBuilder {
 public:
  EventBuilder(const Pod* reported, const Pod* current) : old_(reported), new_(current) {
    const Pod* named = current != nullptr ? current : reported;
    base_.pod_uid = (reported != nullptr ? reported : current)->uid;
    base_.pod_name = named->name;
    base_.pod_namespace = named->pod_namespace;
  }

  void Walk(const Pod* pod) {
    if (pod == nullptr) return;
    for (const auto& c : pod->containers) Add(c.info->id, false, c.info->name);
    for (const auto& s : pod->sandboxes) Add(s.info->id, true, {});
  }

  std::vector<Event> Take() { return std::move(events_); }

 private:
  void Add(const ContainerId& id, bool is_sandbox, const std::string& container_name) {
    if (!seen_.insert(id.value()).second) return;
    for (EventType type : TransitionEvents(old_.Find(id), new_.Find(id))) {
      Event& event = events_.emplace_back(base_);
      event.type = type;
      event.id = id;
      event.is_sandbox = is_sandbox;
      event.container_name = container_name;
    }
  }

  StateIndex old_;
  StateIndex new_;
  Event base_;
  absl::flat_hash_set<absl::string_view> seen_;
  std::vector<Event> events_;
};

}  // namespace

std::vector<EventType> TransitionEvents(PlegState from, PlegState to) {
  if (from == to) return {};
  switch (to) {
    case PlegState::kRunning:
      return {EventType::kContainerStarted};
    case PlegState::kExited:
      return {EventType::kContainerDied};
    case PlegState::kUnknown:
      return {EventType::kContainerChanged};
    case PlegState::kNonExistent:
      break;
  }
  if (from == PlegState::kExited) return {EventType::kContainerRemoved};
  return {EventType::kContainerDied, EventType::kContainerRemoved};
}

std::vector<Event> ComputeEvents(const Pod* reported, const Pod* current) {
  if (reported == nullptr && current == nullptr) return {};
  EventBuilder builder(reported, current);
  builder.Walk(reported);
  builder.Walk(current);
  return builder.Take();
}

}  // namespace pleg
