// The daemon as a process at runtimes that differ in what the CRI leaves open, as containerd and
// CRI-O do: none of it becomes an event, an error or a wait that the node did not have.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "test/process/plegd_process.h"
#include "test/process/sim_node.h"
#include "test/process/status_testing.h"

namespace {

using ::plegd_testing::PlegdProcess;
using ::plegd_testing::SimNode;
using ::testing::HasSubstr;
using ::testing::SizeIs;

bool WaitUntil(const std::function<bool()>& condition) {
  return plegd_testing::WaitUntil(condition, absl::Seconds(15));
}

struct Runtime {
  const char* name;
  bool id_prefixes = false;
  bool crio_words = false;
  sim::EventMode events = sim::EventMode::kUnimplemented;
  bool list_streaming = false;
  bool statuses_with_sandbox = false;
};

constexpr Runtime kRuntimes[] = {
    {.name = "containerd", .id_prefixes = true},
    // 2.0.0 to 2.0.2: a sandbox's status brings those of its containers.
    {.name = "containerd",
     .id_prefixes = true,
     .events = sim::EventMode::kStream,
     .list_streaming = true,
     .statuses_with_sandbox = true},
    {.name = "cri-o", .crio_words = true, .events = sim::EventMode::kEndAtOnce},
    // With enable_pod_events.
    {.name = "cri-o",
     .crio_words = true,
     .events = sim::EventMode::kStream,
     .list_streaming = true,
     .statuses_with_sandbox = true},
};

class DifferencesTest : public ::testing::TestWithParam<Runtime> {
 protected:
  void SetUp() override {
    ASSERT_OK(node_.Serve({.runtime_name = GetParam().name,
                           .events = GetParam().events,
                           .list_streaming = GetParam().list_streaming,
                           .statuses_with_sandbox = GetParam().statuses_with_sandbox}));
    plegd_testing::PlegdOptions options;
    options.relist_period = "50ms";
    options.flags = {"--sweep", "off"};
    ASSERT_OK_AND_ASSIGN(plegd_, PlegdProcess::Start(node_.endpoint(), node_.dir(), options));
    node_.Shown();
    ASSERT_TRUE(node_.AgreesWith(*plegd_));
  }

  // Starts the pod's containers; all three calls about it are held then.
  std::vector<sim::ContainerInfo> HoldInspectionOf(const pleg::PodUid& uid) {
    node_.Break("PodSandboxStatus hang");
    node_.Break("ContainerStatus hang");
    const std::vector<sim::PodInfo> pods = node_.pods();
    const auto pod =
        std::find_if(pods.begin(), pods.end(), [&](const sim::PodInfo& p) { return p.uid == uid; });
    for (const sim::ContainerInfo& c : pod->containers) EXPECT_OK(runtime().Start(c.id));
    EXPECT_TRUE(node_.server().AwaitHung(sim::Rpc::kPodSandboxStatus, 1, absl::Seconds(15)));
    EXPECT_TRUE(node_.server().AwaitHung(sim::Rpc::kContainerStatus, 2, absl::Seconds(15)));
    return pod->containers;
  }
  sim::SimRuntime& runtime() { return node_.runtime(); }
  const pleg::ContainerId& sandbox(size_t pod) {
    pods_ = node_.pods();
    return pods_.at(pod).sandboxes.at(0).id;
  }
  const pleg::ContainerId& container(size_t pod) {
    pods_ = node_.pods();
    return pods_.at(pod).containers.at(0).id;
  }
  plegd::v1::PodStatus Cached(size_t pod) const {
    return plegd_->Pod(node_.pod(pod).uid.value()).value_or(plegd::v1::PodStatus());
  }
  double Metric(const std::string& series) const { return plegd_->Metric(series).value_or(-1); }
  double Unanswered(absl::string_view method) const {
    return Metric(absl::StrCat("pleg_cri_oldest_unanswered_seconds{method=\"", method, "\"}"));
  }
  size_t EventsOf(const pleg::ContainerId& id) const {
    const auto events = plegd_->Events();
    if (!events.ok()) return 0;
    return static_cast<size_t>(std::count_if(events->begin(), events->end(),
                                             [&](const auto& e) { return e.id() == id.value(); }));
  }

  SimNode node_{{.pods = 3,
                 .containers_per_pod = 1,
                 .id_prefixes = GetParam().id_prefixes,
                 .crio_words = GetParam().crio_words}};
  std::unique_ptr<PlegdProcess> plegd_;
  std::vector<sim::PodInfo> pods_;
};

// What stalls in one runtime or the other, whether events are on or not.
class StallTest : public DifferencesTest {};

TEST_P(DifferencesTest, AWholeLifeIsTheSame) {
  ASSERT_OK_AND_ASSIGN(const pleg::PodUid uid,
                       runtime().AddPod({.name = "web", .containers = {"app"}, .start = false}));
  node_.Shown();
  ASSERT_TRUE(node_.AgreesWith(*plegd_));
  ASSERT_OK_AND_ASSIGN(const pleg::ContainerId app, runtime().FindContainer("web/app"));
  ASSERT_OK(runtime().Start(app));
  node_.Shown();
  ASSERT_TRUE(node_.AgreesWith(*plegd_));
  ASSERT_OK(runtime().Exit(app, {.code = 137, .reason = "OOMKilled"}));
  node_.Shown();
  ASSERT_TRUE(node_.AgreesWith(*plegd_));
  ASSERT_OK_AND_ASSIGN(const auto cached, plegd_->Pod(uid.value()));
  ASSERT_THAT(cached.containers(), SizeIs(1));
  EXPECT_EQ(cached.containers(0).reason(), "OOMKilled");
  ASSERT_OK(runtime().NewAttempt(uid));
  node_.Shown();
  ASSERT_TRUE(node_.AgreesWith(*plegd_));
  ASSERT_OK(runtime().RemovePod(uid));
  node_.Shown();
  ASSERT_TRUE(node_.AgreesWith(*plegd_));

  EXPECT_THAT(plegd_->Get("/metrics")->body,
              HasSubstr(absl::StrCat("name=\"", GetParam().name, "\",version=\"0.1.0\"} 1")));
  const sim::ServerStats stats = node_.server().Stats();
  EXPECT_EQ(stats.of(sim::Rpc::kGetContainerEvents).calls, 0u);
  for (const sim::RpcStats& rpc : stats.rpcs) EXPECT_EQ(rpc.verbose, 0u);
}

TEST_P(DifferencesTest, TheListsImageRefIsNotTheStatussAndIsNoChange) {
  const double inspected = Metric("pleg_inspections_total{result=\"ok\"}");
  ASSERT_TRUE(plegd_->WaitForTwoRelists());
  const plegd::v1::PodStatus pod = Cached(0);
  ASSERT_THAT(pod.containers(), SizeIs(1));
  EXPECT_THAT(pod.containers(0).image_ref(), HasSubstr("@sha256:"));
  EXPECT_NE(pod.containers(0).image_ref(), pod.containers(0).image_id());
  EXPECT_EQ(Metric("pleg_inspections_total{result=\"ok\"}"), inspected);
}

TEST_P(StallTest, ASandboxStatusThatHangsInItsShimDelaysItsPodAlone) {
  node_.Break(absl::StrCat("PodSandboxStatus --id ", sandbox(0).value(), " hang"));
  for (const size_t pod : {size_t{0}, size_t{1}})
    ASSERT_OK(runtime().Exit(container(pod), {.code = 1}));
  EXPECT_TRUE(WaitUntil([&] { return EventsOf(container(1)) == 2; }));
  EXPECT_TRUE(WaitUntil([&] { return Unanswered("PodSandboxStatus") > 0.3; }));
  EXPECT_EQ(EventsOf(container(0)), 1u);
  EXPECT_TRUE(Cached(0).pending());
  EXPECT_EQ(Unanswered("ContainerStatus"), 0);
  EXPECT_EQ(plegd_->Get("/healthz")->code, 200);
  EXPECT_THAT(plegd_->Get("/debug/")->body, HasSubstr(sandbox(0).value()));
  node_.Shown();
  node_.Mend();
  EXPECT_TRUE(node_.AgreesWith(*plegd_));
}

// A container that its list still shows and that is gone when its status is asked for.
TEST_P(DifferencesTest, AContainerThatVanishesBeforeItsInspectionIsNoError) {
  ASSERT_OK_AND_ASSIGN(
      const pleg::PodUid uid,
      runtime().AddPod({.name = "web", .containers = {"stays", "goes"}, .start = false}));
  node_.Shown();
  ASSERT_TRUE(node_.AgreesWith(*plegd_));
  const std::vector<sim::ContainerInfo> containers = HoldInspectionOf(uid);
  node_.Shown();
  ASSERT_OK(runtime().RemoveContainer(containers[1].id));
  node_.Shown();
  node_.Mend();
  EXPECT_TRUE(node_.AgreesWith(*plegd_)) << "started, then died and removed, as the kubelet";
  EXPECT_EQ(Metric("pleg_inspections_total{result=\"error\"}"), 0);
}

// The same of a whole pod: its removal is told while its statuses hang, and what they say in the
// end is nobody's any more.
TEST_P(DifferencesTest, APodThatVanishesDuringItsInspectionIsNoError) {
  ASSERT_OK_AND_ASSIGN(
      const pleg::PodUid uid,
      runtime().AddPod({.name = "web", .containers = {"one", "two"}, .start = false}));
  node_.Shown();
  ASSERT_TRUE(node_.AgreesWith(*plegd_));
  HoldInspectionOf(uid);
  ASSERT_OK(runtime().RemovePod(uid));
  node_.Shown();
  EXPECT_TRUE(node_.AgreesWith(*plegd_));
  node_.Mend();
  EXPECT_TRUE(WaitUntil([&] { return Metric("pleg_inspections_in_flight") == 0; }));
  EXPECT_TRUE(node_.AgreesWith(*plegd_));
  EXPECT_EQ(Metric("pleg_inspections_total{result=\"error\"}"), 0);
  EXPECT_EQ(Metric("pleg_inspections_total{result=\"discarded\"}"), 1);
}

// The list goes by what the runtime has in memory, the status asks whoever runs the sandbox: one
// unknown there is not ready, whatever the list says.
TEST_P(StallTest, AStatusThatContradictsTheListIsBelievedOnlyInTheCache) {
  node_.Break(absl::StrCat("PodSandboxStatus --id ", sandbox(0).value(), " malformed=other-state"));
  ASSERT_OK(runtime().AddContainer(node_.pod(0).uid, "more", /*start=*/true));
  node_.Shown();
  EXPECT_TRUE(WaitUntil([&] { return node_.EventsAgree(*plegd_); }));
  EXPECT_TRUE(plegd_->WaitForTwoRelists());
  EXPECT_TRUE(node_.EventsAgree(*plegd_)) << "no event of the sandbox";
  const plegd::v1::PodStatus pod = Cached(0);
  ASSERT_THAT(pod.sandboxes(), SizeIs(1));
  EXPECT_EQ(pod.sandboxes(0).state(), "notready");
  EXPECT_THAT(pod.active_container_ids(), SizeIs(0));
  EXPECT_FALSE(pod.pending());
  EXPECT_EQ(pod.error(), "");
}

// containerd, while one container's update holds its lock: container lists and that container's
// status hang, all else answers.
TEST_P(StallTest, AConvoyOfOneContainerStopsTheListsAndIsNamed) {
  node_.server().faults().AddConvoy(container(0));
  ASSERT_OK(runtime().Exit(container(1), {.code = 2}));
  node_.Shown();
  EXPECT_TRUE(WaitUntil([&] { return Unanswered("ListContainers") > 0.3; }));
  EXPECT_EQ(Unanswered("ListPodSandbox"), 0);
  EXPECT_EQ(Unanswered("Version"), 0);
  EXPECT_FALSE(node_.EventsAgree(*plegd_));
  EXPECT_EQ(plegd_->Get("/livez")->code, 200);
  node_.Mend();
  EXPECT_TRUE(node_.AgreesWith(*plegd_));
}

// A disk that is throttled: every call takes long.
TEST_P(StallTest, ASlowRuntimeIsLateNotWrong) {
  node_.Break("* latency=60ms");
  ASSERT_OK(runtime().Exit(container(0), {.code = 2}));
  ASSERT_OK(runtime().RemovePod(node_.pod(1).uid));
  node_.Shown();
  EXPECT_TRUE(node_.AgreesWith(*plegd_));
  EXPECT_EQ(plegd_->Get("/healthz")->code, 200);
}

std::string NameOf(const ::testing::TestParamInfo<Runtime>& r) {
  return absl::StrCat(r.param.crio_words ? "CriO" : "Containerd",
                      r.param.statuses_with_sandbox ? "WithEvents" : "");
}

INSTANTIATE_TEST_SUITE_P(Runtimes, DifferencesTest, ::testing::ValuesIn(kRuntimes), NameOf);
INSTANTIATE_TEST_SUITE_P(Runtimes, StallTest, ::testing::Values(kRuntimes[0], kRuntimes[3]),
                         NameOf);

}  // namespace
