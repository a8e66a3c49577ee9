#include "pleg/inspector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/testing/inspector_fixture.h"

namespace pleg {
namespace {

using ::testing::ElementsAre;
using testing::InspectorTest;
using ::testing::IsEmpty;
using testing::kListed;
using testing::kRunning;

std::vector<std::string> Ids(const std::vector<std::shared_ptr<const ContainerStatus>>& statuses) {
  std::vector<std::string> ids;
  ids.reserve(statuses.size());
  for (const auto& status : statuses) ids.push_back(status->id.value());
  return ids;
}

TEST_F(InspectorTest, AsksSandboxesNewestFirstThenContainers) {
  Use({});
  runtime_.PutSandbox("p", "s1", SandboxState::kNotReady).status.primary_ip = "10.0.0.1";
  runtime_.PutContainer("p", "old", kRunning);
  runtime_.PutSandbox("p", "s2", SandboxState::kReady).status.primary_ip = "10.0.0.2";
  runtime_.PutContainer("p", "c1", kRunning);
  runtime_.PutContainer("p", "c2", kRunning);
  Inspect("p");
  EXPECT_THAT(results_, IsEmpty()) << "never before Inspect has returned";
  exec_.Settle();
  EXPECT_THAT(runtime_.call_log(),
              ElementsAre("PodSandboxStatus s2", "PodSandboxStatus s1", "ContainerStatus old",
                          "ContainerStatus c1", "ContainerStatus c2"));
  const PodStatus& status = StatusOf("p");
  EXPECT_EQ(status.uid, PodUid("p"));
  EXPECT_EQ(status.name, "p");
  EXPECT_EQ(status.pod_namespace, "default");
  EXPECT_EQ(status.timestamp, kListed);
  EXPECT_THAT(status.ips, ElementsAre("10.0.0.2"));
  ASSERT_EQ(status.sandbox_statuses.size(), 2u);
  EXPECT_EQ(status.sandbox_statuses[0]->id, ContainerId("s2"));
  EXPECT_THAT(Ids(status.container_statuses), ElementsAre("c2", "c1", "old"));
  EXPECT_THAT(Ids(status.active_container_statuses), ElementsAre("c2", "c1"));
}

TEST_F(InspectorTest, ANewestSandboxThatIsNotReadyHasNoAddressAndNothingActive) {
  Use({});
  runtime_.PutSandbox("p", "s1", SandboxState::kReady).status.primary_ip = "10.0.0.1";
  runtime_.PutContainer("p", "c", kRunning);
  runtime_.PutSandbox("p", "s2", SandboxState::kNotReady).status.primary_ip = "10.0.0.2";
  Inspect("p");
  exec_.Settle();
  EXPECT_THAT(StatusOf("p").ips, IsEmpty());
  EXPECT_THAT(StatusOf("p").active_container_statuses, IsEmpty());
  EXPECT_EQ(StatusOf("p").container_statuses.size(), 1u);
}

TEST_F(InspectorTest, NotFoundIsLeftOutAndLendsNobodyItsAddress) {
  Use({});
  runtime_.PutSandbox("p", "s1", SandboxState::kReady).status.primary_ip = "10.0.0.1";
  runtime_.PutSandbox("p", "s2", SandboxState::kReady).status.primary_ip = "10.0.0.2";
  runtime_.PutContainer("p", "c1", kRunning);
  runtime_.PutContainer("p", "c2", kRunning);
  runtime_.FailStatus("s2", absl::NotFoundError("gone"));
  runtime_.FailStatus("c1", absl::NotFoundError("gone"));
  Inspect("p");
  exec_.Settle();
  EXPECT_THAT(StatusOf("p").ips, IsEmpty());
  EXPECT_EQ(StatusOf("p").sandbox_statuses.size(), 1u);
  EXPECT_THAT(Ids(StatusOf("p").container_statuses), ElementsAre("c2"));
}

TEST_F(InspectorTest, APodOfWhichNothingIsFoundIsEmptyAndNoError) {
  Use({});
  runtime_.PutSandbox("p", "s", SandboxState::kReady);
  runtime_.PutContainer("p", "c", kRunning);
  runtime_.FailPod("p", absl::NotFoundError("gone"));
  Inspect("p");
  exec_.Settle();
  ASSERT_TRUE(results_.at("p").status.ok());
  EXPECT_THAT(StatusOf("p").sandbox_statuses, IsEmpty());
  EXPECT_THAT(StatusOf("p").container_statuses, IsEmpty());
}

TEST_F(InspectorTest, TheFirstErrorEndsIt) {
  Use({});
  runtime_.PutSandbox("p", "s", SandboxState::kReady);
  runtime_.PutContainer("p", "c1", kRunning);
  runtime_.PutContainer("p", "c2", kRunning);
  runtime_.FailStatus("c1", absl::UnavailableError("first"));
  runtime_.FailStatus("c2", absl::UnavailableError("second"));
  Inspect("p");
  exec_.Settle();
  EXPECT_EQ(results_.at("p").status.status(), absl::UnavailableError("first"));
  EXPECT_EQ(runtime_.status_calls_of("c2"), 0u);
  EXPECT_EQ(inspector_->running(), 0u);
}

TEST_F(InspectorTest, WithSeveralCallsOutTheFirstErrorIsThatOfTheKubeletsOrder) {
  Use({.calls_per_pod = 2});
  for (const char* id : {"c1", "c2", "c3"}) runtime_.PutContainer("p", id, kRunning);
  runtime_.FailStatus("c1", absl::UnavailableError("first"));
  runtime_.FailStatus("c2", absl::UnavailableError("second"));
  runtime_.HoldStatus("c1");
  Inspect("p");
  exec_.Settle();
  EXPECT_THAT(results_, IsEmpty());
  runtime_.ReleaseAll();
  exec_.Settle();
  EXPECT_EQ(results_.at("p").status.status(), absl::UnavailableError("first"));
  EXPECT_EQ(runtime_.status_calls_of("c3"), 0u);
}

TEST_F(InspectorTest, HowManyCallsOfAPodAreOutDoesNotChangeItsStatus) {
  runtime_.PutSandbox("p", "s", SandboxState::kReady).status.primary_ip = "10.0.0.1";
  for (int i = 0; i < 5; ++i) runtime_.PutContainer("p", absl::StrCat("c", i), kRunning);
  for (const size_t calls : {size_t{0}, size_t{1}, size_t{3}, size_t{100}}) {
    Use({.calls_per_pod = calls});
    runtime_.HoldPod("p");
    Inspect("p");
    EXPECT_EQ(runtime_.held_calls(), std::clamp<size_t>(calls, 1, 6));
    runtime_.ReleaseAll();
    exec_.Settle();
    EXPECT_THAT(StatusOf("p").ips, ElementsAre("10.0.0.1"));
    EXPECT_THAT(Ids(StatusOf("p").container_statuses), ElementsAre("c4", "c3", "c2", "c1", "c0"));
    results_.clear();
  }
}

TEST_F(InspectorTest, TheWindowBoundsThePodsThatAreOut) {
  for (const size_t window : {size_t{0}, size_t{1}, size_t{3}}) {
    const size_t out = std::max<size_t>(window, 1);
    Use({.window = window});
    results_.clear();
    order_.clear();
    const std::vector<std::string> uids = {"a", "b", "c", "d", "e"};
    for (const std::string& uid : uids) {
      runtime_.PutContainer(uid, absl::StrCat("of-", uid), kRunning);
      runtime_.HoldPod(uid);
      Inspect(uid);
    }
    exec_.Settle();
    for (const std::string& uid : uids) {
      EXPECT_LE(runtime_.held_pods(), out);
      EXPECT_EQ(inspector_->running(), runtime_.held_pods());
      runtime_.ReleasePod(uid);
      exec_.Settle();
    }
    EXPECT_EQ(order_, uids) << "in the order asked";
    EXPECT_EQ(inspector_->running(), 0u);
  }
}

TEST_F(InspectorTest, TookIsFromItsFirstCallToItsLastAnswer) {
  Use({});
  runtime_.PutContainer("a", "c1", kRunning);
  runtime_.PutContainer("b", "c2", kRunning);
  runtime_.HoldPod("a");
  runtime_.HoldPod("b");
  Inspect("a");
  Inspect("b");
  exec_.Advance(absl::Seconds(2));
  runtime_.ReleasePod("a");
  exec_.Advance(absl::Seconds(3));
  runtime_.ReleasePod("b");
  exec_.Settle();
  EXPECT_EQ(results_.at("a").took, absl::Seconds(2));
  EXPECT_EQ(results_.at("b").took, absl::Seconds(3));
}

TEST_F(InspectorTest, OneThatWaitsCanBeReplacedOneThatHasBegunCannot) {
  Use({});
  runtime_.PutContainer("a", "c1", kRunning);
  runtime_.PutContainer("b", "c2", kRunning);
  runtime_.HoldPod("a");
  const uint64_t first = Inspect("a");
  const uint64_t second = Inspect("b");
  EXPECT_FALSE(inspector_->Waiting(first));
  EXPECT_TRUE(inspector_->Waiting(second));
  EXPECT_FALSE(inspector_->Waiting(second + 1));
  runtime_.PutContainer("b", "c3", kRunning);
  const MonoTime later = kListed + absl::Seconds(1);
  EXPECT_FALSE(inspector_->Replace(first, Listed("a"), later));
  EXPECT_TRUE(inspector_->Replace(second, Listed("b"), later));
  runtime_.ReleaseAll();
  exec_.Settle();
  EXPECT_EQ(StatusOf("a").timestamp, kListed);
  EXPECT_EQ(StatusOf("b").timestamp, later);
  EXPECT_THAT(Ids(StatusOf("b").container_statuses), ElementsAre("c3", "c2"));
  EXPECT_FALSE(inspector_->Replace(second, Listed("b"), later));
}

TEST_F(InspectorTest, OneThatWaitsIsDiscardedAtOnce) {
  Use({});
  runtime_.PutContainer("a", "c1", kRunning);
  runtime_.PutContainer("b", "c2", kRunning);
  runtime_.HoldPod("a");
  Inspect("a");
  inspector_->Discard(Inspect("b"));
  runtime_.ReleaseAll();
  exec_.Settle();
  EXPECT_THAT(order_, ElementsAre("a"));
  EXPECT_EQ(runtime_.status_calls_of_pod("b"), 0u);
}

TEST_F(InspectorTest, OneThatIsOutKeepsItsPlaceUntilItIsAnswered) {
  Use({});
  runtime_.PutContainer("a", "c1", kRunning);
  runtime_.PutContainer("a", "c2", kRunning);
  runtime_.PutContainer("b", "c3", kRunning);
  runtime_.HoldPod("a");
  const uint64_t id = Inspect("a");
  Inspect("b");
  inspector_->Discard(id);
  inspector_->Discard(id);
  exec_.Advance(absl::Minutes(1));
  EXPECT_THAT(order_, IsEmpty());
  EXPECT_EQ(inspector_->running(), 1u);
  runtime_.ReleaseAll();
  exec_.Settle();
  EXPECT_THAT(order_, ElementsAre("b"));
  EXPECT_EQ(runtime_.status_calls_of("c2"), 0u) << "no further call for what nobody wants";
  EXPECT_EQ(inspector_->running(), 0u);
}

TEST_F(InspectorTest, DiscardAllLeavesItUsable) {
  Use({});
  runtime_.PutContainer("a", "c1", kRunning);
  runtime_.PutContainer("b", "c2", kRunning);
  runtime_.HoldPod("a");
  Inspect("a");
  Inspect("b");
  inspector_->DiscardAll();
  Inspect("b", Trust::kAnswered);
  exec_.Settle();
  EXPECT_THAT(order_, IsEmpty());
  runtime_.ReleaseAll();
  exec_.Settle();
  EXPECT_THAT(order_, ElementsAre("b"));
}

TEST_F(InspectorTest, ItMayBeDestroyedWhileCallsHang) {
  Use({.slow_after = absl::Seconds(1)});
  runtime_.PutContainer("a", "c1", kRunning);
  runtime_.PutContainer("b", "c2", kRunning);
  runtime_.HoldPod("a");
  Inspect("a");
  Inspect("b");
  inspector_.reset();
  EXPECT_EQ(exec_.pending_timers(), 0u);
  runtime_.ReleaseAll();
  exec_.Advance(absl::Seconds(5));
  EXPECT_THAT(order_, IsEmpty());
}

TEST_F(InspectorTest, TrustedPodsAreBegunFirst) {
  Use({});
  for (const char* uid : {"out", "failed", "new", "answered"}) {
    runtime_.PutContainer(uid, uid, kRunning);
  }
  runtime_.HoldPod("out");
  Inspect("out");
  Inspect("failed", Trust::kFailed);
  Inspect("new", Trust::kNew);
  Inspect("answered", Trust::kAnswered);
  runtime_.ReleaseAll();
  exec_.Settle();
  EXPECT_THAT(order_, ElementsAre("out", "answered", "new", "failed"));
}

TEST_F(InspectorTest, ASlowOneLeavesItsPlaceAndEndsWhenItIsAnswered) {
  Use({.slow_after = absl::Seconds(1)});
  std::vector<uint64_t> told;
  inspector_->OnSetAside([&told](uint64_t id) { told.push_back(id); });
  runtime_.PutContainer("slow", "c1", kRunning);
  runtime_.PutContainer("slow", "c2", kRunning);
  runtime_.PutContainer("quick", "c3", kRunning);
  runtime_.HoldPod("slow");
  const uint64_t id = Inspect("slow");
  Inspect("quick");
  exec_.Advance(absl::Milliseconds(999));
  EXPECT_THAT(order_, IsEmpty());
  exec_.Advance(absl::Milliseconds(1));
  EXPECT_THAT(order_, ElementsAre("quick"));
  EXPECT_THAT(told, ElementsAre(id));
  EXPECT_EQ(inspector_->set_aside(), 1u);
  EXPECT_EQ(inspector_->slow_calls(), 1u);
  EXPECT_EQ(inspector_->running(), 1u);
  runtime_.ReleaseAll();
  exec_.Settle();
  EXPECT_EQ(StatusOf("slow").container_statuses.size(), 2u);
  EXPECT_EQ(inspector_->set_aside(), 0u);
  EXPECT_EQ(inspector_->slow_calls(), 0u);
  EXPECT_EQ(inspector_->running(), 0u);
}

TEST_F(InspectorTest, EachCallHasItsTimeNotTheInspection) {
  Use({.slow_after = absl::Seconds(1)});
  for (const char* id : {"c1", "c2", "c3"}) {
    runtime_.PutContainer("p", id, kRunning);
    runtime_.HoldStatus(id);
  }
  Inspect("p");
  for (const char* id : {"c1", "c2", "c3"}) {
    exec_.Advance(absl::Milliseconds(900));
    runtime_.ReleaseStatus(id);
    exec_.Settle();
    EXPECT_EQ(inspector_->set_aside(), 0u);
  }
  EXPECT_EQ(results_.at("p").took, absl::Milliseconds(2700));
}

TEST_F(InspectorTest, ByDefaultNothingIsEverSetAside) {
  Use({});
  for (int i = 0; i < 100; ++i) {
    const std::string uid = absl::StrCat("p", i);
    runtime_.PutContainer(uid, uid, kRunning);
    Inspect(uid);
  }
  exec_.Settle();
  ASSERT_EQ(results_.size(), 100u);
  runtime_.PutContainer("slow", "c", kRunning);
  runtime_.HoldPod("slow");
  Inspect("slow");
  exec_.Advance(absl::Hours(1));
  EXPECT_EQ(inspector_->set_aside(), 0u);
}

TEST_F(InspectorTest, WhereCallsAreQuickSlowIsSooner) {
  Use({.slow_after = absl::Seconds(1)});
  for (int i = 0; i < 20; ++i) {
    const std::string uid = absl::StrCat("p", i);
    runtime_.PutContainer(uid, uid, kRunning);
    Inspect(uid);
  }
  exec_.Settle();
  runtime_.PutContainer("slow", "c", kRunning);
  runtime_.HoldPod("slow");
  Inspect("slow");
  exec_.Advance(absl::Milliseconds(19));
  EXPECT_EQ(inspector_->set_aside(), 0u);
  exec_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(inspector_->set_aside(), 1u);
}

// A mean that is no whole number of nanoseconds: a timer for a fraction of one would come too
// early, for ever. Of five means at least one has a fraction.
TEST_F(InspectorTest, WhatIsSlowIsReachedByTheTimerWhateverTheMean) {
  for (const int step : {7919, 7907, 7901, 7883, 7879}) {
    Use({.slow_after = absl::Seconds(1)});
    results_.clear();
    runtime_.DelayAnswers([delay = absl::Milliseconds(7), step]() mutable {
      return delay += absl::Nanoseconds(step);
    });
    for (int i = 0; i < 40; ++i) {
      const std::string uid = absl::StrCat("p", i);
      runtime_.PutContainer(uid, uid, kRunning);
      Inspect(uid);
    }
    exec_.Advance(absl::Seconds(1));
    ASSERT_EQ(results_.size(), 40u);
    runtime_.PutContainer("slow", "c", kRunning);
    runtime_.HoldPod("slow");
    Inspect("slow");
    exec_.Advance(absl::Milliseconds(900));
    EXPECT_EQ(inspector_->set_aside(), 1u) << step;
    runtime_.ReleaseAll();
    exec_.Advance(absl::Seconds(1));
  }
}

TEST_F(InspectorTest, SlowCallsAreBounded) {
  Use({.slow_after = absl::Seconds(1), .max_slow_calls = 2});
  auto hang = [this](const std::string& uid, Trust trust) {
    runtime_.PutContainer(uid, uid, kRunning);
    runtime_.HoldPod(uid);
    Inspect(uid, trust);
    exec_.Advance(absl::Seconds(1));
  };
  hang("n1", Trust::kNew);
  hang("n2", Trust::kNew);
  EXPECT_EQ(inspector_->slow_calls(), 2u);
  hang("n3", Trust::kNew);
  EXPECT_EQ(runtime_.status_calls_of_pod("n3"), 0u) << "only trusted ones from here on";
  hang("a1", Trust::kAnswered);
  hang("a2", Trust::kAnswered);
  EXPECT_EQ(inspector_->slow_calls(), 4u);
  hang("a3", Trust::kAnswered);
  EXPECT_EQ(runtime_.status_calls_of_pod("a3"), 0u) << "none any more";
  runtime_.ReleaseAll();
  exec_.Settle();
  EXPECT_EQ(results_.size(), 6u);
  EXPECT_EQ(inspector_->slow_calls(), 0u);
}

TEST_F(InspectorTest, OneAnswerOfASlowPodMakesRoomForAnotherPod) {
  Use({.calls_per_pod = 2, .slow_after = absl::Seconds(1), .max_slow_calls = 1});
  runtime_.PutContainer("slow", "c1", kRunning);
  runtime_.PutContainer("slow", "c2", kRunning);
  runtime_.HoldStatus("c1");
  runtime_.HoldStatus("c2");
  Inspect("slow");
  exec_.Advance(absl::Seconds(1));
  runtime_.PutContainer("other", "c3", kRunning);
  Inspect("other", Trust::kAnswered);
  exec_.Settle();
  EXPECT_EQ(runtime_.status_calls_of("c3"), 0u);
  runtime_.ReleaseStatus("c1");
  exec_.Settle();
  EXPECT_EQ(runtime_.status_calls_of("c3"), 1u);
}

TEST_F(InspectorTest, TheWindowOpensOnlyAfterEnoughAnswers) {
  Use({.window = 8, .slow_start_calls = 3, .slow_start_window = 2});
  for (int i = 0; i < 10; ++i) {
    const std::string uid = absl::StrCat("p", i);
    runtime_.PutContainer(uid, uid, kRunning);
    runtime_.HoldPod(uid);
    Inspect(uid);
  }
  EXPECT_EQ(inspector_->running(), 2u);
  for (const char* uid : {"p0", "p1"}) {
    runtime_.ReleasePod(uid);
    exec_.Settle();
    EXPECT_EQ(inspector_->running(), 2u);
  }
  runtime_.ReleasePod("p2");
  exec_.Settle();
  EXPECT_EQ(inspector_->running(), 7u);
}

}  // namespace
}  // namespace pleg
