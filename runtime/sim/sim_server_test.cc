#include "runtime/sim/sim_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/sim/testing/raw_client.h"
#include "runtime/sim/testing/temp_dir.h"
#include "runtime/v1/api.pb.h"

namespace sim {
namespace {

namespace cri = ::runtime::v1;
using ::testing::SizeIs;

constexpr absl::Duration kPatience = absl::Seconds(30);

class SimServerTest : public ::testing::Test {
 protected:
  void Start(ServerOptions options = {}, RuntimeOptions runtime = {.pods = 3}) {
    runtime_ = std::make_shared<SimRuntime>(runtime);
    options.socket_path = dir_.File("cri.sock");
    auto server = SimServer::Start(options, runtime_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    client_ = std::make_unique<RawClient>(server_->target());
  }

  template <typename Response>
  Response Call(const std::string& method, const google::protobuf::Message& request) {
    Response response;
    const RawReply reply = client_->Call(method, request.SerializeAsString());
    EXPECT_TRUE(reply.status.ok()) << method << ": " << reply.status.error_message();
    EXPECT_EQ(reply.messages.size(), 1u);
    EXPECT_TRUE(!reply.messages.empty() && response.ParseFromString(reply.messages[0]));
    return response;
  }

  TempDir dir_;
  std::shared_ptr<SimRuntime> runtime_;
  std::unique_ptr<SimServer> server_;
  std::unique_ptr<RawClient> client_;
};

TEST_F(SimServerTest, AnswersTheHandshake) {
  Start({.service = {.runtime_name = "containerd"}});
  const auto version = Call<cri::VersionResponse>("Version", cri::VersionRequest());
  EXPECT_EQ(version.version(), "0.1.0");
  EXPECT_EQ(version.runtime_name(), "containerd");
  EXPECT_EQ(version.runtime_api_version(), "v1");
  EXPECT_NE(version.runtime_version(), "");
  const auto status = Call<cri::StatusResponse>("Status", cri::StatusRequest());
  ASSERT_EQ(status.status().conditions_size(), 2);
  EXPECT_EQ(status.status().conditions(0).type(), "RuntimeReady");
  EXPECT_TRUE(status.status().conditions(1).status());
  const auto config =
      Call<cri::RuntimeConfigResponse>("RuntimeConfig", cri::RuntimeConfigRequest());
  EXPECT_EQ(config.linux().cgroup_driver(), cri::SYSTEMD);
}

TEST_F(SimServerTest, ListsAndStatuses) {
  Start();
  const auto sandboxes =
      Call<cri::ListPodSandboxResponse>("ListPodSandbox", cri::ListPodSandboxRequest());
  EXPECT_EQ(sandboxes.items_size(), 3);
  const auto containers =
      Call<cri::ListContainersResponse>("ListContainers", cri::ListContainersRequest());
  ASSERT_EQ(containers.containers_size(), 6);
  cri::ContainerStatusRequest request;
  request.set_container_id(containers.containers(0).id());
  const auto status = Call<cri::ContainerStatusResponse>("ContainerStatus", request);
  EXPECT_EQ(status.status().id(), request.container_id());
  EXPECT_TRUE(status.info().empty());
  request.set_verbose(true);
  EXPECT_FALSE(Call<cri::ContainerStatusResponse>("ContainerStatus", request).info().empty());
  EXPECT_EQ(server_->Stats().of(Rpc::kContainerStatus).verbose, 1u);
  cri::PodSandboxStatusRequest sandbox;
  sandbox.set_pod_sandbox_id(sandboxes.items(0).id());
  const auto reply = Call<cri::PodSandboxStatusResponse>("PodSandboxStatus", sandbox);
  EXPECT_EQ(reply.status().metadata().uid(), sandboxes.items(0).metadata().uid());
  EXPECT_EQ(reply.containers_statuses_size(), 0);
}

TEST_F(SimServerTest, StatusesWithTheSandboxAsCriOWithEvents) {
  Start({.service = {.runtime_name = "cri-o", .statuses_with_sandbox = true}});
  cri::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(runtime_->Pods()[0].sandboxes[0].id.value());
  const auto reply = Call<cri::PodSandboxStatusResponse>("PodSandboxStatus", request);
  EXPECT_EQ(reply.containers_statuses_size(), 2);
  EXPECT_GT(reply.timestamp(), 0);
}

TEST_F(SimServerTest, ErrorsOfTheProtocol) {
  Start({.service = {.list_streaming = false}});
  EXPECT_EQ(client_->Call("ContainerStatus", "\x0a\x03xyz").status.error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(client_->Call("PodSandboxStatus", "").status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(client_->Call("ListContainers", "\x0a\xff").status.error_code(),
            grpc::StatusCode::INTERNAL);
  EXPECT_EQ(client_->Call("RunPodSandbox", "").status.error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(client_->Call("StreamContainers", "").status.error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(client_->Call("/runtime.v1alpha2.RuntimeService/Version", "").status.error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(server_->Stats().refused, 4u);
}

TEST_F(SimServerTest, StreamsListsInChunks) {
  for (const size_t chunk : {size_t{1}, size_t{7}, size_t{100}}) {
    server_.reset();
    Start({.service = {.stream_chunk = chunk}}, {.pods = 100});
    const RawReply reply = client_->Call("StreamContainers", "");
    ASSERT_TRUE(reply.status.ok());
    EXPECT_GE(reply.messages.size(), 200 / chunk);
    std::set<std::string> ids;
    for (const std::string& message : reply.messages) {
      cri::StreamContainersResponse part;
      ASSERT_TRUE(part.ParseFromString(message));
      EXPECT_GE(part.containers_size(), 1);
      EXPECT_LE(static_cast<size_t>(part.containers_size()), chunk);
      for (const auto& container : part.containers()) ids.insert(container.id());
    }
    EXPECT_THAT(ids, SizeIs(200));
    EXPECT_THAT(client_->Call("StreamPodSandboxes", "").messages,
                SizeIs((100 + chunk - 1) / chunk));
  }
}

TEST_F(SimServerTest, AnEmptyNodeListsNothing) {
  Start({}, {.pods = 0});
  EXPECT_EQ(Call<cri::ListContainersResponse>("ListContainers", cri::ListContainersRequest())
                .containers_size(),
            0);
  const RawReply reply = client_->Call("StreamContainers", "");
  EXPECT_TRUE(reply.status.ok());
  EXPECT_THAT(reply.messages, SizeIs(0));
}

TEST_F(SimServerTest, EventModes) {
  Start({.service = {.events = EventMode::kUnimplemented}});
  EXPECT_EQ(client_->Call("GetContainerEvents", "").status.error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  server_.reset();
  Start({.service = {.events = EventMode::kEndAtOnce}});
  const RawReply reply = client_->Call("GetContainerEvents", "");
  EXPECT_TRUE(reply.status.ok());
  EXPECT_THAT(reply.messages, SizeIs(0));
}

TEST_F(SimServerTest, StreamsEventsToEverySubscriber) {
  Start();
  auto first = client_->Start("GetContainerEvents", "");
  auto second = client_->Start("GetContainerEvents", "");
  ASSERT_TRUE(server_->AwaitInFlight(Rpc::kGetContainerEvents, 2, kPatience));
  // A call behind them: both have subscribed when it is answered.
  ASSERT_TRUE(client_->Call("Version", "").status.ok());
  const ContainerInfo container = runtime_->Pods()[0].containers[0];
  ASSERT_TRUE(runtime_->Exit(container.id, {.code = 9}).ok());
  ASSERT_TRUE(runtime_->RemoveContainer(container.id).ok());
  for (RawCall* call : {first.get(), second.get()}) {
    for (const auto type : {cri::CONTAINER_STOPPED_EVENT, cri::CONTAINER_DELETED_EVENT}) {
      std::string message;
      cri::ContainerEventResponse event;
      ASSERT_TRUE(call->Read(&message));
      ASSERT_TRUE(event.ParseFromString(message));
      EXPECT_EQ(event.container_id(), container.id.value());
      EXPECT_EQ(event.container_event_type(), type);
    }
  }
  first.reset();
  second.reset();
  EXPECT_TRUE(server_->AwaitInFlight(Rpc::kGetContainerEvents, 0, kPatience));
}

TEST_F(SimServerTest, MakesChurnHappen) {
  Start({}, {.pods = 3, .churn = 1000});
  auto call = client_->Start("GetContainerEvents", "");
  std::string message;
  EXPECT_TRUE(call->Read(&message));
  runtime_->SetChurn(0);
}

TEST_F(SimServerTest, HonoursTheStatusLatencyOption) {
  Start({.status_latency = absl::Hours(1)});
  cri::ContainerStatusRequest request;
  request.set_container_id(runtime_->Pods()[0].containers[0].id.value());
  auto slow = client_->Start("ContainerStatus", request.SerializeAsString());
  ASSERT_TRUE(server_->AwaitInFlight(Rpc::kContainerStatus, 1, kPatience));
  EXPECT_TRUE(client_->Call("Version", "").status.ok());
  EXPECT_TRUE(client_->Call("ListContainers", "").status.ok());
  EXPECT_EQ(server_->Stats().of(Rpc::kContainerStatus).in_flight, 1u);
  slow.reset();
  EXPECT_TRUE(server_->AwaitInFlight(Rpc::kContainerStatus, 0, kPatience));
}

TEST_F(SimServerTest, ServesTheSameNodeAgainAfterARestart) {
  Start();
  ASSERT_TRUE(client_->Call("Version", "").status.ok());
  server_->Stop();
  EXPECT_FALSE(std::filesystem::exists(dir_.File("cri.sock")));
  EXPECT_EQ(client_->Call("Version", "").status.error_code(), grpc::StatusCode::UNAVAILABLE);
  auto again = SimServer::Start({.socket_path = dir_.File("cri.sock")}, runtime_);
  ASSERT_TRUE(again.ok()) << again.status();
  RawClient client((*again)->target());
  const RawReply reply = client.Call("ListPodSandbox", "");
  cri::ListPodSandboxResponse list;
  ASSERT_TRUE(reply.status.ok() && list.ParseFromString(reply.messages[0]));
  EXPECT_EQ(list.items_size(), 3);
}

TEST_F(SimServerTest, StopsWhileCallsHangAndSleep) {
  Start();
  server_->faults().Add(*ParseFault({"Version", "hang"}));
  server_->faults().Add(*ParseFault({"Status", "latency=1h"}));
  auto hung = client_->Start("Version", "");
  auto slow = client_->Start("Status", "");
  auto events = client_->Start("GetContainerEvents", "");
  ASSERT_TRUE(server_->AwaitHung(Rpc::kVersion, 1, kPatience));
  ASSERT_TRUE(server_->AwaitInFlight(Rpc::kStatus, 1, kPatience));
  ASSERT_TRUE(server_->AwaitInFlight(Rpc::kGetContainerEvents, 1, kPatience));
  server_->Stop();
  EXPECT_FALSE(hung->Drain().status.ok());
  EXPECT_FALSE(slow->Drain().status.ok());
  EXPECT_FALSE(events->Drain().status.ok());
}

}  // namespace
}  // namespace sim
