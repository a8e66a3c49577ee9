#include "test/process/sim_node.h"

#include <algorithm>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/sim/fault.h"

namespace plegd_testing {
namespace {

constexpr absl::string_view kContainerStates[] = {"created", "running", "exited", "unknown"};

std::string Line(absl::string_view id, absl::string_view state, int exit_code) {
  return absl::StrCat(id.substr(0, 12), " ", state,
                      state == "exited" ? absl::StrCat(" ", exit_code) : "");
}

// The node's pods, and plegd's, in the same words.
std::vector<std::string> Describe(const std::vector<sim::PodInfo>& pods) {
  std::vector<std::string> lines;
  for (const sim::PodInfo& pod : pods) {
    for (const sim::SandboxInfo& s : pod.sandboxes) {
      const bool ready = s.state == sim::kSandboxReady;
      lines.push_back(
          absl::StrCat(pod.uid.value(), " ", Line(s.id.value(), ready ? "ready" : "notready", 0)));
    }
    for (const sim::ContainerInfo& c : pod.containers) {
      const absl::string_view state = kContainerStates[std::clamp(c.state, 0, 3)];
      lines.push_back(absl::StrCat(pod.uid.value(), " ", Line(c.id.value(), state, c.exit_code)));
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::vector<std::string> Describe(const plegd::v1::PodList& list) {
  std::vector<std::string> lines;
  for (const plegd::v1::PodStatus& pod : list.pods()) {
    for (const auto& s : pod.sandboxes()) {
      lines.push_back(absl::StrCat(pod.uid(), " ", Line(s.id(), s.state(), 0)));
    }
    for (const auto& c : pod.containers()) {
      lines.push_back(absl::StrCat(pod.uid(), " ", Line(c.id(), c.state(), c.exit_code())));
    }
    if (!pod.error().empty()) lines.push_back(absl::StrCat(pod.uid(), " error ", pod.error()));
    if (pod.pending()) lines.push_back(absl::StrCat(pod.uid(), " pending"));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

testing::AssertionResult SameLines(const std::vector<std::string>& expected,
                                   const std::vector<std::string>& got, absl::string_view what) {
  if (expected == got) return testing::AssertionSuccess();
  std::vector<std::string> missing;
  std::vector<std::string> surplus;
  std::set_difference(expected.begin(), expected.end(), got.begin(), got.end(),
                      std::back_inserter(missing));
  std::set_difference(got.begin(), got.end(), expected.begin(), expected.end(),
                      std::back_inserter(surplus));
  return testing::AssertionFailure() << what << " lacks:\n"
                                     << absl::StrJoin(missing, "\n") << "\nand has besides:\n"
                                     << absl::StrJoin(surplus, "\n");
}

}  // namespace

std::map<EventTruth::Id, EventTruth::Object> EventTruth::Flatten(
    const std::vector<sim::PodInfo>& pods) {
  std::map<Id, Object> objects;
  for (const sim::PodInfo& pod : pods) {
    for (const sim::SandboxInfo& s : pod.sandboxes) {
      const bool ready = s.state == sim::kSandboxReady;
      objects[s.id.value()] = {pod.uid.value(), ready, !ready, 0};
    }
    for (const sim::ContainerInfo& c : pod.containers) {
      objects[c.id.value()] = {pod.uid.value(), c.state == sim::kContainerRunning,
                               c.state == sim::kContainerExited, c.exit_code};
    }
  }
  return objects;
}

void EventTruth::Expect(const Object& object, const Id& id, absl::string_view type) {
  expected_[absl::StrCat(object.pod, "/", id)].emplace_back(type);
}

void EventTruth::Show(const std::vector<sim::PodInfo>& pods) {
  std::map<Id, Object> now = Flatten(pods);
  for (const auto& [id, object] : now) {
    const auto before = shown_.find(id);
    const bool was_running = before != shown_.end() && before->second.running;
    const bool was_exited = before != shown_.end() && before->second.exited;
    if (object.running && !was_running) Expect(object, id, "ContainerStarted");
    if (object.exited && !was_exited) Expect(object, id, "ContainerDied");
    if (object.exited) exit_codes_[id] = object.exit_code;
  }
  for (const auto& [id, object] : shown_) {
    if (now.contains(id)) continue;
    if (!object.exited) Expect(object, id, "ContainerDied");
    Expect(object, id, "ContainerRemoved");
  }
  shown_ = std::move(now);
}

testing::AssertionResult EventTruth::Matches(const std::vector<plegd::v1::Event>& events) const {
  std::map<std::string, std::vector<std::string>> got;
  for (const plegd::v1::Event& event : events) {
    if (event.type() == "PodSync") continue;
    got[absl::StrCat(event.pod_uid(), "/", event.id())].push_back(event.type());
    const auto code = exit_codes_.find(event.id());
    if (event.has_exit_code() && code != exit_codes_.end() && event.exit_code() != code->second) {
      return testing::AssertionFailure()
             << event.id() << " died with " << event.exit_code() << ", not " << code->second;
    }
  }
  const auto describe = [](const auto& objects) {
    std::vector<std::string> lines;
    lines.reserve(objects.size());
    for (const auto& [object, types] : objects) {
      lines.push_back(absl::StrCat(object, " ", absl::StrJoin(types, ",")));
    }
    return lines;
  };
  return SameLines(describe(expected_), describe(got), "the event log");
}

SimNode::SimNode(sim::RuntimeOptions options)
    : runtime_(std::make_shared<sim::SimRuntime>(std::move(options))) {}

absl::Status SimNode::Serve(sim::ServiceOptions service, absl::Duration status_latency) {
  server_ = nullptr;
  auto server = sim::SimServer::Start({.socket_path = socket_path(),
                                       .status_latency = status_latency,
                                       .service = std::move(service)},
                                      runtime_);
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  return absl::OkStatus();
}

void SimNode::Break(absl::string_view fault) {
  auto parsed = sim::ParseFault(absl::StrSplit(fault, ' '));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  server_->faults().Add(*std::move(parsed));
}

testing::AssertionResult SimNode::EventsAgree(const PlegdProcess& plegd) const {
  const auto events = plegd.Events();
  if (!events.ok()) return testing::AssertionFailure() << events.status();
  return truth_.Matches(*events);
}

testing::AssertionResult SimNode::CacheAgrees(const PlegdProcess& plegd) const {
  const auto pods = plegd.Pods();
  if (!pods.ok()) return testing::AssertionFailure() << pods.status();
  return SameLines(Describe(runtime_->Pods()), Describe(*pods), "the cache");
}

testing::AssertionResult SimNode::AgreesWith(const PlegdProcess& plegd) const {
  WaitUntil([&] { return EventsAgree(plegd) && CacheAgrees(plegd); }, absl::Seconds(15));
  if (!plegd.WaitForTwoRelists()) return testing::AssertionFailure() << "relists do not go on";
  testing::AssertionResult events = EventsAgree(plegd);
  if (!events) return events;
  return CacheAgrees(plegd);
}

}  // namespace plegd_testing
