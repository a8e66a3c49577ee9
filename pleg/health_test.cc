#include "pleg/health.h"

#include <gtest/gtest.h>

namespace pleg {
namespace {

const MonoTime kStart = MonoTime::FromNanos(1'000);
const absl::Time kWall = absl::FromUnixSeconds(1'700'000'000);

TEST(HealthTest, UnhealthyBeforeTheFirstSuccess) {
  const Health health(absl::Minutes(3));
  EXPECT_FALSE(health.Check(kStart).healthy);
  EXPECT_EQ(health.Check(MonoTime::Max()).reason, "pleg has yet to be successful");
  EXPECT_EQ(health.last_relist(), std::nullopt);
  EXPECT_EQ(health.last_relist_wall(), std::nullopt);
}

TEST(HealthTest, HealthyUntilStrictlyOlderThanTheThreshold) {
  Health health(absl::Minutes(3));
  health.RecordRelist(kStart, kWall);
  EXPECT_TRUE(health.Check(kStart).healthy);
  EXPECT_TRUE(health.Check(kStart + absl::Minutes(3)).healthy);
  EXPECT_EQ(health.Check(kStart + absl::Minutes(3)).reason, "");
  const Verdict late = health.Check(kStart + absl::Minutes(3) + absl::Nanoseconds(1));
  EXPECT_FALSE(late.healthy);
  EXPECT_EQ(late.reason, "pleg was last seen active 3m0.000000001s ago; threshold is 3m0s");
}

TEST(HealthTest, TheKubeletsText) {
  Health health(absl::Minutes(10));
  health.RecordRelist(kStart, kWall);
  EXPECT_EQ(health.Check(kStart + absl::Nanoseconds(58'670'791'825'508)).reason,
            "pleg was last seen active 16h17m50.791825508s ago; threshold is 10m0s");
}

TEST(HealthTest, ANewSuccessHealsAndAnOlderOneIsIgnored) {
  Health health(absl::Minutes(3));
  health.RecordRelist(kStart, kWall);
  const MonoTime later = kStart + absl::Minutes(5);
  EXPECT_FALSE(health.Check(later).healthy);
  health.RecordRelist(later, kWall + absl::Minutes(5));
  EXPECT_TRUE(health.Check(later).healthy);
  health.RecordRelist(kStart, kWall);
  EXPECT_EQ(health.last_relist(), later);
  EXPECT_EQ(health.last_relist_wall(), kWall + absl::Minutes(5));
}

TEST(HealthTest, TheStartOfTheClockIsATimeLikeAnyOther) {
  Health health(absl::Seconds(1));
  health.RecordRelist(MonoTime(), kWall);
  EXPECT_TRUE(health.Check(MonoTime()).healthy);
  EXPECT_EQ(health.last_relist(), MonoTime());
}

}  // namespace
}  // namespace pleg
