#include "pleg/status_sweep.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "pleg/testing/fake_runtime.h"
#include "pleg/testing/sim_executor.h"

namespace pleg {
namespace {

class StatusSweepTest : public ::testing::Test {
 protected:
  StatusSweepTest() {
    for (int i = 0; i < 4; ++i) {
      runtime_.PutContainer("p", absl::StrCat("c", i), ContainerState::kRunning);
    }
    sweep_.Start();
  }

  StatusSweep::Targets Running() {
    ++rounds_;
    StatusSweep::Targets targets;
    for (const auto& c : runtime_.containers()) targets.push_back(c->info);
    return targets;
  }

  testing::SimExecutor executor_;
  testing::FakeRuntime runtime_{executor_, executor_.clock()};
  int rounds_ = 0;
  StatusSweep sweep_{{}, runtime_, executor_, executor_.clock(), [this] { return Running(); }};
};

TEST_F(StatusSweepTest, TwoCallsASecondRoundAfterRound) {
  executor_.Advance(absl::Seconds(4));
  EXPECT_EQ(runtime_.status_calls(), 8u);
  EXPECT_EQ(runtime_.status_calls_of("c3"), 2u);
  EXPECT_EQ(rounds_, 2);
}

TEST_F(StatusSweepTest, AHungContainerHasOneCallAndHoldsUpNobody) {
  runtime_.HoldStatus("c1");
  executor_.Advance(absl::Seconds(20));
  EXPECT_EQ(runtime_.status_calls_of("c1"), 1u);
  EXPECT_GE(runtime_.status_calls_of("c0"), 9u);
  EXPECT_EQ(sweep_.open(), 1u);
  runtime_.ReleaseAll();
  executor_.Advance(absl::Seconds(4));
  EXPECT_GE(runtime_.status_calls_of("c1"), 2u);
}

TEST_F(StatusSweepTest, OpenCallsAreBounded) {
  for (int i = 4; i < 40; ++i) {
    runtime_.PutContainer("p", absl::StrCat("c", i), ContainerState::kRunning);
  }
  runtime_.HoldPod("p");
  executor_.Advance(absl::Minutes(5));
  EXPECT_EQ(runtime_.held_calls(), 8u);
}

TEST_F(StatusSweepTest, PausesWhenTheRuntimeHasBecomeTwiceAsSlow) {
  executor_.Advance(absl::Seconds(20));
  EXPECT_FALSE(sweep_.paused());
  for (int i = 0; i < 9 && !sweep_.paused(); ++i) {
    runtime_.HoldPod("p");
    executor_.Advance(absl::Milliseconds(500));
    executor_.clock().Advance(absl::Milliseconds(20));
    runtime_.ReleasePod("p");
    executor_.Settle();
  }
  ASSERT_TRUE(sweep_.paused());
  const size_t calls = runtime_.status_calls();
  executor_.Advance(absl::Seconds(29));
  EXPECT_EQ(runtime_.status_calls(), calls);
  executor_.Advance(absl::Seconds(2));
  EXPECT_GT(runtime_.status_calls(), calls);
}

TEST_F(StatusSweepTest, StopsWithCallsOut) {
  runtime_.HoldPod("p");
  executor_.Advance(absl::Seconds(2));
  sweep_.Stop();
  runtime_.ReleaseAll();
  executor_.Advance(absl::Seconds(5));
  EXPECT_EQ(runtime_.status_calls(), 4u);
  sweep_.Start();
  executor_.Advance(absl::Seconds(1));
  EXPECT_EQ(runtime_.status_calls(), 6u);
}

}  // namespace
}  // namespace pleg
