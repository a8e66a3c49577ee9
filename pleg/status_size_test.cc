#include "pleg/status_size.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/utf8.h"

namespace pleg {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

SandboxStatus WithLabels(size_t count) {
  SandboxStatus status{.id = ContainerId("s1"), .pod_name = "web"};
  for (size_t i = 0; i < count; ++i) status.labels.emplace_back(absl::StrCat("k", i), "v");
  std::sort(status.labels.begin(), status.labels.end());
  return status;
}

ContainerStatus WithAll() {
  ContainerStatus status;
  status.id = ContainerId("c1");
  status.name = "app";
  status.reason = std::string(10'000, 'r');
  status.message = std::string(100'000, 'm');
  for (int i = 0; i < 10'000; ++i) {
    status.mounts.push_back({.container_path = absl::StrCat("/etc/a-long-path/", i)});
  }
  status.user = ContainerUser{.supplemental_groups = std::vector<int64_t>(10'000, 7)};
  return status;
}

TEST(StatusSizeTest, UsualStatusesStayAsTheyAre) {
  SandboxStatus sandbox = WithLabels(20);
  sandbox.additional_ips = {"fd00::1"};
  const SandboxStatus before = sandbox;
  Truncate(kMaxStatusBytes, sandbox);
  EXPECT_EQ(sandbox, before);
  EXPECT_FALSE(sandbox.truncated);

  ContainerStatus container;
  container.message = "terminated";
  container.mounts.resize(20);
  const ContainerStatus container_before = container;
  Truncate(kMaxStatusBytes, container);
  EXPECT_EQ(container, container_before);
}

TEST(StatusSizeTest, OfTooManyLabelsTheFirstStayAndItIsTold) {
  SandboxStatus status = WithLabels(90'000);
  EXPECT_GT(VariableBytes(status), 5'000'000u);
  Truncate(kMaxStatusBytes, status);
  EXPECT_LE(VariableBytes(status), kMaxStatusBytes);
  EXPECT_GT(VariableBytes(status), kMaxStatusBytes - 200);
  EXPECT_LE(status.labels.capacity(), 512u);
  EXPECT_THAT(status.labels.front(), Pair("k0", "v"));
  EXPECT_TRUE(status.truncated);
  EXPECT_EQ(status.pod_name, "web");
}

TEST(StatusSizeTest, EveryListAndTextOfAContainerIsBounded) {
  for (const size_t bytes : {kMaxStatusBytes, kTruncatedStatusBytes, size_t{0}}) {
    ContainerStatus status = WithAll();
    Truncate(bytes, status);
    EXPECT_LE(VariableBytes(status), bytes);
    EXPECT_TRUE(status.truncated);
    EXPECT_EQ(status.name, "app");
    EXPECT_EQ(status.message.empty(), bytes == 0);
  }
}

TEST(StatusSizeTest, ATextIsCutBetweenCharacters) {
  ContainerStatus status;
  for (int i = 0; i < 1000; ++i) status.message += "\xE2\x82\xAC";
  Truncate(400, status);
  EXPECT_THAT(status.message, SizeIs(99));
  EXPECT_EQ(ToValidUtf8(status.message), status.message);
}

TEST(StatusSizeTest, OfAPodWhatFitsIsSharedAndWhatIsActiveStaysActive) {
  auto large = std::make_shared<const ContainerStatus>(WithAll());
  auto small = std::make_shared<const ContainerStatus>();
  PodStatus pod;
  pod.uid = PodUid("u1");
  pod.sandbox_statuses = {std::make_shared<const SandboxStatus>(WithLabels(1000))};
  pod.container_statuses = {small, large, small};
  pod.active_container_statuses = {large, small};
  EXPECT_GT(VariableBytes(pod), VariableBytes(*large));

  const auto shorter = Truncated(kTruncatedStatusBytes, pod);
  EXPECT_EQ(shorter->uid, PodUid("u1"));
  EXPECT_LE(VariableBytes(*shorter), 2 * kTruncatedStatusBytes);
  EXPECT_EQ(shorter->container_statuses[0], small);
  EXPECT_TRUE(shorter->container_statuses[1]->truncated);
  EXPECT_TRUE(shorter->sandbox_statuses[0]->truncated);
  EXPECT_THAT(shorter->active_container_statuses,
              ElementsAre(shorter->container_statuses[1], small));
}

}  // namespace
}  // namespace pleg
