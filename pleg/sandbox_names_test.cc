#include "pleg/sandbox_names.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace pleg {
namespace {

// Keeps what it is asked until the test answers.
class AskedRuntime : public RuntimeService {
 public:
  void List(std::optional<PodUid>, ListCallback) override {}
  void GetContainerStatus(const ContainerInfo&, ContainerStatusCallback) override {}
  void ProbeContainer(const ContainerInfo&, Promptness, ProbeCallback) override {}
  void GetSandboxStatus(const SandboxInfo& sandbox, SandboxStatusCallback done) override {
    asked.emplace_back(sandbox.id, std::move(done));
  }

  std::vector<std::pair<ContainerId, SandboxStatusCallback>> asked;
};

class SandboxNamesTest : public ::testing::Test {
 protected:
  void Answer(size_t index) {
    auto status = std::make_shared<SandboxStatus>();
    status->id = runtime_.asked[index].first;
    status->pod_uid = PodUid("uid");
    status->pod_name = "web";
    status->pod_namespace = "default";
    runtime_.asked[index].second(std::move(status));
  }

  AskedRuntime runtime_;
  std::unique_ptr<SandboxNames> names_ = std::make_unique<SandboxNames>(runtime_);
};

TEST_F(SandboxNamesTest, TellsWhoseASandboxIsOnceItHasAnswered) {
  names_->Ask(ContainerId("s0"));
  ASSERT_EQ(runtime_.asked.size(), 1u);
  EXPECT_EQ(runtime_.asked[0].first, ContainerId("s0"));
  EXPECT_FALSE(names_->Find(ContainerId("s0")).has_value());
  Answer(0);
  ASSERT_TRUE(names_->Find(ContainerId("s0")).has_value());
  EXPECT_EQ(names_->Find(ContainerId("s0"))->pod_name, "web");
  EXPECT_EQ(names_->Find(ContainerId("s0"))->pod_namespace, "default");
  EXPECT_EQ(names_->Find(ContainerId("s0"))->pod_uid, PodUid("uid"));
  EXPECT_FALSE(names_->Find(ContainerId("s1")).has_value());
}

TEST_F(SandboxNamesTest, OneThatIsNotThereHasNoName) {
  names_->Ask(ContainerId("gone"));
  runtime_.asked[0].second(absl::NotFoundError("no such sandbox"));
  EXPECT_FALSE(names_->Find(ContainerId("gone")).has_value());
}

TEST_F(SandboxNamesTest, AsksFewAtATime) {
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 100; ++i) names_->Ask(ContainerId(absl::StrCat("s", i)));
  }
  EXPECT_EQ(runtime_.asked.size(), SandboxNames::kMaxOpen);
}

TEST_F(SandboxNamesTest, WhatIsNotThereLeavesRoomForOthersAndIsNotAskedAgain) {
  for (size_t i = 0; i < 10 * SandboxNames::kMaxOpen; ++i) {
    names_->Ask(ContainerId(absl::StrCat("foreign", i)));
    ASSERT_EQ(runtime_.asked.size(), i + 1);
    runtime_.asked[i].second(absl::NotFoundError("no such sandbox"));
    names_->Ask(ContainerId(absl::StrCat("foreign", i)));
    ASSERT_EQ(runtime_.asked.size(), i + 1);
  }
  names_->Ask(ContainerId("s0"));
  Answer(10 * SandboxNames::kMaxOpen);
  EXPECT_TRUE(names_->Find(ContainerId("s0")).has_value());
}

TEST_F(SandboxNamesTest, OneWhoseCallFailedIsAskedAgain) {
  names_->Ask(ContainerId("s0"));
  runtime_.asked[0].second(absl::DeadlineExceededError("no answer"));
  names_->Ask(ContainerId("s0"));
  EXPECT_EQ(runtime_.asked.size(), 2u);
}

TEST_F(SandboxNamesTest, AnAnswerThatComesLaterThanItsEndIsNobodys) {
  names_->Ask(ContainerId("s0"));
  names_ = nullptr;
  Answer(0);
}

}  // namespace
}  // namespace pleg
