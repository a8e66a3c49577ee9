// plegd while its runtime goes and comes back: killed under load, with its socket taken away, there
// only long after plegd, or another one behind the same path.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "test/containerd/churn.h"
#include "test/containerd/real_pods_test_base.h"
#include "test/process/status_testing.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

namespace fs = std::filesystem;

// What plegd's log says of the runtime, one line for each change.
constexpr char kWaits[] = "waiting for the container runtime";
constexpr char kThere[] = "the container runtime is there";
constexpr char kLost[] = "the container runtime is lost";
constexpr char kBack[] = "the container runtime is back";

class RestartTest : public RealPodsTest {
 protected:
  RestartTest() = default;
  using RealPodsTest::RealPodsTest;

  void KillAndWaitUntilNoticed() {
    const int lost = LogLines(kLost);
    node_->Kill();
    ASSERT_TRUE(WaitUntil([&] { return LogLines(kLost) == lost + 1; }));
  }

  void RestartAndExpectListed() {
    const double before = GoodRelists();
    ASSERT_OK(node_->Restart());
    ExpectListedSoonAfterRestart(before);
  }
};

TEST_F(RestartTest, KillUnderChurnLosesAndInventsNothing) {
  constexpr int kKills = 3;
  Churn churn(*node_, plegd_->event_log(), {.pods = 8, .seed = 20});
  churn.Start();
  for (int i = 0; i < kKills && !HasFailure(); ++i) {
    const uint64_t enough = churn.actions() + 25;
    ASSERT_TRUE(WaitUntil([&] { return churn.actions() >= enough; }));
    KillAndWaitUntilNoticed();
    const uint64_t refused = churn.failed_calls() + 3;
    WaitUntil([&] { return churn.failed_calls() >= refused; }, absl::Seconds(2));
    RestartAndExpectListed();
  }
  const uint64_t enough = churn.actions() + 25;
  ASSERT_TRUE(WaitUntil([&] { return churn.actions() >= enough; }));
  churn.Stop();

  EXPECT_GT(churn.failed_calls(), 0U) << "nothing was under way when containerd died";
  EXPECT_EQ(churn.Verdict(), "");
  ExpectCacheIs(churn.ExpectedStatuses());
  ExpectHealthy();
  EXPECT_EQ(Metric("pleg_events_discarded_total"), 0);
  EXPECT_EQ(Metric("pleg_event_log_dropped_total"), 0);
  ExpectLogLines(kLost, kKills);
  ExpectLogLines(kBack, kKills);
  ExpectLogLines(kThere, 1);
  EXPECT_EQ(LogLines("gRPC"), 0) << "a line for each attempt";
}

TEST_F(RestartTest, SocketThatIsRemovedAndMadeAgainIsFound) {
  RunPods(2);
  const fs::path socket = node_->socket_path();
  int code = 10;
  for (const fs::path& removed : {socket, socket.parent_path()}) {
    SCOPED_TRACE(removed);
    fs::remove_all(removed);
    // The connection does not need its file.
    EXPECT_TRUE(plegd_->WaitForTwoRelists());
    KillAndWaitUntilNoticed();
    ASSERT_OK(pods_[0].Exit("app", ++code));
    RestartAndExpectListed();
    ExpectAllReported();
    ASSERT_OK(pods_[0].StartContainer("app"));
    ExpectAllReported();
  }
  ExpectCacheIsRight();
  ExpectHealthy();
  ExpectLogLines(kLost, 2);
  ExpectLogLines(kBack, 2);
}

class LateRuntimeTest : public RestartTest {
 protected:
  LateRuntimeTest() : RestartTest(kNoPlegd) {}
};

TEST_F(LateRuntimeTest, RuntimeThatComesLongAfterPlegdIsFoundAtOnce) {
  AddPods(2);
  for (ScriptedPod& pod : pods_) {
    ASSERT_OK(pod.RunSandbox());
    ASSERT_OK(pod.StartContainer("app"));
  }
  node_->Kill();
  fs::remove_all(fs::path(node_->socket_path()).parent_path());
  ASSERT_OK_AND_ASSIGN(
      plegd_, PlegdProcess::Start(node_->endpoint(), node_->dir(), {.started_when = "/livez"}));

  const std::string health =
      "[-]PLEG failed: PLEG is not healthy: pleg has yet to be successful\n"
      "[-]runtime failed: container runtime status check may not have completed yet\n"
      "[-]runtime failed: PLEG is not healthy: pleg has yet to be successful\n"
      "[-]network failed: network state unknown\n";
  const std::string ready =
      "node Ready=False reason=KubeletNotReady message=[container runtime status check may not "
      "have completed yet, PLEG is not healthy: pleg has yet to be successful, network state "
      "unknown]\n";
  const absl::Time end = absl::Now() + absl::Seconds(12);
  while (absl::Now() < end && !HasFailure()) {
    EXPECT_THAT(Health(), testing::StartsWith(health));
    EXPECT_THAT(Health(), testing::EndsWith(ready));
    ASSERT_OK_AND_ASSIGN(const HttpReply alive, plegd_->Get("/livez"));
    EXPECT_EQ(alive.code, 200);
    absl::SleepFor(absl::Milliseconds(500));
  }
  ExpectLogLines(kWaits, 1);
  EXPECT_EQ(LogLines(kThere), 0);
  EXPECT_EQ(LogLines("gRPC"), 0) << "a line for each attempt";
  EXPECT_EQ(GoodRelists(), 0);

  RestartAndExpectListed();
  // A pod that is seen for the first time: containers before sandboxes.
  EventsByPod expected = ExpectedEvents();
  for (auto& [uid, events] : expected) std::reverse(events.begin(), events.end());
  EXPECT_TRUE(WaitUntil([&] { return ReportedEvents() == expected; }));
  EXPECT_EQ(ReportedEvents(), expected);
  ExpectCacheIsRight();
  ExpectHealthy();
  ExpectLogLines(kWaits, 1);
  ExpectLogLines(kThere, 1);
  EXPECT_EQ(LogLines(kLost), 0);
}

// Two runtimes; plegd's endpoint is a link to the one or the other.
class UpgradeTest : public LateRuntimeTest {
 protected:
  static constexpr int kSimulatedPods = 3;

  void SetUp() override {
    LateRuntimeTest::SetUp();
    path_ = node_->dir() + "/cri.sock";
    PointTo(node_->socket_path());
    ASSERT_OK_AND_ASSIGN(plegd_, PlegdProcess::Start(absl::StrCat("unix://", path_), node_->dir()));
  }

  void PointTo(const std::string& socket) {
    fs::create_symlink(socket, path_ + ".new");
    fs::rename(path_ + ".new", path_);
  }

  absl::StatusOr<Subprocess> StartSimulator(const std::string& socket) {
    absl::StatusOr<Subprocess> sim = Subprocess::Spawn(
        {PLEGD_CRI_SIM, "--listen", absl::StrCat("unix://", socket), "--runtime-name", "cri-o",
         "--pods", absl::StrCat(kSimulatedPods), "--containers", "1"},
        node_->dir() + "/sim.log");
    if (sim.ok() && !WaitUntil([&] { return fs::exists(socket); })) {
      return absl::UnavailableError("cri-sim does not listen");
    }
    return sim;
  }

  // The samples of pleg_runtime_info.
  std::vector<std::string> RuntimeInfo() const {
    const auto metrics = plegd_->Get("/metrics");
    std::vector<std::string> samples;
    for (absl::string_view line : absl::StrSplit(metrics.ok() ? metrics->body : "", '\n')) {
      if (absl::StartsWith(line, "pleg_runtime_info{")) samples.emplace_back(line);
    }
    return samples;
  }

  static EventsByPod Gone(const std::vector<ScriptedPod>& pods, EventsByPod events) {
    for (const ScriptedPod& pod : pods) {
      std::vector<std::string>& told = events[pod.spec().uid];
      const std::string app = absl::StrCat(" app ", pod.ContainerIdOf("app"));
      const std::string sandbox = absl::StrReplaceAll(told.front(), {{"ContainerStarted", ""}});
      for (const std::string& what : {app, sandbox}) {
        told.push_back("ContainerDied" + what);
        told.push_back("ContainerRemoved" + what);
      }
    }
    return events;
  }

  EventsByPod EventsOfScriptedPods() const {
    EventsByPod reported;
    for (const auto& [uid, events] : ReportedEvents()) {
      if (absl::StartsWith(uid, "uid-")) reported[uid] = events;
    }
    return reported;
  }

  std::string path_;
};

TEST_F(UpgradeTest, AnotherRuntimeAtTheSamePathIsTakenForWhatItIs) {
  RunPods(2);
  const std::vector<std::string> before = RuntimeInfo();
  ASSERT_THAT(before, testing::ElementsAre(testing::HasSubstr("name=\"containerd\"")));
  const std::string simulated = node_->dir() + "/sim.sock";
  ASSERT_OK_AND_ASSIGN(Subprocess simulator, StartSimulator(simulated));
  PointTo(simulated);
  // The connection is to the socket, not to the path.
  EXPECT_TRUE(plegd_->WaitForTwoRelists());
  EXPECT_EQ(RuntimeInfo(), before);

  const double relists = GoodRelists();
  const absl::Time switched = absl::Now();
  node_->Kill();
  ASSERT_TRUE(WaitUntil([&] { return GoodRelists() > relists + 1; }));
  EXPECT_LE(absl::Now() - switched, kReconnectBudget);
  EXPECT_TRUE(WaitUntil([&] { return RuntimeInfo() != before; }));
  EXPECT_THAT(RuntimeInfo(), testing::ElementsAre(testing::HasSubstr("name=\"cri-o\"")));
  const EventsByPod gone = Gone(pods_, ExpectedEvents());
  EXPECT_TRUE(WaitUntil([&] { return EventsOfScriptedPods() == gone; }));
  EXPECT_EQ(Difference(gone, EventsOfScriptedPods()), "");
  EXPECT_TRUE(WaitUntil([&] { return ReportedEvents().size() == 2 + kSimulatedPods; }));
  ASSERT_OK_AND_ASSIGN(const plegd::v1::PodList cache, plegd_->Pods());
  EXPECT_EQ(cache.pods_size(), kSimulatedPods);
  EXPECT_THAT(Health(), testing::HasSubstr("\nruntime: cri-o "));

  // And back, as after an upgrade that was taken back.
  PointTo(node_->socket_path());
  ASSERT_OK(node_->Restart());
  { const Subprocess ends = std::move(simulator); }
  EXPECT_TRUE(WaitUntil([&] { return RuntimeInfo() == before; }));
  EXPECT_TRUE(WaitUntil([&] { return Metric("pleg_pods{state=\"ready\"}") == 2; }));
  ExpectCacheIsRight();
  ExpectLogLines(kLost, 2);
  ExpectLogLines(kBack, 2);
}

}  // namespace
}  // namespace plegd_testing
