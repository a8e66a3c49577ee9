#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metrics/metrics.h"
#include "metrics/testing/busy_state.h"
#include "metrics/testing/golden.h"
#include "pleg/testing/sim_executor.h"

namespace metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

MetricsOptions Options(bool kubelet, bool legacy) {
  return {.kubelet_names = kubelet, .legacy_names = legacy, .proc_dir = "/nonexistent"};
}

constexpr absl::string_view kOperations[] = {"version",         "status",
                                             "list_podsandbox", "podsandbox_status",
                                             "list_containers", "container_status"};

class NameSetsTest : public ::testing::Test {
 protected:
  std::string KubeletLines(const Metrics& metrics) const {
    return testing::LinesOf(metrics.Render(), "kubelet_");
  }

  pleg::testing::SimClock clock_;
  testing::BusyNode node_{clock_};
  Metrics off_{Options(false, false), clock_};
  Metrics kubelet_{Options(true, false), clock_};
  Metrics legacy_{Options(false, true), clock_};
  Metrics both_{Options(true, true), clock_};
};

TEST_F(NameSetsTest, KubeletNamesMatchTheGoldenText) {
  testing::MakeBusy(kubelet_, node_);
  testing::ExpectGolden(KubeletLines(kubelet_), "kubelet_names.prom");
}

TEST_F(NameSetsTest, LegacyNamesMatchTheGoldenText) {
  testing::MakeBusy(legacy_, node_);
  testing::ExpectGolden(KubeletLines(legacy_), "legacy_names.prom");
}

TEST_F(NameSetsTest, OffMeansNoneOfThem) {
  testing::MakeBusy(off_, node_);
  EXPECT_THAT(off_.Render(), Not(HasSubstr("\nkubelet_")));
}

TEST_F(NameSetsTest, TheyAddToOurNamesAndChangeNothingOfThem) {
  for (Metrics* metrics : {&off_, &both_}) testing::MakeBusy(*metrics, node_);
  EXPECT_EQ(testing::LinesOf(both_.Render(), "pleg_"), testing::LinesOf(off_.Render(), "pleg_"));
}

TEST_F(NameSetsTest, BothTogetherAreTheUnionOfEach) {
  for (Metrics* metrics : {&kubelet_, &legacy_, &both_}) testing::MakeBusy(*metrics, node_);
  const std::string both = KubeletLines(both_);
  EXPECT_EQ(both.size(), KubeletLines(kubelet_).size() + KubeletLines(legacy_).size());
  for (const std::string& line :
       {std::string("kubelet_pleg_relist_duration_seconds_count 1\n"),
        std::string("kubelet_pleg_relist_latency_microseconds_count 1\n")}) {
    EXPECT_THAT(both, HasSubstr(line));
  }
}

TEST_F(NameSetsTest, EverySeriesExistsBeforeAnythingHappened) {
  const std::string text = both_.Render();
  std::vector<std::string> series = {
      "kubelet_pleg_discard_events 0",
      "kubelet_pleg_last_seen_seconds 0",
      "kubelet_running_pods 0",
      "kubelet_running_containers{container_state=\"exited\"} 0",
      "kubelet_evented_pleg_connection_error_count 0",
      "kubelet_evented_pleg_connection_success_count 0",
      "kubelet_evented_pleg_connection_latency_seconds_count 0",
      "kubelet_pleg_relist_latency_microseconds{quantile=\"0.9\"} NaN",
      "kubelet_pleg_relist_interval_microseconds_count 0"};
  for (absl::string_view type : kOperations) {
    for (const char* name :
         {"kubelet_runtime_operations_total", "kubelet_runtime_operations_errors_total",
          "kubelet_runtime_operations_duration_seconds_count", "kubelet_runtime_operations",
          "kubelet_runtime_operations_errors",
          "kubelet_runtime_operations_latency_microseconds_count"}) {
      series.push_back(absl::StrCat(name, "{operation_type=\"", type, "\"} 0"));
    }
  }
  for (const std::string& line : series) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("\n", line, "\n")));
  }
}

TEST_F(NameSetsTest, EachMethodCountsUnderTheKubeletsNameOfIt) {
  const std::pair<const char*, const char*> names[] = {{"Version", "version"},
                                                       {"Status", "status"},
                                                       {"ListPodSandbox", "list_podsandbox"},
                                                       {"PodSandboxStatus", "podsandbox_status"},
                                                       {"ListContainers", "list_containers"},
                                                       {"ContainerStatus", "container_status"}};
  int calls = 0;
  for (const auto& [method, type] : names) {
    ++calls;
    for (int i = 0; i < calls; ++i) {
      both_.OnCallEnd(testing::Call(method, absl::StatusCode::kOk, absl::Milliseconds(1)));
    }
    const std::string sample = absl::StrCat("{operation_type=\"", type, "\"} ", calls, "\n");
    const std::string text = both_.Render();
    EXPECT_THAT(text, HasSubstr("\nkubelet_runtime_operations_total" + sample));
    EXPECT_THAT(text, HasSubstr("\nkubelet_runtime_operations" + sample));
    EXPECT_THAT(text, HasSubstr("_duration_seconds_count" + sample));
    EXPECT_THAT(text, HasSubstr("_latency_microseconds_count" + sample));
  }
}

TEST_F(NameSetsTest, NotFoundIsAnErrorAsEveryOtherCodeButOk) {
  for (absl::StatusCode code :
       {absl::StatusCode::kOk, absl::StatusCode::kNotFound, absl::StatusCode::kDeadlineExceeded}) {
    both_.OnCallEnd(testing::Call("ContainerStatus", code, absl::Milliseconds(1)));
  }
  const std::string text = both_.Render();
  for (const char* errors :
       {"kubelet_runtime_operations_errors_total", "kubelet_runtime_operations_errors"}) {
    EXPECT_THAT(text,
                HasSubstr(absl::StrCat("\n", errors, "{operation_type=\"container_status\"} 2\n")));
  }
}

TEST_F(NameSetsTest, MethodsTheKubeletHasNoNameForAreNotCounted) {
  const std::string before = KubeletLines(both_);
  both_.OnCallEnd(testing::Call("SomethingNew", absl::StatusCode::kOk, absl::Seconds(1)));
  EXPECT_EQ(KubeletLines(both_), before);
}

TEST_F(NameSetsTest, FailedRelistsHaveADuration) {
  pleg::RelistRecord relist;
  relist.lists = absl::DeadlineExceededError("ListPodSandbox");
  relist.total = relist.list_sandboxes = absl::Seconds(7);
  both_.OnRelistEnd(relist);
  const std::string text = both_.Render();
  EXPECT_THAT(text, HasSubstr("kubelet_pleg_relist_duration_seconds_bucket{le=\"5\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("kubelet_pleg_relist_duration_seconds_bucket{le=\"10\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kubelet_pleg_relist_latency_microseconds_sum 7000000\n"));
}

TEST_F(NameSetsTest, LastSeenIsCutToSecondsAndStaysThroughAWallClockStep) {
  node_.core->last_relist = clock_.Now();
  node_.core->last_relist_wall = absl::FromUnixMillis(1700000000999);
  kubelet_.Watch(node_);
  EXPECT_THAT(kubelet_.Render(), HasSubstr("kubelet_pleg_last_seen_seconds 1700000000\n"));
  clock_.JumpWall(absl::Hours(-1));
  EXPECT_THAT(kubelet_.Render(), HasSubstr("kubelet_pleg_last_seen_seconds 1700000000\n"));
}

TEST_F(NameSetsTest, AContainerStateThatVanishesGoesToZero) {
  node_.core->containers_created = 2;
  kubelet_.Watch(node_);
  EXPECT_THAT(kubelet_.Render(),
              HasSubstr("kubelet_running_containers{container_state=\"created\"} 2\n"));
  node_.core = std::make_shared<pleg::PlegSnapshot>();
  EXPECT_THAT(kubelet_.Render(),
              HasSubstr("kubelet_running_containers{container_state=\"created\"} 0\n"));
}

TEST_F(NameSetsTest, MicrosecondsAreCutToWholeOnesAndNeverNegative) {
  legacy_.OnRelistInterval(absl::Nanoseconds(1002599999));
  legacy_.OnRelistInterval(absl::Seconds(-3));
  const std::string text = legacy_.Render();
  EXPECT_THAT(text, HasSubstr("kubelet_pleg_relist_interval_microseconds_sum 1002599\n"));
  EXPECT_THAT(text, HasSubstr("kubelet_pleg_relist_interval_microseconds_count 2\n"));
}

}  // namespace
}  // namespace metrics
