// What has become of a pod whose runtime died in the middle of an action.

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "test/containerd/scripted_pod.h"

namespace plegd_testing {
namespace {

namespace v1 = runtime::v1;

constexpr char kUidLabel[] = "io.kubernetes.pod.uid";
// An OCI runtime that outlives the daemon may still be at work. There is nothing to wait for.
constexpr absl::Duration kSettle = absl::Milliseconds(300);
constexpr int kSettleRounds = 20;
constexpr absl::Duration kExitTakes = absl::Seconds(5);

// Both lists of one pod.
struct Lists {
  v1::ListPodSandboxResponse sandboxes;
  v1::ListContainersResponse containers;

  // Ids and states: all that must not change any more.
  std::vector<std::string> Summary() const {
    std::vector<std::string> lines;
    for (const auto& item : sandboxes.items())
      lines.push_back(absl::StrCat(item.id(), item.state()));
    for (const auto& item : containers.containers()) {
      lines.push_back(absl::StrCat(item.id(), item.state()));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }
};

absl::StatusOr<Lists> ListPod(const CriClient& cri, const std::string& uid) {
  v1::ListPodSandboxRequest of_pod;
  (*of_pod.mutable_filter()->mutable_label_selector())[kUidLabel] = uid;
  auto sandboxes = cri.Call<v1::ListPodSandboxResponse>("ListPodSandbox", of_pod);
  if (!sandboxes.ok()) return sandboxes.status();
  v1::ListContainersRequest in_pod;
  (*in_pod.mutable_filter()->mutable_label_selector())[kUidLabel] = uid;
  auto containers = cri.Call<v1::ListContainersResponse>("ListContainers", in_pod);
  if (!containers.ok()) return containers.status();
  return Lists{*std::move(sandboxes), *std::move(containers)};
}

// The lists once they no longer change.
absl::StatusOr<Lists> SettledLists(const CriClient& cri, const std::string& uid) {
  absl::StatusOr<Lists> last = ListPod(cri, uid);
  for (int round = 0; last.ok() && round < kSettleRounds; ++round) {
    absl::SleepFor(kSettle);
    absl::StatusOr<Lists> next = ListPod(cri, uid);
    if (!next.ok() || next->Summary() == last->Summary()) return next;
    last = std::move(next);
  }
  if (!last.ok()) return last.status();
  return absl::UnavailableError(absl::StrCat("pod ", uid, " does not settle"));
}

absl::StatusOr<int32_t> ExitCode(const CriClient& cri, const std::string& id) {
  v1::ContainerStatusRequest request;
  request.set_container_id(id);
  const auto reply = cri.Call<v1::ContainerStatusResponse>("ContainerStatus", request);
  if (!reply.ok()) return reply.status();
  return reply->status().exit_code();
}

}  // namespace

absl::Status ScriptedPod::Resolve() {
  absl::StatusOr<Lists> lists = SettledLists(node_.cri(), spec_.uid);
  if (!lists.ok()) return lists.status();
  // The kubelet's order: containers known before, sandboxes known before, then the new ones. Only
  // one action was under way, so there is no pod with new ones of both kinds.
  if (absl::Status status = ResolveContainers(lists->containers); !status.ok()) return status;
  ResolveSandboxes(lists->sandboxes);
  lost_an_exit_ = std::any_of(containers_.begin(), containers_.end(), [&](const Container& c) {
    return c.id == told_to_exit_ && c.running();
  });
  told_to_exit_.clear();
  return absl::OkStatus();
}

absl::Status ScriptedPod::ResolveContainers(const v1::ListContainersResponse& list) {
  std::vector<Container> kept;
  for (Container& known : containers_) {
    const auto listed = std::find_if(list.containers().begin(), list.containers().end(),
                                     [&](const auto& item) { return item.id() == known.id; });
    if (listed == list.containers().end()) {
      if (!known.exit_code.has_value()) Expect("ContainerDied", known.name, known.id);
      Expect("ContainerRemoved", known.name, known.id);
      continue;
    }
    if (!known.exit_code.has_value() && listed->state() == v1::CONTAINER_EXITED) {
      const absl::StatusOr<int32_t> code = ExitCode(node_.cri(), known.id);
      if (!code.ok()) return code.status();
      known.started = true;
      Died(known, *code);
    } else if (!known.started && listed->state() == v1::CONTAINER_RUNNING) {
      known.started = true;
      Expect("ContainerStarted", known.name, known.id);
    }
    kept.push_back(std::move(known));
  }
  containers_ = std::move(kept);
  for (const v1::Container& item : list.containers()) {
    const bool known = std::any_of(containers_.begin(), containers_.end(),
                                   [&](const Container& c) { return c.id == item.id(); });
    if (known) continue;
    if (absl::Status status = Adopt(item); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ScriptedPod::Adopt(const v1::Container& listed) {
  Container container = {.id = listed.id(),
                         .name = listed.metadata().name(),
                         .sandbox_id = listed.pod_sandbox_id(),
                         .attempt = listed.metadata().attempt(),
                         .exit_code = std::nullopt,
                         .started = listed.state() != v1::CONTAINER_CREATED};
  if (listed.state() == v1::CONTAINER_RUNNING) {
    Expect("ContainerStarted", container.name, container.id);
  } else if (listed.state() == v1::CONTAINER_EXITED) {
    const absl::StatusOr<int32_t> code = ExitCode(node_.cri(), container.id);
    if (!code.ok()) return code.status();
    Died(container, *code);
  }
  containers_.push_back(std::move(container));
  return absl::OkStatus();
}

void ScriptedPod::ResolveSandboxes(const v1::ListPodSandboxResponse& list) {
  std::vector<Sandbox> kept;
  for (Sandbox& known : sandboxes_) {
    const auto listed = std::find_if(list.items().begin(), list.items().end(),
                                     [&](const auto& item) { return item.id() == known.id; });
    if (listed == list.items().end()) {
      if (known.ready) Expect("ContainerDied", "sandbox", known.id);
      Expect("ContainerRemoved", "sandbox", known.id);
      continue;
    }
    if (known.ready && listed->state() != v1::SANDBOX_READY) {
      known.ready = false;
      Expect("ContainerDied", "sandbox", known.id);
    }
    kept.push_back(std::move(known));
  }
  sandboxes_ = std::move(kept);
  for (const v1::PodSandbox& item : list.items()) {
    const bool known = std::any_of(sandboxes_.begin(), sandboxes_.end(),
                                   [&](const Sandbox& s) { return s.id == item.id(); });
    if (known) continue;
    const bool ready = item.state() == v1::SANDBOX_READY;
    sandboxes_.push_back({item.id(), item.metadata().attempt(), ready});
    Expect(ready ? "ContainerStarted" : "ContainerDied", "sandbox", item.id());
  }
}

absl::Status ScriptedPod::ExitAndAwait(const std::string& name, int32_t exit_code) {
  Container* container = Youngest(name);
  if (container == nullptr) return absl::NotFoundError(absl::StrCat("no container ", name));
  absl::Status status = node_.ExitContainer(container->id, exit_code);
  if (!status.ok()) return status;
  told_to_exit_ = container->id;
  v1::ContainerStatusRequest request;
  request.set_container_id(container->id);
  const auto asked = [&] {
    const auto reply = node_.cri().Call<v1::ContainerStatusResponse>("ContainerStatus", request);
    status = reply.status();
    if (reply.ok() && reply->status().state() == v1::CONTAINER_RUNNING) {
      status = absl::DeadlineExceededError(absl::StrCat(name, " does not end"));
    }
    return status.ok();
  };
  if (!WaitUntil(asked, kExitTakes)) return status;
  told_to_exit_.clear();
  Died(*container, exit_code);
  return absl::OkStatus();
}

absl::Status ScriptedPod::StartWhatWasMade() {
  for (Container& container : containers_) {
    if (container.started) continue;
    if (absl::Status status = node_.StartContainer(container.id); !status.ok()) return status;
    container.started = true;
    Expect("ContainerStarted", container.name, container.id);
  }
  return absl::OkStatus();
}

bool ScriptedPod::Runs() const {
  return std::any_of(containers_.begin(), containers_.end(),
                     [](const Container& container) { return container.running(); });
}

bool ScriptedPod::HasUnstarted() const {
  return std::any_of(containers_.begin(), containers_.end(),
                     [](const Container& container) { return !container.started; });
}

}  // namespace plegd_testing
