#include "runtime/sim/sim_runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "runtime/v1/api.pb.h"

namespace sim {
namespace {

namespace cri = ::runtime::v1;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

RuntimeOptions Options(size_t pods) {
  RuntimeOptions options;
  options.pods = pods;
  options.seed = 7;
  options.clock = [] { return kStart; };
  return options;
}

std::string Join(const std::vector<Piece>& pieces) {
  std::string bytes;
  for (const Piece& piece : pieces) bytes += *piece.bytes;
  return bytes;
}

cri::ListPodSandboxResponse Sandboxes(SimRuntime& runtime,
                                      const cri::PodSandboxFilter& filter = {}) {
  cri::ListPodSandboxResponse response;
  EXPECT_TRUE(response.ParseFromString(Join(runtime.ListSandboxes(filter, {}))));
  return response;
}

cri::ListContainersResponse Containers(SimRuntime& runtime,
                                       const cri::ContainerFilter& filter = {}) {
  cri::ListContainersResponse response;
  EXPECT_TRUE(response.ParseFromString(Join(runtime.ListContainers(filter, {}))));
  return response;
}

cri::ContainerStatus Status(SimRuntime& runtime, const pleg::ContainerId& id) {
  cri::ContainerStatusResponse response;
  const auto bytes = runtime.ContainerStatus(id, false, std::nullopt);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_TRUE(bytes.ok() && response.ParseFromString(*bytes));
  return response.status();
}

cri::PodSandboxStatus SandboxStatus(SimRuntime& runtime, const pleg::ContainerId& id) {
  cri::PodSandboxStatusResponse response;
  const auto bytes = runtime.SandboxStatus(id, false, false, std::nullopt);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_TRUE(bytes.ok() && response.ParseFromString(*bytes));
  return response.status();
}

std::vector<std::string> Ids(const cri::ListContainersResponse& list) {
  std::vector<std::string> ids;
  for (const auto& container : list.containers()) ids.push_back(container.id());
  return ids;
}

TEST(SimRuntime, ListsWhatAKubeletWouldHaveMade) {
  SimRuntime runtime(Options(3));
  const auto sandboxes = Sandboxes(runtime);
  ASSERT_EQ(sandboxes.items_size(), 3);
  std::set<std::string> sandbox_ids;
  for (const auto& sandbox : sandboxes.items()) {
    sandbox_ids.insert(sandbox.id());
    EXPECT_THAT(sandbox.id(), SizeIs(64));
    EXPECT_EQ(sandbox.labels().at("io.kubernetes.pod.uid"), sandbox.metadata().uid());
    EXPECT_EQ(sandbox.labels().at("io.kubernetes.pod.name"), sandbox.metadata().name());
    EXPECT_EQ(sandbox.state(), cri::SANDBOX_READY);
    EXPECT_EQ(sandbox.annotations().at("kubernetes.io/config.source"), "api");
  }
  const auto containers = Containers(runtime);
  ASSERT_EQ(containers.containers_size(), 6);
  for (const auto& container : containers.containers()) {
    EXPECT_TRUE(sandbox_ids.contains(container.pod_sandbox_id()));
    EXPECT_EQ(container.labels().at("io.kubernetes.container.name"), container.metadata().name());
    EXPECT_EQ(container.annotations().at("io.kubernetes.container.restartCount"), "0");
    EXPECT_EQ(container.state(), cri::CONTAINER_RUNNING);
    const auto status = Status(runtime, pleg::ContainerId(container.id()));
    EXPECT_EQ(status.image_id(), container.image_id());
    EXPECT_NE(status.image_ref(), container.image_ref()) << "containerd's list and status differ";
    EXPECT_EQ(status.labels().size(), container.labels().size());
    EXPECT_EQ(status.created_at(), container.created_at());
    EXPECT_GT(status.started_at(), 0);
  }
}

TEST(SimRuntime, ItemsHaveTheSizesOfRealOnes) {
  SimRuntime runtime(Options(100));
  const double sandbox = static_cast<double>(Join(runtime.ListSandboxes({}, {})).size()) / 100;
  const double container = static_cast<double>(Join(runtime.ListContainers({}, {})).size()) / 200;
  EXPECT_GT(sandbox, 1100);
  EXPECT_LT(sandbox, 1300);
  EXPECT_GT(container, 1400);
  EXPECT_LT(container, 1600);
}

TEST(SimRuntime, PadsContainersToTheAskedSize) {
  RuntimeOptions options = Options(5);
  options.container_bytes = 80 * 1024;
  SimRuntime runtime(options);
  const double each = static_cast<double>(Join(runtime.ListContainers({}, {})).size()) / 10;
  EXPECT_NEAR(each, 80 * 1024, 1024);
  EXPECT_EQ(Containers(runtime).containers_size(), 10);
}

TEST(SimRuntime, OrderOfItemsAndMapEntriesChangesFromCallToCall) {
  SimRuntime runtime(Options(200));  // Larger than what one call refreshes.
  std::set<std::vector<std::string>> orders;
  std::set<std::string> encodings;
  const std::string probe = Ids(Containers(runtime))[0];
  cri::ContainerFilter one;
  one.set_id(probe);
  for (int i = 0; i < 20; ++i) {
    const auto list = Containers(runtime);
    orders.insert(Ids(list));
    std::vector<std::string> sorted = Ids(list);
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(std::unique(sorted.begin(), sorted.end()) - sorted.begin(), 400);
    encodings.insert(Join(runtime.ListContainers(one, {})));
  }
  EXPECT_EQ(orders.size(), 20u);
  EXPECT_GT(encodings.size(), 15u) << "map entries keep their order";
}

TEST(SimRuntime, ListFollowsEveryChange) {
  SimRuntime runtime(Options(50));
  for (int step = 0; step < 30; ++step) {
    const PodInfo pod = runtime.Pods()[static_cast<size_t>(step) % 40];
    if (!pod.containers.empty() && pod.containers[0].state == kContainerRunning) {
      ASSERT_TRUE(runtime.Exit(pod.containers[0].id, {.code = step}).ok());
    } else {
      ASSERT_TRUE(runtime.RemovePod(pod.uid).ok());
    }
    ASSERT_TRUE(runtime.AddPod({.containers = {"a"}}).ok());
    std::map<std::string, int> expected, listed;
    for (const PodInfo& info : runtime.Pods()) {
      for (const ContainerInfo& c : info.containers) expected[c.id.value()] = c.state;
    }
    const auto list = Containers(runtime);
    for (const auto& c : list.containers()) listed[c.id()] = c.state();
    ASSERT_EQ(listed, expected);
    ASSERT_EQ(static_cast<size_t>(Sandboxes(runtime).items_size()), runtime.Pods().size());
  }
}

TEST(SimRuntime, ContainerFilters) {
  SimRuntime runtime(Options(4));
  const PodInfo pod = runtime.Pods()[1];
  const std::string id = pod.containers[1].id.value();
  ASSERT_TRUE(runtime.Exit(pod.containers[1].id, {.code = 3}).ok());

  cri::ContainerFilter filter;
  filter.set_id(id);
  EXPECT_EQ(Ids(Containers(runtime, filter)), std::vector<std::string>{id});
  filter.set_id(id.substr(0, 12));
  EXPECT_EQ(Containers(runtime, filter).containers_size(), 0) << "prefixes are off";

  filter.Clear();
  filter.mutable_state()->set_state(cri::CONTAINER_EXITED);
  EXPECT_EQ(Ids(Containers(runtime, filter)), std::vector<std::string>{id});
  filter.mutable_state()->set_state(cri::CONTAINER_RUNNING);
  EXPECT_EQ(Containers(runtime, filter).containers_size(), 7);
  filter.mutable_state()->set_state(cri::CONTAINER_CREATED);
  EXPECT_EQ(Containers(runtime, filter).containers_size(), 0) << "state 0 is a condition, too";

  filter.Clear();
  filter.set_pod_sandbox_id(pod.sandboxes[0].id.value());
  EXPECT_EQ(Containers(runtime, filter).containers_size(), 2);

  filter.Clear();
  (*filter.mutable_label_selector())["io.kubernetes.pod.uid"] = pod.uid.value();
  EXPECT_EQ(Containers(runtime, filter).containers_size(), 2);
  (*filter.mutable_label_selector())["io.kubernetes.container.name"] = "app";
  EXPECT_EQ(Ids(Containers(runtime, filter)),
            std::vector<std::string>{pod.containers[0].id.value()});
  (*filter.mutable_label_selector())["io.kubernetes.container.name"] = "other";
  EXPECT_EQ(Containers(runtime, filter).containers_size(), 0);
}

TEST(SimRuntime, SandboxFilters) {
  SimRuntime runtime(Options(4));
  const PodInfo pod = runtime.Pods()[2];
  ASSERT_TRUE(runtime.StopSandbox(pod.sandboxes[0].id).ok());
  cri::PodSandboxFilter filter;
  filter.mutable_state()->set_state(cri::SANDBOX_READY);
  EXPECT_EQ(Sandboxes(runtime, filter).items_size(), 3);
  filter.mutable_state()->set_state(cri::SANDBOX_NOTREADY);
  EXPECT_EQ(Sandboxes(runtime, filter).items_size(), 1);
  filter.Clear();
  (*filter.mutable_label_selector())["io.kubernetes.pod.uid"] = pod.uid.value();
  ASSERT_EQ(Sandboxes(runtime, filter).items_size(), 1);
  EXPECT_EQ(Sandboxes(runtime, filter).items(0).metadata().name(), pod.name);
  filter.set_id("0");
  EXPECT_EQ(Sandboxes(runtime, filter).items_size(), 0);
}

TEST(SimRuntime, IdPrefixesLikeContainerd) {
  RuntimeOptions options = Options(30);
  options.id_prefixes = true;
  SimRuntime runtime(options);
  const pleg::ContainerId id = runtime.Pods()[0].containers[0].id;
  const pleg::ContainerId prefix(id.value().substr(0, 12));
  EXPECT_EQ(Status(runtime, prefix).id(), id.value());
  cri::ContainerFilter filter;
  filter.set_id(prefix.value());
  EXPECT_EQ(Containers(runtime, filter).containers_size(), 1);
  std::set<char> first;
  char ambiguous = 0;
  for (const PodInfo& pod : runtime.Pods()) {
    for (const ContainerInfo& c : pod.containers) {
      if (!first.insert(c.id.value()[0]).second) ambiguous = c.id.value()[0];
    }
  }
  ASSERT_NE(ambiguous, 0);
  EXPECT_TRUE(absl::IsNotFound(
      runtime.ContainerStatus(pleg::ContainerId(std::string(1, ambiguous)), false, {}).status()));
}

TEST(SimRuntime, NotFoundIsWordedAsInTheRuntimeItIsLike) {
  const pleg::ContainerId nobody("abc");
  RuntimeOptions options = Options(1);
  const auto words = [&] {
    SimRuntime runtime(options);
    return std::string(runtime.ContainerStatus(nobody, false, {}).status().message()) + "; " +
           std::string(runtime.SandboxStatus(nobody, false, false, {}).status().message());
  };
  EXPECT_EQ(words(),
            "an error occurred when try to find container: \"abc\": not found; "
            "an error occurred when try to find sandbox: \"abc\": not found");
  options.crio_words = true;
  EXPECT_EQ(
      words(),
      "could not find container \"abc\": container with ID starting with abc not found: "
      "ID does not exist; could not find pod \"abc\": PodSandbox with ID starting with abc not "
      "found: ID does not exist");
}

TEST(SimRuntime, ExitShowsInTheStatus) {
  SimRuntime runtime(Options(1));
  const ContainerInfo container = runtime.Pods()[0].containers[0];
  ASSERT_TRUE(
      runtime.Exit(container.id, {.code = 137, .reason = "OOMKilled", .message = "bye"}).ok());
  const auto status = Status(runtime, container.id);
  EXPECT_EQ(status.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(status.exit_code(), 137);
  EXPECT_EQ(status.reason(), "OOMKilled");
  EXPECT_EQ(status.message(), "bye");
  EXPECT_EQ(status.finished_at(), absl::ToUnixNanos(kStart));
  EXPECT_TRUE(absl::IsFailedPrecondition(runtime.Exit(container.id, {})));
  EXPECT_TRUE(absl::IsFailedPrecondition(runtime.Start(container.id)));
}

TEST(SimRuntime, NewAttemptStopsTheOldSandboxAndChangesTheAddresses) {
  SimRuntime runtime(Options(1));
  const PodInfo before = runtime.Pods()[0];
  const auto old_ip = SandboxStatus(runtime, before.sandboxes[0].id).network().ip();
  const auto sandbox = runtime.NewAttempt(before.uid);
  ASSERT_TRUE(sandbox.ok());
  const PodInfo after = runtime.Pods()[0];
  ASSERT_EQ(after.sandboxes.size(), 2u);
  EXPECT_EQ(after.sandboxes[0].state, kSandboxNotReady);
  EXPECT_EQ(after.sandboxes[1].attempt, 1u);
  for (const ContainerInfo& c : after.containers) EXPECT_EQ(c.state, kContainerExited);
  EXPECT_EQ(SandboxStatus(runtime, before.sandboxes[0].id).network().ip(), "");
  const auto fresh = SandboxStatus(runtime, *sandbox);
  EXPECT_NE(fresh.network().ip(), old_ip);
  EXPECT_EQ(fresh.network().additional_ips_size(), 1);

  const auto container = runtime.AddContainer(before.uid, "app", true);
  ASSERT_TRUE(container.ok());
  EXPECT_EQ(Status(runtime, *container).metadata().attempt(), 1u);
  EXPECT_EQ(Status(runtime, *container).annotations().at("io.kubernetes.container.restartCount"),
            "1");
  ASSERT_TRUE(runtime.RemoveSandbox(before.sandboxes[0].id).ok());
  EXPECT_THAT(runtime.Pods()[0].containers, SizeIs(1));
  ASSERT_TRUE(runtime.RemoveSandbox(*sandbox).ok());
  EXPECT_THAT(runtime.Pods(), SizeIs(0));
}

TEST(SimRuntime, UnknownStatesAndNumbers) {
  SimRuntime runtime(Options(1));
  const PodInfo pod = runtime.Pods()[0];
  ASSERT_TRUE(runtime.SetState(pod.containers[0].id, 42).ok());
  ASSERT_TRUE(runtime.SetState(pod.sandboxes[0].id, -1).ok());
  EXPECT_EQ(static_cast<int>(Status(runtime, pod.containers[0].id).state()), 42);
  EXPECT_EQ(static_cast<int>(Sandboxes(runtime).items(0).state()), -1);
  EXPECT_TRUE(absl::IsNotFound(runtime.SetState(pleg::ContainerId("nobody"), 1)));
}

TEST(SimRuntime, HostNetworkPodsHaveNoAddresses) {
  SimRuntime runtime(Options(0));
  const auto pod = runtime.AddPod({.name = "node-exporter", .host_network = true});
  ASSERT_TRUE(pod.ok());
  const auto status = SandboxStatus(runtime, runtime.Pods()[0].sandboxes[0].id);
  EXPECT_EQ(status.network().ip(), "");
  EXPECT_EQ(status.linux().namespaces().options().network(), cri::NODE);
}

TEST(SimRuntime, ExitedContainersAreEarlierAttempts) {
  RuntimeOptions options = Options(10);
  options.exited = 47;
  SimRuntime runtime(options);
  EXPECT_EQ(runtime.container_count(), 67u);
  size_t exited = 0;
  for (const PodInfo& pod : runtime.Pods()) {
    std::map<std::string, uint32_t> newest;
    for (const ContainerInfo& c : pod.containers)
      newest[c.name] = std::max(newest[c.name], c.attempt);
    for (const ContainerInfo& c : pod.containers) {
      EXPECT_EQ(c.state == kContainerRunning, c.attempt == newest[c.name]);
      exited += c.state == kContainerExited ? 1 : 0;
    }
  }
  EXPECT_EQ(exited, 47u);
}

TEST(SimRuntime, References) {
  SimRuntime runtime(Options(2));
  const auto pod = runtime.AddPod({.name = "web", .namespace_name = "shop", .containers = {"app"}});
  ASSERT_TRUE(pod.ok());
  EXPECT_EQ(*runtime.FindPod("web"), *pod);
  EXPECT_EQ(*runtime.FindPod("shop/web"), *pod);
  EXPECT_EQ(*runtime.FindPod(pod->value()), *pod);
  const PodInfo info = runtime.Pods().back();
  EXPECT_EQ(*runtime.FindContainer("shop/web/app"), info.containers[0].id);
  EXPECT_EQ(*runtime.FindContainer(info.containers[0].id.value().substr(0, 10)),
            info.containers[0].id);
  EXPECT_EQ(*runtime.FindSandbox("web"), info.sandboxes[0].id);
  EXPECT_TRUE(absl::IsNotFound(runtime.FindPod("nope").status()));
  EXPECT_TRUE(absl::IsNotFound(runtime.FindContainer("web/nope").status()));
  ASSERT_TRUE(runtime.AddPod({.name = "web", .namespace_name = "other"}).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(runtime.FindPod("web").status())) << "ambiguous";
  EXPECT_TRUE(absl::IsAlreadyExists(runtime.AddPod({.uid = *pod}).status()));
}

TEST(SimRuntime, EventsOnlyWhileEnabled) {
  SimRuntime runtime(Options(1));
  int told = 0;
  runtime.SetListener([&] { ++told; });
  ASSERT_TRUE(runtime.AddPod({.name = "quiet"}).ok());
  EXPECT_THAT(runtime.TakeEvents(), SizeIs(0));
  runtime.EnableEvents(true);
  const ContainerInfo container = runtime.Pods()[0].containers[0];
  ASSERT_TRUE(runtime.Exit(container.id, {.code = 5}).ok());
  EXPECT_EQ(told, 1);
  const std::vector<std::string> events = runtime.TakeEvents();
  ASSERT_THAT(events, SizeIs(1));
  cri::ContainerEventResponse event;
  ASSERT_TRUE(event.ParseFromString(events[0]));
  EXPECT_EQ(event.container_event_type(), cri::CONTAINER_STOPPED_EVENT);
  EXPECT_EQ(event.container_id(), container.id.value());
  EXPECT_EQ(event.pod_sandbox_status().metadata().uid(), runtime.Pods()[0].uid.value());
  EXPECT_EQ(event.containers_statuses_size(), 2);
}

}  // namespace
}  // namespace sim
