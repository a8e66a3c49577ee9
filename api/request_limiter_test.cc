#include "api/request_limiter.h"

#include <string>

#include "gtest/gtest.h"
#include "pleg/testing/sim_executor.h"

namespace api {
namespace {

class RequestLimiterTest : public ::testing::Test {
 protected:
  bool Take(const std::string& uid) { return limiter_.Take(pleg::PodUid(uid)); }
  // How many of a hundred pods get through.
  int TakeMany(const std::string& prefix) {
    int taken = 0;
    for (int i = 0; i < 100; ++i) taken += Take(prefix + std::to_string(i)) ? 1 : 0;
    return taken;
  }

  pleg::testing::SimExecutor exec_;
  RequestLimiter limiter_{exec_.clock()};
};

TEST_F(RequestLimiterTest, APodGetsOneASecond) {
  EXPECT_TRUE(Take("u1"));
  EXPECT_FALSE(Take("u1"));
  EXPECT_TRUE(Take("u2"));
  exec_.Advance(absl::Milliseconds(999));
  EXPECT_FALSE(Take("u1"));
  exec_.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(Take("u1"));
}

TEST_F(RequestLimiterTest, AllPodsGetFiveASecond) {
  EXPECT_EQ(TakeMany("a"), 5);
  exec_.Advance(absl::Milliseconds(200));
  EXPECT_EQ(TakeMany("b"), 1);
  exec_.Advance(absl::Hours(1));
  EXPECT_EQ(TakeMany("c"), 5);
}

TEST_F(RequestLimiterTest, WhatIsRefusedTakesNothing) {
  EXPECT_TRUE(Take("u1"));
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(Take("u1"));
  EXPECT_EQ(TakeMany("a"), 4);
}

TEST_F(RequestLimiterTest, RemembersFewPods) {
  for (int i = 0; i < 1000; ++i) {
    TakeMany(std::to_string(i) + "-");
    EXPECT_LE(limiter_.pods(), 2u * RequestLimiter::kPerSecond);
    exec_.Advance(absl::Milliseconds(50));
  }
}

}  // namespace
}  // namespace api
