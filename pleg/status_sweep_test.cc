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

  void Relists(int count, absl::Duration period = absl::Seconds(1)) {
    for (int i = 0; i < count; ++i) {
      executor_.Advance(period);
      sweep_.Beside();
      executor_.Settle();
    }
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

TEST_F(StatusSweepTest, TwoCallsWithEachRelistRoundAfterRound) {
  Relists(4);
  EXPECT_EQ(runtime_.status_calls(), 8u);
  EXPECT_EQ(runtime_.status_calls_of("c3"), 2u);
  EXPECT_EQ(rounds_, 2);
}

TEST_F(StatusSweepTest, FrequentRelistsMakeItNoFaster) {
  Relists(40, absl::Milliseconds(100));
  EXPECT_EQ(runtime_.status_calls(), 8u);
}

TEST_F(StatusSweepTest, RareRelistsDoNotHoldItUpNorMakeABurst) {
  executor_.Advance(absl::Milliseconds(1499));
  EXPECT_EQ(runtime_.status_calls(), 0u);
  executor_.Advance(absl::Milliseconds(4501));
  EXPECT_EQ(runtime_.status_calls(), 8u);
  executor_.clock().Advance(absl::Seconds(60));
  sweep_.Beside();
  EXPECT_EQ(runtime_.status_calls(), 10u);
}

TEST_F(StatusSweepTest, AHungContainerHasOneCallAndHoldsUpNobody) {
  runtime_.HoldStatus("c1");
  Relists(20);
  EXPECT_EQ(runtime_.status_calls_of("c1"), 1u);
  EXPECT_GE(runtime_.status_calls_of("c0"), 9u);
  executor_.Advance(absl::Seconds(1));  // an answer that nobody waits for may take as long
  EXPECT_EQ(sweep_.open(), 1u);
  runtime_.ReleaseAll();
  Relists(4);
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
  Relists(20);
  EXPECT_FALSE(sweep_.paused());
  for (int i = 0; i < 9 && !sweep_.paused(); ++i) {
    runtime_.HoldPod("p");
    Relists(1);
    executor_.clock().Advance(absl::Milliseconds(20));
    runtime_.ReleasePod("p");
    executor_.Settle();
  }
  ASSERT_TRUE(sweep_.paused());
  const size_t calls = runtime_.status_calls();
  Relists(29);
  EXPECT_EQ(runtime_.status_calls(), calls);
  Relists(2);
  EXPECT_GT(runtime_.status_calls(), calls);
}

TEST_F(StatusSweepTest, StopsWithCallsOut) {
  runtime_.HoldPod("p");
  Relists(2);
  sweep_.Stop();
  runtime_.ReleaseAll();
  Relists(5);
  EXPECT_EQ(runtime_.status_calls(), 4u);
  sweep_.Start();
  Relists(1);
  EXPECT_EQ(runtime_.status_calls(), 6u);
}

}  // namespace
}  // namespace pleg
