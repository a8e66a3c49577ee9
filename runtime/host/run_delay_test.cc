#include "runtime/host/run_delay.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

class RunDelayTest : public testing::Test {
 protected:
  void Sample(absl::string_view schedstat) {
    tree_.Write("proc/schedstat", schedstat);
    delay_.Sample();
  }

  const FixtureTree tree_;
  RunDelay delay_{absl::StrCat(tree_.paths().procfs, "/schedstat")};
};

TEST_F(RunDelayTest, IsTheMostBetweenTwoSamples) {
  Sample("100 5000000000 7\n");
  EXPECT_EQ(delay_.Worst(), absl::ZeroDuration());
  Sample("200 5300000000 8\n");
  Sample("300 5310000000 9\n");
  EXPECT_EQ(delay_.Worst(), absl::Milliseconds(300));
}

TEST_F(RunDelayTest, IsForgottenAfterAMinute) {
  Sample("0 0 0\n");
  Sample("0 2000000000 0\n");
  for (size_t i = 0; i < RunDelay::kSamples; ++i) {
    EXPECT_EQ(delay_.Worst(), absl::Seconds(2)) << i;
    Sample("0 2000000000 0\n");
  }
  EXPECT_EQ(delay_.Worst(), absl::ZeroDuration());
}

TEST_F(RunDelayTest, WhatIsNoSchedstatIsNoDelay) {
  Sample("0 0 0\n");
  Sample("garbage");
  Sample("0 9000000000 0\n");
  Sample("0 1000000000 0\n");
  EXPECT_EQ(delay_.Worst(), absl::ZeroDuration());
}

TEST(RunDelayOfThisThreadTest, IsRead) {
  RunDelay delay;
  delay.Sample();
  delay.Sample();
  EXPECT_GE(delay.Worst(), absl::ZeroDuration());
}

}  // namespace
}  // namespace runtime::host
