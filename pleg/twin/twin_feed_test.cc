#include "pleg/twin/twin_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "pleg/testing/sim_executor.h"

namespace pleg {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

MonoTime At(double seconds) { return MonoTime() + absl::Seconds(10'000 + seconds); }

RuntimeConditions Ready(bool ready) {
  RuntimeConditions conditions;
  conditions.runtime_ready = RuntimeCondition{"RuntimeReady", ready, "", ""};
  return conditions;
}

std::optional<CallHistory::Ended> Ended(double seconds,
                                        absl::StatusCode code = absl::StatusCode::kOk) {
  return CallHistory::Ended{{}, MonoTime(), absl::Seconds(seconds), code};
}

std::optional<CallHistory::Ended> TimedOut() {
  return CallHistory::Ended{
      {}, MonoTime(), absl::Minutes(2), absl::StatusCode::kDeadlineExceeded, /*answered=*/false};
}

// A pod "p<n>" with a sandbox "s<n>" and two containers "c<n>", "d<n>".
std::shared_ptr<const Pod> MakePod(int n) {
  auto pod = std::make_shared<Pod>();
  pod->uid = PodUid(absl::StrCat("p", n));
  auto sandbox = std::make_shared<SandboxInfo>();
  sandbox->id = ContainerId(absl::StrCat("s", n));
  pod->sandboxes.push_back({std::move(sandbox), SandboxState::kReady});
  for (const char* name : {"c", "d"}) {
    auto container = std::make_shared<ContainerInfo>();
    container->id = ContainerId(absl::StrCat(name, n));
    pod->containers.push_back({std::move(container), ContainerState::kRunning});
  }
  return pod;
}

// plegd began at -1000; ten pods, of which the first `unsettled` changed at 0; a sandbox status
// takes 10 ms and a container status 5 ms; lists take 20 and 30 ms.
class TwinFeedTest : public ::testing::Test {
 protected:
  void Observe(double now, int unsettled = 0) {
    facts_.now = facts_.calls.taken_at = At(now);
    facts_.started_at = At(-1000);
    auto core = std::make_shared<PlegSnapshot>();
    core->last_relist = At(now);
    facts_.core = core;
    auto pods = std::make_shared<PodsView>();
    for (int n = 0; n < 10; ++n) pods->listed.push_back(MakePod(n));
    for (int n = 0; n < unsettled; ++n) {
      pods->unsettled.push_back({pods->listed[static_cast<size_t>(n)], At(0), false});
    }
    facts_.pods = pods;
    facts_.last_sandbox_list = Ended(0.02);
    facts_.last_container_list = Ended(0.03);
    facts_.last_status = Ended(0.01);
    facts_.sandbox_status = absl::Milliseconds(10);
    facts_.container_status = absl::Milliseconds(5);
    facts_.last_status_ok = At(now);
    facts_.conditions = Ready(true);
  }
  void NeverRelisted() { facts_.core = std::make_shared<PlegSnapshot>(); }
  void LastRelist(double at) {
    auto core = std::make_shared<PlegSnapshot>();
    core->last_relist = At(at);
    facts_.core = core;
  }
  // The target has hung since then; with `down` calls to it fail at once instead.
  void Silence(absl::string_view method, std::string target, double since, bool down = false) {
    UnansweredTarget row = {method, std::move(target), At(since), 1};
    if (!down) row.hanging_since = row.since;
    facts_.calls.unanswered.push_back(std::move(row));
  }
  TwinReport Predict(KubeletGeneration generation = KubeletGeneration::kOnce) const {
    return PredictKubelet(KubeletModel::Of(generation), MakeTwinInput(facts_));
  }

  TwinFacts facts_;
};

double Seconds(absl::Duration duration) { return absl::ToDoubleSeconds(duration); }

TEST_F(TwinFeedTest, AQuietNode) {
  Observe(0);
  const TwinInput input = MakeTwinInput(facts_);
  EXPECT_EQ(input.last_relist, At(0));
  EXPECT_FALSE(input.status_failing);
  EXPECT_EQ(input.sandboxes.last, absl::Milliseconds(20));
  EXPECT_EQ(input.containers.last, absl::Milliseconds(30));
  EXPECT_FALSE(input.containers.failed);
  EXPECT_FALSE(input.containers.unanswered_since.has_value());
  EXPECT_THAT(input.pods, IsEmpty());
  EXPECT_EQ(input.all_pods, 10u);
  EXPECT_EQ(input.all_statuses, absl::Milliseconds(200));
  EXPECT_EQ(input.silent_pods, 0u);
  EXPECT_EQ(Predict().to_not_ready, absl::InfiniteDuration());
}

TEST_F(TwinFeedTest, PodsThatChangedCostTheirStatuses) {
  Observe(0, 3);
  const TwinInput input = MakeTwinInput(facts_);
  ASSERT_THAT(input.pods, SizeIs(3));
  EXPECT_EQ(input.pods[0].since, At(0));
  EXPECT_EQ(input.pods[0].cost, absl::Milliseconds(20));
  EXPECT_FALSE(input.pods[0].unanswered_since.has_value());
}

TEST_F(TwinFeedTest, AHungStatusOfAChangedPodCostsTheTimeOut) {
  Observe(5, 1);
  Silence("ContainerStatus", "d0", 0.01);
  Silence("PodSandboxStatus", "s0", 0.02);
  const TwinInput input = MakeTwinInput(facts_);
  ASSERT_THAT(input.pods, SizeIs(1));
  EXPECT_EQ(input.pods[0].unanswered_since, At(0.01));
  EXPECT_EQ(input.pods[0].cost, absl::Milliseconds(5));
  EXPECT_EQ(input.silent_pods, 1u);
  EXPECT_NEAR(Seconds(Predict(KubeletGeneration::kTwice).to_not_ready), 301 - 5, 1.1);
  EXPECT_TRUE(Predict().silent);
  EXPECT_EQ(Predict().latent_pods, 0u);
}

TEST_F(TwinFeedTest, AHangThatTheSweepFindsIsLatent) {
  Observe(30);
  Silence("ContainerStatus", "c7", 0);
  const TwinReport report = Predict();
  EXPECT_EQ(report.latent_pods, 1u);
  EXPECT_EQ(report.to_not_ready, absl::InfiniteDuration());
  EXPECT_LT(report.lag.worst, absl::Seconds(1));
  EXPECT_GT(report.restart_cost, absl::Seconds(120));
}

TEST_F(TwinFeedTest, AYoungCallIsNoSilence) {
  Observe(0.5, 1);
  Silence("ContainerStatus", "c0", 0);
  EXPECT_EQ(MakeTwinInput(facts_).silent_pods, 0u);
  EXPECT_FALSE(MakeTwinInput(facts_).pods[0].unanswered_since.has_value());
}

// A hung list and the hung status of one container that has not changed.
TEST_F(TwinFeedTest, ALockConvoy) {
  Observe(10);
  LastRelist(-1);
  Silence("ListContainers", "", 0);
  Silence("ContainerStatus", "c3", 1);
  const TwinReport report = Predict();
  EXPECT_NEAR(Seconds(report.to_not_ready), 169, 0.1);
  EXPECT_TRUE(report.lasting);
  EXPECT_EQ(report.latent_pods, 0u);
  EXPECT_EQ(report.restart_cost, absl::InfiniteDuration());
}

TEST_F(TwinFeedTest, AListThatTimedOutIsStillTheSameSilence) {
  Observe(121);
  LastRelist(-1);
  facts_.last_container_list = TimedOut();
  Silence("ListContainers", "", 0);
  const TwinInput input = MakeTwinInput(facts_);
  EXPECT_FALSE(input.containers.failed);
  EXPECT_EQ(input.containers.unanswered_since, At(0));
  EXPECT_NEAR(Seconds(Predict().to_not_ready), 58, 0.1);
}

// The runtime's own, it is an error like any other.
TEST_F(TwinFeedTest, AListThatIsAnsweredWithDeadlineExceededFails) {
  Observe(121);
  facts_.last_container_list = Ended(9, absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(MakeTwinInput(facts_).containers.failed);
  EXPECT_EQ(MakeTwinInput(facts_).containers.last, absl::Seconds(9));
}

// An error after 9 s is no silence while the next call runs, and costs 9 s in each relist, or
// twice that.
TEST_F(TwinFeedTest, AStatusThatFailsLateCostsWhatItTakes) {
  Observe(100, 1);
  auto pods = std::make_shared<PodsView>(*facts_.pods);
  pods->unsettled[0].failed = true;
  facts_.pods = pods;
  facts_.calls.failing = {{"PodSandboxStatus", "s0", At(0), 5, absl::StatusCode::kDeadlineExceeded,
                           "its shim is slow", absl::Seconds(9)}};
  for (const double since : {99.5, 92.0}) {
    facts_.calls.unanswered.clear();
    Silence("PodSandboxStatus", "s0", since);
    EXPECT_EQ(Predict().to_not_ready, absl::InfiniteDuration());
    EXPECT_NEAR(Seconds(Predict().status_phase), 9, 0.2);
    EXPECT_FALSE(Predict().silent);
    const TwinReport twice = Predict(KubeletGeneration::kTwice);
    EXPECT_NEAR(Seconds(twice.lag.best), 18, 0.3);
    EXPECT_TRUE(twice.silent);
  }
  // Longer than twice that, it hangs.
  facts_.calls.unanswered.clear();
  Silence("PodSandboxStatus", "s0", 80);
  EXPECT_NEAR(Seconds(Predict().status_phase), 120, 0.2);
}

TEST_F(TwinFeedTest, ARuntimeThatIsDownFailsAtOnce) {
  Observe(10);
  LastRelist(-1);
  facts_.last_status_ok = At(-3);
  facts_.last_status = Ended(0, absl::StatusCode::kUnavailable);
  facts_.last_sandbox_list = Ended(0, absl::StatusCode::kUnavailable);
  Silence("ListPodSandbox", "", 0, /*down=*/true);
  Silence("Status", "", 0, /*down=*/true);
  Silence("ContainerStatus", "c3", 1, /*down=*/true);
  const TwinInput input = MakeTwinInput(facts_);
  EXPECT_TRUE(input.sandboxes.failed);
  EXPECT_TRUE(input.status_failing);
  EXPECT_EQ(input.silent_pods, 0u);
  EXPECT_NEAR(Seconds(Predict().to_not_ready), 17, 0.1);
  facts_.now = At(100);
  EXPECT_EQ(Predict().condition, "container runtime is down");
  facts_.now = At(300);
  EXPECT_THAT(Predict().condition, HasSubstr("[container runtime is down, PLEG is not healthy"));
}

TEST_F(TwinFeedTest, ARuntimeThatHangsFromTheStartOn) {
  facts_.now = At(20);
  facts_.started_at = At(0);
  Silence("ListPodSandbox", "", 0.1);
  Silence("Status", "", 0.1);
  const TwinReport report = Predict();
  EXPECT_TRUE(report.older_than_observed);
  EXPECT_NEAR(Seconds(report.to_not_ready), 10, 0.1);
  facts_.now = At(40);
  EXPECT_FALSE(Predict().healthy);
}

TEST_F(TwinFeedTest, NoRuntimeAtAllIsOneThatFails) {
  facts_.started_at = At(0);
  facts_.now = At(0.1);
  EXPECT_TRUE(Predict().healthy);
  EXPECT_EQ(Predict().to_not_ready, absl::InfiniteDuration());
  facts_.now = At(10);
  EXPECT_NEAR(Seconds(Predict().to_not_ready), 20, 0.1);
}

TEST_F(TwinFeedTest, AStatusThatSaysNotReady) {
  Observe(10);
  facts_.conditions = Ready(false);
  facts_.last_status_ok = At(4);
  EXPECT_TRUE(MakeTwinInput(facts_).status_failing);
  EXPECT_FALSE(Predict().healthy);
}

TEST(KubeletModelsTest, AutoIsOneOfEachGeneration) {
  const auto both = KubeletModels("auto", absl::Minutes(5));
  ASSERT_TRUE(both.ok());
  ASSERT_THAT(*both, SizeIs(2));
  EXPECT_EQ((*both)[0].generation, KubeletGeneration::kTwice);
  EXPECT_EQ((*both)[1].generation, KubeletGeneration::kOnce);
  EXPECT_EQ((*both)[1].request_timeout, absl::Minutes(5));
  EXPECT_THAT(*KubeletModels("1.30", absl::Minutes(2)), SizeIs(1));
  EXPECT_EQ(KubeletModels("newest", absl::Minutes(2)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(PredictKubeletsTest, ReportsOnEachKubelet) {
  testing::SimClock clock;
  auto core = std::make_shared<PlegSnapshot>();
  core->last_relist = clock.Now();
  const MonoTime hung = clock.Now();
  TwinFacts facts = {.now = clock.Now(), .started_at = clock.Now(), .core = core};
  facts.calls.unanswered = {{"ListContainers", "", hung, 1, hung}};
  facts.last_sandbox_list = CallHistory::Ended{"", clock.Now(), absl::ZeroDuration()};
  clock.Advance(absl::Seconds(60));
  facts.now = clock.Now();
  facts.last_status_ok = clock.Now();
  facts.conditions = Ready(true);
  const auto reports = PredictKubelets(*KubeletModels("auto", absl::Minutes(2)), facts);
  ASSERT_THAT(reports, SizeIs(2));
  EXPECT_EQ(reports[0].generation, KubeletGeneration::kTwice);
  EXPECT_DOUBLE_EQ(Seconds(reports[0].report.to_not_ready), 120);
  EXPECT_DOUBLE_EQ(Seconds(reports[1].report.to_not_ready), 120);
}

}  // namespace
}  // namespace pleg
