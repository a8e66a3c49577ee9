// How GenericPleg gets from a changed pod to its cache entry and its events, whatever the order in
// which listings and answers come.

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
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr auto kRunning = ContainerState::kRunning;
constexpr auto kExited = ContainerState::kExited;
constexpr auto kUnknown = ContainerState::kUnknown;
const absl::Status kHiccup = absl::UnavailableError("hiccup");

TEST(InspectTest, ListsGoOnWhileAnInspectionIsOut) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.HoldPod("p");
  h.Start();
  h.exec.Advance(absl::Minutes(4));
  EXPECT_EQ(h.runtime.list_calls(), 241u);
  EXPECT_TRUE(h.pleg.Healthy().healthy);
  EXPECT_EQ(h.runtime.status_calls(), 1u);
  EXPECT_EQ(h.pleg.Snapshot()->inspections_running, 1u);
  EXPECT_EQ(h.pleg.Snapshot()->pods_pending, 1u);
  EXPECT_TRUE(h.Cached("p").pending);
  h.runtime.ReleaseAll();
  h.exec.Settle();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted c"));
  EXPECT_EQ(h.pleg.Snapshot()->inspections_running, 0u);
  EXPECT_EQ(h.pleg.Snapshot()->pods_pending, 0u);
  EXPECT_FALSE(h.Cached("p").pending);
}

TEST(InspectTest, AnInspectionPublishesItsOwnListingAndTheFollowUpWhatCameSince) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c1", kRunning);
  h.runtime.HoldPod("p");
  h.Start();
  const MonoTime first = h.exec.clock().Now();
  for (const char* id : {"c2", "c3", "c4"}) {
    h.runtime.PutContainer("p", id, kRunning);
    h.Relist();
  }
  const MonoTime last = h.exec.clock().Now();
  h.runtime.ReleasePod("p");
  h.runtime.HoldPod("p");
  h.exec.Settle();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted c1"));
  CachedPod cached = h.Cached("p");
  EXPECT_TRUE(cached.pending);
  EXPECT_EQ(cached.observed_at, first);
  EXPECT_EQ(cached.status->timestamp, first);
  EXPECT_EQ(cached.status->container_statuses.size(), 1u);

  h.runtime.ReleasePod("p");
  h.exec.Settle();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted c4", "p ContainerStarted c3",
                                      "p ContainerStarted c2"));
  cached = h.Cached("p");
  EXPECT_FALSE(cached.pending);
  EXPECT_EQ(cached.status->timestamp, last);
  EXPECT_EQ(cached.status->container_statuses.size(), 4u);
  EXPECT_EQ(h.runtime.status_calls_of("c1"), 2u);
}

TEST(InspectTest, WhatWasSeenTwiceIsToldInOrder) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.HoldPod("p");
  h.Start();
  h.runtime.ExitContainer("p", "c", 5);
  h.Relist();
  h.runtime.ReleaseAll();
  h.exec.Settle();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted c", "p ContainerDied c exit=5"));
}

TEST(InspectTest, RemovalOfAPodUnderInspectionDiscardsTheAnswer) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  h.Events();
  h.runtime.HoldPod("p");
  h.runtime.ExitContainer("p", "c", 5);
  h.Relist();
  h.runtime.RemovePod("p");
  h.Relist();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerDied c", "p ContainerRemoved c"));
  EXPECT_FALSE(h.Cached("p").found);
  h.runtime.ReleaseAll();
  h.Relist();
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_FALSE(h.Cached("p").found);
  EXPECT_THAT(h.observer.inspections, UnorderedElementsAre(Pair(InspectionResult::kOk, 1u),
                                                           Pair(InspectionResult::kGone, 1u),
                                                           Pair(InspectionResult::kDiscarded, 1u)));
}

TEST(InspectTest, APodThatComesAndGoesUninspectedLeavesNoTrace) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.HoldPod("p");
  h.Start();
  h.runtime.RemovePod("p");
  h.Relist();
  h.runtime.ReleaseAll();
  h.Relist();
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_THAT(h.cache.All(), IsEmpty());
  EXPECT_THAT(h.observer.inspections, ElementsAre(Pair(InspectionResult::kDiscarded, 1u)));
}

TEST(InspectTest, APodThatComesBackUnderItsUidIsNew) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  h.runtime.HoldPod("p");
  h.runtime.PutContainer("p", "c", kExited);
  h.Relist();
  h.runtime.RemovePod("p");
  h.Relist();
  h.runtime.PutContainer("p", "d", kRunning);
  h.Relist();
  h.Events();
  h.runtime.ReleaseAll();
  h.exec.Settle();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted d"));
}

// What was true of a pod before it changed is no answer because it has gone since.
TEST(InspectTest, AWaiterForAPodThatGoesIsNotToldItsOldStatus) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  std::optional<CachedPod> answer;
  h.cache.GetNewerThan(PodUid("p"), h.exec.clock().Now() + absl::Milliseconds(500), MonoTime::Max(),
                       [&](absl::StatusOr<CachedPod> pod) { answer = *pod; });
  h.runtime.HoldPod("p");
  h.runtime.PutContainer("p", "c", kExited);
  h.Relist();
  EXPECT_FALSE(answer.has_value());
  h.runtime.RemovePod("p");
  h.Relist();
  ASSERT_TRUE(answer.has_value());
  EXPECT_FALSE(answer->found);
  EXPECT_EQ(answer->observed_at, h.exec.clock().Now());
}

TEST(InspectTest, AWaiterForAPendingPodWaitsForItsInspection) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.HoldPod("p");
  std::optional<CachedPod> answer;
  h.cache.GetNewerThan(PodUid("p"), h.exec.clock().Now(), MonoTime::Max(),
                       [&](absl::StatusOr<CachedPod> pod) { answer = *pod; });
  h.Start();
  h.exec.Advance(absl::Seconds(30));
  EXPECT_FALSE(answer.has_value());
  h.runtime.ReleaseAll();
  h.exec.Settle();
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(answer->found);
  EXPECT_EQ(answer->status->container_statuses.size(), 1u);
}

TEST(InspectTest, ANewerListingReplacesAnInspectionThatWaits) {
  PlegHarness h;
  h.runtime.PutSandbox("p", "s", SandboxState::kReady);  // the newest pod goes first
  h.runtime.PutContainer("q", "c", kRunning);
  h.runtime.PutContainer("p", "d", kRunning);
  h.runtime.HoldPod("p");
  h.Start();
  h.runtime.ExitContainer("q", "c", 5);
  h.Relist();
  const MonoTime second = h.exec.clock().Now();
  EXPECT_EQ(h.runtime.status_calls_of_pod("q"), 0u);
  h.runtime.ReleaseAll();
  h.exec.Settle();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted d", "p ContainerStarted s",
                                      "q ContainerDied c exit=5"));
  EXPECT_EQ(h.runtime.status_calls_of("c"), 1u);
  EXPECT_EQ(h.Cached("q").status->timestamp, second);
}

TEST(InspectTest, AnInspectionThatWaitsAndIsNoLongerNeededIsDropped) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.PutContainer("q", "d", kRunning);
  h.Relist();
  h.Events();
  h.runtime.ResetCounts();
  h.runtime.HoldPod("p");
  h.RequestReinspect("p");
  h.Relist();
  h.runtime.PutContainer("q", "d", kUnknown);
  h.Relist();
  EXPECT_TRUE(h.Cached("q").pending);
  h.runtime.PutContainer("q", "d", kRunning);
  h.Relist();
  EXPECT_FALSE(h.Cached("q").pending);
  h.runtime.ReleaseAll();
  h.exec.Settle();
  EXPECT_THAT(h.Events(), ElementsAre("p PodSync"));
  EXPECT_EQ(h.runtime.status_calls_of_pod("q"), 0u);
}

TEST(InspectTest, ARequestDuringAnInspectionIsAnsweredByAnotherOne) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.HoldPod("p");
  h.Start();
  h.RequestReinspect("p");
  h.Relist();
  h.runtime.ReleaseAll();
  h.exec.Settle();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted c", "p PodSync"));
  EXPECT_EQ(h.runtime.status_calls(), 2u);
}

TEST(InspectTest, ThePodsOfARunningContainerGoFirstThenTheNewest) {
  PlegHarness h;
  h.runtime.PutSandbox("old", "s1", SandboxState::kReady);
  h.runtime.PutContainer("old", "c1", kRunning);
  h.runtime.PutSandbox("new", "s2", SandboxState::kReady);
  h.runtime.PutContainer("new", "c2", kRunning);
  h.runtime.PutSandbox("done", "s3", SandboxState::kNotReady);
  h.runtime.PutContainer("done", "c3", kExited);
  h.Relist();
  EXPECT_THAT(h.runtime.call_log(), ElementsAre("List", "PodSandboxStatus s2", "ContainerStatus c2",
                                                "PodSandboxStatus s1", "ContainerStatus c1",
                                                "PodSandboxStatus s3", "ContainerStatus c3"));
}

TEST(RetryTest, AFailedPodIsTriedOncePerRelistUntilItSucceeds) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.FailPod("p", kHiccup);
  for (size_t relist = 1; relist <= 3; ++relist) {
    h.Relist();
    EXPECT_EQ(h.runtime.status_calls(), relist);
    EXPECT_EQ(h.Cached("p").error, kHiccup);
    EXPECT_TRUE(h.Cached("p").pending);
  }
  h.runtime.ExitContainer("p", "c", 9);
  h.runtime.ClearErrors();
  h.Relist();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerDied c exit=9"));
  EXPECT_THAT(h.observer.inspections, UnorderedElementsAre(Pair(InspectionResult::kOk, 1u),
                                                           Pair(InspectionResult::kError, 3u)));
}

TEST(RetryTest, AnErrorKeepsTheLastGoodStatusBesideIt) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  h.runtime.FailPod("p", kHiccup);
  h.runtime.PutContainer("p", "c", kExited);
  h.Relist();
  EXPECT_EQ(h.Cached("p").error, kHiccup);
  ASSERT_EQ(h.Cached("p").status->container_statuses.size(), 1u);
  EXPECT_EQ(h.Cached("p").status->container_statuses[0]->state, kRunning);
}

TEST(RetryTest, AFailureAfterWhichNothingHasChangedEndsInAPodSync) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  h.Events();
  h.runtime.FailPod("p", kHiccup);
  h.runtime.PutContainer("p", "c", kUnknown);
  h.Relist();
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.ClearErrors();
  h.Relist();
  EXPECT_THAT(h.Events(), ElementsAre("p PodSync"));
  h.Relist();
  EXPECT_THAT(h.Events(), IsEmpty());
}

TEST(RetryTest, ChangesDuringAFailingInspectionAreToldByTheRetry) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.HoldPod("p");
  h.Start();
  h.runtime.PutContainer("p", "d", kRunning);
  h.Relist();
  h.runtime.AbortHeld(absl::DeadlineExceededError("late"));
  h.exec.Settle();
  EXPECT_THAT(h.Events(), IsEmpty());
  h.runtime.ReleaseAll();
  h.Relist();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted d", "p ContainerStarted c"));
}

TEST(RetryTest, BackOffHoldsBackAPodThatHasNotChanged) {
  PlegHarness h({.retry_backoff = absl::Seconds(10), .retry_backoff_limit = absl::Seconds(20)});
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.FailPod("p", kHiccup);
  h.Relist();
  h.exec.Advance(absl::Seconds(8));
  EXPECT_EQ(h.runtime.status_calls(), 1u);
  h.exec.Advance(absl::Seconds(4));
  EXPECT_EQ(h.runtime.status_calls(), 2u);
  h.exec.Advance(absl::Seconds(15));
  EXPECT_EQ(h.runtime.status_calls(), 2u);
  h.runtime.PutContainer("p", "c", kExited);
  h.Relist();
  EXPECT_EQ(h.runtime.status_calls(), 3u);
  h.RequestReinspect("p");
  h.Relist();
  EXPECT_EQ(h.runtime.status_calls(), 4u);
  h.runtime.ClearErrors();
  h.exec.Advance(absl::Seconds(24));
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerDied c exit=0"));
  EXPECT_EQ(h.runtime.status_calls(), 5u);
}

TEST(RetryTest, WhatChangedDuringAFailingInspectionDoesNotWait) {
  PlegHarness h({.retry_backoff = absl::Seconds(50)});
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.HoldPod("p");
  h.Relist();
  h.runtime.PutContainer("p", "d", kRunning);
  h.Relist();
  h.runtime.AbortHeld(kHiccup);
  h.exec.Settle();
  h.runtime.ReleaseAll();
  EXPECT_THAT(h.Events(), IsEmpty());
  h.Relist();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted d", "p ContainerStarted c"));
}

TEST(EventTest, ExitCodes) {
  PlegHarness h;
  h.runtime.PutSandbox("p", "s", SandboxState::kReady);
  for (const char* id : {"zero", "nine", "removed", "vanishing", "racing"}) {
    h.runtime.PutContainer("p", id, kRunning);
  }
  h.Relist();
  h.Events();
  h.runtime.ExitContainer("p", "zero", 0);
  h.runtime.ExitContainer("p", "nine", 9);
  h.runtime.Remove("p", "removed");
  h.runtime.ExitContainer("p", "vanishing", 1);
  h.runtime.FailStatus("vanishing", absl::NotFoundError("gone"));
  h.runtime.PutContainer("p", "racing", kExited).status.state = kRunning;
  h.runtime.PutSandbox("p", "s", SandboxState::kNotReady);
  h.Relist();
  EXPECT_THAT(h.Events(),
              UnorderedElementsAre("p ContainerDied zero exit=0", "p ContainerDied nine exit=9",
                                   "p ContainerDied removed", "p ContainerRemoved removed",
                                   "p ContainerDied vanishing", "p ContainerDied racing",
                                   "p ContainerDied s"));
}

TEST(EventTest, EventsCarryTheirObject) {
  PlegHarness h;
  h.runtime.PutSandbox("p", "s", SandboxState::kReady);
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  const std::vector<Event> events = h.TakeEvents();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].container_name, "c");
  EXPECT_FALSE(events[0].is_sandbox);
  EXPECT_EQ(events[0].pod_name, "p");
  EXPECT_EQ(events[0].pod_namespace, "default");
  EXPECT_EQ(events[0].seq, 1u);
  EXPECT_EQ(events[1].container_name, "");
  EXPECT_TRUE(events[1].is_sandbox);
  EXPECT_EQ(events[1].seq, 2u);
  EXPECT_THAT(h.observer.events, ElementsAre(Pair(EventType::kContainerStarted, 2u)));
}

TEST(EventTest, ContainerChangedIsInspectedButNeverSent) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  h.Events();
  h.runtime.ResetCounts();
  h.runtime.PutContainer("p", "c", kUnknown);
  h.Relist();
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_EQ(h.runtime.status_calls(), 1u);
  EXPECT_EQ(h.Cached("p").status->container_statuses[0]->state, kUnknown);
  h.Relist();
  EXPECT_EQ(h.runtime.status_calls(), 1u);
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted c"));
  EXPECT_EQ(h.observer.events.count(EventType::kContainerChanged), 0u);
}

TEST(EventTest, ACreatedContainerIsInspectedButTellsNothing) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", ContainerState::kCreated);
  h.Relist();
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_EQ(h.Cached("p").status->container_statuses.size(), 1u);
  h.runtime.PutContainer("p", "c", kUnknown);
  h.runtime.ResetCounts();
  h.Relist();
  EXPECT_EQ(h.runtime.status_calls(), 0u);
}

TEST(EventTest, TheCacheIsWrittenBeforeTheEventIsSent) {
  PlegHarness h;
  std::optional<CachedPod> seen;
  const auto queue = h.hub.Subscribe(10, [&] { seen = h.Cached("p"); });
  h.runtime.PutContainer("p", "c", kRunning);
  h.Relist();
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->status->container_statuses.size(), 1u);
}

TEST(RelistRecordTest, TellsWhatTookHowLong) {
  PlegHarness h;
  h.runtime.PutSandbox("p", "s", SandboxState::kReady);
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.PutContainer("q", "d", kRunning);
  h.runtime.ReportListDurations(absl::Milliseconds(20), absl::Milliseconds(30));
  h.runtime.HoldPod("q");
  h.runtime.HoldLists();
  h.Start();
  const MonoTime start = h.exec.clock().Now();
  h.exec.Advance(absl::Seconds(2));
  h.runtime.ReleaseLists();
  h.exec.Advance(absl::Milliseconds(500));
  EXPECT_THAT(h.observer.relists, IsEmpty());
  h.runtime.ReleaseAll();
  h.exec.Settle();
  ASSERT_EQ(h.observer.relists.size(), 1u);
  const RelistRecord& relist = h.observer.relists[0];
  EXPECT_EQ(relist.started_at, start);
  EXPECT_EQ(relist.lists, absl::OkStatus());
  EXPECT_EQ(relist.list_sandboxes, absl::Milliseconds(20));
  EXPECT_EQ(relist.list_containers, absl::Milliseconds(30));
  EXPECT_EQ(relist.inspect, absl::Milliseconds(500));
  EXPECT_EQ(relist.total, absl::Milliseconds(2500));
  EXPECT_EQ(relist.sandboxes, 1u);
  EXPECT_EQ(relist.containers, 2u);
  EXPECT_EQ(relist.changed_pods, 2u);
}

TEST(RelistRecordTest, ARelistEndsOnceWhicheverWayItsInspectionsEnd) {
  PlegHarness h;
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.PutContainer("q", "d", kRunning);
  h.runtime.PutContainer("r", "e", kRunning);
  h.runtime.HoldPod("p");
  h.Start();
  for (int i = 0; i < 3; ++i) h.Relist();  // these have nothing to inspect
  EXPECT_EQ(h.observer.relists.size(), 3u);
  h.runtime.RemovePod("p");
  h.runtime.RemovePod("q");
  h.runtime.FailPod("r", kHiccup);
  h.Relist();  // the first waits only for r now, whose turn comes after p's call
  EXPECT_EQ(h.observer.relists.size(), 4u);
  h.runtime.ReleaseAll();
  h.exec.Settle();
  ASSERT_EQ(h.observer.relists.size(), 5u);
  EXPECT_EQ(h.observer.relists.back().total, absl::Seconds(4));
  EXPECT_EQ(h.observer.relists.back().changed_pods, 3u);
}

TEST(RelistRecordTest, ARelistDoesNotWaitForWhatIsSetAside) {
  PlegHarness h({.inspect_slow_after = absl::Milliseconds(500)});
  h.runtime.PutContainer("p", "c", kRunning);
  h.runtime.PutContainer("q", "d", kRunning);
  h.runtime.HoldPod("p");
  h.Start();
  h.exec.Advance(absl::Milliseconds(499));
  EXPECT_THAT(h.Events(), IsEmpty());
  h.exec.Advance(absl::Milliseconds(1));
  EXPECT_THAT(h.Events(), ElementsAre("q ContainerStarted d"));
  ASSERT_EQ(h.observer.relists.size(), 1u);
  EXPECT_EQ(h.observer.relists[0].total, absl::Milliseconds(500));
  h.runtime.ReleaseAll();
  h.exec.Settle();
  EXPECT_THAT(h.Events(), ElementsAre("p ContainerStarted c"));
  EXPECT_EQ(h.observer.relists.size(), 1u);
}

}  // namespace
}  // namespace pleg
