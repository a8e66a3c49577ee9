#include "pleg/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace pleg {
namespace {

using ::testing::ElementsAre;

TEST(StateTest, PlegStateOfAContainer) {
  EXPECT_EQ(ToPlegState(ContainerState::kCreated), PlegState::kUnknown);
  EXPECT_EQ(ToPlegState(ContainerState::kRunning), PlegState::kRunning);
  EXPECT_EQ(ToPlegState(ContainerState::kExited), PlegState::kExited);
  EXPECT_EQ(ToPlegState(ContainerState::kUnknown), PlegState::kUnknown);
  EXPECT_EQ(ToPlegState(static_cast<ContainerState>(99)), PlegState::kUnknown);
}

TEST(StateTest, PlegStateOfASandbox) {
  EXPECT_EQ(ToPlegState(SandboxState::kReady), PlegState::kRunning);
  EXPECT_EQ(ToPlegState(SandboxState::kNotReady), PlegState::kExited);
  EXPECT_EQ(ToPlegState(SandboxState::kUnknown), PlegState::kUnknown);
  EXPECT_EQ(ToPlegState(static_cast<SandboxState>(99)), PlegState::kUnknown);
}

TEST(StateTest, Names) {
  EXPECT_EQ(ContainerStateName(ContainerState::kCreated), "created");
  EXPECT_EQ(ContainerStateName(ContainerState::kRunning), "running");
  EXPECT_EQ(ContainerStateName(ContainerState::kExited), "exited");
  EXPECT_EQ(ContainerStateName(ContainerState::kUnknown), "unknown");
  EXPECT_EQ(SandboxStateName(SandboxState::kReady), "ready");
  EXPECT_EQ(SandboxStateName(SandboxState::kNotReady), "notready");
  EXPECT_EQ(SandboxStateName(SandboxState::kUnknown), "unknown");
  EXPECT_EQ(PlegStateName(PlegState::kNonExistent), "non-existent");
  EXPECT_EQ(PlegStateName(PlegState::kRunning), "running");
  EXPECT_EQ(PlegStateName(PlegState::kExited), "exited");
  EXPECT_EQ(PlegStateName(PlegState::kUnknown), "unknown");
}

struct Item {
  const char* id;
  int64_t created;
  uint32_t attempt = 0;
};

std::vector<std::string> SortContainers(const std::vector<Item>& items) {
  std::vector<ContainerInfo> infos;
  for (const Item& item : items) {
    ContainerInfo info;
    info.id = ContainerId(item.id);
    info.created_at = absl::FromUnixNanos(item.created);
    info.attempt = item.attempt;
    infos.push_back(info);
  }
  std::sort(infos.begin(), infos.end(), ContainerBefore);
  std::vector<std::string> ids;
  ids.reserve(infos.size());
  for (const ContainerInfo& info : infos) ids.push_back(info.id.value());
  return ids;
}

std::vector<std::string> SortSandboxes(const std::vector<Item>& items) {
  std::vector<SandboxInfo> infos;
  for (const Item& item : items) {
    SandboxInfo info;
    info.id = ContainerId(item.id);
    info.created_at = absl::FromUnixNanos(item.created);
    info.attempt = item.attempt;
    infos.push_back(info);
  }
  std::sort(infos.begin(), infos.end(), SandboxBefore);
  std::vector<std::string> ids;
  ids.reserve(infos.size());
  for (const SandboxInfo& info : infos) ids.push_back(info.id.value());
  return ids;
}

// Kubernetes: TestContainerByCreatedThenID.
TEST(OrderTest, ContainerByCreatedThenID) {
  EXPECT_THAT(SortContainers({}), ElementsAre());
  EXPECT_THAT(SortContainers({{"a", 1}}), ElementsAre("a"));
  EXPECT_THAT(SortContainers({{"a", 1}, {"b", 2}, {"c", 3}}), ElementsAre("c", "b", "a"));
  EXPECT_THAT(SortContainers({{"c", 3}, {"b", 2}, {"a", 1}}), ElementsAre("c", "b", "a"));
  EXPECT_THAT(SortContainers({{"c", 1}, {"a", 1}, {"b", 1}}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(SortContainers({{"b", 1}, {"x", 2}, {"a", 1}, {"w", 2}}),
              ElementsAre("w", "x", "a", "b"));
}

TEST(OrderTest, AContainersAttemptDoesNotCount) {
  EXPECT_THAT(SortContainers({{"a", 1, 9}, {"b", 2, 0}}), ElementsAre("b", "a"));
}

// Kubernetes: TestPodSandboxByCreatedThenID. A sandbox without metadata is never listed.
TEST(OrderTest, PodSandboxByCreatedThenID) {
  EXPECT_THAT(SortSandboxes({}), ElementsAre());
  EXPECT_THAT(SortSandboxes({{"a", 1}}), ElementsAre("a"));
  EXPECT_THAT(SortSandboxes({{"a", 1}, {"b", 2}, {"c", 3}}), ElementsAre("c", "b", "a"));
  EXPECT_THAT(SortSandboxes({{"c", 1}, {"a", 1}, {"b", 1}}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(SortSandboxes({{"a", 1, 0}, {"b", 1, 2}, {"c", 1, 1}}), ElementsAre("b", "c", "a"));
  EXPECT_THAT(SortSandboxes({{"a", 9, 0}, {"b", 1, 1}}), ElementsAre("b", "a"));
  EXPECT_THAT(SortSandboxes({{"b", 1, 1}, {"a", 1, 1}, {"d", 2, 1}, {"c", 5, 0}}),
              ElementsAre("d", "a", "b", "c"));
}

}  // namespace
}  // namespace pleg
