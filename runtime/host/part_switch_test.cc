#include "runtime/host/part_switch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace runtime::host {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr ProbePart kPart = ProbePart::kBundles;

class PartSwitchTest : public testing::Test {
 protected:
  pleg::MonoTime At(absl::Duration time) const { return start_ + time; }

  const pleg::MonoTime start_ = pleg::MonoTime() + absl::Hours(1);
  PartSwitch parts_;
};

TEST_F(PartSwitchTest, IsOffForAWhileAndTriedAgain) {
  EXPECT_THAT(parts_.Off(start_), IsEmpty());
  parts_.TurnOff(kPart, start_);
  EXPECT_THAT(parts_.Off(At(absl::Minutes(9))), ElementsAre(kPart));
  EXPECT_THAT(parts_.Off(At(absl::Minutes(10))), IsEmpty());
  EXPECT_THAT(parts_.Problems(At(absl::Minutes(10))), IsEmpty());
}

TEST_F(PartSwitchTest, SaysSinceWhenAndUntilWhen) {
  parts_.TurnOff(kPart, start_);
  const auto problems = parts_.Problems(At(absl::Minutes(3)));
  ASSERT_EQ(problems.size(), 1);
  EXPECT_EQ(problems[0].probe, "the runtime's bundles");
  EXPECT_EQ(problems[0].text, "the host probe got stuck there 3m ago; it tries again in 7m");
  EXPECT_FALSE(problems[0].hangs);
}

TEST_F(PartSwitchTest, WaitsLongerEachTimeItIsStuckAgain) {
  absl::Duration now;
  absl::Duration length = PartSwitch::kFirst;
  for (int i = 0; i < 10; ++i) {
    parts_.TurnOff(kPart, At(now));
    // Looks that leave it out prove nothing.
    parts_.OnLook({kPart});
    EXPECT_THAT(parts_.Off(At(now + length - absl::Seconds(1))), ElementsAre(kPart));
    now += length;
    EXPECT_THAT(parts_.Off(At(now)), IsEmpty());
    length = std::min(2 * length, PartSwitch::kLongest);
  }
  EXPECT_EQ(length, PartSwitch::kLongest);
}

TEST_F(PartSwitchTest, OneThatWorkedAgainStartsAnew) {
  parts_.TurnOff(kPart, start_);
  parts_.TurnOff(ProbePart::kFuse, start_);
  parts_.OnLook({ProbePart::kFuse});
  parts_.TurnOff(kPart, At(absl::Minutes(20)));
  EXPECT_THAT(parts_.Off(At(absl::Minutes(29))), ElementsAre(kPart));
  EXPECT_THAT(parts_.Off(At(absl::Minutes(30))), IsEmpty());
}

}  // namespace
}  // namespace runtime::host
