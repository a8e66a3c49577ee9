// Defects that random histories once found, each made small.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "pleg/event_hub.h"
#include "pleg/generic_pleg.h"
#include "pleg/log.h"
#include "pleg/pod_cache.h"
#include "pleg/testing/fake_runtime.h"
#include "pleg/testing/recording_observer.h"
#include "pleg/testing/sim_executor.h"

namespace model {
namespace {

using pleg::ContainerState;
using pleg::PodUid;

// A core over a fake runtime.
class RegressionTest : public ::testing::Test {
 protected:
  void Start(pleg::PlegOptions options) {
    pleg_ = std::make_unique<pleg::GenericPleg>(
        options, pleg::PlegDeps{runtime_, executor_.clock(), executor_, cache_, hub_, observer_,
                                pleg::NullLog()});
    pleg_->Start();
    executor_.Settle();
  }

  pleg::testing::SimExecutor executor_;
  pleg::testing::FakeRuntime runtime_{executor_, executor_.clock()};
  pleg::PodCache cache_{executor_};
  pleg::EventHub hub_{executor_.clock()};
  pleg::testing::RecordingObserver observer_;
  std::unique_ptr<pleg::GenericPleg> pleg_;
};

TEST_F(RegressionTest, WaitersOfAPodThatLeavesAreNotAnsweredWithItsLastStatus) {
  runtime_.PutContainer("pod", "c1", ContainerState::kRunning);
  Start({});
  runtime_.ExitContainer("pod", "c1", 1);
  runtime_.HoldPod("pod");
  std::optional<pleg::CachedPod> answer;
  cache_.GetNewerThan(PodUid("pod"), executor_.clock().Now() + absl::Seconds(1),
                      pleg::MonoTime::Max(), [&](auto pod) { answer = *std::move(pod); });
  executor_.Advance(absl::Seconds(1));
  ASSERT_TRUE(cache_.Get(PodUid("pod")).pending);
  EXPECT_FALSE(answer.has_value());

  runtime_.RemovePod("pod");
  executor_.Advance(absl::Seconds(1));
  ASSERT_TRUE(answer.has_value());
  EXPECT_FALSE(answer->found) << "answered with a status that was true before";
}

class SlowInspectionTest : public RegressionTest, public ::testing::WithParamInterface<int> {
 protected:
  // Makes the core know how quickly this runtime answers, with means that are no whole nanoseconds;
  // then one pod hangs and another changes. True if the other was inspected all the same.
  bool OtherPodGoesAhead(absl::Duration slow_after) {
    runtime_.DelayAnswers([this] { return delay_ += absl::Nanoseconds(GetParam()); });
    for (int i = 0; i < 40; ++i) {
      runtime_.PutContainer(absl::StrCat("pod", i), "c", ContainerState::kRunning);
    }
    pleg::PlegOptions options;
    options.inspect_slow_after = slow_after;
    Start(options);
    executor_.Advance(absl::Seconds(3));
    runtime_.HoldPod("pod0");
    runtime_.ExitContainer("pod0", "c", 1);
    executor_.Advance(absl::Seconds(3));
    EXPECT_EQ(runtime_.held_pods(), 1u);
    runtime_.ExitContainer("pod1", "c", 7);
    executor_.Advance(absl::Seconds(3));
    const auto status = cache_.Get(PodUid("pod1")).status;
    return status->container_statuses.at(0)->state == ContainerState::kExited;
  }

 private:
  absl::Duration delay_ = absl::Milliseconds(7);
};

TEST_P(SlowInspectionTest, NoneIsSetAsideByDefault) {
  EXPECT_FALSE(OtherPodGoesAhead(pleg::PlegOptions().inspect_slow_after));
}

TEST_P(SlowInspectionTest, TheTimerReachesItsTime) {
  EXPECT_TRUE(OtherPodGoesAhead(absl::Seconds(1)));
}

INSTANTIATE_TEST_SUITE_P(StepsOfLatency, SlowInspectionTest,
                         ::testing::Values(7919, 7907, 7901, 7883, 7879));

}  // namespace
}  // namespace model
