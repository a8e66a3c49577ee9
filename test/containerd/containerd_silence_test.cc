// plegd while its runtime is there and does not answer: frozen as a whole, or stuck behind the lock
// of one container.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "test/containerd/real_pods_test_base.h"
#include "test/process/status_testing.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

class SilenceTest : public RealPodsTest {
 protected:
  explicit SilenceTest(std::string threshold)
      : RealPodsTest({.flags = {"--relist-threshold", threshold}}),
        threshold_(std::move(threshold)) {}

  double InFlight(absl::string_view method) const {
    return Metric(absl::StrCat("pleg_cri_calls_in_flight{method=\"", method, "\"}"));
  }
  double Unanswered(absl::string_view method) const {
    return Metric(absl::StrCat("pleg_cri_oldest_unanswered_seconds{method=\"", method, "\"}"));
  }
  double Answers(absl::string_view method) const {
    return Metric(absl::StrCat("pleg_cri_calls_total{code=\"OK\",method=\"", method, "\"}"));
  }

  // Method and target of what /debug/ says to be unanswered.
  std::vector<std::string> UnansweredTargets() const {
    const auto debug = plegd_->Get("/debug/");
    std::vector<std::string> targets;
    for (absl::string_view line : absl::StrSplit(debug.ok() ? debug->body : "", '\n')) {
      if (!absl::ConsumePrefix(&line, "unanswered: ")) continue;
      targets.emplace_back(line.substr(0, line.find(" for ")));
    }
    return targets;
  }

  void ExpectHealthOf(const NodeCondition& condition) {
    EXPECT_EQ(HealthWords(Health()).text(), ExpectedHealth(condition, threshold_));
  }

  void ExpectAlive() {
    ASSERT_OK_AND_ASSIGN(const HttpReply alive, plegd_->Get("/livez"));
    EXPECT_EQ(alive.code, 200);
  }

  const std::string threshold_;
};

class FrozenTest : public SilenceTest {
 protected:
  FrozenTest() : SilenceTest("10s") {}
};

TEST_F(FrozenTest, TwentySecondsAreToldInTheKubeletsWordsAndLoseNothing) {
  RunPods(3);
  node_->Freeze();
  const absl::Time frozen = absl::Now();
  ASSERT_OK(pods_[0].Exit("app", 7));
  while (absl::Now() < frozen + absl::Seconds(9)) {
    ExpectHealthOf({});
    absl::SleepFor(absl::Seconds(1));
  }
  ASSERT_TRUE(WaitUntil([&] { return Metric("pleg_healthy") == 0; }));
  EXPECT_GE(absl::Now() - frozen, absl::Seconds(10) - absl::Milliseconds(400));
  absl::Duration last = absl::Seconds(10);
  while (absl::Now() < frozen + absl::Seconds(20) && !HasFailure()) {
    ExpectHealthOf({.pleg_is_late = true});
    const HealthWords words(Health());
    ASSERT_THAT(words.ages(), testing::SizeIs(3));
    EXPECT_GT(words.ages().front(), last);
    last = words.ages().front();
    ExpectAlive();
    absl::SleepFor(absl::Seconds(1));
  }
  EXPECT_EQ(InFlight("ListPodSandbox"), 1);
  EXPECT_EQ(InFlight("ListContainers"), 0);
  EXPECT_GE(Unanswered("ListPodSandbox"), 19);
  EXPECT_EQ(Unanswered("ListContainers"), 0);
  EXPECT_EQ(Metric("pleg_pods_pending"), 0);

  const double before = GoodRelists();
  node_->Thaw();
  const absl::Time thawed = absl::Now();
  ASSERT_TRUE(WaitUntil([&] { return GoodRelists() > before; }));
  EXPECT_LE(absl::Now() - thawed, kReconnectBudget);
  ExpectHealthy();
  ExpectAllReported();
  ASSERT_OK(pods_[1].Exit("app", 8));
  ExpectAllReported();
  EXPECT_TRUE(plegd_->WaitForTwoRelists());
  ExpectAllReported();
  ExpectCacheIsRight();
  EXPECT_EQ(LogLines("the container runtime is lost"), 0);
  EXPECT_EQ(LogLines("GenericPLEG: Unable to retrieve pods"), 0);
}

TEST_F(FrozenTest, PlegdEndsMeanwhile) {
  AddPods(1);
  ForEachPod("run", [](ScriptedPod& pod, int) { return pod.RunSandbox(); });
  node_->Freeze();
  EXPECT_TRUE(WaitUntil(
      [&] { return Metric("pleg_cri_oldest_call_age_seconds{method=\"ListPodSandbox\"}") >= 1; }));
  ASSERT_OK_AND_ASSIGN(const int code, plegd_->Terminate());
  EXPECT_EQ(code, 0);
  node_->Thaw();
  EXPECT_EQ(ReportedEvents(), ExpectedEvents());
}

class LockConvoyTest : public SilenceTest {
 protected:
  LockConvoyTest() : SilenceTest("3s") {}

  std::future<absl::Status> Update(const std::string& container) {
    return std::async(std::launch::async, [this, container] {
      return node_->UpdateContainer(container, 200, absl::Seconds(100));
    });
  }
};

// Three updates of one container, one behind the other: between two of them a list gets through.
// The list that the first one stops may have read the others' states before; the next one has not,
// so that plegd knows of the changes of all pods when the third convoy begins.
TEST_F(LockConvoyTest, BlamesTheOneContainerAndServesAllOthers) {
  // containerd says nothing of calls that wait for a lock.
  constexpr absl::Duration kReachesTheLock = absl::Milliseconds(500);
  RunPods(3);
  const std::string blocked = pods_[0].ContainerIdOf("app");
  node_->HoldUpdates();
  std::future<absl::Status> first = Update(blocked);
  ASSERT_TRUE(node_->WaitUntilUpdateIsHeld(1));
  ASSERT_TRUE(WaitUntil([&] { return Unanswered("ListContainers") >= 0.5; }));
  const EventsByPod before = ReportedEvents();
  ASSERT_OK(pods_[1].Exit("app", 2));
  ASSERT_OK(pods_[2].Kill("app"));
  EXPECT_EQ(ReportedEvents(), before);
  std::future<absl::Status> second = Update(blocked);
  absl::SleepFor(kReachesTheLock);
  const double lists = Answers("ListContainers");
  node_->ReleaseUpdate(1);
  ASSERT_TRUE(node_->WaitUntilUpdateIsHeld(2));
  EXPECT_OK(first.get());
  ASSERT_TRUE(WaitUntil([&] { return Answers("ListContainers") > lists; }));
  std::future<absl::Status> third = Update(blocked);
  absl::SleepFor(kReachesTheLock);
  ASSERT_EQ(InFlight("ListContainers"), 1);
  node_->ReleaseUpdate(2);
  ASSERT_TRUE(node_->WaitUntilUpdateIsHeld(3));
  EXPECT_OK(second.get());

  // The inspections of the others go on and end.
  ExpectAllReported();
  for (const size_t i : {size_t{1}, size_t{2}}) {
    ASSERT_OK_AND_ASSIGN(const auto status, plegd_->Pod(absl::StrCat("uid-", i)));
    EXPECT_EQ(Describe(status), pods_[i].ExpectedStatus());
    EXPECT_FALSE(status.pending());
  }
  EXPECT_EQ(Metric("pleg_pods_pending"), 0);

  // Who is silent, by method and by name, and who is not.
  ASSERT_TRUE(WaitUntil([&] { return Metric("pleg_healthy") == 0; }));
  ExpectHealthOf({.pleg_is_late = true});
  // The status of the one container is found silent by the sweep.
  const std::vector<std::string> silent = {"ListContainers ",
                                           absl::StrCat("ContainerStatus ", blocked)};
  WaitUntil([&] { return UnansweredTargets().size() == silent.size(); });
  EXPECT_THAT(UnansweredTargets(), testing::UnorderedElementsAreArray(silent));
  EXPECT_GE(Unanswered("ListContainers"), 2);
  EXPECT_GT(Unanswered("ContainerStatus"), 0);
  for (const char* method : {"Version", "Status", "ListPodSandbox", "PodSandboxStatus"}) {
    EXPECT_EQ(Unanswered(method), 0) << method;
  }
  const double versions = Answers("Version");
  const double statuses = Answers("Status");
  EXPECT_TRUE(WaitUntil([&] { return Answers("Version") > versions; }));
  EXPECT_TRUE(WaitUntil([&] { return Answers("Status") > statuses; }));
  EXPECT_EQ(InFlight("ListContainers"), 1);
  ExpectHealthOf({.pleg_is_late = true});
  ExpectAlive();

  node_->ReleaseUpdates();
  EXPECT_OK(third.get());
  ExpectAllReported();
  ExpectHealthy();
  EXPECT_TRUE(WaitUntil([&] { return UnansweredTargets().empty(); }));
  EXPECT_TRUE(plegd_->WaitForTwoRelists());
  ExpectAllReported();
  ExpectCacheIsRight();
  EXPECT_EQ(Metric("pleg_events_discarded_total"), 0);
}

}  // namespace
}  // namespace plegd_testing
