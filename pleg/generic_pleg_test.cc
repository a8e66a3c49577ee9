// The kubelet's own tests of its generic PLEG (pkg/kubelet/pleg/generic_test.go, Kubernetes 1.36),
// under their names. See generic_pleg_worker_test.cc for TestWorkerLoop.

#include "pleg/generic_pleg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "pleg/testing/pleg_harness.h"

namespace pleg {
namespace {

using ::pleg::testing::PlegHarness;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::UnorderedElementsAre;

constexpr auto kCreated = ContainerState::kCreated;
constexpr auto kRunning = ContainerState::kRunning;
constexpr auto kExited = ContainerState::kExited;
constexpr auto kUnknown = ContainerState::kUnknown;

TEST(GenericPlegTest, Relisting) {
  PlegHarness h;
  h.runtime.PutContainer("1234", "c1", kExited);
  h.runtime.PutContainer("1234", "c2", kRunning);
  h.runtime.PutContainer("1234", "c3", kUnknown);
  h.runtime.PutContainer("4567", "c1", kExited);
  h.Relist();
  EXPECT_THAT(h.Events(),
              UnorderedElementsAre("1234 ContainerDied c1 exit=0", "1234 ContainerStarted c2",
                                   "4567 ContainerDied c1 exit=0"));
  h.Relist();
  EXPECT_THAT(h.Events(), IsEmpty());

  h.runtime.Remove("1234", "c1");
  h.runtime.PutContainer("1234", "c2", kExited);
  h.runtime.PutContainer("1234", "c3", kRunning);
  h.runtime.PutContainer("4567", "c4", kRunning);
  h.Relist();
  EXPECT_THAT(h.Events(),
              UnorderedElementsAre("1234 ContainerRemoved c1", "1234 ContainerDied c2 exit=0",
                                   "1234 ContainerStarted c3", "4567 ContainerStarted c4"));
}

// The kubelet drops what its full channel does not take; here it is folded: what the subscriber
// misses is counted, and it still learns where every container has come to.
TEST(GenericPlegTest, EventChannelFull) {
  PlegHarness h({}, 4);
  h.runtime.PutContainer("1234", "c1", kExited);
  h.runtime.PutContainer("1234", "c2", kRunning);
  h.runtime.PutContainer("4567", "c1", kExited);
  h.Relist();
  EXPECT_EQ(h.Events().size(), 3u);
  EXPECT_EQ(h.observer.events_discarded, 0u);

  h.runtime.Remove("1234", "c1");
  h.runtime.PutContainer("1234", "c2", kUnknown);
  h.runtime.PutContainer("1234", "c3", kRunning);
  h.runtime.PutContainer("4567", "c4", kRunning);
  h.Relist();
  h.runtime.PutContainer("1234", "c2", kRunning);
  h.runtime.ExitContainer("1234", "c3", 7);
  h.Relist();
  h.runtime.Remove("1234", "c3");
  h.Relist();
  EXPECT_EQ(h.observer.events_discarded, 1u);
  EventQueue::Batch batch = h.queue->Take();
  EXPECT_EQ(batch.folded, 1u);
  std::vector<std::string> lines;
  for (const Event& event : batch.events) lines.push_back(PlegHarness::Line(event));
  EXPECT_THAT(lines, ElementsAre("1234 ContainerRemoved c1", "4567 ContainerStarted c4",
                                 "1234 ContainerDied c3 exit=7", "1234 ContainerStarted c2",
                                 "1234 ContainerRemoved c3"));
}

class DetectingContainerDeathsTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(PriorRelists, DetectingContainerDeathsTest, ::testing::Values(1, 3));

TEST_P(DetectingContainerDeathsTest, MissingContainers) {
  PlegHarness h;
  h.runtime.PutContainer("1234", "c1", kRunning);
  h.runtime.PutContainer("1234", "c2", kRunning);
  h.runtime.PutContainer("1234", "c3", kExited);
  for (int i = 0; i < GetParam(); ++i) h.Relist();
  h.Events();
  h.runtime.Remove("1234", "c1");
  h.runtime.Remove("1234", "c3");
  h.Relist();
  EXPECT_THAT(h.Events(), UnorderedElementsAre("1234 ContainerDied c1", "1234 ContainerRemoved c1",
                                               "1234 ContainerRemoved c3"));
}

TEST_P(DetectingContainerDeathsTest, MissingPods) {
  PlegHarness h;
  h.runtime.PutContainer("1234", "c2", kRunning);
  for (int i = 0; i < GetParam(); ++i) h.Relist();
  h.Events();
  h.runtime.RemovePod("1234");
  h.Relist();
  EXPECT_THAT(h.Events(), ElementsAre("1234 ContainerDied c2", "1234 ContainerRemoved c2"));
}

TEST(GenericPlegTest, RelistWithCache) {
  PlegHarness h;
  h.runtime.PutContainer("1234", "c1", kRunning);
  h.runtime.PutContainer("4567", "c4", kRunning);
  h.runtime.FailPod("1234", absl::UnavailableError("unable to get status"));
  h.Relist();
  EXPECT_THAT(h.Events(), ElementsAre("4567 ContainerStarted c4"));
  EXPECT_EQ(h.Cached("1234").error, absl::UnavailableError("unable to get status"));
  EXPECT_TRUE(h.Cached("1234").found);
  EXPECT_EQ(h.Cached("4567").error, absl::OkStatus());
  EXPECT_NE(h.Cached("4567").status->FindContainer(ContainerId("c4")), nullptr);

  h.runtime.ClearErrors();
  h.runtime.ResetCounts();
  h.Relist();
  EXPECT_THAT(h.Events(), ElementsAre("1234 ContainerStarted c1"));
  EXPECT_EQ(h.Cached("1234").error, absl::OkStatus());
  EXPECT_NE(h.Cached("1234").status->FindContainer(ContainerId("c1")), nullptr);
  EXPECT_EQ(h.runtime.status_calls_of_pod("1234"), 1u);
  EXPECT_EQ(h.runtime.status_calls_of_pod("4567"), 0u);
}

TEST(GenericPlegTest, RemoveCacheEntry) {
  PlegHarness h;
  h.runtime.PutContainer("1234", "c1", kRunning);
  h.Relist();
  ASSERT_TRUE(h.Cached("1234").found);
  h.runtime.RemovePod("1234");
  h.Relist();
  const CachedPod cached = h.Cached("1234");
  EXPECT_FALSE(cached.found);
  EXPECT_FALSE(cached.pending);
  EXPECT_EQ(cached.error, absl::OkStatus());
  EXPECT_EQ(cached.status->uid, PodUid("1234"));
  EXPECT_THAT(cached.status->container_statuses, IsEmpty());
}

TEST(GenericPlegTest, Healthy) {
  PlegHarness h({.relist_period = absl::Hours(10)});
  EXPECT_FALSE(h.pleg.Healthy().healthy);
  EXPECT_EQ(h.pleg.Healthy().reason, "pleg has yet to be successful");
  h.exec.Advance(absl::Minutes(10));
  EXPECT_FALSE(h.pleg.Healthy().healthy);
  h.Relist();
  h.exec.Advance(absl::Minutes(1));
  EXPECT_TRUE(h.pleg.Healthy().healthy);
  EXPECT_EQ(h.pleg.Healthy().reason, "");
  h.exec.Advance(absl::Minutes(2));
  EXPECT_TRUE(h.pleg.Healthy().healthy);
  h.exec.Advance(absl::Minutes(1));
  EXPECT_FALSE(h.pleg.Healthy().healthy);
  EXPECT_EQ(h.pleg.Healthy().reason, "pleg was last seen active 4m0s ago; threshold is 3m0s");
}

struct ReinspectCase {
  const char* name;
  bool request;
  bool listed_before;  // and reported
  bool fails;
  bool deleted;
  size_t inspections;
  std::vector<std::string> events;
  bool asked_again;  // by the relist after it
};

class ReinspectTest : public ::testing::TestWithParam<ReinspectCase> {};
INSTANTIATE_TEST_SUITE_P(
    Cases, ReinspectTest,
    ::testing::Values(
        ReinspectCase{"NewPodWithoutRequest",
                      false,
                      false,
                      false,
                      false,
                      1,
                      {"1234 ContainerStarted c1"},
                      false},
        ReinspectCase{
            "NewPodWithRequest", true, false, false, false, 1, {"1234 ContainerStarted c1"}, false},
        ReinspectCase{"NewPodThatFails", true, false, true, false, 1, {}, true},
        ReinspectCase{"NewPodThatFailsUnasked", false, false, true, false, 1, {}, true},
        ReinspectCase{"KnownPodWithoutRequest", false, true, false, false, 0, {}, false},
        ReinspectCase{"KnownPodWithRequest", true, true, false, false, 1, {"1234 PodSync"}, false},
        ReinspectCase{"KnownPodThatFails", true, true, true, false, 1, {}, true},
        ReinspectCase{"KnownPodDeleted",
                      true,
                      true,
                      false,
                      true,
                      0,
                      {"1234 ContainerDied c1", "1234 ContainerRemoved c1"},
                      false}),
    [](const auto& c) { return c.param.name; });

TEST_P(ReinspectTest, Reinspect) {
  const ReinspectCase& c = GetParam();
  PlegHarness h;
  if (c.listed_before) h.runtime.PutContainer("1234", "c1", kRunning);
  h.Relist();
  h.Events();
  h.runtime.ResetCounts();

  if (c.deleted) {
    h.runtime.RemovePod("1234");
  } else {
    h.runtime.PutContainer("1234", "c1", kRunning).status.reason = "fresh";
  }
  if (c.fails) h.runtime.FailPod("1234", absl::UnavailableError("hiccup"));
  if (c.request) h.RequestReinspect("1234");
  h.Relist();
  EXPECT_EQ(h.runtime.status_calls_of("c1"), c.inspections);
  EXPECT_EQ(h.Events(), c.events);
  const CachedPod cached = h.Cached("1234");
  EXPECT_EQ(cached.error.ok(), !c.fails);
  EXPECT_EQ(cached.found, !c.deleted);
  if (c.inspections == 1 && !c.fails) {
    EXPECT_EQ(cached.status->FindContainer(ContainerId("c1"))->reason, "fresh");
  }
  h.Relist();
  EXPECT_EQ(h.runtime.status_calls_of("c1"), c.inspections + (c.asked_again ? 1 : 0));
}

// As ReinspectTest's, of a pod that never got as far as an event: nothing but a PodSync tells.
TEST(GenericPlegTest, ReinspectOfAPodThatFailedAndVanished) {
  PlegHarness h;
  h.runtime.PutSandbox("1234", "s1", SandboxState::kReady);
  h.runtime.FailPod("1234", absl::UnavailableError("hiccup"));
  h.Relist();
  h.runtime.RemovePod("1234");
  h.Relist();
  const std::vector<Event> events = h.TakeEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(PlegHarness::Line(events[0]), "1234 PodSync");
  EXPECT_EQ(events[0].pod_name, "1234");
  EXPECT_EQ(events[0].pod_namespace, "default");
  EXPECT_FALSE(h.Cached("1234").found);
  h.Relist();
  EXPECT_THAT(h.Events(), IsEmpty());
}

TEST(GenericPlegTest, RelistingWithSandboxes) {
  PlegHarness h;
  h.runtime.PutSandbox("1234", "c1", SandboxState::kNotReady);
  h.runtime.PutSandbox("1234", "c2", SandboxState::kReady);
  h.runtime.PutSandbox("1234", "c3", SandboxState::kUnknown);
  h.runtime.PutSandbox("4567", "c1", SandboxState::kNotReady);
  h.Relist();
  EXPECT_THAT(h.Events(), UnorderedElementsAre("1234 ContainerDied c1", "1234 ContainerStarted c2",
                                               "4567 ContainerDied c1"));
  h.Relist();
  EXPECT_THAT(h.Events(), IsEmpty());

  h.runtime.Remove("1234", "c1");
  h.runtime.PutSandbox("1234", "c2", SandboxState::kNotReady);
  h.runtime.PutSandbox("1234", "c3", SandboxState::kReady);
  h.runtime.PutSandbox("4567", "c4", SandboxState::kReady);
  h.Relist();
  EXPECT_THAT(h.Events(),
              UnorderedElementsAre("1234 ContainerRemoved c1", "1234 ContainerDied c2",
                                   "1234 ContainerStarted c3", "4567 ContainerStarted c4"));
}

class RelistIpChangeTest : public ::testing::TestWithParam<std::vector<std::string>> {};
INSTANTIATE_TEST_SUITE_P(Addresses, RelistIpChangeTest,
                         ::testing::Values(std::vector<std::string>{"192.168.1.5"},
                                           std::vector<std::string>{"192.168.1.5", "2001:db8::5"}));

TEST_P(RelistIpChangeTest, RelistIPChange) {
  PlegHarness h;
  testing::FakeSandbox& s = h.runtime.PutSandbox("1234", "s", SandboxState::kReady);
  s.status.primary_ip = GetParam()[0];
  s.status.additional_ips.assign(GetParam().begin() + 1, GetParam().end());
  h.runtime.PutContainer("1234", "c", kRunning);
  h.Relist();
  EXPECT_EQ(h.Cached("1234").status->ips, GetParam());

  h.runtime.PutSandbox("1234", "s", SandboxState::kNotReady).status.primary_ip = "";
  s.status.additional_ips.clear();
  h.runtime.ExitContainer("1234", "c", 0);
  h.Relist();
  EXPECT_THAT(h.Events(), IsSupersetOf({"1234 ContainerDied c exit=0"}));
  EXPECT_EQ(h.Cached("1234").status->ips, GetParam());
  EXPECT_EQ(h.Cached("1234").status->FindContainer(ContainerId("c"))->state, kExited);
}

// A ready sandbox without an address is believed (TestEventedPLEG_getPodIPs has the four cases).
TEST(GenericPlegTest, AReadySandboxWithoutAnAddressClearsIt) {
  PlegHarness h;
  testing::FakeSandbox& s = h.runtime.PutSandbox("1234", "s", SandboxState::kReady);
  s.status.primary_ip = "192.168.1.5";
  h.Relist();
  s.status.primary_ip = "";
  h.RequestReinspect("1234");
  h.Relist();
  EXPECT_THAT(h.Cached("1234").status->ips, IsEmpty());
}

TEST(GenericPlegTest, AFailureInBetweenDoesNotForgetTheAddresses) {
  PlegHarness h;
  h.runtime.PutSandbox("1234", "s", SandboxState::kReady).status.primary_ip = "192.168.1.5";
  h.Relist();
  h.runtime.PutSandbox("1234", "s", SandboxState::kNotReady).status.primary_ip = "";
  h.runtime.FailPod("1234", absl::UnavailableError("hiccup"));
  h.Relist();
  EXPECT_FALSE(h.Cached("1234").error.ok());
  EXPECT_THAT(h.Cached("1234").status->ips, ElementsAre("192.168.1.5"));
  h.runtime.ClearErrors();
  h.Relist();
  EXPECT_TRUE(h.Cached("1234").error.ok());
  EXPECT_THAT(h.Cached("1234").status->ips, ElementsAre("192.168.1.5"));
}

// The kubelet's gauges, as counts of a snapshot; a state that nothing is in goes back to 0.
TEST(GenericPlegTest, RunningPodAndContainerCount) {
  PlegHarness h;
  h.runtime.PutSandbox("1234", "s1", SandboxState::kReady);
  h.runtime.PutSandbox("1234", "s2", SandboxState::kReady);
  h.runtime.PutContainer("1234", "c1", kRunning);
  h.runtime.PutContainer("1234", "c2", kUnknown);
  h.runtime.PutContainer("1234", "c3", kUnknown);
  h.runtime.PutSandbox("4567", "s3", SandboxState::kNotReady);
  h.runtime.PutContainer("4567", "c1", kExited);
  h.runtime.PutContainer("89", "c1", kCreated);
  EXPECT_EQ(h.pleg.Snapshot()->sandboxes, 0u);
  h.Relist();
  std::shared_ptr<const PlegSnapshot> counts = h.pleg.Snapshot();
  EXPECT_EQ(counts->pods_ready, 1u);
  EXPECT_EQ(counts->pods_notready, 1u);
  EXPECT_EQ(counts->pods_no_sandbox, 1u);
  EXPECT_EQ(counts->sandboxes, 3u);
  EXPECT_EQ(counts->containers_created, 1u);
  EXPECT_EQ(counts->containers_running, 1u);
  EXPECT_EQ(counts->containers_exited, 1u);
  EXPECT_EQ(counts->containers_unknown, 2u);
  h.runtime.RemovePod("1234");
  h.Relist();
  counts = h.pleg.Snapshot();
  EXPECT_EQ(counts->pods_ready, 0u);
  EXPECT_EQ(counts->containers_unknown, 0u);
  EXPECT_EQ(counts->containers_running, 0u);
}

// Of 1.35 and older: an error during a transient container, then the first listing again. Since
// 1.36 a PodSync tells that the cache has healed.
TEST(GenericPlegTest, RelistWithReinspection) {
  PlegHarness h;
  h.runtime.PutContainer("1234", "infra", kRunning);
  h.Relist();
  EXPECT_THAT(h.Events(), ElementsAre("1234 ContainerStarted infra"));
  h.runtime.PutContainer("1234", "init", kRunning);
  h.runtime.FailPod("1234", absl::UnavailableError("hiccup"));
  h.Relist();
  EXPECT_THAT(h.Events(), IsEmpty());
  EXPECT_FALSE(h.Cached("1234").error.ok());
  h.runtime.Remove("1234", "init");
  h.runtime.ClearErrors();
  h.Relist();
  EXPECT_THAT(h.Events(), ElementsAre("1234 PodSync"));
  EXPECT_TRUE(h.Cached("1234").error.ok());
}

// Kubernetes: TestGetPodStatus and TestGetPodStatusWithNotFoundError, through the cache.
TEST(GenericPlegTest, GetPodStatus) {
  PlegHarness h;
  h.runtime.PutSandbox("1234", "s", SandboxState::kReady).status.primary_ip = "10.0.0.1";
  h.runtime.PutContainer("1234", "c1", kRunning);
  h.runtime.PutContainer("1234", "c2", kRunning);
  h.runtime.FailStatus("c1", absl::NotFoundError("gone"));
  h.Relist();
  const CachedPod cached = h.Cached("1234");
  ASSERT_TRUE(cached.error.ok());
  EXPECT_EQ(cached.status->uid, PodUid("1234"));
  EXPECT_EQ(cached.status->name, "1234");
  EXPECT_EQ(cached.status->pod_namespace, "default");
  EXPECT_THAT(cached.status->ips, ElementsAre("10.0.0.1"));
  ASSERT_EQ(cached.status->sandbox_statuses.size(), 1u);
  ASSERT_EQ(cached.status->container_statuses.size(), 1u);
  EXPECT_EQ(cached.status->container_statuses[0]->id, ContainerId("c2"));
}

}  // namespace
}  // namespace pleg
