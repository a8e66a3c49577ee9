#include "journal/repeat_limiter.h"

#include <string>

#include "gtest/gtest.h"
#include "pleg/testing/sim_executor.h"

namespace journal {
namespace {

class RepeatLimiterTest : public ::testing::Test {
 protected:
  bool Admitted(const std::string& message, const std::string& object) {
    return limiter_.Admit(message, object, clock_.Now()).admitted;
  }
  pleg::testing::SimClock clock_;
  RepeatLimiter limiter_{absl::Minutes(1), 3};
};

TEST_F(RepeatLimiterTest, AdmitsTheFirstAtOnceThenOneAPeriod) {
  EXPECT_TRUE(Admitted("failed", "a"));
  for (int i = 0; i < 59; ++i) {
    clock_.Advance(absl::Seconds(1));
    EXPECT_FALSE(Admitted("failed", "a")) << i;
  }
  clock_.Advance(absl::Seconds(1));
  const auto verdict = limiter_.Admit("failed", "a", clock_.Now());
  EXPECT_TRUE(verdict.admitted);
  EXPECT_EQ(verdict.suppressed, 59u);
  // The count starts again.
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(limiter_.Admit("failed", "a", clock_.Now()).suppressed, 0u);
}

TEST_F(RepeatLimiterTest, MessageAndObjectTogetherMakeTheKind) {
  EXPECT_TRUE(Admitted("failed", "a"));
  EXPECT_TRUE(Admitted("failed", "b"));
  EXPECT_TRUE(Admitted("faileda", ""));
  EXPECT_FALSE(Admitted("failed", "a"));
  EXPECT_FALSE(Admitted("failed", "b"));
}

TEST_F(RepeatLimiterTest, AQuietKindIsAdmittedAtOnce) {
  EXPECT_TRUE(Admitted("failed", "a"));
  clock_.Advance(absl::Hours(5));
  EXPECT_TRUE(Admitted("failed", "a"));
  EXPECT_FALSE(Admitted("failed", "a"));
}

TEST_F(RepeatLimiterTest, ForgetsTheOneAdmittedLongestAgo) {
  for (const char* object : {"a", "b", "c"}) EXPECT_TRUE(Admitted("failed", object));
  clock_.Advance(absl::Minutes(1));
  EXPECT_TRUE(Admitted("failed", "a"));  // now b is the oldest
  EXPECT_TRUE(Admitted("failed", "d"));
  EXPECT_EQ(limiter_.size(), 3u);
  EXPECT_FALSE(Admitted("failed", "a"));
  EXPECT_TRUE(Admitted("failed", "b"));
}

TEST_F(RepeatLimiterTest, StaysBoundedUnderManyKinds) {
  for (int i = 0; i < 10000; ++i) EXPECT_TRUE(Admitted("failed", std::to_string(i)));
  EXPECT_EQ(limiter_.size(), 3u);
}

}  // namespace
}  // namespace journal
