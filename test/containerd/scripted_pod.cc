#include "test/containerd/scripted_pod.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "runtime/v1/api.pb.h"

namespace plegd_testing {
namespace {

constexpr char kSandbox[] = "sandbox";
constexpr int32_t kKilled = 128 + SIGKILL;

std::string DescribeSandbox(absl::string_view id, uint32_t attempt, absl::string_view state) {
  return absl::StrCat(kSandbox, " ", id, " attempt ", attempt, " ", state, "\n");
}

std::string DescribeContainer(absl::string_view name, absl::string_view id,
                              absl::string_view sandbox_id, absl::string_view state,
                              const std::optional<int32_t>& exit_code, int64_t restarts) {
  const std::string code = exit_code.has_value() ? absl::StrCat(" ", *exit_code) : "";
  return absl::StrCat(name, " ", id, " in ", sandbox_id, " ", state, code, " restarts ", restarts,
                      "\n");
}

}  // namespace

std::string Describe(const plegd::v1::Event& event) {
  const std::string what = event.container().empty() ? kSandbox : event.container();
  const std::string code = event.has_exit_code() ? absl::StrCat(" exit ", event.exit_code()) : "";
  return absl::StrCat(event.type(), " ", what, " ", event.id(), code);
}

std::string Describe(const plegd::v1::PodStatus& status) {
  std::string result;
  for (const auto& sandbox : status.sandboxes()) {
    result += DescribeSandbox(sandbox.id(), sandbox.attempt(), sandbox.state());
  }
  for (const auto& container : status.containers()) {
    std::optional<int32_t> exit_code;
    if (container.has_exit_code()) exit_code = container.exit_code();
    result += DescribeContainer(container.name(), container.id(), container.sandbox_id(),
                                container.state(), exit_code, container.restart_count());
  }
  return result;
}

ScriptedPod::ScriptedPod(Containerd& node, PodSpec spec)
    : node_(node), spec_(std::move(spec)), next_sandbox_attempt_(spec_.attempt) {}

absl::Status ScriptedPod::RunSandbox() {
  PodSpec attempt = spec_;
  attempt.attempt = next_sandbox_attempt_++;
  const absl::StatusOr<std::string> id = node_.RunPod(attempt);
  if (!id.ok()) return id.status();
  sandboxes_.push_back({*id, attempt.attempt, true});
  Expect("ContainerStarted", kSandbox, *id);
  return absl::OkStatus();
}

absl::Status ScriptedPod::StopSandbox() {
  Sandbox& sandbox = sandboxes_.back();
  if (absl::Status status = node_.StopPod(sandbox.id); !status.ok()) return status;
  for (Container& container : containers_) {
    if (container.sandbox_id == sandbox.id && container.running()) {
      Died(container, kKilled);
    }
  }
  sandbox.ready = false;
  Expect("ContainerDied", kSandbox, sandbox.id);
  return absl::OkStatus();
}

absl::Status ScriptedPod::RemoveOldestSandbox() {
  const Sandbox sandbox = sandboxes_.front();
  if (absl::Status status = node_.RemovePod(sandbox.id); !status.ok()) return status;
  std::vector<Container> kept;
  for (Container& container : containers_) {
    if (container.sandbox_id != sandbox.id) {
      kept.push_back(std::move(container));
    } else {
      Expect("ContainerRemoved", container.name, container.id);
    }
  }
  containers_ = std::move(kept);
  sandboxes_.erase(sandboxes_.begin());
  Expect("ContainerRemoved", kSandbox, sandbox.id);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ScriptedPod::CreateContainer(const std::string& name,
                                                         std::vector<std::string> command) {
  const uint32_t attempt = next_attempt_[name]++;
  const absl::StatusOr<std::string> id = node_.CreateContainer(
      sandboxes_.back().id, {.name = name, .attempt = attempt, .command = std::move(command)});
  if (!id.ok()) return id.status();
  if (absl::Status status = node_.StartContainer(*id); !status.ok()) return status;
  containers_.push_back({*id, name, sandboxes_.back().id, attempt, std::nullopt});
  return *id;
}

absl::Status ScriptedPod::StartContainer(const std::string& name) {
  const absl::StatusOr<std::string> id = CreateContainer(name, {});
  if (!id.ok()) return id.status();
  Expect("ContainerStarted", name, *id);
  return absl::OkStatus();
}

absl::Status ScriptedPod::Exit(const std::string& name, int32_t exit_code) {
  Container* container = Youngest(name);
  if (container == nullptr) return absl::NotFoundError(absl::StrCat("no container ", name));
  if (absl::Status status = node_.ExitContainer(container->id, exit_code); !status.ok()) {
    return status;
  }
  Died(*container, exit_code);
  return absl::OkStatus();
}

absl::Status ScriptedPod::Kill(const std::string& name) {
  Container* container = Youngest(name);
  if (container == nullptr) return absl::NotFoundError(absl::StrCat("no container ", name));
  if (absl::Status status = node_.StopContainer(container->id, absl::ZeroDuration());
      !status.ok()) {
    return status;
  }
  Died(*container, kKilled);
  return absl::OkStatus();
}

absl::Status ScriptedPod::RemoveOldest(const std::string& name) {
  const auto oldest =
      std::find_if(containers_.begin(), containers_.end(),
                   [&](const Container& container) { return container.name == name; });
  if (oldest == containers_.end()) return absl::NotFoundError(absl::StrCat("no container ", name));
  if (absl::Status status = node_.RemoveContainer(oldest->id); !status.ok()) return status;
  Expect("ContainerRemoved", name, oldest->id);
  containers_.erase(oldest);
  return absl::OkStatus();
}

absl::Status ScriptedPod::RunToEnd(const std::string& name, int32_t exit_code) {
  const absl::StatusOr<std::string> id =
      CreateContainer(name, {"/bin/sh", "-c", absl::StrCat("exit ", exit_code)});
  if (!id.ok()) return id.status();
  runtime::v1::ContainerStatusRequest request;
  request.set_container_id(*id);
  const auto ended = [&] {
    const auto reply =
        node_.cri().Call<runtime::v1::ContainerStatusResponse>("ContainerStatus", request);
    return reply.ok() && reply->status().state() == runtime::v1::CONTAINER_EXITED;
  };
  if (!WaitUntil(ended)) return absl::DeadlineExceededError(absl::StrCat(name, " does not end"));
  Died(*Youngest(name), exit_code);
  return absl::OkStatus();
}

std::string ScriptedPod::ContainerIdOf(const std::string& name) const {
  for (auto it = containers_.rbegin(); it != containers_.rend(); ++it) {
    if (it->name == name) return it->id;
  }
  return "";
}

std::string ScriptedPod::ExpectedStatus() const {
  std::string result;
  for (auto it = sandboxes_.rbegin(); it != sandboxes_.rend(); ++it) {
    result += DescribeSandbox(it->id, it->attempt, it->ready ? "ready" : "notready");
  }
  for (auto it = containers_.rbegin(); it != containers_.rend(); ++it) {
    const char* state = !it->started ? "created" : it->running() ? "running" : "exited";
    result +=
        DescribeContainer(it->name, it->id, it->sandbox_id, state, it->exit_code, it->attempt);
  }
  return result;
}

ScriptedPod::Container* ScriptedPod::Youngest(const std::string& name) {
  const auto it = std::find_if(containers_.rbegin(), containers_.rend(),
                               [&](const Container& container) { return container.name == name; });
  return it == containers_.rend() ? nullptr : &*it;
}

void ScriptedPod::Died(Container& container, int32_t exit_code) {
  container.exit_code = exit_code;
  Expect("ContainerDied", container.name, absl::StrCat(container.id, " exit ", exit_code));
}

void ScriptedPod::Expect(absl::string_view type, absl::string_view what, absl::string_view id) {
  expected_events_.push_back(absl::StrCat(type, " ", what, " ", id));
}

}  // namespace plegd_testing
