// Shapes as crictl prints them.

#include "runtime/sim/world_dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sim {
namespace {

namespace cri = ::runtime::v1;
using ::testing::StartsWith;

constexpr char kPods[] = R"({
  "items": [
    {
      "id": "5a0b",
      "metadata": {"name": "web-0", "uid": "u-1", "namespace": "shop", "attempt": 2},
      "state": "SANDBOX_READY",
      "createdAt": "1764547200123456789",
      "labels": {"app": "web", "io.kubernetes.pod.name": "web-0",
                 "io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": "u-1"},
      "annotations": {},
      "runtimeHandler": "",
      "aFieldOfALaterVersion": {"x": [1]}
    }
  ]
})";
constexpr char kPs[] = R"({
  "containers": [
    {
      "id": "c1f0",
      "podSandboxId": "5a0b",
      "metadata": {"name": "app", "attempt": 4},
      "image": {"image": "sha256:77", "annotations": {}, "userSpecifiedImage": "web:1"},
      "imageRef": "sha256:77",
      "state": "CONTAINER_EXITED",
      "createdAt": "1764547300000000000",
      "labels": {"io.kubernetes.container.name": "app", "io.kubernetes.pod.name": "web-0",
                 "io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": "u-1"},
      "annotations": {"io.kubernetes.container.restartCount": "4"}
    }
  ]
})";
constexpr char kInspect[] = R"({
  "status": {
    "id": "c1f0",
    "metadata": {"attempt": 4, "name": "app"},
    "state": "CONTAINER_EXITED",
    "createdAt": "2025-12-01T01:01:40.5+01:00",
    "startedAt": "2025-12-01T01:01:41+01:00",
    "finishedAt": "2025-12-01T01:01:42Z",
    "exitCode": 137,
    "image": {"image": "web:1"},
    "imageRef": "web@sha256:77",
    "reason": "OOMKilled",
    "message": "",
    "labels": {"io.kubernetes.pod.name": "web-0", "io.kubernetes.pod.uid": "u-1",
               "io.kubernetes.pod.namespace": "shop"},
    "mounts": [{"containerPath": "/dev/shm", "propagation": "PROPAGATION_PRIVATE",
                "selinuxRelabel": false}],
    "logPath": "/var/log/pods/x.log"
  },
  "info": {"sandboxID": "5a0b", "pid": 0, "snapshotter": "overlayfs"}
})";
constexpr char kInspectRunning[] = R"({
  "status": {
    "id": "d2", "metadata": {"attempt": 0, "name": "proxy"}, "state": "CONTAINER_RUNNING",
    "createdAt": "2025-12-01T00:00:00Z", "startedAt": "2025-12-01T00:00:01Z",
    "finishedAt": "0001-01-01T00:00:00Z", "image": {"image": "proxy:1"}
  },
  "info": {"sandboxID": "5a0b"}
})";
constexpr char kInspectp[] = R"({
  "status": {
    "id": "5a0b",
    "metadata": {"attempt": 2, "name": "web-0", "namespace": "shop", "uid": "u-1"},
    "state": "SANDBOX_NOTREADY",
    "createdAt": "2025-12-01T00:00:00.123456789Z",
    "network": {"additionalIps": [{"ip": "fd00::9"}], "ip": "10.0.0.9"},
    "linux": {"namespaces": {"options": {"ipc": "POD", "network": "POD", "pid": "CONTAINER"}}},
    "labels": {}, "annotations": {}
  },
  "info": {"pid": 12, "config": {}}
})";
constexpr char kInfo[] = R"({
  "status": {"conditions": [
    {"type": "RuntimeReady", "status": true, "reason": "", "message": ""},
    {"type": "NetworkReady", "status": false, "reason": "NetworkPluginNotReady",
     "message": "cni plugin not initialized"}]},
  "cniconfig": {"PluginDirs": ["/opt/cni/bin"]},
  "config": {"containerd": {"snapshotter": "overlayfs"}}
})";

absl::StatusOr<FixedWorld> Read(const std::vector<std::string>& files) {
  WorldDump dump;
  for (size_t i = 0; i < files.size(); ++i) {
    absl::Status added = dump.Add("f" + std::to_string(i), files[i]);
    if (!added.ok()) return added;
  }
  return std::move(dump).Take();
}

TEST(WorldDumpTest, TheWholeOfIt) {
  const auto world =
      Read({kPods, kPs, std::string(kInspect) + "\n" + kInspectRunning, kInspectp, kInfo,
            "Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  v1.7.22\n"});
  ASSERT_TRUE(world.ok()) << world.status();
  ASSERT_EQ(world->sandboxes.size(), 1u);
  const FixedSandbox& sandbox = world->sandboxes[0];
  EXPECT_EQ(sandbox.listed.created_at(), 1764547200123456789);
  EXPECT_EQ(sandbox.listed.state(), cri::SANDBOX_READY);  // The list and the status disagree.
  EXPECT_EQ(sandbox.status.state(), cri::SANDBOX_NOTREADY);
  EXPECT_EQ(sandbox.status.created_at(), 1764547200123456789);
  EXPECT_EQ(sandbox.status.network().additional_ips(0).ip(), "fd00::9");
  ASSERT_EQ(world->containers.size(), 2u);
  const FixedContainer& app = world->containers[0];
  EXPECT_EQ(app.listed.image().user_specified_image(), "web:1");
  EXPECT_EQ(app.status.exit_code(), 137);
  EXPECT_EQ(app.status.reason(), "OOMKilled");
  EXPECT_EQ(app.status.finished_at(), 1764550902000000000);
  const FixedContainer& proxy = world->containers[1];  // Only inspected.
  EXPECT_EQ(proxy.listed.pod_sandbox_id(), "5a0b");
  EXPECT_EQ(proxy.listed.labels().at("io.kubernetes.pod.uid"), "u-1");
  EXPECT_EQ(proxy.status.finished_at(), 0);
  EXPECT_FALSE(world->status.conditions(1).status());
  EXPECT_EQ(world->runtime_name, "containerd");
  EXPECT_EQ(world->runtime_version, "v1.7.22");
}

TEST(WorldDumpTest, AnyPartStandsForItself) {
  const auto pods = Read({kPods});
  ASSERT_TRUE(pods.ok()) << pods.status();
  EXPECT_NE(pods->sandboxes.at(0).status.network().ip(), "");
  EXPECT_TRUE(pods->containers.empty());
  const auto inspected = Read({std::string("[") + kInspectp + "," + kInspect + "]"});
  ASSERT_TRUE(inspected.ok()) << inspected.status();
  EXPECT_EQ(inspected->sandboxes.at(0).listed.metadata().uid(), "u-1");
  EXPECT_EQ(inspected->containers.at(0).listed.pod_sandbox_id(), "5a0b");
  const auto info = Read({kInfo});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->runtime_name, "containerd");
  EXPECT_EQ(info->status.conditions_size(), 2);
}

TEST(WorldDumpTest, ContainersWithoutAnyPodGetTheOneTheyAreOf) {
  const auto exited = Read({kPs});
  ASSERT_TRUE(exited.ok()) << exited.status();
  ASSERT_EQ(exited->sandboxes.size(), 1u);
  EXPECT_EQ(exited->sandboxes[0].listed.id(), "5a0b");
  EXPECT_EQ(exited->sandboxes[0].listed.metadata().name(), "web-0");
  EXPECT_EQ(exited->sandboxes[0].listed.state(), cri::SANDBOX_NOTREADY);
  const auto running = Read({kPs, kInspectRunning});
  ASSERT_TRUE(running.ok()) << running.status();
  EXPECT_EQ(running->sandboxes.at(0).listed.state(), cri::SANDBOX_READY);
  // Where pods were listed, one that is missing is a fact.
  const auto listed = Read({kPs, R"({"items": []})"});
  ASSERT_TRUE(listed.ok()) << listed.status();
  EXPECT_TRUE(listed->sandboxes.empty());
}

TEST(WorldDumpTest, AMistakeIsNamedByFileLineAndField) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "f0:1: is empty"},
      {"CONTAINER  IMAGE\nc1f0  web", "f0:1: no JSON"},
      {"{\"items\":\n[{\"id\": \"a\"},\n{\"id\": \"a\"}]}",
       "f0:3: items[1].id: stands here for the second time: a"},
      {"{\"containers\": [{\"id\": \"a\", \"createdAt\":\n\"an hour ago\"}]}",
       "f0:2: containers[0].createdAt: \"an hour ago\" is no time"},
      {std::string(kInspectRunning) + "\n{\"status\": {\"id\": \"e\",\n\"exitCode\": \"x\"}}",
       "f0:10: status.exitCode: \"x\" is not a whole number"},
      {"{\n\"nodes\": 1}", "f0:1: is none of the outputs of crictl pods"},
      {"{\"sandboxes\": []}", "f0:1: is a world of its own"},
  };
  for (const auto& [text, message] : cases) {
    const auto world = Read({text});
    EXPECT_EQ(world.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(world.status().message()), StartsWith(message)) << text;
  }
}

}  // namespace
}  // namespace sim
