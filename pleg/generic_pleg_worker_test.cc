// When GenericPleg lists: its period, on-demand relists, Stop and Start, clocks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pleg/testing/pleg_harness.h"

namespace pleg {
namespace {

using ::pleg::testing::PlegHarness;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kRunning = ContainerState::kRunning;
constexpr auto kExited = ContainerState::kExited;

// A consumer that waits for news of one pod.
class PodWaiter {
 public:
  PodWaiter(PlegHarness& h, absl::string_view uid, MonoTime min_time) {
    h.cache.GetNewerThan(PodUid(uid), min_time, MonoTime::Max(),
                         [this](absl::StatusOr<CachedPod> pod) { answer = *std::move(pod); });
    h.exec.Settle();
  }
  std::optional<CachedPod> answer;
};

ContainerState StateOf(const CachedPod& pod, absl::string_view id) {
  return pod.status->FindContainer(ContainerId(id))->state;
}

// Kubernetes: TestWorkerLoop, its four parts.
TEST(WorkerLoopTest, ASinglePodRelistReleasesOnlyItsPod) {
  PlegHarness h;
  h.runtime.PutContainer("p1", "c1", kRunning);
  h.runtime.PutContainer("p2", "c2", kRunning);
  h.Relist();
  h.exec.Advance(absl::Milliseconds(100));
  PodWaiter first(h, "p1", h.exec.clock().Now());
  PodWaiter second(h, "p2", h.exec.clock().Now());
  h.exec.Advance(absl::Milliseconds(100));
  h.runtime.PutContainer("p1", "c1", kExited);
  h.runtime.PutContainer("p2", "c2", kExited);
  h.RequestRelist("p1");
  ASSERT_TRUE(first.answer.has_value());
  EXPECT_EQ(StateOf(*first.answer, "c1"), kExited);
  EXPECT_FALSE(second.answer.has_value());
  EXPECT_EQ(h.runtime.list_calls(), 1u);
  EXPECT_EQ(h.runtime.pod_list_calls(), 1u);
  EXPECT_EQ(h.observer.pod_relists.size(), 1u);
  h.exec.Advance(absl::Milliseconds(800));
  ASSERT_TRUE(second.answer.has_value());
  EXPECT_EQ(StateOf(*second.answer, "c2"), kExited);
}

TEST(WorkerLoopTest, AGlobalRelistThatIsDueComesFirstAndCoversQueuedRequests) {
  PlegHarness h;
  h.runtime.PutContainer("p1", "c1", kRunning);
  h.runtime.PutContainer("p2", "c2", kRunning);
  h.Relist();
  h.runtime.HoldLists();
  h.exec.Advance(absl::Milliseconds(900));
  h.RequestRelist("p1");
  h.RequestRelist("p2");
  h.exec.Advance(absl::Milliseconds(100));
  EXPECT_THAT(h.runtime.call_log().back(), "List p1");
  h.runtime.ResetCounts();
  h.runtime.ReleaseLists();
  h.exec.Settle();
  EXPECT_THAT(h.runtime.call_log(), ElementsAre("List"));
}

TEST(WorkerLoopTest, AnUnchangedPodIsReleasedByTheGlobalTimeWithItsOldStatus) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  const CachedPod before = h.Cached("p");
  h.exec.Advance(absl::Milliseconds(500));
  PodWaiter waiter(h, "p", h.exec.clock().Now());
  h.runtime.ResetCounts();
  h.exec.Advance(absl::Milliseconds(500));
  ASSERT_TRUE(waiter.answer.has_value());
  EXPECT_EQ(waiter.answer->status, before.status);
  EXPECT_EQ(waiter.answer->observed_at, h.exec.clock().Now());
  EXPECT_EQ(h.runtime.status_calls(), 0u);
}

TEST(WorkerLoopTest, AReinspectionRefreshesAtTheNextRelistAndALaterRequestIsDropped) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  h.runtime.PutContainer("p", "c", kRunning).status.restart_count = 4;
  h.RequestReinspect("p");
  EXPECT_EQ(h.Cached("p").status->container_statuses[0]->restart_count, 0);
  h.runtime.HoldLists();
  h.exec.Advance(absl::Seconds(1));
  h.RequestRelist("p");  // at the very moment at which the relist begins
  h.runtime.ReleaseLists();
  h.exec.Settle();
  EXPECT_EQ(h.Cached("p").status->container_statuses[0]->restart_count, 4);
  EXPECT_EQ(h.runtime.pod_list_calls(), 0u);
}

TEST(CadenceTest, APeriodLiesBetweenTheEndOfAListAndTheNext) {
  PlegHarness h;
  h.runtime.HoldLists();
  h.Start();
  const MonoTime start = h.exec.clock().Now();
  h.exec.Advance(absl::Seconds(5));
  EXPECT_EQ(h.runtime.list_calls(), 1u);
  EXPECT_EQ(h.pleg.Snapshot()->relist_running_since, start);
  h.runtime.ReleaseLists();
  h.exec.Settle();
  EXPECT_EQ(h.pleg.Snapshot()->relist_running_since, std::nullopt);
  h.exec.Advance(absl::Milliseconds(999));
  EXPECT_EQ(h.runtime.list_calls(), 1u);
  h.exec.Advance(absl::Milliseconds(1));
  EXPECT_EQ(h.runtime.list_calls(), 2u);
  EXPECT_THAT(h.observer.intervals, ElementsAre(absl::Seconds(6)));
}

TEST(CadenceTest, AFailedListChangesNothing) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  h.Events();
  const PlegSnapshot before = *h.pleg.Snapshot();
  const CachedPod cached = h.Cached("p");
  h.runtime.RemovePod("p");
  h.runtime.FailLists(absl::UnavailableError("no runtime"));
  h.Relist();
  h.Relist();
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_EQ(h.pleg.Snapshot()->last_relist, before.last_relist);
  EXPECT_EQ(h.pleg.Snapshot()->containers_running, 1u);
  EXPECT_EQ(h.Cached("p").observed_at, cached.observed_at);
  EXPECT_TRUE(h.Cached("p").found);
  ASSERT_EQ(h.observer.relists.size(), 3u);
  EXPECT_EQ(h.observer.relists[1].lists, absl::UnavailableError("no runtime"));
  EXPECT_THAT(h.observer.intervals, ElementsAre(absl::Seconds(1), absl::Seconds(2)));
  h.exec.Advance(absl::Minutes(3));
  EXPECT_FALSE(h.pleg.Healthy().healthy);
  h.runtime.ClearErrors();
  h.Relist();
  EXPECT_TRUE(h.pleg.Healthy().healthy);
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerDied c", "p ContainerRemoved c"));
}

TEST(CadenceTest, HealthIsJudgedByTheStartOfTheRelist) {
  PlegHarness h;
  h.runtime.HoldLists();
  h.Start();
  const MonoTime start = h.exec.clock().Now();
  h.exec.Advance(absl::Minutes(2));
  h.runtime.ReleaseLists();
  h.exec.Settle();
  EXPECT_EQ(h.pleg.Snapshot()->last_relist, start);
  h.runtime.HoldLists();
  h.exec.Advance(absl::Minutes(1));
  EXPECT_TRUE(h.pleg.Healthy().healthy);
  h.exec.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(h.pleg.Healthy().reason,
            "pleg was last seen active 3m0.000000001s ago; threshold is 3m0s");
}

TEST(CadenceTest, AWallClockThatJumpsChangesNothing) {
  for (const absl::Duration jump : {absl::Hours(-1000), absl::Hours(1000)}) {
    PlegHarness h;
    h.runtime.PutContainer("p", "c", kRunning);
    h.Relist();
    h.Events();
    h.exec.clock().JumpWall(jump);
    EXPECT_TRUE(h.pleg.Healthy().healthy);
    h.runtime.ExitContainer("p", "c", 1);
    PodWaiter waiter(h, "p", h.exec.clock().Now());
    h.Relist();
    EXPECT_EQ(h.runtime.list_calls(), 2u);
    EXPECT_TRUE(waiter.answer.has_value());
    EXPECT_TRUE(h.pleg.Healthy().healthy);
    EXPECT_THAT(h.observer.intervals, ElementsAre(absl::Seconds(1)));
    EXPECT_EQ(h.observer.relists.back().total, absl::ZeroDuration());
    const std::vector<Event> events = h.TakeEvents();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].time, h.exec.clock().WallNow());
    EXPECT_EQ(h.pleg.Snapshot()->last_relist_wall, h.exec.clock().WallNow());
  }
}

TEST(OnDemandTest, RequestsOfOnePodAreMerged) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  h.exec.Advance(absl::Milliseconds(1));
  for (int i = 0; i < 1000; ++i) h.pleg.RequestRelist(PodUid("p"));
  h.exec.Settle();
  EXPECT_EQ(h.runtime.pod_list_calls(), 1u);
  EXPECT_EQ(h.observer.relist_requests_dropped, 0u);
}

TEST(OnDemandTest, AMergedRequestIsAsNewAsTheLastOfThem) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  h.exec.Advance(absl::Milliseconds(900));
  h.runtime.HoldLists();
  h.RequestRelist("other");  // hangs over the time at which the global relist is due
  h.RequestRelist("p");
  h.exec.Advance(absl::Milliseconds(200));
  h.runtime.AbortHeld(absl::UnavailableError("slow"));
  h.exec.Settle();  // the global relist has begun, and hangs
  ASSERT_EQ(h.runtime.list_calls(), 2u);
  h.exec.Advance(absl::Milliseconds(1));
  h.RequestRelist("p");
  h.runtime.ResetCounts();
  h.runtime.ReleaseLists();
  h.exec.Settle();
  EXPECT_THAT(h.runtime.call_log(), ElementsAre("List p"));
}

TEST(OnDemandTest, WhatDoesNotFitIsDroppedAndCounted) {
  PlegHarness h({.relist_request_capacity = 3});
  h.Relist();
  h.exec.Advance(absl::Milliseconds(1));
  for (const char* uid : {"a", "b", "c", "d", "e", "a"}) h.pleg.RequestRelist(PodUid(uid));
  EXPECT_EQ(h.observer.relist_requests_dropped, 0u);  // told on the core's thread only
  h.exec.Settle();
  EXPECT_EQ(h.observer.relist_requests_dropped, 2u);
  EXPECT_EQ(h.runtime.pod_list_calls(), 3u);
  h.RequestRelist("d");
  EXPECT_EQ(h.runtime.pod_list_calls(), 4u);
}

TEST(OnDemandTest, RequestsBeforeTheFirstRelistAndWhileStoppedAreCoveredByTheNextStart) {
  PlegHarness h({.relist_request_capacity = 1});
  h.runtime.PutContainer("p", "c", kRunning);
  h.RequestRelist("p");
  h.Start();
  EXPECT_EQ(h.runtime.pod_list_calls(), 0u);
  h.Stop();
  h.RequestRelist("p");
  h.RequestRelist("q");
  h.exec.Advance(absl::Seconds(10));
  EXPECT_EQ(h.runtime.pod_list_calls(), 0u);
  h.Start();
  h.exec.Advance(absl::Milliseconds(1));
  h.RequestRelist("p");
  EXPECT_EQ(h.runtime.pod_list_calls(), 1u);
  EXPECT_EQ(h.observer.relist_requests_dropped, 0u);
}

TEST(OnDemandTest, NeverDetectsARemoval) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  h.Events();
  h.runtime.RemovePod("p");
  h.exec.Advance(absl::Milliseconds(500));
  PodWaiter waiter(h, "p", h.exec.clock().Now());
  h.exec.Advance(absl::Milliseconds(1));
  h.RequestRelist("p");
  EXPECT_EQ(h.runtime.pod_list_calls(), 1u);
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_TRUE(h.Cached("p").found);
  EXPECT_FALSE(waiter.answer.has_value());
  h.Relist();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerDied c", "p ContainerRemoved c"));
  ASSERT_TRUE(waiter.answer.has_value());
  EXPECT_FALSE(waiter.answer->found);
}

TEST(OnDemandTest, AnAnswerAboutOtherPodsSaysNothingOfThisOne) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.PutContainer("q", "d", kRunning);
  h.Relist();
  h.Events();
  h.runtime.IgnoreFilters(true);
  h.runtime.RemovePod("p");
  h.runtime.PutContainer("q", "d", kExited);
  h.exec.Advance(absl::Milliseconds(500));
  PodWaiter waiter(h, "p", h.exec.clock().Now());
  h.exec.Advance(absl::Milliseconds(1));
  h.RequestRelist("p");
  EXPECT_FALSE(waiter.answer.has_value());
  EXPECT_THAT(h.Events(), IsEmpty());
}

TEST(OnDemandTest, AFailedListChangesNothingAndIsTimed) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  h.Events();
  h.runtime.PutContainer("p", "c", kExited);
  h.runtime.FailLists(absl::UnavailableError("no runtime"));
  h.exec.Advance(absl::Milliseconds(1));
  PodWaiter waiter(h, "p", h.exec.clock().Now());
  h.RequestRelist("p");
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_FALSE(waiter.answer.has_value());
  EXPECT_EQ(h.observer.pod_relists.size(), 1u);
  EXPECT_EQ(h.observer.relists.size(), 1u);
}

TEST(OnDemandTest, SeesANewPodAndDoesNotMoveTheGlobalTime) {
  PlegHarness h;
  h.runtime.PutContainer("old", "c", kRunning);
  h.Relist();
  const std::shared_ptr<const PlegSnapshot> before = h.pleg.Snapshot();
  h.Events();
  h.runtime.PutContainer("new", "d", kRunning);
  h.exec.Advance(absl::Milliseconds(1));
  PodWaiter waiter(h, "new", h.exec.clock().Now());
  h.exec.Advance(absl::Milliseconds(1));
  h.RequestRelist("new");
  EXPECT_THAT(h.Events(), ElementsAre("new ContainerStarted d"));
  ASSERT_TRUE(waiter.answer.has_value());
  EXPECT_TRUE(waiter.answer->found);
  EXPECT_EQ(h.pleg.Snapshot()->last_relist, before->last_relist);
  EXPECT_EQ(h.pleg.Snapshot()->containers_running, before->containers_running);
}

TEST(OnDemandTest, RetriesAFailedPodAndAnswersAFlag) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.FailPod("p", absl::UnavailableError("hiccup"));
  h.Relist();
  h.runtime.ClearErrors();
  h.exec.Advance(absl::Milliseconds(1));
  h.RequestRelist("p");
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted c"));
  h.RequestReinspect("p");
  h.exec.Advance(absl::Milliseconds(1));
  h.RequestRelist("p");
  EXPECT_THAT(h.Events(), ElementsAre("p PodSync"));
}

TEST(StopTest, NothingHappensAfterStop) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.HoldPod("p");
  h.Start();
  h.runtime.HoldLists();
  h.exec.Advance(absl::Seconds(1));
  EXPECT_EQ(h.runtime.held_calls(), 2u);
  h.Stop();
  EXPECT_EQ(h.pleg.Snapshot()->relist_running_since, std::nullopt);
  h.runtime.ReleaseAll();
  h.exec.Advance(absl::Minutes(1));
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_FALSE(h.Cached("p").found);
  EXPECT_EQ(h.runtime.list_calls(), 2u);
  EXPECT_TRUE(h.observer.inspections.empty());
  EXPECT_EQ(h.exec.pending_timers(), 0u);
}

TEST(StopTest, NothingIsLostAcrossARestart) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.PutContainer("q", "d", kRunning);
  h.Relist();
  h.Events();
  h.runtime.HoldPod("p");
  h.runtime.ExitContainer("p", "c", 3);
  h.RequestReinspect("q");
  h.Relist();
  h.Stop();
  h.Start();
  h.runtime.ReleaseAll();
  h.exec.Settle();
  EXPECT_THAT(h.Events(), ::testing::UnorderedElementsAre("p ContainerDied c exit=3", "q PodSync"));
  h.Relist();
  EXPECT_THAT(h.Events(), IsEmpty());
}

TEST(StopTest, ARestartWhileAListIsOutMakesNoSecondLoop) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.HoldLists();
  h.Start();
  for (int i = 0; i < 3; ++i) {
    h.Stop();
    h.Start();
    h.Start();
  }
  EXPECT_EQ(h.runtime.list_calls(), 4u);
  h.runtime.ReleaseLists();
  h.exec.Settle();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted c"));
  EXPECT_EQ(h.observer.relists.size(), 1u);
  h.runtime.ResetCounts();
  h.exec.Advance(absl::Seconds(10));
  EXPECT_EQ(h.runtime.list_calls(), 10u);
}

TEST(StopTest, DestroyedWithCallsOut) {
  auto h = std::make_unique<PlegHarness>();
  h->runtime.PutContainer("p", "c", kRunning);
  h->runtime.HoldPod("p");
  h->Start();
  h->runtime.HoldLists();
  h->exec.Advance(absl::Seconds(1));
  h->pleg.RequestRelist(PodUid("p"));
  h.reset();
}

TEST(RequestTest, ARelistOfOnePodThatHangsIsSeenToRun) {
  PlegHarness h;
  h.Relist();
  EXPECT_FALSE(h.pleg.Snapshot()->relist_running_since.has_value());
  h.runtime.HoldLists();
  h.exec.Advance(absl::Milliseconds(10));
  h.RequestRelist("p");
  EXPECT_TRUE(h.pleg.Snapshot()->relist_running_since.has_value());
  h.runtime.ReleaseLists();
  h.exec.Settle();
  EXPECT_FALSE(h.pleg.Snapshot()->relist_running_since.has_value());
}

}  // namespace
}  // namespace pleg
