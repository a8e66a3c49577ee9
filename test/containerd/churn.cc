#include "test/containerd/churn.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace plegd_testing {
namespace {

constexpr char kApp[] = "app";
constexpr absl::Duration kNothingToDo = absl::Milliseconds(10);
constexpr size_t kMostContainers = 3;

}  // namespace

Churn::Churn(Containerd& node, const std::string& event_log, ChurnOptions options)
    : node_(node), options_(options), random_(options.seed), tail_(event_log) {
  for (size_t i = 0; i < options_.pods; ++i) AddPod();
}

void Churn::AddPod() {
  const std::string name = absl::StrCat("churn-", pods_made_++);
  pods_.push_back({.script = ScriptedPod(node_, {.name = name, .uid = "uid-" + name})});
  alive_.push_back(&pods_.back());
}

void Churn::Start() {
  stop_ = false;
  thread_ = std::thread([this] { Run(); });
}

void Churn::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void Churn::Run() {
  while (!stop_) {
    tail_.Read();
    events_told_ = tail_.count();
    bool idle = true;
    for (size_t i = 0; i < alive_.size() && !stop_; ++i) {
      if (Visit(*alive_[i])) idle = false;
    }
    Replace();
    if (idle) absl::SleepFor(kNothingToDo);
  }
  Settle();
}

// Half of the pods that are gone come back, the others make room for new ones.
void Churn::Replace() {
  const auto gone = [](const Pod* pod) { return pod->gone; };
  alive_.erase(std::remove_if(alive_.begin(), alive_.end(), gone), alive_.end());
  while (alive_.size() < options_.pods) AddPod();
}

bool Churn::Visit(Pod& pod) {
  if (pod.unresolved) {
    if (!pod.script.Resolve().ok()) return false;
    pod.unresolved = false;
    pod.changed_at = absl::Now();
    // Nothing that is done to a container whose end the runtime has missed comes to an end.
    pod.gone = pod.script.lost_an_exit();
    lost_exits_ += pod.gone ? 1 : 0;
    return true;
  }
  if (tail_.Of(pod.script.spec().uid) != pod.script.expected_events()) {
    const int64_t waits = absl::ToInt64Nanoseconds(absl::Now() - pod.changed_at);
    longest_wait_ = std::max(longest_wait_.load(), waits);
    return false;
  }
  const bool was_removed = !pod.script.HasSandbox() && !pod.script.expected_events().empty();
  if (was_removed && Pick(2) == 0) {
    pod.gone = true;
    return true;
  }
  if (Act(pod.script).ok()) {
    ++actions_;
  } else {
    ++failed_calls_;
    pod.unresolved = true;
  }
  pod.changed_at = absl::Now();
  return true;
}

absl::Status Churn::Act(ScriptedPod& pod) {
  if (pod.HasUnstarted()) return pod.StartWhatWasMade();
  std::vector<std::function<absl::Status()>> choices;
  if (pod.SandboxIsReady()) {
    if (pod.Runs()) {
      const int code = static_cast<int>(Pick(256));
      choices.emplace_back([&pod, code] { return pod.ExitAndAwait(kApp, code); });
      choices.emplace_back([&pod] { return pod.Kill(kApp); });
    } else if (pod.containers() < kMostContainers) {
      // More often than the rest: a pod that never runs anything tells little.
      for (int i = 0; i < 3; ++i) choices.emplace_back([&pod] { return pod.StartContainer(kApp); });
    }
    if (pod.containers() > 1 || (pod.containers() == 1 && !pod.Runs())) {
      choices.emplace_back([&pod] { return pod.RemoveOldest(kApp); });
    }
    choices.emplace_back([&pod] { return pod.StopSandbox(); });
  } else if (!pod.HasSandbox()) {
    choices.emplace_back([&pod] { return pod.RunSandbox(); });
  } else {
    if (pod.containers() > 1) return pod.RemoveOldest(kApp);
    if (pod.sandboxes() == 1) choices.emplace_back([&pod] { return pod.RunSandbox(); });
    choices.emplace_back([&pod] { return pod.RemoveOldestSandbox(); });
  }
  return choices[Pick(choices.size())]();
}

void Churn::Settle() {
  for (Pod* pod : alive_) {
    if (!pod->unresolved) continue;
    pod->unresolved = !WaitUntil([&] { return pod->script.Resolve().ok(); });
  }
}

std::string Churn::Verdict() {
  const EventsByPod expected = ExpectedEvents();
  WaitUntil([&] {
    tail_.Read();
    return tail_.by_pod() == expected;
  });
  events_told_ = tail_.count();
  std::string wrong = Difference(expected, tail_.by_pod());
  if (!tail_.problem().empty()) absl::StrAppend(&wrong, tail_.problem(), "\n");
  for (const Pod* pod : alive_) {
    if (pod->unresolved) absl::StrAppend(&wrong, pod->script.spec().uid, " is not resolved\n");
  }
  return wrong;
}

EventsByPod Churn::ExpectedEvents() const {
  EventsByPod result;
  const auto add = [&](const ScriptedPod& pod) {
    if (!pod.expected_events().empty()) result[pod.spec().uid] = pod.expected_events();
  };
  for (const Pod& pod : pods_) add(pod.script);
  for (const ScriptedPod* pod : bystanders_) add(*pod);
  return result;
}

std::map<std::string, std::string> Churn::ExpectedStatuses() const {
  std::map<std::string, std::string> result;
  const auto add = [&](const ScriptedPod& pod) {
    std::string status = pod.ExpectedStatus();
    if (!status.empty()) result[pod.spec().uid] = std::move(status);
  };
  for (const Pod& pod : pods_) add(pod.script);
  for (const ScriptedPod* pod : bystanders_) add(*pod);
  return result;
}

}  // namespace plegd_testing
