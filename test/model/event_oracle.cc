#include "test/model/event_oracle.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace model {
namespace {

using pleg::EventType;

std::vector<EventType> Transition(char from, char to) {
  if (from == to) return {};
  if (to == 'R') return {EventType::kContainerStarted};
  if (to == 'E') return {EventType::kContainerDied};
  if (to == 'U') return {EventType::kContainerChanged};
  if (from == 'E') return {EventType::kContainerRemoved};
  return {EventType::kContainerDied, EventType::kContainerRemoved};
}

std::string Print(const std::vector<std::pair<EventType, std::string>>& events) {
  return absl::StrCat("[",
                      absl::StrJoin(events, ", ",
                                    [](std::string* out, const auto& e) {
                                      absl::StrAppend(out, pleg::EventTypeName(e.first), " ",
                                                      e.second);
                                    }),
                      "]");
}

// Sorted, the first of an ID kept.
template <typename Listed, typename Key>
std::vector<std::pair<std::string, char>> Items(std::vector<Listed> listed, Key key) {
  std::stable_sort(listed.begin(), listed.end(),
                   [&](const Listed& a, const Listed& b) { return key(a) < key(b); });
  std::vector<std::pair<std::string, char>> items;
  for (const Listed& l : listed) {
    const std::string& id = l.info->id.value();
    if (items.empty() || items.back().first != id) items.emplace_back(id, Letter(l.state));
  }
  return items;
}

}  // namespace

char Letter(pleg::ContainerState state) {
  if (state == pleg::ContainerState::kRunning) return 'R';
  return state == pleg::ContainerState::kExited ? 'E' : 'U';
}

char Letter(pleg::SandboxState state) {
  if (state == pleg::SandboxState::kReady) return 'R';
  return state == pleg::SandboxState::kNotReady ? 'E' : 'U';
}

void EventOracle::OnListing(const pleg::Listing& listing, const std::optional<pleg::PodUid>& pod) {
  std::map<std::string, pleg::Listing> by_pod;
  for (const auto& s : listing.sandboxes) {
    by_pod[s.info->pod_uid.value()].sandboxes.push_back(s);
  }
  for (const auto& c : listing.containers) {
    by_pod[c.info->pod_uid.value()].containers.push_back(c);
  }
  if (!pod) {
    for (const auto& [uid, history] : pods_) by_pod[uid];
  }
  for (auto& [uid, own] : by_pod) {
    if (pod && uid != pod->value()) continue;
    Seen seen;
    seen.containers = Items(own.containers, [](const pleg::ListedContainer& c) {
      return std::make_tuple(-absl::ToUnixNanos(c.info->created_at), c.info->id.value());
    });
    seen.sandboxes = Items(own.sandboxes, [](const pleg::ListedSandbox& s) {
      return std::make_tuple(-int64_t{s.info->attempt}, -absl::ToUnixNanos(s.info->created_at),
                             s.info->id.value());
    });
    std::vector<Seen>& all = pods_[uid].seen;
    if (!all.back().Same(seen)) all.push_back(seen);
    all.back().listed_at.insert(listing.started_at.nanos());
  }
}

EventOracle::Sent EventOracle::Step(const Seen& from, const Seen& to) {
  std::map<std::string, std::pair<char, char>> states;
  std::vector<std::string> order;
  auto note = [&](const std::vector<Item>& items, char std::pair<char, char>::*side) {
    for (const Item& item : items) {
      auto [it, is_new] = states.emplace(item.first, std::make_pair('-', '-'));
      it->second.*side = item.second;
      if (is_new) order.push_back(item.first);
    }
  };
  note(from.containers, &std::pair<char, char>::first);
  note(from.sandboxes, &std::pair<char, char>::first);
  note(to.containers, &std::pair<char, char>::second);
  note(to.sandboxes, &std::pair<char, char>::second);
  Sent events;
  for (const std::string& id : order) {
    for (EventType type : Transition(states[id].first, states[id].second)) {
      events.emplace_back(type, id);
    }
  }
  if (events.empty()) return {{EventType::kPodSync, ""}};
  std::erase_if(events, [](const auto& e) { return e.first == EventType::kContainerChanged; });
  return events;
}

EventOracle::Sent EventOracle::Plain(const std::vector<pleg::Event>& events) {
  Sent plain;
  for (const pleg::Event& e : events) plain.emplace_back(e.type, e.id.value());
  return plain;
}

template <typename Allowed>
std::string EventOracle::Advance(const std::string& uid, const std::vector<pleg::Event>& events,
                                 Allowed allowed) {
  PodHistory& pod = pods_[uid];
  const Sent sent = Plain(events);
  std::set<size_t> next;
  std::vector<std::string> possible;
  for (size_t from : pod.reported) {
    for (size_t to = from; to < pod.seen.size(); ++to) {
      if (!allowed(to, pod.seen[to])) continue;
      const Sent step = Step(pod.seen[from], pod.seen[to]);
      possible.push_back(Print(step));
      if (step == sent) next.insert(to);
    }
  }
  if (next.empty()) {
    return absl::StrCat("pod ", uid, ": events ", Print(sent),
                        ", possible were: ", absl::StrJoin(possible, " or "));
  }
  pod.reported = next;
  return "";
}

std::string EventOracle::OnInspected(const std::string& uid, pleg::MonoTime timestamp,
                                     const std::vector<pleg::Event>& events) {
  return Advance(uid, events, [&](size_t, const Seen& to) {
    return !to.empty() && to.listed_at.count(timestamp.nanos()) != 0;
  });
}

std::string EventOracle::OnGone(const std::string& uid, const std::vector<pleg::Event>& events) {
  const size_t last = pods_[uid].seen.size() - 1;
  return Advance(uid, events,
                 [&](size_t index, const Seen& to) { return index == last && to.empty(); });
}

bool EventOracle::Listed(const std::string& uid) const {
  auto it = pods_.find(uid);
  return it != pods_.end() && !it->second.seen.back().empty();
}

std::string EventOracle::CheckAllReported() const {
  for (const auto& [uid, pod] : pods_) {
    const bool reported =
        std::any_of(pod.reported.begin(), pod.reported.end(),
                    [&pod = pod](size_t i) { return pod.seen[i].Same(pod.seen.back()); });
    if (!reported) return absl::StrCat("pod ", uid, ": its last state is not reported");
  }
  return "";
}

}  // namespace model
