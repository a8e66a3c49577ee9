#include "node/changes.h"

#include "gtest/gtest.h"

namespace node {
namespace {

class ChangesTest : public ::testing::Test {
 protected:
  bool Moved() {
    const uint64_t before = std::exchange(seen_, changes_.count());
    return seen_ != before;
  }
  void End(absl::StatusCode code, absl::Duration duration = absl::Milliseconds(1)) {
    pleg::CallRecord call;
    call.method = "ListContainers";
    call.code = code;
    call.duration = duration;
    changes_.OnCallEnd(call);
  }

  Changes changes_;
  uint64_t seen_ = 0;
};

TEST_F(ChangesTest, ARelistLikeTheLastIsNone) {
  End(absl::StatusCode::kOk);
  changes_.OnRelistInterval(absl::Seconds(1));
  changes_.OnRelistEnd({.total = absl::Milliseconds(10)});
  changes_.OnInspectionEnd(pleg::InspectionResult::kOk, absl::Milliseconds(2));
  EXPECT_FALSE(Moved());
}

TEST_F(ChangesTest, CallsThatFailAndTheFirstThatIsGoodAgain) {
  End(absl::StatusCode::kInternal);
  EXPECT_TRUE(Moved());
  End(absl::StatusCode::kInternal);
  EXPECT_TRUE(Moved());
  End(absl::StatusCode::kOk);
  EXPECT_TRUE(Moved());
  End(absl::StatusCode::kOk);
  EXPECT_FALSE(Moved());
}

TEST_F(ChangesTest, WhatIsSlow) {
  End(absl::StatusCode::kOk, absl::Seconds(2));
  EXPECT_TRUE(Moved());
  changes_.OnRelistEnd({.total = absl::Seconds(2)});
  EXPECT_TRUE(Moved());
  changes_.OnInspectionEnd(pleg::InspectionResult::kOk, absl::Seconds(2));
  EXPECT_TRUE(Moved());
}

TEST_F(ChangesTest, EventsAndPodsThatChange) {
  changes_.OnEvent(pleg::EventType::kContainerDied);
  EXPECT_TRUE(Moved());
  changes_.OnRelistEnd({.changed_pods = 1});
  EXPECT_TRUE(Moved());
  changes_.OnRelistEnd({.lists = absl::UnavailableError("gone")});
  EXPECT_TRUE(Moved());
  changes_.OnInspectionEnd(pleg::InspectionResult::kError, absl::ZeroDuration());
  EXPECT_TRUE(Moved());
  changes_.OnEventsDiscarded(3);
  EXPECT_TRUE(Moved());
}

}  // namespace
}  // namespace node
