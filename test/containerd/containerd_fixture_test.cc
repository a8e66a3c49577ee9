// What the daemon's tests rely on, asked of containerd itself: that its answers are what was done,
// and that the faults are the faults they claim to be.

#include "test/containerd/containerd_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "runtime/v1/api.pb.h"
#include "test/process/status_testing.h"

namespace plegd_testing {
namespace {

using testing::Pair;
using testing::UnorderedElementsAre;

// Long enough to see that a call hangs; one that need not hang gets far longer.
constexpr absl::Duration kHangs = absl::Milliseconds(300);

size_t FilesBelow(const std::string& directory) {
  std::error_code error;
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::recursive_directory_iterator(directory, error)) {
    ++count;
  }
  return count;
}

class ContainerdTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_OK_AND_ASSIGN(node_, Containerd::Start()); }

  absl::StatusOr<runtime::v1::VersionResponse> Version() const {
    return node_->cri().Call<runtime::v1::VersionResponse>("Version",
                                                           runtime::v1::VersionRequest());
  }

  absl::StatusOr<runtime::v1::ListPodSandboxResponse> ListPodSandbox(
      absl::Duration timeout = absl::Seconds(30)) const {
    return node_->cri().Call<runtime::v1::ListPodSandboxResponse>(
        "ListPodSandbox", runtime::v1::ListPodSandboxRequest(), timeout);
  }

  absl::StatusOr<runtime::v1::ListContainersResponse> ListContainers(
      absl::Duration timeout = absl::Seconds(30)) const {
    return node_->cri().Call<runtime::v1::ListContainersResponse>(
        "ListContainers", runtime::v1::ListContainersRequest(), timeout);
  }

  absl::StatusOr<runtime::v1::ContainerStatus> ContainerStatus(
      const std::string& id, absl::Duration timeout = absl::Seconds(30)) const {
    runtime::v1::ContainerStatusRequest request;
    request.set_container_id(id);
    auto reply = node_->cri().Call<runtime::v1::ContainerStatusResponse>("ContainerStatus", request,
                                                                         timeout);
    if (!reply.ok()) return reply.status();
    return reply->status();
  }

  bool WaitForState(const std::string& id, runtime::v1::ContainerState state) const {
    return WaitUntil([&] {
      const auto status = ContainerStatus(id);
      return status.ok() && status->state() == state;
    });
  }

  std::unique_ptr<Containerd> node_;
};

TEST_F(ContainerdTest, AnswersWhatWasDone) {
  ASSERT_OK_AND_ASSIGN(const auto version, Version());
  EXPECT_EQ(version.runtime_name(), "containerd");
  EXPECT_EQ(version.runtime_api_version(), "v1");

  ASSERT_OK_AND_ASSIGN(const std::string pod,
                       node_->RunPod({.name = "web", .uid = "uid-1", .attempt = 2}));
  ASSERT_OK_AND_ASSIGN(const auto pods, ListPodSandbox());
  ASSERT_EQ(pods.items_size(), 1);
  EXPECT_EQ(pods.items(0).id(), pod);
  EXPECT_EQ(pods.items(0).metadata().name(), "web");
  EXPECT_EQ(pods.items(0).metadata().namespace_(), "default");
  EXPECT_EQ(pods.items(0).metadata().uid(), "uid-1");
  EXPECT_EQ(pods.items(0).metadata().attempt(), 2U);
  EXPECT_EQ(pods.items(0).state(), runtime::v1::SANDBOX_READY);
  EXPECT_THAT(pods.items(0).labels(),
              UnorderedElementsAre(Pair("io.kubernetes.pod.name", "web"),
                                   Pair("io.kubernetes.pod.namespace", "default"),
                                   Pair("io.kubernetes.pod.uid", "uid-1")));

  ASSERT_OK_AND_ASSIGN(const std::string container,
                       node_->CreateContainer(pod, {.name = "server", .attempt = 1}));
  EXPECT_TRUE(WaitForState(container, runtime::v1::CONTAINER_CREATED));
  ASSERT_OK(node_->StartContainer(container));
  EXPECT_TRUE(WaitForState(container, runtime::v1::CONTAINER_RUNNING));
  ASSERT_OK(node_->ExitContainer(container, 3));
  ASSERT_TRUE(WaitForState(container, runtime::v1::CONTAINER_EXITED));

  ASSERT_OK_AND_ASSIGN(const auto status, ContainerStatus(container));
  EXPECT_EQ(status.exit_code(), 3);
  EXPECT_EQ(status.reason(), "Error");
  EXPECT_EQ(status.metadata().name(), "server");
  EXPECT_EQ(status.metadata().attempt(), 1U);
  EXPECT_EQ(status.annotations().at("io.kubernetes.container.restartCount"), "1");
  EXPECT_GT(status.started_at(), 0);
  EXPECT_GE(status.finished_at(), status.started_at());

  ASSERT_OK_AND_ASSIGN(const auto containers, ListContainers());
  ASSERT_EQ(containers.containers_size(), 1);
  EXPECT_EQ(containers.containers(0).id(), container);
  EXPECT_EQ(containers.containers(0).pod_sandbox_id(), pod);
}

TEST_F(ContainerdTest, StopsAndRemoves) {
  ASSERT_OK_AND_ASSIGN(const std::string pod, node_->RunPod({.name = "web", .uid = "uid-1"}));
  ASSERT_OK_AND_ASSIGN(
      const std::string polite,
      node_->CreateContainer(
          pod, {.name = "polite",
                .command = {"/bin/sh", "-c", "trap 'exit 9' TERM; sleep 1000 & wait"}}));
  ASSERT_OK_AND_ASSIGN(const std::string deaf, node_->CreateContainer(pod, {.name = "deaf"}));
  ASSERT_OK(node_->StartContainer(polite));
  ASSERT_OK(node_->StartContainer(deaf));
  ASSERT_OK(node_->StopContainer(deaf, absl::ZeroDuration()));
  ASSERT_OK_AND_ASSIGN(const auto killed, ContainerStatus(deaf));
  EXPECT_EQ(killed.exit_code(), 128 + SIGKILL);

  ASSERT_OK(node_->RemoveContainer(deaf));
  EXPECT_EQ(ContainerStatus(deaf).status().code(), absl::StatusCode::kNotFound);

  ASSERT_OK(node_->StopPod(pod));
  ASSERT_OK_AND_ASSIGN(const auto stopped, ListPodSandbox());
  ASSERT_EQ(stopped.items_size(), 1);
  EXPECT_EQ(stopped.items(0).state(), runtime::v1::SANDBOX_NOTREADY);
  ASSERT_OK(node_->RemovePod(pod));
  ASSERT_OK_AND_ASSIGN(const auto pods, ListPodSandbox());
  EXPECT_EQ(pods.items_size(), 0);
  ASSERT_OK_AND_ASSIGN(const auto containers, ListContainers());
  EXPECT_EQ(containers.containers_size(), 0);
}

TEST_F(ContainerdTest, HeldUpdateBlocksTheListAndThatContainerOnly) {
  ASSERT_OK_AND_ASSIGN(const std::string pod, node_->RunPod({.name = "web", .uid = "uid-1"}));
  ASSERT_OK_AND_ASSIGN(const std::string blocked, node_->CreateContainer(pod, {.name = "blocked"}));
  ASSERT_OK_AND_ASSIGN(const std::string other, node_->CreateContainer(pod, {.name = "other"}));
  ASSERT_OK(node_->StartContainer(blocked));
  ASSERT_OK(node_->StartContainer(other));

  node_->HoldUpdates();
  std::future<absl::Status> update = std::async(
      std::launch::async, [&] { return node_->UpdateContainer(blocked, 200, absl::Seconds(60)); });
  ASSERT_TRUE(node_->WaitUntilUpdateIsHeld());

  EXPECT_EQ(ListContainers(kHangs).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ContainerStatus(blocked, kHangs).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_OK(Version());
  EXPECT_OK(ListPodSandbox());
  EXPECT_OK(ContainerStatus(other));

  node_->ReleaseUpdates();
  EXPECT_OK(update.get());
  EXPECT_OK(ListContainers());
  EXPECT_OK(ContainerStatus(blocked));
}

TEST_F(ContainerdTest, HeldNetworkBlocksThatPodOnly) {
  node_->network().Hold();
  std::future<absl::StatusOr<std::string>> pod = std::async(std::launch::async, [&] {
    return node_->RunPod({.name = "web", .uid = "uid-1", .own_network = true});
  });
  const pid_t plugin = node_->network().WaitUntilHeld();
  ASSERT_GT(plugin, 0);
  EXPECT_EQ(ReadFile(absl::StrCat("/proc/", plugin, "/comm")),
            absl::StrCat(PodNetwork::kPlugin, "\n"));
  EXPECT_THAT(ReadFile(absl::StrCat("/proc/", plugin, "/environ")),
              testing::HasSubstr("K8S_POD_NAME=web"));
  EXPECT_OK(node_->RunPod({.name = "other", .uid = "uid-2"}));
  ASSERT_OK_AND_ASSIGN(const auto pods, ListPodSandbox());
  EXPECT_EQ(pods.items_size(), 1);
  EXPECT_OK(ListContainers());

  node_->network().Release();
  ASSERT_OK_AND_ASSIGN(const std::string id, pod.get());
  ASSERT_OK_AND_ASSIGN(const std::string container, node_->CreateContainer(id, {.name = "app"}));
  EXPECT_OK(node_->StartContainer(container));
  EXPECT_OK(node_->StopPod(id));
  EXPECT_OK(node_->RemovePod(id));
}

TEST_F(ContainerdTest, FrozenContainerdAnswersNothingUntilThawed) {
  node_->Freeze();
  EXPECT_EQ(ListPodSandbox(kHangs).status().code(), absl::StatusCode::kDeadlineExceeded);
  node_->Thaw();
  EXPECT_OK(ListPodSandbox());
}

TEST_F(ContainerdTest, PodsOutliveContainerd) {
  ASSERT_OK_AND_ASSIGN(const std::string pod, node_->RunPod({.name = "web", .uid = "uid-1"}));
  ASSERT_OK_AND_ASSIGN(const std::string container,
                       node_->CreateContainer(pod, {.name = "server"}));
  ASSERT_OK(node_->StartContainer(container));
  const pid_t shim = node_->ShimPid(pod);
  ASSERT_GT(shim, 0);

  const pid_t killed = node_->pid();
  node_->Kill();
  EXPECT_EQ(ListPodSandbox().status().code(), absl::StatusCode::kUnavailable);
  ASSERT_OK(node_->Restart());
  EXPECT_NE(node_->pid(), killed);
  EXPECT_EQ(node_->ShimPid(pod), shim);
  EXPECT_TRUE(WaitForState(container, runtime::v1::CONTAINER_RUNNING));
  ASSERT_OK(node_->ExitContainer(container, 5));
  ASSERT_TRUE(WaitForState(container, runtime::v1::CONTAINER_EXITED));
  ASSERT_OK_AND_ASSIGN(const auto status, ContainerStatus(container));
  EXPECT_EQ(status.exit_code(), 5);
}

TEST_F(ContainerdTest, LeavesNothingBehind) {
  const auto results = [] { return FilesBelow("/var/lib/cni") + FilesBelow("/run/netns"); };
  const size_t results_before = results();
  ASSERT_OK_AND_ASSIGN(const std::string pod,
                       node_->RunPod({.name = "web", .uid = "uid-1", .own_network = true}));
  ASSERT_OK_AND_ASSIGN(const std::string container,
                       node_->CreateContainer(pod, {.name = "server"}));
  ASSERT_OK(node_->StartContainer(container));
  EXPECT_EQ(results(), results_before);
  const std::string dir = node_->dir();
  const pid_t containerd = node_->pid();
  const pid_t shim = node_->ShimPid(pod);
  ASSERT_GT(shim, 0);
  node_->Freeze();
  kill(shim, SIGSTOP);

  node_.reset();

  EXPECT_EQ(kill(containerd, 0), -1);
  EXPECT_EQ(kill(shim, 0), -1);
  struct stat info;
  EXPECT_EQ(stat(dir.c_str(), &info), -1);
}

}  // namespace
}  // namespace plegd_testing
