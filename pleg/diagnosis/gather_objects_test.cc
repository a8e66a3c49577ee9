#include "pleg/diagnosis/gather_objects.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

namespace pleg {
namespace {

class GatherObjectsTest : public ::testing::Test {
 protected:
  Pod& AddPod(const std::string& name, const std::string& uid) {
    auto pod = std::make_shared<Pod>();
    pod->uid = PodUid(uid);
    pod->name = name;
    pod->pod_namespace = "shop";
    pods_.listed.push_back(pod);
    return *pod;
  }
  void AddSandbox(Pod& pod, SandboxState state, absl::Duration since = absl::Minutes(2),
                  uint32_t attempt = 0, absl::Duration created = absl::Hours(2)) {
    auto info = std::make_shared<SandboxInfo>();
    info->id = ContainerId(absl::StrCat(pod.name, "-s", pod.sandboxes.size()));
    info->attempt = attempt;
    info->created_at = wall_ - created;
    pod.sandboxes.push_back({.info = info, .state = state, .since = now_ + -since});
  }
  void AddContainer(Pod& pod, ContainerState state, absl::Duration since = absl::Minutes(2),
                    uint32_t attempt = 0, absl::Duration created = absl::Hours(2)) {
    auto info = std::make_shared<ContainerInfo>();
    info->id = ContainerId(absl::StrCat(pod.name, "-c", pod.containers.size()));
    info->name = "app";
    info->attempt = attempt;
    info->created_at = wall_ - created;
    pod.containers.push_back({.info = info, .state = state, .since = now_ + -since});
  }
  // Null if no object is so.
  const LastingEvidence* Find(Lasting lasting) {
    found_ = FindLasting(pods_, now_, wall_);
    for (const LastingEvidence& evidence : found_) {
      if (evidence.lasting == lasting) return &evidence;
    }
    return nullptr;
  }

  const MonoTime now_ = MonoTime() + absl::Hours(10);
  const absl::Time wall_ = absl::FromUnixSeconds(1800000000);
  PodsView pods_;
  std::vector<LastingEvidence> found_;
};

TEST_F(GatherObjectsTest, OfPodsThatAreWellNothingLasts) {
  for (int i = 0; i < 100; ++i) {
    Pod& pod = AddPod(absl::StrCat("web-", i), absl::StrCat("u", i));
    AddSandbox(pod, SandboxState::kReady, absl::Minutes(1), 1, absl::Minutes(1));
    if (i < 15) AddSandbox(pod, SandboxState::kNotReady);
    AddContainer(pod, ContainerState::kRunning, absl::Minutes(1), 1, absl::Minutes(1));
    AddContainer(pod, ContainerState::kExited);
  }
  EXPECT_TRUE(FindLasting(pods_, now_, wall_).empty());
}

TEST_F(GatherObjectsTest, ACreatedContainerIsAsOldAsItsCreationOrItsListing) {
  Pod& pod = AddPod("web", "u");
  AddContainer(pod, ContainerState::kCreated, absl::Minutes(2), 0, absl::Hours(1));
  EXPECT_EQ(Find(Lasting::kCreated)->worst[0].age, absl::Hours(1));
  EXPECT_EQ(Find(Lasting::kCreated)->worst[0].object.container, "app");
  pod.containers.clear();
  AddContainer(pod, ContainerState::kCreated, absl::Minutes(2), 0, -absl::Hours(1));  // ahead
  EXPECT_EQ(Find(Lasting::kCreated)->worst[0].age, absl::Minutes(2));
  pod.containers.clear();
  AddContainer(pod, ContainerState::kCreated, absl::Minutes(2), 0, wall_ - absl::UnixEpoch());
  EXPECT_EQ(Find(Lasting::kCreated)->worst[0].age, absl::Minutes(2));
}

TEST_F(GatherObjectsTest, UnknownIsOfContainersAndSandboxes) {
  Pod& pod = AddPod("web", "u");
  AddSandbox(pod, SandboxState::kUnknown);
  AddContainer(pod, ContainerState::kUnknown, absl::Minutes(3));
  ASSERT_NE(Find(Lasting::kUnknown), nullptr);
  EXPECT_EQ(found_[0].total, 2u);
  EXPECT_EQ(found_[0].worst[0].age, absl::Minutes(3));
}

TEST_F(GatherObjectsTest, ThePodOfMostSandboxesThatAreNotReadyComesFirst) {
  AddSandbox(AddPod("one", "u1"), SandboxState::kNotReady);
  Pod& many = AddPod("many", "u2");
  for (uint32_t i = 30; i > 0; --i) {
    AddSandbox(many, SandboxState::kNotReady, absl::Minutes(1), i, absl::Hours(5));
  }
  const LastingEvidence* found = Find(Lasting::kNotReady);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->total, 31u);
  EXPECT_EQ(found->worst[0].object.pod_name, "many");
  EXPECT_EQ(found->worst[0].count, 30u);
  EXPECT_EQ(found->worst[0].age, absl::Hours(5));
}

TEST_F(GatherObjectsTest, TwoThatShouldBeOneAreSoSinceTheSecond) {
  Pod& pod = AddPod("web", "u");
  AddSandbox(pod, SandboxState::kReady, absl::Minutes(2), 1, absl::Minutes(2));
  AddSandbox(pod, SandboxState::kReady, absl::Hours(3), 0, absl::Hours(3));
  AddContainer(pod, ContainerState::kRunning, absl::Minutes(1), 1, absl::Minutes(1));
  AddContainer(pod, ContainerState::kRunning, absl::Hours(3), 0, absl::Hours(3));
  EXPECT_EQ(Find(Lasting::kReadyTwice)->worst[0].age, absl::Minutes(2));
  EXPECT_EQ(Find(Lasting::kRunningTwice)->worst[0].age, absl::Minutes(1));
  EXPECT_EQ(Find(Lasting::kRunningTwice)->worst[0].count, 2u);
  EXPECT_EQ(Find(Lasting::kAttemptOrder), nullptr);
}

TEST_F(GatherObjectsTest, ALaterAttemptThatIsOlderIsFound) {
  Pod& pod = AddPod("web", "u");
  AddContainer(pod, ContainerState::kExited, absl::Minutes(1), 0, absl::Minutes(5));
  AddContainer(pod, ContainerState::kRunning, absl::Minutes(1), 1, absl::Hours(1));
  ASSERT_NE(Find(Lasting::kAttemptOrder), nullptr);
  EXPECT_EQ(found_[0].worst[0].object.id.value(), "web-c1");
}

TEST_F(GatherObjectsTest, ObjectsWithoutAPodUidAreToldOneByOne) {
  Pod& pod = AddPod("", "");
  AddSandbox(pod, SandboxState::kReady);
  AddSandbox(pod, SandboxState::kReady);
  ASSERT_NE(Find(Lasting::kNoUid), nullptr);
  EXPECT_EQ(found_[0].total, 2u);
  EXPECT_EQ(Find(Lasting::kReadyTwice), nullptr);
}

TEST_F(GatherObjectsTest, APodWhoseInspectionFailsIsFound) {
  AddPod("web", "u");
  pods_.unsettled = {{pods_.listed[0], now_ + -absl::Minutes(4), false}};
  EXPECT_EQ(Find(Lasting::kNotInspected), nullptr);
  pods_.unsettled[0].failed = true;
  EXPECT_EQ(Find(Lasting::kNotInspected)->worst[0].age, absl::Minutes(4));
}

TEST_F(GatherObjectsTest, OfManyOnlySomeAreNamed) {
  Pod& pod = AddPod("web", "u");
  for (int i = 0; i < 100; ++i) AddContainer(pod, ContainerState::kCreated);
  EXPECT_EQ(Find(Lasting::kCreated)->total, 100u);
  EXPECT_EQ(found_[0].worst.size(), kMaxLastingObjects);
}

}  // namespace
}  // namespace pleg
