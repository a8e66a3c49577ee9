#include "pleg/twin/kubelet_twin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status.h"

namespace pleg {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kNever = absl::InfiniteDuration();

MonoTime At(double seconds) { return MonoTime() + absl::Seconds(10'000 + seconds); }

const KubeletModel kOld = KubeletModel::Of(KubeletGeneration::kTwice);
const KubeletModel kNew = KubeletModel::Of(KubeletGeneration::kOnce);

// A node that is fine at `now`, with lists and statuses that cost nothing.
TwinInput Fine(double now) {
  return {.now = At(now),
          .started_at = At(-3600),
          .last_relist = At(now),
          .last_status_ok = At(now),
          .all_pods = 50};
}

// `count` pods changed, and the first relist to see it began one second after; a status of each
// hangs from the change on.
TwinInput Hung(double now, size_t count = 1) {
  TwinInput input = Fine(now);
  input.pods.assign(count, {.since = At(1), .unanswered_since = At(1)});
  input.silent_pods = count;
  return input;
}

TwinInput ListsHung(double now) {
  TwinInput input = Fine(now);
  input.last_relist = At(-1);
  input.containers.unanswered_since = At(0);
  return input;
}

double Seconds(absl::Duration duration) { return absl::ToDoubleSeconds(duration); }

TEST(KubeletTwinTest, AFineNodeStaysReady) {
  const TwinReport report = PredictKubelet(kNew, Fine(0));
  EXPECT_TRUE(report.healthy);
  EXPECT_EQ(report.condition, "");
  EXPECT_EQ(report.to_not_ready, kNever);
  EXPECT_FALSE(report.flapping.has_value());
  EXPECT_FALSE(report.silent);
  EXPECT_EQ(report.lag.worst, absl::ZeroDuration());
  EXPECT_EQ(report.restart_cost, absl::ZeroDuration());
}

// The first relist is blocked for 120 s and every further one for 240 s: relists begin at 1, 122,
// 363, 604 s.
TEST(KubeletTwinTest, OneHungStatusMakesAnOldKubeletFlap) {
  const TwinReport first = PredictKubelet(kOld, Hung(50));
  EXPECT_TRUE(first.healthy);
  EXPECT_EQ(first.stage, KubeletStage::kInspecting);
  EXPECT_DOUBLE_EQ(Seconds(first.stage_for), 49);
  EXPECT_DOUBLE_EQ(Seconds(first.to_not_ready), 302 - 50);
  ASSERT_TRUE(first.flapping.has_value());
  EXPECT_DOUBLE_EQ(Seconds(first.flapping->period), 241);
  EXPECT_DOUBLE_EQ(Seconds(first.flapping->unhealthy_for), 61);
  EXPECT_FALSE(first.lasting);
  EXPECT_FALSE(first.silent);
  EXPECT_DOUBLE_EQ(Seconds(first.lag.best), 120);

  const TwinReport later = PredictKubelet(kOld, Hung(150));
  EXPECT_DOUBLE_EQ(Seconds(later.lag.best), 240);
  EXPECT_DOUBLE_EQ(Seconds(later.to_not_ready), 152);
}

TEST(KubeletTwinTest, AnOldKubeletIsUnhealthyFor61OfEvery241Seconds) {
  for (const double round : {0.0, 241.0, 241.0 * 2, 241.0 * 1000}) {
    SCOPED_TRACE(round);
    EXPECT_TRUE(PredictKubelet(kOld, Hung(round + 302)).healthy);
    EXPECT_EQ(PredictKubelet(kOld, Hung(round + 302)).to_not_ready, absl::ZeroDuration());
    EXPECT_FALSE(PredictKubelet(kOld, Hung(round + 302.5)).healthy);
    EXPECT_FALSE(PredictKubelet(kOld, Hung(round + 362.5)).healthy);
    EXPECT_TRUE(PredictKubelet(kOld, Hung(round + 363.5)).healthy);
    EXPECT_DOUBLE_EQ(Seconds(PredictKubelet(kOld, Hung(round + 363.5)).to_not_ready), 179.5);
  }
}

TEST(KubeletTwinTest, TheConditionIsTheKubeletsText) {
  EXPECT_EQ(PredictKubelet(kOld, Hung(303.5)).condition,
            "PLEG is not healthy: pleg was last seen active 3m1.5s ago; threshold is 3m0s");
}

TEST(KubeletTwinTest, OneHungStatusMakesANewKubeletSilentlyLate) {
  for (const double now : {60.0, 130.0, 1000.0, 86'400.0}) {
    const TwinReport report = PredictKubelet(kNew, Hung(now));
    SCOPED_TRACE(now);
    EXPECT_TRUE(report.healthy);
    EXPECT_EQ(report.to_not_ready, kNever);
    EXPECT_FALSE(report.flapping.has_value());
    EXPECT_TRUE(report.silent);
    EXPECT_DOUBLE_EQ(Seconds(report.lag.best), 120);
    EXPECT_DOUBLE_EQ(Seconds(report.lag.median), 180);
    EXPECT_DOUBLE_EQ(Seconds(report.lag.worst), 240);
  }
}

TEST(KubeletTwinTest, TwoHungPodsMakeANewKubeletFlap) {
  const TwinReport report = PredictKubelet(kNew, Hung(10, 2));
  ASSERT_TRUE(report.flapping.has_value());
  EXPECT_DOUBLE_EQ(Seconds(report.flapping->period), 241);
  EXPECT_DOUBLE_EQ(Seconds(report.flapping->unhealthy_for), 61);
  EXPECT_DOUBLE_EQ(Seconds(report.lag.best), 240);
  EXPECT_DOUBLE_EQ(Seconds(report.to_not_ready), 171);
  EXPECT_FALSE(PredictKubelet(kNew, Hung(241 * 3 + 200, 2)).healthy);
}

TEST(KubeletTwinTest, AHungListMakesTheNodeNotReadyForGood) {
  const TwinReport early = PredictKubelet(kNew, ListsHung(2));
  EXPECT_TRUE(early.healthy);
  EXPECT_DOUBLE_EQ(Seconds(early.to_not_ready), 177);
  EXPECT_TRUE(early.lasting);
  EXPECT_FALSE(early.flapping.has_value());
  EXPECT_EQ(early.lag.best, kNever);
  EXPECT_EQ(early.restart_cost, kNever);
  EXPECT_EQ(early.stage, KubeletStage::kListing);

  const TwinReport late = PredictKubelet(kOld, ListsHung(7200));
  EXPECT_FALSE(late.healthy);
  EXPECT_EQ(late.to_not_ready, absl::ZeroDuration());
  EXPECT_EQ(late.condition,
            "PLEG is not healthy: pleg was last seen active 2h0m1s ago; threshold is 3m0s");
}

TEST(KubeletTwinTest, AListThatRunsLongerThanUsualCostsItsAgeBeforeItIsGivenUp) {
  TwinInput input = Fine(0);
  input.last_relist = At(-1);
  input.containers.last = absl::Seconds(20);
  input.containers.unanswered_since = At(-30);
  const TwinReport report = PredictKubelet(kNew, input);
  EXPECT_FALSE(report.lasting);
  EXPECT_DOUBLE_EQ(Seconds(report.lag.best), 60);
  EXPECT_EQ(report.to_not_ready, kNever);
}

TEST(KubeletTwinTest, SlowListsAloneCanMakeItFlap) {
  TwinInput input = Fine(0);
  input.sandboxes.last = absl::Seconds(70);
  input.containers.last = absl::Seconds(60);
  const TwinReport report = PredictKubelet(kNew, input);
  ASSERT_TRUE(report.flapping.has_value());
  EXPECT_DOUBLE_EQ(Seconds(report.flapping->period), 131);
  EXPECT_DOUBLE_EQ(Seconds(report.flapping->unhealthy_for), 81);
}

// 250 pods with a sandbox and two containers; a status takes 5 ms, a list 1.5 ms.
TEST(KubeletTwinTest, ABurstIsWorkedOffOnePodAfterAnother) {
  TwinInput input = Fine(0);
  input.all_pods = 250;
  input.sandboxes.last = input.containers.last = absl::Microseconds(1500);
  input.pods.assign(250, {.since = At(0), .cost = absl::Milliseconds(15)});
  const TwinReport old = PredictKubelet(kOld, input);
  EXPECT_NEAR(Seconds(old.status_phase), 4.5, 0.001);
  EXPECT_NEAR(Seconds(old.lag.worst), 4.506, 0.001);
  EXPECT_FALSE(old.silent);
  const TwinReport newest = PredictKubelet(*KubeletModel::OfVersion("1.36"), input);
  EXPECT_NEAR(Seconds(newest.status_phase), 3.75, 0.001);
}

TEST(KubeletTwinTest, ALatentHangCostsNothingUntilTheKubeletRestarts) {
  TwinInput input = Fine(100);
  input.silent_pods = 1;
  input.all_statuses = absl::Milliseconds(500);
  const TwinReport report = PredictKubelet(kNew, input);
  EXPECT_EQ(report.latent_pods, 1);
  EXPECT_EQ(report.lag.best, absl::ZeroDuration());
  EXPECT_EQ(report.to_not_ready, kNever);
  EXPECT_DOUBLE_EQ(Seconds(report.restart_cost), 120.5);
}

TEST(KubeletTwinTest, APodWhoseStatusFailsAtOnceIsTriedInEveryRelist) {
  TwinInput input = Fine(0);
  input.pods = {{.since = At(-500), .cost = absl::Seconds(6), .failed = true}};
  EXPECT_DOUBLE_EQ(Seconds(PredictKubelet(kOld, input).lag.best), 12);
  EXPECT_DOUBLE_EQ(Seconds(PredictKubelet(kNew, input).lag.best), 6);
  EXPECT_DOUBLE_EQ(Seconds(PredictKubelet(kNew, input).lag.worst), 12);
}

TEST(KubeletTwinTest, ASilenceThatIsYoungMayBeASlowAnswer) {
  TwinInput input = Fine(1.5);
  input.pods = {{.since = At(1), .unanswered_since = At(1)}};
  EXPECT_LT(PredictKubelet(kNew, input).lag.best, kPatience);
}

TEST(KubeletTwinTest, ASecondHangThatBeginsLaterAddsToLaterRelists) {
  TwinInput input = Hung(1000);
  input.pods.push_back({.since = At(400), .unanswered_since = At(400)});
  input.silent_pods = 2;
  const TwinReport report = PredictKubelet(kNew, input);
  ASSERT_TRUE(report.flapping.has_value());
  EXPECT_DOUBLE_EQ(Seconds(report.flapping->period), 241);
  // Relists begin at 1, 122, 243, 364, 485 (both from here on), 726, 967.
  EXPECT_DOUBLE_EQ(Seconds(report.to_not_ready), 967 + 180 - 1000);
}

TEST(KubeletTwinTest, AStatusThatStopsSucceedingIsARuntimeThatIsDown) {
  TwinInput input = ListsHung(12);
  input.last_status_ok = At(-2);
  input.status_failing = true;
  EXPECT_DOUBLE_EQ(Seconds(PredictKubelet(kNew, input).to_not_ready), 16);
  input = ListsHung(40);
  input.last_status_ok = At(-2);
  input.status_failing = true;
  const TwinReport report = PredictKubelet(kNew, input);
  EXPECT_FALSE(report.healthy);
  EXPECT_EQ(report.condition, "container runtime is down");
}

TEST(KubeletTwinTest, ARuntimeThatSaysItIsNotReadyIsNotReadyAtOnce) {
  TwinInput input = Fine(10);
  input.status_failing = true;
  input.last_status_ok = At(5);
  input.conditions = RuntimeConditions{RuntimeCondition{"RuntimeReady", false, "Why", "words"},
                                       /*network_ready=*/std::nullopt};
  TwinReport report = PredictKubelet(kNew, input);
  EXPECT_FALSE(report.healthy);
  EXPECT_EQ(report.to_not_ready, absl::ZeroDuration());
  EXPECT_EQ(report.condition,
            "container runtime not ready: RuntimeReady=false reason:Why message:words");
  input.conditions->runtime_ready->status = true;
  report = PredictKubelet(kNew, input);
  EXPECT_TRUE(report.healthy);
  EXPECT_DOUBLE_EQ(Seconds(report.to_not_ready), 25);
}

TEST(KubeletTwinTest, ListsThatNeverSucceededAreCountedFromTheStartOfTheObservation) {
  TwinInput input = Fine(60);
  input.started_at = At(0);
  input.last_relist.reset();
  input.sandboxes.failed = true;
  EXPECT_NEAR(Seconds(PredictKubelet(kNew, input).to_not_ready), 120, 0.001);
}

TEST(KubeletTwinTest, TroubleThatIsOlderThanPlegdIsSaidToBe) {
  TwinInput input = ListsHung(100);
  input.started_at = At(0);
  input.last_relist.reset();
  const TwinReport report = PredictKubelet(kNew, input);
  EXPECT_TRUE(report.older_than_observed);
  EXPECT_NEAR(Seconds(report.to_not_ready), 79, 0.001);
}

TEST(KubeletTwinTest, ListsThatFailWithAnErrorNeverStamp) {
  TwinInput input = Fine(100);
  input.last_relist = At(0);
  input.sandboxes.failed = true;
  const TwinReport report = PredictKubelet(kNew, input);
  EXPECT_TRUE(report.lasting);
  EXPECT_DOUBLE_EQ(Seconds(report.to_not_ready), 80);
}

TEST(KubeletModelTest, VersionsMapToGenerations) {
  EXPECT_EQ(KubeletModel::OfVersion("1.31")->generation, KubeletGeneration::kTwice);
  EXPECT_EQ(KubeletModel::OfVersion("v1.31.14")->generation, KubeletGeneration::kTwice);
  EXPECT_EQ(KubeletModel::OfVersion("1.32.0-rc.1")->generation, KubeletGeneration::kOnce);
  EXPECT_TRUE(KubeletModel::OfVersion("1.35")->lists_per_inspection);
  EXPECT_FALSE(KubeletModel::OfVersion("1.36.3")->lists_per_inspection);
  for (const char* bad : {"", "1", "2.0", "1.x", "latest", "1.-3"}) {
    const auto model = KubeletModel::OfVersion(bad);
    EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(std::string(model.status().message()), HasSubstr("expected 1.MINOR"));
  }
}

}  // namespace
}  // namespace pleg
