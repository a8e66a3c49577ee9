#include "api/node_api.h"

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/message_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/testing/fake_node_view.h"
#include "pleg/testing/sim_executor.h"

namespace api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class NodeApiTest : public ::testing::Test {
 protected:
  using Reply = absl::StatusOr<pleg::CachedPod>;

  // Asks, and lets the core work. Empty while it waits.
  std::shared_ptr<std::optional<Reply>> Ask(const plegd::v1::GetPodRequest& request,
                                            std::shared_ptr<NodeApi::Wait>* wait = nullptr,
                                            const NodeApi::User& user = {}) {
    auto answer = std::make_shared<std::optional<Reply>>();
    auto handle = api_.GetPod(
        request, [answer](Reply reply) { *answer = std::move(reply); }, user);
    if (wait != nullptr) *wait = handle;
    exec_.Settle();
    return answer;
  }
  static plegd::v1::GetPodRequest Request(const std::string& uid, bool fresh = false,
                                          const std::string& newer_than = "") {
    plegd::v1::GetPodRequest request;
    request.set_uid(uid);
    request.set_fresh(fresh);
    request.set_newer_than(newer_than);
    return request;
  }
  void Observe(absl::string_view uid = "u1") {
    node_.Observe(uid, "default", "web");
    exec_.Settle();
  }
  static absl::StatusCode CodeOf(const std::optional<Reply>& reply) {
    return reply.has_value() ? reply->status().code() : absl::StatusCode::kUnknown;
  }

  pleg::testing::SimExecutor exec_;
  node::testing::FakeNodeView node_{exec_, exec_.clock()};
  NodeApi api_{node_, exec_.clock()};
};

TEST_F(NodeApiTest, TheNodeAtAGlance) {
  node_.core->pods_ready = 3;
  node_.core->pods_no_sandbox = 1;
  node_.core->containers_running = 5;
  node_.calls.list_sizes = {{"ListContainers", size_t{8} << 20}};
  node_.runtime.endpoint = "unix:///run/containerd/containerd.sock";
  pleg::GenerationReport twin;
  twin.generation = pleg::KubeletGeneration::kTwice;
  twin.report.to_not_ready = absl::Seconds(252);
  twin.report.flapping = pleg::Flapping{absl::Seconds(241), absl::Seconds(61)};
  twin.report.lag = {absl::Seconds(120), absl::Seconds(180), absl::Seconds(240)};
  twin.report.restart_cost = absl::InfiniteDuration();
  twin.report.status_phase = absl::Seconds(4.5);
  node_.assessment->twins = {twin, pleg::GenerationReport()};
  exec_.Advance(absl::Seconds(7));
  const plegd::v1::Node node = api_.GetNode();
  EXPECT_EQ(node.version(), "1.2.3");
  EXPECT_EQ(node.boot_id(), node::testing::kBootId);
  EXPECT_DOUBLE_EQ(node.uptime_seconds(), 7);
  EXPECT_EQ(node.time().seconds(), 1'700'000'007);
  EXPECT_EQ(node.runtime_name(), "containerd");
  EXPECT_EQ(node.runtime_endpoint(), "unix:///run/containerd/containerd.sock");
  EXPECT_EQ(node.counts().pods(), 4u);
  EXPECT_EQ(node.counts().containers(), 5u);
  ASSERT_THAT(node.list_sizes(), SizeIs(1));
  EXPECT_DOUBLE_EQ(node.list_sizes(0).kubelet_limit_ratio(), 0.5);
  EXPECT_DOUBLE_EQ(node.limits().kubelet_request_timeout_seconds(), 120);
  ASSERT_THAT(node.twins(), SizeIs(2));
  EXPECT_EQ(node.twins(0).generation(), "<=1.31");
  EXPECT_DOUBLE_EQ(node.twins(0).seconds_to_not_ready(), 252);
  EXPECT_DOUBLE_EQ(node.twins(0).flapping_unhealthy_seconds(), 61);
  EXPECT_DOUBLE_EQ(node.twins(0).event_lag_worst_seconds(), 240);
  EXPECT_FALSE(node.twins(0).has_restart_cost_seconds());
  EXPECT_FALSE(node.twins(1).has_seconds_to_not_ready());
  EXPECT_FALSE(node.twins(1).has_flapping_period_seconds());
  EXPECT_DOUBLE_EQ(node.predicted_status_phase_seconds(), 4.5);
  EXPECT_DOUBLE_EQ(node.loop_lag_seconds(), 0.003);
}

TEST_F(NodeApiTest, WithoutANetworkNoKubeletIsReady) {
  pleg::GenerationReport twin;
  twin.report.flapping = pleg::Flapping{absl::Seconds(241), absl::Seconds(61)};
  node_.assessment->twins = {twin};
  node_.conditions = {{}, pleg::RuntimeCondition{"NetworkReady", true, "", ""}};
  EXPECT_TRUE(api_.GetNode().twins(0).healthy());
  node_.conditions->network_ready = {"NetworkReady", false, "NoPlugin", "none"};
  const plegd::v1::KubeletTwin posted = api_.GetNode().twins(0);
  EXPECT_FALSE(posted.healthy());
  EXPECT_EQ(posted.condition(),
            "container runtime network not ready: NetworkReady=false reason:NoPlugin message:none");
  EXPECT_EQ(posted.seconds_to_not_ready(), 0);
  EXPECT_TRUE(posted.lasting());
  EXPECT_FALSE(posted.has_flapping_period_seconds());
}

TEST_F(NodeApiTest, HealthIsThatOfTheNode) {
  node_.verdict = {false, "pleg was last seen active 3m7.6s ago; threshold is 3m0s"};
  node_.runtime.runtime_errors = {"PLEG is not \xff"};
  node_.runtime.node_ready.message = "no";
  const plegd::v1::Health health = api_.GetHealth();
  EXPECT_FALSE(health.pleg_healthy());
  EXPECT_THAT(health.pleg_reason(), HasSubstr("3m7.6s"));
  EXPECT_THAT(health.runtime_errors(), ElementsAre("PLEG is not \xEF\xBF\xBD"));
}

TEST_F(NodeApiTest, ADiagnosisIsTheNodesOwnAndAsksForANewLook) {
  node_.assessment->diagnosis.findings.front().code = pleg::VerdictCode::kRuntimeDown;
  node_.assessment->evidence.counts.pods = 7;
  EXPECT_EQ(api_.GetDiagnosis().findings(0).code(), "RUNTIME_DOWN");
  EXPECT_EQ(node_.looks, 1);
  EXPECT_EQ(api_.GetEvidence().counts().pods(), 7u);
  EXPECT_EQ(node_.looks, 2);
  static_cast<void>(api_.GetNode());
  EXPECT_EQ(node_.looks, 2);
}

TEST_F(NodeApiTest, CallsNameTargetAndPod) {
  const pleg::MonoTime now = exec_.clock().Now();
  node_.calls.running = {{"ContainerStatus", "c1", now, now + absl::Minutes(2)},
                         {"ListContainers", "", now + absl::Seconds(-30), now + absl::Seconds(90)}};
  node_.calls.unanswered = {{"ContainerStatus", "gone", now, 1},
                            {"PodSandboxStatus", "s1", now + absl::Seconds(-300), 3, now}};
  pleg::CallRecord ended;
  ended.method = "ContainerStatus";
  ended.target = "c1";
  ended.code = absl::StatusCode::kDeadlineExceeded;
  ended.duration = absl::Minutes(2);
  node_.call_history.OnCallEnd(ended);
  const plegd::v1::Calls calls = api_.GetCalls();
  ASSERT_THAT(calls.running(), SizeIs(2));
  EXPECT_EQ(calls.running(0).method(), "ListContainers");
  EXPECT_DOUBLE_EQ(calls.running(0).age_seconds(), 30);
  EXPECT_DOUBLE_EQ(calls.running(0).remaining_seconds(), 90);
  EXPECT_EQ(calls.running(1).target().pod_uid(), "u1");
  EXPECT_EQ(calls.running(1).target().pod_namespace(), "default");
  EXPECT_EQ(calls.running(1).target().pod_name(), "web");
  EXPECT_EQ(calls.running(1).target().container(), "nginx");
  ASSERT_THAT(calls.unanswered(), SizeIs(2));
  EXPECT_EQ(calls.unanswered(0).target().id(), "s1");
  EXPECT_EQ(calls.unanswered(0).target().pod_name(), "web");
  EXPECT_EQ(calls.unanswered(0).target().container(), "");
  EXPECT_DOUBLE_EQ(calls.unanswered(0).age_seconds(), 300);
  EXPECT_EQ(calls.unanswered(0).attempts(), 3u);
  EXPECT_TRUE(calls.unanswered(0).has_hanging_seconds());
  EXPECT_EQ(calls.unanswered(1).target().id(), "gone");
  EXPECT_EQ(calls.unanswered(1).target().pod_name(), "");
  EXPECT_FALSE(calls.unanswered(1).has_hanging_seconds());
  ASSERT_THAT(calls.methods(), SizeIs(1));
  EXPECT_EQ(calls.methods(0).failed(), 1u);
  EXPECT_EQ(calls.methods(0).slowest(0).code(), "DEADLINE_EXCEEDED");
  EXPECT_EQ(calls.methods(0).slowest(0).target().pod_name(), "web");
}

TEST_F(NodeApiTest, RelistsOldestFirst) {
  for (size_t i = 1; i <= 3; ++i) {
    pleg::RelistRecord relist;
    relist.started_at = exec_.clock().Now();
    relist.containers = i;
    if (i == 2) relist.lists = absl::UnavailableError("away");
    node_.relist_ring.OnRelistEnd(relist);
    exec_.Advance(absl::Seconds(1));
  }
  node_.core->relist_running_since = exec_.clock().Now() + absl::Seconds(-2);
  plegd::v1::GetRelistsRequest request;
  request.set_limit(2);
  const plegd::v1::Relists relists = api_.GetRelists(request);
  ASSERT_THAT(relists.relists(), SizeIs(2));
  EXPECT_EQ(relists.relists(0).error(), "UNAVAILABLE: away");
  EXPECT_EQ(relists.relists(1).containers(), 3u);
  EXPECT_EQ(relists.relists(1).started_at().seconds(), 1'700'000'002);
  EXPECT_DOUBLE_EQ(relists.listing_for_seconds(), 2);
}

TEST_F(NodeApiTest, PodsByNamespaceAndName) {
  node_.Observe("u1", "b", "a");
  node_.Observe("u2", "a", "z");
  node_.Observe("u3", "a", "b");
  std::vector<std::string> uids;
  const plegd::v1::PodList list = api_.ListPods();
  for (const auto& pod : list.pods()) uids.push_back(pod.uid());
  EXPECT_THAT(uids, ElementsAre("u3", "u2", "u1"));
}

TEST_F(NodeApiTest, GetPodAnswersFromTheCache) {
  Observe();
  const auto answer = Ask(Request("u1"));
  ASSERT_TRUE(answer->has_value() && (*answer)->ok());
  const plegd::v1::PodStatus pod = api_.Describe(***answer);
  EXPECT_EQ(pod.name(), "web");
  EXPECT_THAT(pod.token(), HasSubstr(node::testing::kBootId));
  EXPECT_THAT(node_.requests(), IsEmpty());
}

TEST_F(NodeApiTest, GetPodOfWhatIsNotThere) {
  const auto answer = Ask(Request("\x1b[31mno\xff" + std::string(100'000, 'x')));
  EXPECT_EQ(CodeOf(*answer), absl::StatusCode::kNotFound);
  EXPECT_LT((*answer)->status().message().size(), 300u);
  EXPECT_EQ((*answer)->status().message().find('\x1b'), absl::string_view::npos);
  EXPECT_EQ(CodeOf(*Ask(Request(""))), absl::StatusCode::kInvalidArgument);
  // Fresh: as soon as a relist has begun after the request and not found it; it is not hurried.
  const auto fresh = Ask(Request("nobody", /*fresh=*/true));
  EXPECT_FALSE(fresh->has_value());
  EXPECT_THAT(node_.requests(), IsEmpty());
  exec_.Advance(absl::Seconds(1));
  node_.pods.UpdateTime(exec_.clock().Now());
  exec_.Settle();
  EXPECT_EQ(CodeOf(*fresh), absl::StatusCode::kNotFound);
  EXPECT_EQ(api_.waits(), 0u);
}

TEST_F(NodeApiTest, FreshIsObservedAfterTheRequest) {
  Observe();
  exec_.Advance(absl::Milliseconds(1));
  const auto answer = Ask(Request("u1", /*fresh=*/true));
  EXPECT_FALSE(answer->has_value());
  EXPECT_EQ(api_.waits(), 1u);
  const pleg::MonoTime asked = exec_.clock().Now();
  exec_.Advance(absl::Milliseconds(1));
  node_.pods.SetObservedTime(pleg::PodUid("u1"), exec_.clock().Now());
  exec_.Settle();
  ASSERT_TRUE(answer->has_value() && (*answer)->ok());
  EXPECT_GT((**answer)->observed_at, asked);
  EXPECT_EQ(api_.waits(), 0u);
}

TEST_F(NodeApiTest, NewerThanWaitsForTheNextObservation) {
  Observe();
  const std::string token = api_.Describe(node_.pods.Get(pleg::PodUid("u1"))).token();
  const auto answer = Ask(Request("u1", false, token));
  EXPECT_FALSE(answer->has_value());
  node_.pods.SetObservedTime(pleg::PodUid("u1"), exec_.clock().Now());  // the same again
  exec_.Settle();
  EXPECT_FALSE(answer->has_value());
  exec_.Advance(absl::Milliseconds(1));
  Observe();
  EXPECT_TRUE(answer->has_value() && (*answer)->ok());
  // What is newer already is there at once.
  EXPECT_TRUE(Ask(Request("u1", false, token))->has_value());
}

TEST_F(NodeApiTest, ATokenOfAnEarlierRunIsOlderThanAnyObservation) {
  Observe();
  const auto answer = Ask(Request("u1", false, "aaaaaaaa-4b5a-4c6d-8e7f-001122334455.99"));
  EXPECT_TRUE(answer->has_value() && (*answer)->ok());
}

TEST_F(NodeApiTest, ATokenThatWasNeverIssuedIsRefused) {
  Observe();
  EXPECT_EQ(CodeOf(*Ask(Request("u1", false, "tomorrow"))), absl::StatusCode::kInvalidArgument);
}

TEST_F(NodeApiTest, WaitingEndsAtTheDeadline) {
  Observe();
  plegd::v1::GetPodRequest request = Request("u1", /*fresh=*/true);
  request.set_timeout_seconds(2);
  const auto answer = Ask(request);
  exec_.Advance(absl::Seconds(1.9));
  EXPECT_FALSE(answer->has_value());
  exec_.Advance(absl::Seconds(0.2));
  EXPECT_EQ(CodeOf(*answer), absl::StatusCode::kDeadlineExceeded);
  const auto defaulted = Ask(Request("u1", /*fresh=*/true));
  exec_.Advance(NodeApi::kDefaultWait);
  EXPECT_EQ(CodeOf(*defaulted), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(node_.pods.waiters(), 0u);
  EXPECT_EQ(api_.waits(), 0u);
  for (const double bad :
       {-1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    request.set_timeout_seconds(bad);
    EXPECT_EQ(CodeOf(*Ask(request)), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(NodeApiTest, ACancelledWaitIsCleanedUp) {
  Observe();
  std::shared_ptr<NodeApi::Wait> wait;
  const auto answer = Ask(Request("u1", /*fresh=*/true), &wait);
  EXPECT_EQ(node_.pods.waiters(), 1u);
  api_.Cancel(wait);
  wait = nullptr;
  exec_.Settle();
  EXPECT_EQ(node_.pods.waiters(), 0u);
  EXPECT_EQ(api_.waits(), 0u);
  exec_.Advance(absl::Minutes(1));
  EXPECT_FALSE(answer->has_value());
}

TEST_F(NodeApiTest, WaitsAreBounded) {
  Observe();
  const auto waits = [this](const NodeApi::User& user) {
    return !Ask(Request("u1", /*fresh=*/true), nullptr, user)->has_value();
  };
  for (size_t i = 0; i < NodeApi::kMaxWaits; ++i) {
    const auto user = static_cast<uid_t>(1 + i / NodeApi::kMaxWaitsOfUser);
    EXPECT_EQ(waits(user), i < NodeApi::kMaxWaits - NodeApi::kWaitsForRoot) << i;
    if (i + 1 == NodeApi::kMaxWaitsOfUser) {
      EXPECT_FALSE(waits(user)) << "another user's places";
    }
  }
  for (size_t i = 0; i < NodeApi::kWaitsForRoot; ++i) EXPECT_TRUE(waits(0)) << i;
  EXPECT_FALSE(waits(0));
  EXPECT_FALSE(waits({}));
  EXPECT_EQ(CodeOf(*Ask(Request("u1", true))), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Ask(Request("u1"))->has_value());
  exec_.Advance(NodeApi::kDefaultWait);
  EXPECT_TRUE(waits({}));
}

TEST_F(NodeApiTest, OthersCannotUseUpWhatRootMayAskFor) {
  plegd::v1::RequestRelistRequest relist;
  for (int i = 0; i < 10; ++i) {
    Observe(absl::StrCat("p", i));
    relist.set_uid(absl::StrCat("p", i));
    EXPECT_EQ(api_.RequestRelist(relist, uid_t{1000}).ok(), i < RequestLimiter::kPerSecond) << i;
  }
  relist.set_uid("p0");
  EXPECT_FALSE(api_.RequestRelist(relist).ok());
  EXPECT_TRUE(api_.RequestRelist(relist, uid_t{0}).ok());
  EXPECT_FALSE(api_.RequestRelist(relist, uid_t{0}).ok()) << "once a second for one pod";
}

TEST_F(NodeApiTest, RequestsReachTheCore) {
  Observe();
  plegd::v1::RequestRelistRequest relist;
  EXPECT_EQ(api_.RequestRelist(relist).code(), absl::StatusCode::kInvalidArgument);
  relist.set_uid("u9");
  EXPECT_EQ(api_.RequestRelist(relist).code(), absl::StatusCode::kNotFound);
  relist.set_uid("u1");
  EXPECT_TRUE(api_.RequestRelist(relist).ok());
  exec_.Advance(absl::Seconds(1));
  plegd::v1::RequestReinspectRequest reinspect;
  reinspect.set_uid("u9");
  EXPECT_EQ(api_.RequestReinspect(reinspect).code(), absl::StatusCode::kNotFound);
  reinspect.set_uid("u1");
  EXPECT_TRUE(api_.RequestReinspect(reinspect).ok());
  EXPECT_THAT(node_.requests(), ElementsAre("relist u1", "reinspect u1"));
}

TEST_F(NodeApiTest, RequestsThatCostCallsAreLimitedTogether) {
  for (int i = 0; i < 20; ++i) Observe(absl::StrCat("p", i));
  int refused = 0;
  std::vector<std::shared_ptr<NodeApi::Wait>> waits;
  for (int i = 0; i < 3000; ++i) {  // in three seconds
    const std::string uid = absl::StrCat("p", i % 20);
    plegd::v1::RequestRelistRequest relist;
    relist.set_uid(uid);
    plegd::v1::RequestReinspectRequest reinspect;
    reinspect.set_uid(uid);
    if (i % 3 == 2) {
      std::shared_ptr<NodeApi::Wait> wait;
      Ask(Request(uid, /*fresh=*/true), &wait);
      api_.Cancel(wait);
    } else {
      const absl::Status status =
          i % 3 == 0 ? api_.RequestRelist(relist) : api_.RequestReinspect(reinspect);
      refused += status.code() == absl::StatusCode::kResourceExhausted ? 1 : 0;
    }
    exec_.Advance(absl::Milliseconds(1));
  }
  EXPECT_THAT(node_.requests(), SizeIs(::testing::Le(5u + 3 * 5)));
  EXPECT_GT(refused, 1900);
}

TEST_F(NodeApiTest, AFreshOneThatHurriesNothingIsAnsweredByTheRelistThatIsDue) {
  Observe();
  EXPECT_FALSE(Ask(Request("u1", /*fresh=*/true))->has_value());
  exec_.Advance(absl::Milliseconds(1));
  const auto second = Ask(Request("u1", /*fresh=*/true));
  EXPECT_THAT(node_.requests(), ElementsAre("relist u1"));
  exec_.Advance(absl::Milliseconds(1));
  node_.pods.UpdateTime(exec_.clock().Now());
  exec_.Settle();
  EXPECT_TRUE(second->has_value() && (*second)->ok());
}

TEST_F(NodeApiTest, AsJsonEveryFieldWithoutPresenceIsPrinted) {
  const std::string json = MessageJson(api_.GetRelists({}));
  EXPECT_THAT(json, HasSubstr("\"relists\":[]"));
  EXPECT_EQ(json.find("listing_for_seconds"), std::string::npos);
  EXPECT_EQ(json.back(), '\n');
}

}  // namespace
}  // namespace api
