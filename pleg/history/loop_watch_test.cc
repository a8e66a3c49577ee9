#include "pleg/history/loop_watch.h"

#include <gtest/gtest.h>

#include "pleg/testing/sim_executor.h"

namespace pleg {
namespace {

class LoopWatchTest : public ::testing::Test {
 protected:
  // A task that takes so long, queued now.
  void Block(absl::Duration duration) {
    exec_.Post([this, duration] { exec_.clock().Advance(duration); });
  }

  testing::SimExecutor exec_;
  LoopWatch watch_{exec_, exec_.clock()};
};

TEST_F(LoopWatchTest, AnIdleLoopIsNotLate) {
  EXPECT_EQ(watch_.Worst(), absl::ZeroDuration());
  watch_.Start();
  exec_.Advance(absl::Minutes(2));
  EXPECT_EQ(watch_.Worst(), absl::ZeroDuration());
}

TEST_F(LoopWatchTest, ATaskThatBlocksIsSeenForAMinute) {
  watch_.Start();
  Block(absl::Seconds(3));
  exec_.Settle();
  EXPECT_GE(watch_.Worst(), absl::Seconds(2));
  exec_.Advance(absl::Seconds(50));
  EXPECT_GE(watch_.Worst(), absl::Seconds(2));
  exec_.Advance(absl::Seconds(15));
  EXPECT_EQ(watch_.Worst(), absl::ZeroDuration());
}

TEST_F(LoopWatchTest, ALoopThatIsStuckIsSeenMeanwhile) {
  watch_.Start();
  exec_.Advance(absl::Seconds(10));
  exec_.clock().Advance(absl::Seconds(31));  // nothing runs
  EXPECT_EQ(watch_.Worst(), absl::Seconds(30));
}

TEST_F(LoopWatchTest, AfterStopNothingIsLate) {
  watch_.Start();
  exec_.Advance(absl::Seconds(1));
  watch_.Stop();
  exec_.clock().Advance(absl::Minutes(2));
  EXPECT_EQ(watch_.Worst(), absl::ZeroDuration());
  EXPECT_EQ(exec_.pending_timers(), 0u);
}

}  // namespace
}  // namespace pleg
