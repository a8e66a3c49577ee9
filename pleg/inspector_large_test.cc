// Pods whose replies are large.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "pleg/testing/inspector_fixture.h"

namespace pleg {
namespace {

using ::testing::ElementsAre;
using testing::InspectorTest;
using testing::kRunning;

TEST_F(InspectorTest, LargePodsAreInspectedOneAtATimeBesideTheOthers) {
  Use({.window = 3, .calls_per_pod = 16, .large_pod_bytes = 1000});
  large_ = {"x", "y", "z"};
  const std::vector<std::string> uids = {"x", "y", "z", "a", "b", "c"};
  for (const std::string& uid : uids) {
    runtime_.PutContainer(uid, absl::StrCat("of-", uid), kRunning);
    runtime_.PutContainer(uid, absl::StrCat("beside-", uid), kRunning);
    runtime_.HoldPod(uid);
    Inspect(uid);
  }
  exec_.Settle();
  EXPECT_EQ(inspector_->running(), 3u);
  EXPECT_EQ(runtime_.held_calls(), 1u + 2u + 2u) << "of a large pod one call after another";
  for (const char* uid : {"x", "a", "b", "y", "z", "c"}) {
    runtime_.ReleasePod(uid);
    exec_.Settle();
  }
  EXPECT_THAT(order_, ElementsAre("x", "a", "b", "y", "z", "c"));
}

TEST_F(InspectorTest, ALargePodThatHangsIsSetAsideForTheNext) {
  Use({.window = 3, .slow_after = absl::Seconds(1), .large_pod_bytes = 1000});
  large_ = {"x", "y", "z"};
  for (const char* uid : {"x", "y", "z"}) {
    runtime_.PutContainer(uid, absl::StrCat("of-", uid), kRunning);
    runtime_.HoldPod(uid);
  }
  Inspect("x");
  Inspect("y");
  const uint64_t last = Inspect("z");
  exec_.Settle();
  EXPECT_EQ(inspector_->running(), 1u);
  exec_.Advance(absl::Seconds(1));
  EXPECT_EQ(inspector_->set_aside(), 1u);
  EXPECT_EQ(inspector_->running(), 2u);
  EXPECT_TRUE(inspector_->Waiting(last));
  inspector_->Discard(last);
  runtime_.ReleasePod("x");
  runtime_.ReleasePod("y");
  exec_.Settle();
  EXPECT_THAT(order_, ElementsAre("x", "y"));
  EXPECT_EQ(inspector_->running(), 0u);
}

}  // namespace
}  // namespace pleg
