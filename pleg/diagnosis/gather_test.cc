#include "pleg/diagnosis/gather.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "pleg/diagnosis/diagnosis.h"

namespace pleg {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kWallNow = absl::FromUnixSeconds(1'700'000'000);

class SettableClock : public Clock {
 public:
  MonoTime Now() const override { return now; }
  absl::Time WallNow() const override { return kWallNow; }
  MonoTime now = MonoTime() + absl::Hours(10);
};

std::shared_ptr<const Pod> MakePod(const std::string& name, size_t exited = 0) {
  auto pod = std::make_shared<Pod>();
  pod->uid = PodUid(name + "-uid");
  pod->name = name;
  pod->pod_namespace = "default";
  auto sandbox = std::make_shared<SandboxInfo>();
  sandbox->id = ContainerId(name + "-sandbox");
  pod->sandboxes.push_back({sandbox, SandboxState::kReady});
  for (size_t i = 0; i <= exited; ++i) {
    auto container = std::make_shared<ContainerInfo>();
    container->id = ContainerId(name + "-c" + std::to_string(i));
    container->sandbox_id = sandbox->id;
    container->name = "app";
    container->image = "busybox";
    container->created_at = kWallNow - absl::Hours(1);
    pod->containers.push_back(
        {container, i == 0 ? ContainerState::kRunning : ContainerState::kExited});
  }
  return pod;
}

class GatherTest : public testing::Test {
 protected:
  GatherTest() : history_(clock_) {
    facts_.twin.now = clock_.now;
    facts_.twin.started_at = clock_.now + absl::Hours(-1);
    facts_.relist_period = absl::Seconds(1);
    facts_.relist_threshold = absl::Minutes(3);
    facts_.wall_now = kWallNow;
    facts_.endpoint = "unix:///run/containerd/containerd.sock";
    facts_.runtime = RuntimeVersion{"containerd", "1.7.0", "v1"};
    facts_.connection.connected = true;
    facts_.connection.lasts = absl::Hours(1);
    auto view = std::make_shared<PodsView>();
    view->listed = {MakePod("web"), MakePod("job", 3)};
    facts_.twin.pods = view;
    auto core = std::make_shared<PlegSnapshot>();
    core->last_relist = clock_.now;
    core->containers_exited = 3;
    facts_.twin.core = core;
  }
  MonoTime Ago(absl::Duration age) const { return clock_.now + -age; }
  void AddRelist(absl::Duration ago, const std::string& error = "", uint32_t bytes = 1000) {
    RelistRing::Entry relist;
    relist.started_at = Ago(ago);
    relist.total = absl::Milliseconds(5);
    relist.changed_pods = 2;
    relist.list_containers_bytes = bytes;
    if (!error.empty()) relist.error = std::make_shared<const std::string>(error);
    facts_.relists.push_back(relist);
  }
  void End(absl::string_view method, absl::StatusCode code, bool answered = true,
           const std::string& text = "") {
    CallRecord call;
    call.method = method;
    call.code = code;
    call.duration = absl::Milliseconds(3);
    call.answered = answered;
    call.text = text;
    history_.OnCallEnd(call);
  }
  Evidence Gather() const { return GatherEvidence(facts_, history_); }

  SettableClock clock_;
  CallHistory history_;
  GatherFacts facts_;
};

TEST_F(GatherTest, NamesTheObjectsOfSilentCalls) {
  facts_.twin.calls.unanswered = {
      {"ContainerStatus", "web-c0", Ago(absl::Seconds(20)), 2, Ago(absl::Seconds(20))},
      {"ContainerStatus", "unlisted", Ago(absl::Seconds(30)), 1, std::nullopt},
      {"ListContainers", "", Ago(absl::Seconds(40)), 1, Ago(absl::Seconds(40))}};
  const Evidence evidence = Gather();
  ASSERT_EQ(evidence.unanswered.size(), 3);
  EXPECT_EQ(evidence.unanswered[0].method, "ListContainers");
  EXPECT_EQ(evidence.unanswered[0].object.id, ContainerId());
  EXPECT_EQ(evidence.unanswered[1].object.id.value(), "unlisted");
  EXPECT_EQ(evidence.unanswered[1].object.pod_name, "");
  const UnansweredEvidence& web = evidence.unanswered[2];
  EXPECT_EQ(web.object.pod_namespace + "/" + web.object.pod_name, "default/web");
  EXPECT_EQ(web.object.container, "app");
  EXPECT_EQ(web.object.image, "busybox");
  EXPECT_EQ(web.age, absl::Seconds(20));
  EXPECT_EQ(web.attempts, 2u);
  EXPECT_FALSE(web.pod_pending);
}

TEST_F(GatherTest, OnceTheKubeletHasToldItsVersionOnlyItsOwnForecastCounts) {
  GenerationReport older;
  older.generation = KubeletGeneration::kTwice;
  older.report.status_phase = absl::Seconds(240);
  GenerationReport newer;
  newer.generation = KubeletGeneration::kOnce;
  newer.report.status_phase = absl::Seconds(120);
  facts_.reports = {older, newer};
  EXPECT_EQ(Gather().twins.size(), 2);
  facts_.kubelet.emplace();
  facts_.kubelet->version = "what?";
  EXPECT_EQ(Gather().twins.size(), 2);
  facts_.kubelet->version = "v1.32.4";
  const Evidence evidence = Gather();
  ASSERT_EQ(evidence.twins.size(), 1);
  EXPECT_EQ(evidence.twins[0].generation, KubeletGeneration::kOnce);
  EXPECT_EQ(evidence.predicted_status_phase, absl::Seconds(120));
}

TEST_F(GatherTest, CountsThePodsThatChangedLately) {
  for (const double minutes : {4.0, 2.5, 1.5, 0.5}) AddRelist(absl::Minutes(minutes));
  const Evidence evidence = Gather();
  EXPECT_EQ(evidence.counts.changed_pods_lately, 6u);
  EXPECT_EQ(evidence.counts.changed_pods_per_minute, 2);
}

// The pod of a container that no listing has: its shim was started for a sandbox that one has.
TEST_F(GatherTest, NamesAnUnlistedContainerByTheSandboxOfItsShim) {
  ShimEvidence shim;
  shim.object.id = ContainerId("cold");
  shim.sandbox = ContainerId("web-sandbox");
  FrozenCgroup frozen;
  frozen.object.id = ContainerId("cold");
  facts_.twin.core = std::make_shared<PlegSnapshot>();
  facts_.host.emplace();
  facts_.host->shims = {shim};
  facts_.host->frozen = {frozen};
  facts_.twin.calls.unanswered = {
      {"ContainerStatus", "cold", Ago(absl::Seconds(20)), 1, std::nullopt}};
  const Evidence evidence = Gather();
  EXPECT_EQ(evidence.host->shims[0].object.pod_name, "web");
  EXPECT_EQ(evidence.host->shims[0].object.container, "?");
  EXPECT_EQ(evidence.host->frozen[0].object.pod_name, "web");
  EXPECT_EQ(evidence.unanswered[0].object.pod_namespace, "default");
  EXPECT_EQ(evidence.unanswered[0].object.id.value(), "cold");
}

TEST_F(GatherTest, OnlyWhoIsNotConnectedFindsTheRuntimeMute) {
  facts_.mute_for = absl::Seconds(7);
  EXPECT_FALSE(Gather().runtime.mute_for.has_value());
  facts_.connection.connected = false;
  EXPECT_EQ(Gather().runtime.mute_for, absl::Seconds(7));
}

TEST_F(GatherTest, KnowsWhichPodsHaveAChange) {
  auto view = std::make_shared<PodsView>(*facts_.twin.pods);
  view->unsettled = {{view->listed[0], Ago(absl::Seconds(5)), false}};
  facts_.twin.pods = view;
  facts_.twin.calls.unanswered = {{"ContainerStatus", "web-c0", Ago(absl::Seconds(4)), 1, {}}};
  EXPECT_TRUE(Gather().unanswered[0].pod_pending);
}

TEST_F(GatherTest, CountsThePodWithMostDeadContainers) {
  const CountEvidence counts = Gather().counts;
  EXPECT_EQ(counts.pods, 2u);
  EXPECT_EQ(counts.exited, 3u);
  EXPECT_EQ(counts.exited_of_one_pod, 3u);
  EXPECT_EQ(counts.most_exited_pod.pod_name, "job");
  EXPECT_EQ(counts.oldest_exited, absl::Hours(1));
  EXPECT_EQ(counts.sandboxes_ready, 2u);
}

TEST_F(GatherTest, ADeadContainerOfNoTimeHasNoAge) {
  auto view = std::make_shared<PodsView>(*facts_.twin.pods);
  auto pod = std::make_shared<Pod>(*view->listed[1]);
  for (ListedContainer& container : pod->containers) {
    auto info = std::make_shared<ContainerInfo>(*container.info);
    info->created_at = absl::FromUnixNanos(-6795364578871345152);  // Go's zero time
    container.info = info;
  }
  view->listed[1] = pod;
  facts_.twin.pods = view;
  EXPECT_EQ(Gather().counts.oldest_exited, std::nullopt);
}

TEST_F(GatherTest, WhoEndedACallIsWhatItsRecordSays) {
  End("ListContainers", absl::StatusCode::kOk);
  End("ListContainers", absl::StatusCode::kDeadlineExceeded, false);
  End("Status", absl::StatusCode::kDeadlineExceeded, true, "the runtime's own");
  const Evidence evidence = Gather();
  ASSERT_EQ(evidence.methods.size(), 2);
  EXPECT_FALSE(evidence.methods[0].answered_ago.has_value());
  EXPECT_EQ(evidence.methods[0].failing->code, "DEADLINE_EXCEEDED");
  EXPECT_FALSE(evidence.methods[0].failing->of_runtime());
  EXPECT_TRUE(evidence.methods[1].answered_ago.has_value());
  EXPECT_TRUE(evidence.methods[1].failing->of_runtime());
  EXPECT_EQ(evidence.methods[1].failing->text, "the runtime's own");
}

TEST_F(GatherTest, AMethodFailsSinceTheFirstOfTheRow) {
  End("Status", absl::StatusCode::kOk);
  for (int i = 0; i < 3; ++i) {
    clock_.now = clock_.now + absl::Seconds(5);
    End("Status", absl::StatusCode::kInternal, true, "failed");
  }
  facts_.twin.now = clock_.now + absl::Seconds(4);
  const Evidence evidence = Gather();
  ASSERT_TRUE(evidence.methods[0].failing.has_value());
  EXPECT_EQ(evidence.methods[0].failing->since, absl::Seconds(14) + absl::Milliseconds(3));
  EXPECT_EQ(evidence.methods[0].failing->in_a_row, 3u);
  EXPECT_EQ(evidence.methods[0].error_rows, 1u);
}

TEST_F(GatherTest, NamesTheTargetsThatFailLongestFirst) {
  facts_.twin.calls.failing = {{"PodSandboxStatus", "job-sandbox", Ago(absl::Seconds(20)), 2,
                                absl::StatusCode::kUnknown, "no task", absl::Seconds(9)},
                               {"ContainerStatus", "web-c0", Ago(absl::Minutes(2)), 12,
                                absl::StatusCode::kOk, "", absl::Seconds(7)}};
  const Evidence evidence = Gather();
  ASSERT_EQ(evidence.failing.size(), 2u);
  EXPECT_EQ(evidence.failing[0].object.pod_name, "web");
  EXPECT_TRUE(evidence.failing[0].only_late());
  EXPECT_EQ(evidence.failing[1].object.pod_name, "job");
  EXPECT_EQ(evidence.failing[1].code, "UNKNOWN");
  EXPECT_EQ(evidence.failing[1].text, "no task");
  EXPECT_EQ(evidence.failing[1].since, absl::Seconds(20));
  EXPECT_EQ(evidence.failing[1].duration, absl::Seconds(9));
}

TEST_F(GatherTest, AStepOfTheClockIsToldForTenMinutes) {
  facts_.clock_step = {Ago(absl::Minutes(3)), -absl::Seconds(90)};
  ASSERT_TRUE(Gather().clock_step.has_value());
  EXPECT_EQ(Gather().clock_step->ago, absl::Minutes(3));
  EXPECT_EQ(Gather().clock_step->by, -absl::Seconds(90));
  facts_.clock_step->at = Ago(absl::Minutes(11));
  EXPECT_FALSE(Gather().clock_step.has_value());
}

TEST_F(GatherTest, ForecastsFromAnHourOfSizesAndNotFromAMinute) {
  facts_.twin.calls.list_sizes = {{"ListContainers", 3000}};
  AddRelist(absl::Minutes(1), "", 1000);
  AddRelist(absl::Seconds(1), "", 3000);
  EXPECT_EQ(Gather().list_sizes[0].slope_bytes_per_hour, 0);
  facts_.relists.clear();
  AddRelist(absl::Minutes(30), "", 1000);
  AddRelist(absl::ZeroDuration(), "", 3000);
  EXPECT_DOUBLE_EQ(Gather().list_sizes[0].slope_bytes_per_hour, 4000);
  EXPECT_EQ(Gather().list_sizes[0].limit_bytes, kKubeletMaxReplyBytes);
}

TEST_F(GatherTest, TellsHowRelistsWent) {
  AddRelist(absl::Seconds(4));
  AddRelist(absl::Seconds(2));
  AddRelist(absl::Seconds(0));
  const Evidence evidence = Gather();
  EXPECT_EQ(evidence.relist.median_interval, absl::Seconds(2));
  EXPECT_EQ(evidence.relist.recent.size(), 3u);
  EXPECT_EQ(evidence.counts.changed_pods_per_minute, 6);
  EXPECT_EQ(evidence.relist.last_good_ago, absl::ZeroDuration());
}

TEST_F(GatherTest, GivesTheHostsObjectsTheirNames) {
  facts_.host.emplace();
  FrozenCgroup frozen;
  frozen.object.id = ContainerId("web-c0");
  facts_.host->frozen = {frozen};
  EXPECT_EQ(Gather().host->frozen[0].object.pod_name, "web");
  facts_.host->frozen[0].object.id = ContainerId("of another runtime");
  EXPECT_TRUE(Gather().host->frozen.empty());
}

// A list that has hung since plegd started has told nothing.
TEST_F(GatherTest, TakesNamesThatOnlyTheHostKnows) {
  facts_.host.emplace();
  ShimEvidence shim;
  shim.object.id = ContainerId("unlisted");
  shim.object.pod_name = "db-0";
  ShimEvidence known = shim;
  known.object.id = ContainerId("web-c0");
  known.object.pod_name = "wrong";
  facts_.host->shims = {shim, known};
  facts_.twin.calls.unanswered = {
      {"ContainerStatus", "unlisted", Ago(absl::Seconds(9)), 1, std::nullopt},
      {"ContainerStatus", "web-c0", Ago(absl::Seconds(7)), 1, std::nullopt}};
  const Evidence evidence = Gather();
  ASSERT_EQ(evidence.unanswered.size(), 2);
  EXPECT_EQ(evidence.unanswered[0].object.pod_name, "db-0");
  EXPECT_EQ(evidence.unanswered[1].object.pod_name, "web");
}

TEST_F(GatherTest, AFineNodeIsDiagnosedAsHealthy) {
  AddRelist(absl::Seconds(1));
  EXPECT_EQ(Diagnose(Gather()).findings.front().code, VerdictCode::kHealthy);
}

TEST_F(GatherTest, AConvoyIsDiagnosedByItsContainer) {
  for (const char* method : {"Version", "ListPodSandbox", "ListContainers", "ContainerStatus"}) {
    End(method, absl::StatusCode::kOk);
  }
  AddRelist(absl::Seconds(40));
  auto core = std::make_shared<PlegSnapshot>(*facts_.twin.core);
  core->last_relist = Ago(absl::Seconds(41));
  core->relist_running_since = Ago(absl::Seconds(40));
  facts_.twin.core = core;
  facts_.twin.calls.unanswered = {
      {"ListContainers", "", Ago(absl::Seconds(40)), 1, Ago(absl::Seconds(40))},
      {"ContainerStatus", "web-c0", Ago(absl::Seconds(39)), 1, Ago(absl::Seconds(39))}};
  const Finding finding = Diagnose(Gather()).findings.front();
  EXPECT_EQ(finding.code, VerdictCode::kListLockConvoy);
  EXPECT_THAT(finding.sentence, HasSubstr("default/web"));
}

TEST(ObjectNamesTest, FindsTheSandboxAndTheState) {
  PodsView view;
  view.listed = {MakePod("web", 1)};
  const ObjectNames names(view);
  EXPECT_EQ(names.SandboxOf("web-c0").value(), "web-sandbox");
  EXPECT_EQ(names.SandboxOf("web-sandbox").value(), "web-sandbox");
  EXPECT_EQ(names.SandboxOf("other").value(), "");
  EXPECT_EQ(names.StateOf("web-c0"), "running");
  EXPECT_EQ(names.StateOf("web-c1"), "exited");
  EXPECT_EQ(names.StateOf("web-sandbox"), "ready");
  EXPECT_EQ(names.StateOf("other"), "");
  EXPECT_EQ(names.Find("web-sandbox").container, "");
}

}  // namespace
}  // namespace pleg
