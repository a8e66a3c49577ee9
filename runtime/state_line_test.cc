#include "runtime/state_line.h"

#include "gtest/gtest.h"

namespace runtime {
namespace {

pleg::MonoTime At(int64_t seconds) { return pleg::MonoTime::FromNanos(0) + absl::Seconds(seconds); }

TEST(StateLineTest, TellsEachChangeOnceAndHowLongTheStateBeforeLasted) {
  StateLine line;
  EXPECT_TRUE(line.Enter("up", At(10)));
  EXPECT_EQ(line.lasted(), absl::ZeroDuration());
  EXPECT_FALSE(line.Enter("up", At(11)));
  EXPECT_FALSE(line.Settle(At(12)));
  EXPECT_TRUE(line.Enter("lost", At(15)));
  EXPECT_EQ(line.lasted(), absl::Seconds(5));
  EXPECT_EQ(line.number(), 2u);
  EXPECT_EQ(line.skipped(), 0u);
}

TEST(StateLineTest, WhatFlapsIsToldInTheEnd) {
  StateLine line;
  size_t told = 0;
  for (int64_t second = 0; second < 40; ++second) {
    told += line.Enter(second % 2 == 0 ? "lost" : "up", At(second)) ? 1 : 0;
  }
  EXPECT_EQ(told, StateLine::kBurst);
  EXPECT_TRUE(line.Enter("lost", At(61)));
  EXPECT_EQ(line.skipped(), 30u);
  // The last one told was "lost" again, so there is nothing to add.
  EXPECT_FALSE(line.Settle(At(62)));
}

TEST(StateLineTest, SettleTellsTheLastOfManyChanges) {
  StateLine line;
  for (int64_t second = 0; second < 11; ++second) {
    line.Enter(second % 2 == 0 ? "lost" : "up", At(second));
  }
  EXPECT_EQ(line.state(), "lost");  // the tenth line said "up"
  EXPECT_FALSE(line.Settle(At(30)));
  EXPECT_TRUE(line.Settle(At(61)));
  EXPECT_FALSE(line.Settle(At(62)));
}

TEST(StateLineTest, AChangeThatWentBackUntoldIsNoNews) {
  StateLine line;
  for (int64_t second = 0; second < 10; ++second) {
    line.Enter(second % 2 == 0 ? "lost" : "up", At(second));
  }
  EXPECT_FALSE(line.Enter("lost", At(11)));
  EXPECT_FALSE(line.Enter("up", At(12)));
  EXPECT_FALSE(line.Settle(At(100)));
}

}  // namespace
}  // namespace runtime
