#include "metrics/metrics.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metrics/testing/busy_state.h"
#include "metrics/testing/golden.h"
#include "pleg/testing/sim_executor.h"

namespace metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A procfs that does not exist: process metrics vary from run to run.
MetricsOptions TestOptions() { return {.proc_dir = "/nonexistent"}; }

class MetricsTest : public ::testing::Test {
 protected:
  pleg::testing::SimExecutor exec_;
  pleg::testing::SimClock& clock_ = exec_.clock();
  node::testing::FakeNodeView node_{exec_, clock_};
  Metrics metrics_{TestOptions(), clock_};
};

TEST_F(MetricsTest, ExposesTheGoldenText) {
  const testing::BusyNode node(clock_);
  testing::MakeBusy(metrics_, node);
  const std::string text = metrics_.Render();
  // The codes have a list of their own; see EveryVerdictHasASeries.
  const std::string ours = testing::LinesOf(text, "pleg_");
  const std::string verdicts = testing::LinesOf(text, "pleg_verdict");
  testing::ExpectGolden(absl::StrReplaceAll(ours, {{verdicts, ""}}), "busy.prom");
  EXPECT_EQ(testing::LinesOf(text, "pleg_").size() + testing::LinesOf(text, "process_").size(),
            text.size());
}

TEST_F(MetricsTest, EverySeriesExistsBeforeAnythingHappened) {
  const std::string text = metrics_.Render();
  for (const char* series :
       {"pleg_healthy 0",
        "pleg_last_relist_timestamp_seconds 0",
        "pleg_events_discarded_total 0",
        "pleg_events_total{type=\"ContainerStarted\"} 0",
        "pleg_events_total{type=\"ContainerDied\"} 0",
        "pleg_events_total{type=\"ContainerRemoved\"} 0",
        "pleg_events_total{type=\"PodSync\"} 0",
        "pleg_inspections_total{result=\"gone\"} 0",
        "pleg_pods{state=\"ready\"} 0",
        "pleg_containers{state=\"exited\"} 0",
        "pleg_relist_duration_seconds_count 0",
        "pleg_relist_phase_duration_seconds_count{phase=\"diff\"} 0",
        "pleg_cri_calls_in_flight{method=\"Status\"} 0",
        "pleg_cri_oldest_call_age_seconds{method=\"ContainerStatus\"} 0",
        "pleg_cri_oldest_unanswered_seconds{method=\"Version\"} 0",
        "pleg_cri_response_bytes_count{method=\"PodSandboxStatus\"} 0",
        "pleg_cri_calls_total{code=\"OK\",method=\"ListPodSandbox\"} 0",
        "pleg_cri_calls_total{code=\"DeadlineExceeded\",method=\"ListContainers\"} 0",
        "pleg_cri_invalid_items_total{method=\"ListContainers\",reason=\"no_image\"} 0",
        "pleg_cri_invalid_items_total{method=\"ListPodSandbox\",reason=\"invalid_utf8\"} 0",
        "pleg_runtime_ready 0",
        "pleg_network_ready 0",
        "pleg_list_size_limit_ratio{method=\"ListContainers\"} 0"}) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat(series, "\n")));
  }
}

TEST_F(MetricsTest, EveryVerdictHasASeries) {
  pleg::Finding& finding = node_.assessment->diagnosis.findings.front();
  finding.code = pleg::VerdictCode::kRuntimeDown;
  finding.severity = pleg::Severity::kPage;
  metrics_.Watch(node_);
  const std::string text = metrics_.Render();
  for (size_t i = 0; i < pleg::kVerdictCodes; ++i) {
    const auto code = static_cast<pleg::VerdictCode>(i);
    const bool found = code == pleg::VerdictCode::kRuntimeDown;
    EXPECT_THAT(text, HasSubstr(absl::StrCat("\npleg_verdict{code=\"", pleg::VerdictCodeName(code),
                                             "\",severity=\"", found ? "page" : "none", "\"} ",
                                             found ? 1 : 0)));
  }
}

TEST_F(MetricsTest, AgesMoveWhileACallHangs) {
  const pleg::MonoTime started = clock_.Now();
  metrics_.Watch(node_);
  node_.calls.running = {{"ListContainers", "", started}, {"ContainerStatus", "abc", started}};
  node_.calls.unanswered = {{"ListContainers", "", started + absl::Seconds(-240), 3}};
  clock_.Advance(absl::Seconds(30));
  const std::string first = metrics_.Render();
  clock_.Advance(absl::Seconds(15));
  const std::string second = metrics_.Render();
  EXPECT_THAT(first, HasSubstr("oldest_call_age_seconds{method=\"ListContainers\"} 30\n"));
  EXPECT_THAT(second, HasSubstr("oldest_call_age_seconds{method=\"ListContainers\"} 45\n"));
  EXPECT_THAT(first, HasSubstr("oldest_unanswered_seconds{method=\"ListContainers\"} 270\n"));
  EXPECT_THAT(second, HasSubstr("oldest_unanswered_seconds{method=\"ListContainers\"} 285\n"));
  EXPECT_THAT(second, HasSubstr("calls_in_flight{method=\"ContainerStatus\"} 1\n"));
  EXPECT_THAT(second, Not(HasSubstr("abc")));
}

TEST_F(MetricsTest, TheOldestOfSeveralCallsCounts) {
  const pleg::MonoTime now = clock_.Now();
  metrics_.Watch(node_);
  node_.calls.running = {{"ContainerStatus", "a", now + absl::Seconds(-1)},
                         {"ContainerStatus", "b", now + absl::Seconds(-7)},
                         {"ContainerStatus", "c", now + absl::Seconds(-3)}};
  const std::string text = metrics_.Render();
  EXPECT_THAT(text, HasSubstr("oldest_call_age_seconds{method=\"ContainerStatus\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("calls_in_flight{method=\"ContainerStatus\"} 3\n"));
}

TEST_F(MetricsTest, HealthIsJudgedAtTheScrape) {
  metrics_.Watch(node_);
  EXPECT_THAT(metrics_.Render(), HasSubstr("pleg_healthy 1\n"));
  node_.verdict.healthy = false;
  EXPECT_THAT(metrics_.Render(), HasSubstr("pleg_healthy 0\n"));
}

TEST_F(MetricsTest, VanishedStatesGoToZero) {
  node_.core->pods_ready = 2;
  node_.core->containers_exited = 5;
  metrics_.Watch(node_);
  EXPECT_THAT(metrics_.Render(), HasSubstr("pleg_containers{state=\"exited\"} 5\n"));
  node_.core = std::make_shared<pleg::PlegSnapshot>();
  const std::string text = metrics_.Render();
  EXPECT_THAT(text, HasSubstr("pleg_containers{state=\"exited\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("pleg_pods{state=\"ready\"} 0\n"));
}

TEST_F(MetricsTest, AWallClockStepDoesNotDistortTheAgeOfTheLastRelist) {
  node_.core->last_relist = clock_.Now();
  node_.core->last_relist_wall = clock_.WallNow();
  metrics_.Watch(node_);
  EXPECT_THAT(metrics_.Render(), HasSubstr("pleg_last_relist_timestamp_seconds 1700000000\n"));
  clock_.Advance(absl::Seconds(10));
  clock_.JumpWall(absl::Hours(-1));
  EXPECT_THAT(metrics_.Render(), HasSubstr("pleg_last_relist_timestamp_seconds 1699996400\n"));
}

TEST_F(MetricsTest, AFailedListHasNoLaterPhases) {
  pleg::RelistRecord relist;
  relist.lists = absl::DeadlineExceededError("ListPodSandbox");
  relist.total = relist.list_sandboxes = absl::Minutes(2);
  metrics_.OnRelistEnd(relist);
  const std::string text = metrics_.Render();
  EXPECT_THAT(text, HasSubstr("phase_duration_seconds_count{phase=\"list_sandboxes\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("phase_duration_seconds_count{phase=\"list_containers\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("phase_duration_seconds_count{phase=\"inspect\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("pleg_relist_duration_seconds_bucket{le=\"120\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("pleg_relist_duration_seconds_bucket{le=\"60\"} 0\n"));
}

TEST_F(MetricsTest, TellsWhoTheRuntimeIsOnceItIsKnown) {
  node_.runtime.version = absl::UnavailableError("not yet");
  metrics_.Watch(node_);
  EXPECT_THAT(metrics_.Render(), Not(HasSubstr("pleg_runtime_info")));
  node_.runtime.version = pleg::RuntimeVersion{"cri-o", "1.31.0", "v1"};
  EXPECT_THAT(
      metrics_.Render(),
      HasSubstr("pleg_runtime_info{api_version=\"v1\",name=\"cri-o\",version=\"1.31.0\"} 1\n"));
}

TEST_F(MetricsTest, AHostileRuntimeCannotForgeALine) {
  const std::string version = "1\"} 1\npleg_healthy 1\n\xff";
  node_.runtime.version = pleg::RuntimeVersion{"x\\", version, "v1"};
  node_.verdict.healthy = false;
  metrics_.Watch(node_);
  EXPECT_THAT(metrics_.Render(),
              HasSubstr("{api_version=\"v1\",name=\"x\\\\\","
                        "version=\"1\\\"} 1\\npleg_healthy 1\\n\xEF\xBF\xBD\"} 1\n"));
  EXPECT_THAT(metrics_.Render(), Not(HasSubstr("\npleg_healthy 1\n")));
}

TEST_F(MetricsTest, ConditionsAreFalseUntilToldTrue) {
  metrics_.Watch(node_);
  const auto expect = [&](const char* runtime, const char* network) {
    const std::string text = metrics_.Render();
    EXPECT_THAT(text, HasSubstr(absl::StrCat("\npleg_runtime_ready ", runtime, "\n")));
    EXPECT_THAT(text, HasSubstr(absl::StrCat("\npleg_network_ready ", network, "\n")));
  };
  expect("0", "0");
  node_.conditions.emplace();
  expect("0", "0");
  node_.conditions->runtime_ready = testing::Condition("RuntimeReady", true);
  expect("1", "0");
  node_.conditions->network_ready = testing::Condition("NetworkReady", true);
  expect("1", "1");
  node_.conditions->runtime_ready->status = false;
  expect("0", "1");
}

TEST_F(MetricsTest, UnknownNamesShareOneSeries) {
  metrics_.OnCallEnd(testing::Call("Exec", static_cast<absl::StatusCode>(99)));
  metrics_.OnCallEnd(testing::Call("Attach", static_cast<absl::StatusCode>(99)));
  metrics_.OnInvalidItem("ListContainers", "whatever");
  const std::string text = metrics_.Render();
  EXPECT_THAT(text, HasSubstr("pleg_cri_calls_total{code=\"Unknown\",method=\"other\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("{method=\"ListContainers\",reason=\"other\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("Exec")));
}

TEST_F(MetricsTest, ScrapesRunBesideUpdates) {
  constexpr int kUpdates = 2000;
  std::atomic<bool> done{false};
  std::thread scraper([&] {
    while (!done) EXPECT_THAT(metrics_.Render(), HasSubstr("pleg_healthy"));
  });
  std::thread other([&] {
    for (int i = 0; i < kUpdates; ++i) {
      metrics_.OnCallEnd(testing::Call("ContainerStatus", absl::StatusCode::kNotFound));
    }
  });
  for (int i = 0; i < kUpdates; ++i) {
    metrics_.OnEvent(pleg::EventType::kContainerDied);
    metrics_.OnCallEnd(testing::Call("ContainerStatus", absl::StatusCode::kNotFound));
  }
  other.join();
  done = true;
  scraper.join();
  const std::string text = metrics_.Render();
  EXPECT_THAT(text, HasSubstr("pleg_events_total{type=\"ContainerDied\"} 2000\n"));
  EXPECT_THAT(text, HasSubstr("{code=\"NotFound\",method=\"ContainerStatus\"} 4000\n"));
}

}  // namespace
}  // namespace metrics
