#include "pleg/history/relist_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "pleg/testing/sim_executor.h"

namespace pleg {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class RelistRingTest : public ::testing::Test {
 protected:
  // The n-th of them has n containers.
  void End(size_t count, absl::Duration period = absl::Milliseconds(10)) {
    for (size_t i = 0; i < count; ++i) {
      clock_.Advance(period);
      RelistRecord relist;
      relist.started_at = clock_.Now();
      relist.containers = ++ended_;
      ring_.OnRelistEnd(relist);
    }
  }
  void Fail(const absl::Status& error) {
    RelistRecord relist;
    relist.started_at = clock_.Now();
    relist.lists = error;
    ring_.OnRelistEnd(relist);
  }

  testing::SimClock clock_;
  RelistRing ring_{clock_};
  size_t ended_ = 0;
};

TEST_F(RelistRingTest, KeepsWhatItIsTold) {
  EXPECT_THAT(ring_.Newest(0), IsEmpty());
  RelistRecord relist;
  relist.started_at = clock_.Now();
  relist.total = absl::Milliseconds(15);
  relist.list_sandboxes = absl::Milliseconds(1);
  relist.list_containers = absl::Milliseconds(2);
  relist.diff = absl::Milliseconds(3);
  relist.inspect = absl::Milliseconds(9);
  relist.sandboxes = 4;
  relist.containers = 5;
  relist.changed_pods = 6;
  relist.list_sandboxes_bytes = 7;
  relist.list_containers_bytes = size_t{1} << 40;
  ring_.OnRelistEnd(relist);
  const std::vector<RelistRing::Entry> newest = ring_.Newest(0);
  ASSERT_THAT(newest, SizeIs(1));
  const RelistRing::Entry& entry = newest[0];
  EXPECT_EQ(entry.started_at, relist.started_at);
  EXPECT_EQ(entry.total, relist.total);
  EXPECT_EQ(entry.list_sandboxes, relist.list_sandboxes);
  EXPECT_EQ(entry.list_containers, relist.list_containers);
  EXPECT_EQ(entry.diff, relist.diff);
  EXPECT_EQ(entry.inspect, relist.inspect);
  EXPECT_EQ(entry.sandboxes, 4);
  EXPECT_EQ(entry.containers, 5);
  EXPECT_EQ(entry.changed_pods, 6);
  EXPECT_EQ(entry.list_sandboxes_bytes, 7);
  EXPECT_EQ(entry.list_containers_bytes, UINT32_MAX);
  EXPECT_EQ(entry.error, nullptr);
}

TEST_F(RelistRingTest, TheNewestComeLastAndTheOldestGoFirst) {
  End(RelistRing::kCapacity + 10);
  const auto all = ring_.Newest(0);
  ASSERT_THAT(all, SizeIs(RelistRing::kCapacity));
  EXPECT_EQ(all.front().containers, 11);
  EXPECT_EQ(all.back().containers, RelistRing::kCapacity + 10);
  const auto two = ring_.Newest(2);
  ASSERT_THAT(two, SizeIs(2));
  EXPECT_EQ(two[0].containers, RelistRing::kCapacity + 9);
  EXPECT_EQ(two[1].containers, RelistRing::kCapacity + 10);
}

TEST_F(RelistRingTest, WhatIsOlderThanAnHourIsNotTold) {
  End(10, absl::Minutes(10));
  EXPECT_THAT(ring_.Newest(0), SizeIs(7));
  clock_.Advance(absl::Minutes(61));
  EXPECT_THAT(ring_.Newest(0), IsEmpty());
}

TEST_F(RelistRingTest, RepeatedErrorsShareOneText) {
  Fail(absl::UnavailableError("gone"));
  Fail(absl::UnavailableError("gone"));
  Fail(absl::InternalError(std::string(10'000, 'x')));
  const auto entries = ring_.Newest(0);
  ASSERT_THAT(entries, SizeIs(3));
  EXPECT_EQ(*entries[0].error, "UNAVAILABLE: gone");
  EXPECT_EQ(entries[0].error, entries[1].error);
  EXPECT_THAT(*entries[2].error, SizeIs(RelistRing::kMaxErrorBytes));
}

TEST_F(RelistRingTest, AStepOfTheWallClockIsKept) {
  End(100);
  EXPECT_FALSE(ring_.LastClockStep().has_value());
  clock_.JumpWall(-absl::Seconds(90));
  End(1);
  ASSERT_TRUE(ring_.LastClockStep().has_value());
  EXPECT_EQ(ring_.LastClockStep()->by, -absl::Seconds(90));
  const MonoTime at = clock_.Now();
  End(100);
  EXPECT_EQ(ring_.LastClockStep()->at, at);
  clock_.JumpWall(absl::Milliseconds(300));  // a slew
  End(1);
  EXPECT_EQ(ring_.LastClockStep()->at, at);
}

}  // namespace
}  // namespace pleg
