// Each fault as a client meets it.

#include <gmock/gmock.h>
#include <google/protobuf/io/coded_stream.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "runtime/sim/sim_server.h"
#include "runtime/sim/testing/raw_client.h"
#include "runtime/sim/testing/temp_dir.h"
#include "runtime/v1/api.pb.h"

namespace sim {
namespace {

namespace cri = ::runtime::v1;
using ::testing::SizeIs;

constexpr absl::Duration kPatience = absl::Seconds(30);

class SimFaultsTest : public ::testing::Test {
 protected:
  SimFaultsTest() : runtime_(std::make_shared<SimRuntime>(RuntimeOptions{.pods = 3})) {
    auto server = SimServer::Start(
        {.socket_path = dir_.File("cri.sock"), .service = {.stream_chunk = 2}}, runtime_);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    client_ = std::make_unique<RawClient>(server_->target());
    app_ = runtime_->Pods()[0].containers[0].id;
  }

  uint64_t Add(const std::string& fault) {
    return server_->faults().Add(*ParseFault(absl::StrSplit(fault, ' ')));
  }
  RawReply Status(const pleg::ContainerId& id, absl::Duration deadline = kPatience) {
    return client_->Call("ContainerStatus", StatusRequest(id), deadline);
  }
  static std::string StatusRequest(const pleg::ContainerId& id) {
    cri::ContainerStatusRequest request;
    request.set_container_id(id.value());
    return request.SerializeAsString();
  }
  cri::ListContainersResponse List() {
    cri::ListContainersResponse list;
    const RawReply reply = client_->Call("ListContainers", "");
    EXPECT_TRUE(reply.status.ok());
    EXPECT_TRUE(list.ParseFromString(reply.messages.at(0)));
    return list;
  }
  // The container of that name in the first pod.
  const cri::Container* Find(const cri::ListContainersResponse& list, const std::string& name) {
    for (const auto& container : list.containers()) {
      if (container.pod_sandbox_id() == runtime_->Pods()[0].sandboxes[0].id.value() &&
          container.labels().at("io.kubernetes.container.name") == name) {
        return &container;
      }
    }
    return nullptr;
  }

  TempDir dir_;
  std::shared_ptr<SimRuntime> runtime_;
  std::unique_ptr<SimServer> server_;
  std::unique_ptr<RawClient> client_;
  pleg::ContainerId app_;
};

TEST_F(SimFaultsTest, ErrorCodeAndMessage) {
  Add("ListContainers error=RESOURCE_EXHAUSTED:full");
  const RawReply reply = client_->Call("ListContainers", "");
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(reply.status.error_message(), "full");
  EXPECT_TRUE(client_->Call("ListPodSandbox", "").status.ok());
  server_->faults().ClearAll();
  EXPECT_EQ(List().containers_size(), 6);
}

TEST_F(SimFaultsTest, OnlyTheNamedIdAndOnlySoOften) {
  Add("ContainerStatus --id " + app_.value() + " error=NOT_FOUND count=2");
  EXPECT_TRUE(Status(runtime_->Pods()[1].containers[0].id).status.ok());
  EXPECT_EQ(Status(app_).status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Status(app_).status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(Status(app_).status.ok());
}

TEST_F(SimFaultsTest, LatencyEndsByItselfOrWhenCleared) {
  Add("Version latency=1ms");
  EXPECT_TRUE(client_->Call("Version", "").status.ok());
  Add("Status latency=10h");
  auto slow = client_->Start("Status", "");
  ASSERT_TRUE(server_->AwaitInFlight(Rpc::kStatus, 1, kPatience));
  server_->faults().ClearAll();
  EXPECT_TRUE(slow->Drain().status.ok());
}

TEST_F(SimFaultsTest, HungCallsAreAnsweredWithTheTruthWhenTheFaultGoes) {
  const uint64_t fault = Add("ContainerStatus --id " + app_.value() + " hang");
  auto hung = client_->Start("ContainerStatus", StatusRequest(app_));
  ASSERT_TRUE(server_->AwaitHung(Rpc::kContainerStatus, 1, kPatience));
  EXPECT_TRUE(Status(runtime_->Pods()[1].containers[0].id).status.ok());
  ASSERT_TRUE(runtime_->Exit(app_, {.code = 42}).ok());
  server_->faults().Clear(fault);
  const RawReply reply = hung->Drain();
  ASSERT_TRUE(reply.status.ok());
  cri::ContainerStatusResponse status;
  ASSERT_TRUE(status.ParseFromString(reply.messages.at(0)));
  EXPECT_EQ(status.status().exit_code(), 42);
  EXPECT_EQ(server_->Stats().of(Rpc::kContainerStatus).hung, 0u);
}

TEST_F(SimFaultsTest, AHungCallMeetsTheNextFault) {
  const uint64_t first = Add("Version hang");
  Add("Version error=ABORTED");
  auto hung = client_->Start("Version", "");
  ASSERT_TRUE(server_->AwaitHung(Rpc::kVersion, 1, kPatience));
  server_->faults().Clear(first);
  EXPECT_EQ(hung->Drain().status.error_code(), grpc::StatusCode::ABORTED);
}

TEST_F(SimFaultsTest, AThousandHungCallsAndTheirCancellation) {
  Add("ContainerStatus hang");
  std::vector<std::unique_ptr<RawCall>> calls;
  for (int i = 0; i < 1000; ++i) {
    calls.push_back(client_->Start("ContainerStatus", StatusRequest(app_)));
  }
  ASSERT_TRUE(server_->AwaitHung(Rpc::kContainerStatus, 1000, kPatience));
  EXPECT_TRUE(client_->Call("Version", "").status.ok());
  for (auto& call : calls) call->Cancel();
  ASSERT_TRUE(server_->AwaitInFlight(Rpc::kContainerStatus, 0, kPatience));
  const RpcStats stats = server_->Stats().of(Rpc::kContainerStatus);
  EXPECT_EQ(stats.hung, 0u);
  EXPECT_EQ(stats.cancelled, 1000u);
}

TEST_F(SimFaultsTest, ADeadlineEndsAHungCallOnBothSides) {
  Add("* hang");
  EXPECT_EQ(client_->Call("Version", "", absl::Milliseconds(50)).status.error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(server_->AwaitInFlight(Rpc::kVersion, 0, kPatience));
}

TEST_F(SimFaultsTest, OversizedIsValidButTooLarge) {
  Add("ListContainers oversized=5MiB");
  const RawReply reply = client_->Call("ListContainers", "");
  ASSERT_TRUE(reply.status.ok());
  EXPECT_GT(reply.messages.at(0).size(), size_t{5} << 20);
  cri::ListContainersResponse list;
  ASSERT_TRUE(list.ParseFromString(reply.messages[0]));
  EXPECT_EQ(list.containers_size(), 6);
}

TEST_F(SimFaultsTest, WholeRepliesMalformed) {
  for (const char* method : {"Version", "Status", "RuntimeConfig", "ListPodSandbox",
                             "ListContainers", "StreamContainers", "StreamPodSandboxes"}) {
    for (const char* defect : {"truncated", "garbage"}) {
      const uint64_t fault = Add(std::string("* malformed=") + defect);
      const RawReply reply = client_->Call(method, "");
      ASSERT_TRUE(reply.status.ok()) << method;
      cri::VersionRequest any;  // Whatever the type, these are no fields.
      EXPECT_FALSE(any.ParseFromString(reply.messages.back())) << method << " " << defect;
      server_->faults().Clear(fault);
    }
  }
  Add("ContainerStatus malformed=empty");
  EXPECT_THAT(Status(app_).messages.at(0), SizeIs(0));
}

TEST_F(SimFaultsTest, ListItemsWithoutWhatTheyNeed) {
  uint64_t fault = Add("ListContainers --id " + app_.value() + " malformed=no-metadata");
  EXPECT_FALSE(Find(List(), "app")->has_metadata());
  EXPECT_TRUE(Find(List(), "sidecar")->has_metadata());
  server_->faults().Clear(fault);
  fault = Add("ListContainers --id " + app_.value() + " malformed=no-id");
  EXPECT_EQ(Find(List(), "app")->id(), "");
  server_->faults().Clear(fault);
  fault = Add("ListContainers --id " + app_.value() + " malformed=no-image");
  EXPECT_FALSE(Find(List(), "app")->has_image());
  server_->faults().Clear(fault);
  fault = Add("ListContainers --id " + app_.value() + " malformed=unknown-enum");
  EXPECT_EQ(static_cast<int>(Find(List(), "app")->state()), 99);
  server_->faults().Clear(fault);
  fault = Add("ListContainers --id " + app_.value() + " malformed=other-state");
  EXPECT_EQ(Find(List(), "app")->state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(Find(List(), "sidecar")->state(), cri::CONTAINER_RUNNING);
  server_->faults().Clear(fault);
  fault = Add("ListContainers --id " + app_.value() + " malformed=unknown-field");
  EXPECT_EQ(List().containers_size(), 6);
  const auto list = List();
  const cri::Container& app = *Find(list, "app");
  EXPECT_FALSE(app.GetReflection()->GetUnknownFields(app).empty());
  server_->faults().Clear(fault);
  fault = Add("ListContainers malformed=duplicate");
  EXPECT_EQ(List().containers_size(), 7);
}

TEST_F(SimFaultsTest, OneBadItemSpoilsTheListForLibprotobufAlone) {
  for (const char* defect : {"bad-utf8", "bad-item"}) {
    const uint64_t fault = Add(std::string("ListContainers malformed=") + defect);
    const RawReply reply = client_->Call("ListContainers", "");
    cri::ListContainersResponse list;
    EXPECT_FALSE(list.ParseFromString(reply.messages.at(0))) << defect;
    google::protobuf::io::CodedInputStream input(
        reinterpret_cast<const uint8_t*>(reply.messages[0].data()),
        static_cast<int>(reply.messages[0].size()));
    int items = 0, bad = 0;
    while (uint32_t tag = input.ReadTag()) {
      ASSERT_EQ(tag, 10u);
      uint32_t length = 0;
      std::string item;
      ASSERT_TRUE(input.ReadVarint32(&length) && input.ReadString(&item, static_cast<int>(length)));
      cri::Container container;
      bad += container.ParseFromString(item) ? 0 : 1;
      ++items;
    }
    EXPECT_EQ(items, 6) << defect;
    EXPECT_EQ(bad, 1) << defect;
    server_->faults().Clear(fault);
  }
}

TEST_F(SimFaultsTest, StatusesMalformed) {
  const auto parse = [&] {
    cri::ContainerStatusResponse response;
    EXPECT_TRUE(response.ParseFromString(Status(app_).messages.at(0)));
    return response.status();
  };
  for (const char* defect : {"no-id", "no-metadata", "no-image", "unknown-enum"}) {
    const uint64_t fault = Add(std::string("ContainerStatus malformed=") + defect);
    const cri::ContainerStatus status = parse();
    EXPECT_EQ(status.id().empty(), std::string(defect) == "no-id");
    EXPECT_EQ(status.has_metadata(), std::string(defect) != "no-metadata");
    EXPECT_EQ(status.has_image(), std::string(defect) != "no-image");
    EXPECT_EQ(static_cast<int>(status.state()) == 99, std::string(defect) == "unknown-enum");
    server_->faults().Clear(fault);
  }
}

TEST_F(SimFaultsTest, DropClosesTheConnectionAndTheNextOneWorks) {
  Add("ListContainers drop count=1");
  const RawReply dropped = client_->Call("ListContainers", "");
  EXPECT_EQ(dropped.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(dropped.messages, SizeIs(0));
  ASSERT_TRUE(server_->AwaitInFlight(Rpc::kListContainers, 0, kPatience));
  RawClient other(server_->target());
  EXPECT_TRUE(other.Call("ListContainers", "").status.ok());
  EXPECT_EQ(server_->Stats().accepted, 2u);
}

TEST_F(SimFaultsTest, DropTakesTheOtherCallsOfTheConnectionWithIt) {
  Add("Version hang");
  Add("Status drop");
  auto hung = client_->Start("Version", "");
  ASSERT_TRUE(server_->AwaitHung(Rpc::kVersion, 1, kPatience));
  EXPECT_EQ(client_->Call("Status", "").status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(hung->Drain().status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(server_->AwaitInFlight(Rpc::kVersion, 0, kPatience));
}

TEST_F(SimFaultsTest, MidReply) {
  uint64_t fault = Add("StreamContainers error=UNAVAILABLE:gone mid-reply");
  RawReply reply = client_->Call("StreamContainers", "");
  EXPECT_THAT(reply.messages, SizeIs(1));
  EXPECT_EQ(reply.status.error_message(), "gone");
  server_->faults().Clear(fault);

  fault = Add("StreamContainers hang mid-reply");
  auto hung = client_->Start("StreamContainers", "");
  std::string message;
  ASSERT_TRUE(hung->Read(&message));
  ASSERT_TRUE(server_->AwaitHung(Rpc::kStreamContainers, 1, kPatience));
  server_->faults().Clear(fault);
  reply = hung->Drain();
  EXPECT_TRUE(reply.status.ok());
  EXPECT_THAT(reply.messages, SizeIs(2)) << "six containers, two a message";

  Add("ListContainers drop mid-reply");
  reply = client_->Call("ListContainers", "");
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(SimFaultsTest, Convoy) {
  server_->faults().AddConvoy(app_);
  auto list = client_->Start("ListContainers", "");
  auto status = client_->Start("ContainerStatus", StatusRequest(app_));
  ASSERT_TRUE(server_->AwaitHung(Rpc::kListContainers, 1, kPatience));
  ASSERT_TRUE(server_->AwaitHung(Rpc::kContainerStatus, 1, kPatience));
  EXPECT_TRUE(client_->Call("Version", "").status.ok());
  EXPECT_TRUE(client_->Call("ListPodSandbox", "").status.ok());
  EXPECT_TRUE(Status(runtime_->Pods()[0].containers[1].id).status.ok());
  server_->faults().ClearConvoys();
  EXPECT_TRUE(list->Drain().status.ok());
  EXPECT_TRUE(status->Drain().status.ok());
}

TEST_F(SimFaultsTest, FreezeHoldsCallsAndNewConnections) {
  ASSERT_TRUE(client_->Call("Version", "").status.ok());
  server_->Freeze();
  auto hung = client_->Start("Version", "");
  ASSERT_TRUE(server_->AwaitHung(Rpc::kVersion, 1, kPatience));
  RawClient late(server_->target());
  EXPECT_FALSE(late.Call("Version", "", absl::Milliseconds(100)).status.ok());
  EXPECT_EQ(server_->Stats().accepted, 1u);
  server_->Thaw();
  EXPECT_TRUE(hung->Drain().status.ok());
  RawClient later(server_->target());
  EXPECT_TRUE(later.Call("Version", "").status.ok());
}

TEST_F(SimFaultsTest, DropConnections) {
  ASSERT_TRUE(client_->Call("Version", "").status.ok());
  Add("Version hang");
  auto hung = client_->Start("Version", "");
  ASSERT_TRUE(server_->AwaitHung(Rpc::kVersion, 1, kPatience));
  EXPECT_EQ(server_->DropConnections(), 1u);
  EXPECT_EQ(hung->Drain().status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace sim
