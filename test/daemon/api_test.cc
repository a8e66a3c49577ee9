// The API as its users see it: gRPC and JSON of the daemon against cri-sim, while calls hang, and
// under clients that are too many or bad.

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "plegd/v1/service.grpc.pb.h"
#include "test/process/plegd_process.h"
#include "test/process/sim_node.h"
#include "test/process/status_testing.h"
#include "test/process/subprocess.h"

namespace {

using ::plegd_testing::PlegdOptions;
using ::plegd_testing::PlegdProcess;
using ::plegd_testing::SimNode;
using ::plegd_testing::WaitUntil;
using ::testing::HasSubstr;

// How far a countdown may be off: what passes between two looks, and a relist period.
constexpr double kTolerance = 3;

class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(node_.Serve()); }

  void Start(std::vector<std::string> flags = {}) {
    flags.push_back(absl::StrCat("--api.socket=", socket()));
    auto plegd = PlegdProcess::Start(node_.endpoint(), node_.dir(), {.flags = std::move(flags)});
    ASSERT_OK(plegd);
    plegd_ = *std::move(plegd);
    stub_ = Client();
    EXPECT_TRUE(WaitUntil([&] { return Node().counts().pods() == node_.pods().size(); }));
    EXPECT_TRUE(WaitUntil([&] { return Node().counts().pods_pending() == 0; }));
  }
  std::string socket() const { return node_.dir() + "/api.sock"; }
  std::unique_ptr<plegd::v1::Plegd::Stub> Client() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return plegd::v1::Plegd::NewStub(grpc::CreateCustomChannel(
        "unix:" + socket(), grpc::InsecureChannelCredentials(), arguments));
  }
  template <typename Reply, typename Method, typename Request>
  Reply Call(Method method, const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    context.set_wait_for_ready(true);
    Reply reply;
    const grpc::Status status = ((*stub_).*method)(&context, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  }
  plegd::v1::Node Node() {
    return Call<plegd::v1::Node>(&plegd::v1::Plegd::Stub::GetNode, plegd::v1::GetNodeRequest());
  }
  plegd::v1::Calls Calls() {
    return Call<plegd::v1::Calls>(&plegd::v1::Plegd::Stub::GetCalls, plegd::v1::GetCallsRequest());
  }
  // The longest silence about a target of the method; with an age of -1 if there is none.
  plegd::v1::UnansweredTarget Silence(absl::string_view method) {
    plegd::v1::UnansweredTarget none;
    none.set_age_seconds(-1);
    const plegd::v1::Calls calls = Calls();
    for (const auto& row : calls.unanswered()) {
      if (row.method() == method) return row;
    }
    return none;
  }
  void HangLists() {
    node_.Break("ListContainers hang");
    node_.Break("StreamContainers hang");
  }
  double Metric(const std::string& series) { return plegd_->Metric(series).value_or(-1); }

  SimNode node_{{.pods = 5}};
  std::unique_ptr<PlegdProcess> plegd_;
  std::unique_ptr<plegd::v1::Plegd::Stub> stub_;
};

TEST_F(ApiTest, AQuietNode) {
  Start();
  const plegd::v1::Node node = Node();
  EXPECT_EQ(node.runtime_endpoint(), node_.endpoint());
  EXPECT_FALSE(node.runtime_name().empty());
  ASSERT_EQ(node.twins_size(), 2);
  for (const auto& twin : node.twins()) {
    EXPECT_TRUE(twin.healthy()) << twin.condition();
    EXPECT_FALSE(twin.has_seconds_to_not_ready());
    EXPECT_LT(twin.restart_cost_seconds(), 5);
  }
  ASSERT_EQ(node.list_sizes_size(), 2);
  EXPECT_GT(node.list_sizes(0).bytes(), 0u);
  ASSERT_TRUE(plegd_->WaitForTwoRelists());
  const auto relists =
      Call<plegd::v1::Relists>(&plegd::v1::Plegd::Stub::GetRelists, plegd::v1::GetRelistsRequest());
  ASSERT_GE(relists.relists_size(), 2);
  const auto& last = relists.relists(relists.relists_size() - 1);
  EXPECT_EQ(last.sandboxes(), 5u);
  EXPECT_GT(last.list_containers_bytes(), last.list_sandboxes_bytes() / 10);
  EXPECT_GT(last.list_sandboxes_seconds(), 0);
  bool listed = false;
  const plegd::v1::Calls calls = Calls();
  for (const auto& method : calls.methods()) {
    listed |=
        method.method() == "ListContainers" && method.ended() > 0 && method.slowest_size() > 0;
  }
  EXPECT_TRUE(listed);
  EXPECT_EQ(Metric("pleg_kubelet_twin_healthy{generation=\"<=1.31\"}"), 1);
  EXPECT_THAT(plegd_->Get("/metrics")->body,
              HasSubstr("pleg_kubelet_twin_seconds_to_not_ready{generation=\">=1.32\"} +Inf\n"));
}

TEST_F(ApiTest, AHungStatusOfAPodThatChanges) {
  Start();
  const sim::PodInfo pod = node_.pod(2);
  const pleg::ContainerId container = pod.containers.back().id;
  node_.Break(absl::StrCat("ContainerStatus --id ", container.value(), " hang"));
  const absl::Time hung = absl::Now();
  ASSERT_OK(node_.runtime().Exit(container, sim::ExitSpec()));
  ASSERT_TRUE(WaitUntil([&] { return Silence("ContainerStatus").age_seconds() > 1; }));
  const plegd::v1::UnansweredTarget row = Silence("ContainerStatus");
  EXPECT_EQ(row.target().id(), container.value());
  EXPECT_EQ(row.target().pod_uid(), pod.uid.value());
  EXPECT_EQ(row.target().pod_namespace(), pod.namespace_name);
  EXPECT_EQ(row.target().pod_name(), pod.name);
  EXPECT_EQ(row.target().container(), pod.containers.back().name);
  EXPECT_TRUE(row.has_hanging_seconds());
  ASSERT_TRUE(WaitUntil([&] { return Node().twins(1).silent(); }));
  const plegd::v1::Node node = Node();
  const double elapsed = absl::ToDoubleSeconds(absl::Now() - hung);
  const plegd::v1::KubeletTwin& old = node.twins(0);
  EXPECT_TRUE(old.healthy());
  EXPECT_NEAR(old.seconds_to_not_ready(), 302 - elapsed, kTolerance);
  EXPECT_NEAR(old.flapping_period_seconds(), 241, 1);
  EXPECT_NEAR(old.flapping_unhealthy_seconds(), 61, 1);
  const plegd::v1::KubeletTwin& newest = node.twins(1);
  EXPECT_FALSE(newest.has_seconds_to_not_ready());
  EXPECT_NEAR(newest.event_lag_best_seconds(), 120, 1);
  EXPECT_NEAR(Metric("pleg_kubelet_twin_event_lag_seconds{generation=\">=1.32\"}"), 120, 1);
  EXPECT_EQ(Metric("pleg_unanswered_targets{method=\"ContainerStatus\"}"), 1);
  EXPECT_NEAR(Metric("pleg_predicted_status_phase_seconds"), 120, 1);
  EXPECT_TRUE(plegd_->Get("/healthz")->code == 200);
  node_.Mend();
  EXPECT_TRUE(WaitUntil([&] {
    return !Node().twins(0).has_seconds_to_not_ready() &&
           Silence("ContainerStatus").age_seconds() < 0;
  }));
}

TEST_F(ApiTest, AHungListCountsDownFromTheFirstSeconds) {
  Start();
  HangLists();
  const absl::Time hung = absl::Now();
  ASSERT_TRUE(WaitUntil([&] { return Node().twins(0).has_seconds_to_not_ready(); }));
  const double elapsed = absl::ToDoubleSeconds(absl::Now() - hung);
  EXPECT_LT(elapsed, 10);
  const plegd::v1::Node node = Node();
  for (const auto& twin : node.twins()) {
    EXPECT_TRUE(twin.healthy());
    EXPECT_TRUE(twin.lasting());
    EXPECT_NEAR(twin.seconds_to_not_ready(), 180 - elapsed, kTolerance);
    EXPECT_FALSE(twin.has_event_lag_best_seconds());
    EXPECT_EQ(twin.stage(), "listing");
  }
  const double first = Metric("pleg_kubelet_twin_seconds_to_not_ready{generation=\"<=1.31\"}");
  ASSERT_TRUE(WaitUntil([&] {
    return Metric("pleg_kubelet_twin_seconds_to_not_ready{generation=\"<=1.31\"}") < first - 1;
  }));
  EXPECT_EQ(Metric("pleg_unanswered_targets{method=\"ListContainers\"}"), 1);
}

// The status of a container that does not change hangs: only the sweep finds it.
TEST_F(ApiTest, ALatentHangShowsAsTheCostOfARestart) {
  Start();
  const pleg::ContainerId container = node_.pod(0).containers.back().id;
  node_.Break(absl::StrCat("ContainerStatus --id ", container.value(), " hang"));
  ASSERT_TRUE(WaitUntil([&] { return Node().twins(1).latent_pods() == 1; }));
  const plegd::v1::KubeletTwin twin = Node().twins(1);
  EXPECT_TRUE(twin.healthy());
  EXPECT_FALSE(twin.silent());
  EXPECT_GE(twin.restart_cost_seconds(), 120);
  EXPECT_EQ(Silence("ContainerStatus").target().pod_name(), node_.pod(0).name);
}

TEST_F(ApiTest, ARuntimeThatIsGoneIsNotReadyInHalfAMinute) {
  Start({"--kubelet.version=1.33"});
  node_.StopServing();
  // Its Status is asked for every five seconds.
  ASSERT_TRUE(WaitUntil([&] {
    const plegd::v1::Node asked = Node();
    return asked.twins(0).has_seconds_to_not_ready() && asked.twins(0).seconds_to_not_ready() <= 30;
  }));
  const plegd::v1::Node node = Node();
  ASSERT_EQ(node.twins_size(), 1);
  EXPECT_EQ(node.twins(0).generation(), ">=1.32");
}

TEST_F(ApiTest, GetPodWaitsForWhatIsNew) {
  Start();
  const sim::PodInfo pod = node_.pod(1);
  plegd::v1::GetPodRequest request;
  request.set_uid(pod.uid.value());
  const auto before = Call<plegd::v1::PodStatus>(&plegd::v1::Plegd::Stub::GetPod, request);
  ASSERT_OK(node_.runtime().Exit(pod.containers.back().id, {.code = 7}));
  request.set_fresh(true);
  const auto fresh = Call<plegd::v1::PodStatus>(&plegd::v1::Plegd::Stub::GetPod, request);
  bool exited = false;
  for (const auto& container : fresh.containers()) exited |= container.exit_code() == 7;
  EXPECT_TRUE(exited);
  request.set_fresh(false);
  request.set_newer_than(before.token());
  EXPECT_NE(Call<plegd::v1::PodStatus>(&plegd::v1::Plegd::Stub::GetPod, request).token(),
            before.token());
  // The same over HTTP.
  const std::string path = absl::StrCat("/api/v1/pods/", pod.uid.value());
  EXPECT_EQ(plegd_->Get(path + "?fresh=true")->code, 200);
  HangLists();
  const auto late = plegd_->Get(path + "?fresh=true&timeout_seconds=0.5");
  EXPECT_EQ(late->code, 504) << late->body;
  EXPECT_EQ(plegd_->Get("/api/v1/pods/nobody")->code, 404);
  EXPECT_EQ(plegd_->Get("/api/v1/pods?all=1")->code, 400);
}

TEST_F(ApiTest, AThousandClientsDoNotReachTheCore) {
  Start();
  std::atomic<int> next{0};
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 25; ++i) {
    threads.emplace_back([&] {
      while (next++ < 1000) {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
        context.set_wait_for_ready(true);
        plegd::v1::PodList pods;
        if (Client()->ListPods(&context, plegd::v1::ListPodsRequest(), &pods).ok()) ++answered;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 1000);
  EXPECT_LT(Metric("pleg_loop_lag_seconds"), 1);
  EXPECT_GE(Metric("pleg_loop_lag_seconds"), 0);
  EXPECT_LT(Metric("process_threads"), 24);  // gRPC has some that come and go
  EXPECT_EQ(plegd_->Get("/healthz")->code, 200);
}

TEST_F(ApiTest, EndsInTimeWhileClientsWait) {
  Start();
  std::vector<std::thread> clients;
  HangLists();
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back([this] {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
      plegd::v1::GetPodRequest request;
      request.set_uid(node_.pod(0).uid.value());
      request.set_fresh(true);
      request.set_timeout_seconds(30);
      plegd::v1::PodStatus pod;
      EXPECT_FALSE(Client()->GetPod(&context, request, &pod).ok());
    });
  }
  std::thread http([this] {
    (void)plegd_->Get(
        absl::StrCat("/api/v1/pods/", node_.pod(0).uid.value(), "?fresh=true&timeout_seconds=30"));
  });
  absl::SleepFor(absl::Milliseconds(300));  // most of them wait by then
  const absl::Time start = absl::Now();
  EXPECT_EQ(plegd_->Terminate().value_or(-1), 0);
  EXPECT_LT(absl::Now() - start, absl::Seconds(2));
  for (std::thread& client : clients) client.join();
  http.join();
}

TEST_F(ApiTest, ASocketThatCannotBeIsNamed) {
  for (const std::string& bad : {node_.dir() + "/none/api.sock", std::string("tcp://x")}) {
    const std::string log = node_.dir() + "/bad.log";
    auto process = plegd_testing::Subprocess::Spawn(
        {PLEGD_BINARY, "--runtime-endpoint", node_.endpoint(), "--web.listen-address",
         "127.0.0.1:0", "--api.socket", bad},
        log);
    ASSERT_OK(process);
    EXPECT_EQ(process->Wait().value_or(-1), 2);
    EXPECT_THAT(plegd_testing::ReadFile(log), HasSubstr(bad));
  }
  Start();
  const std::string log = node_.dir() + "/second.log";
  auto second = plegd_testing::Subprocess::Spawn(
      {PLEGD_BINARY, "--runtime-endpoint", node_.endpoint(), "--web.listen-address", "127.0.0.1:0",
       "--api.socket", socket()},
      log);
  ASSERT_OK(second);
  EXPECT_EQ(second->Wait().value_or(-1), 2);
  EXPECT_THAT(plegd_testing::ReadFile(log), HasSubstr("serves there: it holds"));
}

}  // namespace
