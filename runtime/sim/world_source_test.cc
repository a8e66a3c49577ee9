// A world that is served and edited.

#include "runtime/sim/world_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/sim/controller.h"
#include "runtime/sim/sim_server.h"
#include "runtime/sim/testing/raw_client.h"
#include "runtime/sim/testing/temp_dir.h"

namespace sim {
namespace {

namespace cri = ::runtime::v1;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Result = ControlReply::Result;

constexpr char kObjects[] = R"(
 "sandboxes": [{"id": "5aaa", "metadata": {"name": "web-0", "namespace": "shop", "uid": "u"}}],
 "containers": [{"id": "cccc", "pod_sandbox_id": "5aaa", "metadata": {"name": "app"},
                 "state": "running"}])";

std::string World(const std::string& rules) {
  return absl::StrCat("{\"rules\": {", rules, "},", kObjects, "}");
}

class WorldSourceTest : public testing::Test {
 protected:
  void Write(const std::string& text) { std::ofstream(path()) << text; }
  std::string path() const { return dir_.File("node.json"); }

  void Open() {
    auto source = WorldSource::Open(path(), {.origin = absl::Now()});
    ASSERT_TRUE(source.ok()) << source.status();
    source_ = *std::move(source);
  }
  void Serve() {
    Open();
    auto server =
        SimServer::Start({.socket_path = dir_.File("cri.sock"), .service = {.world = source_}},
                         std::make_shared<SimRuntime>(RuntimeOptions{}));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    controller_ = std::make_unique<Controller>(server_.get());
    client_ = std::make_unique<RawClient>(server_->target());
  }
  ControlReply Ctl(const std::string& command) { return controller_->Execute(command); }
  grpc::Status StatusOf(const std::string& id) {
    cri::ContainerStatusRequest request;
    request.set_container_id(id);
    return client_->Call("ContainerStatus", request.SerializeAsString()).status;
  }

  const TempDir dir_;
  std::shared_ptr<WorldSource> source_;
  std::unique_ptr<SimServer> server_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<RawClient> client_;
};

TEST_F(WorldSourceTest, ServesWhatStandsThere) {
  Write(World(R"("Status": {"error": {"code": 2, "message": "the network could not be asked"}})"));
  Serve();
  cri::ListPodSandboxResponse pods;
  ASSERT_TRUE(pods.ParseFromString(client_->Call("ListPodSandbox", "").messages.at(0)));
  ASSERT_EQ(pods.items_size(), 1);
  EXPECT_EQ(pods.items(0).metadata().uid(), "u");
  cri::ListContainersRequest filtered;
  (*filtered.mutable_filter()->mutable_label_selector())["io.kubernetes.pod.uid"] = "u";
  cri::ListContainersResponse containers;
  ASSERT_TRUE(containers.ParseFromString(
      client_->Call("ListContainers", filtered.SerializeAsString()).messages.at(0)));
  ASSERT_EQ(containers.containers_size(), 1);
  (*filtered.mutable_filter()->mutable_label_selector())["io.kubernetes.pod.uid"] = "v";
  ASSERT_TRUE(containers.ParseFromString(
      client_->Call("ListContainers", filtered.SerializeAsString()).messages.at(0)));
  EXPECT_EQ(containers.containers_size(), 0);
  EXPECT_TRUE(StatusOf("cccc").ok());
  EXPECT_EQ(StatusOf("zzzz").error_code(), grpc::StatusCode::NOT_FOUND);
  const grpc::Status status = client_->Call("Status", "").status;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNKNOWN);
  EXPECT_EQ(status.error_message(), "the network could not be asked");
  cri::VersionResponse version;
  ASSERT_TRUE(version.ParseFromString(client_->Call("Version", "").messages.at(0)));
  EXPECT_EQ(version.runtime_name(), "containerd");
}

TEST_F(WorldSourceTest, AnEditBreaksTheNodeAndHealsIt) {
  Write(World(""));
  Serve();
  EXPECT_TRUE(StatusOf("cccc").ok());
  Write(World(R"("ContainerStatus": {"hang": true})"));
  EXPECT_FALSE(*source_->Poll());  // It may be half written.
  ASSERT_TRUE(*source_->Poll());
  server_->ApplyWorldRules();
  cri::ContainerStatusRequest request;
  request.set_container_id("cccc");
  std::unique_ptr<RawCall> hung =
      client_->Start("ContainerStatus", request.SerializeAsString(), absl::Seconds(60));
  ASSERT_TRUE(server_->AwaitHung(Rpc::kContainerStatus, 1, absl::Seconds(30)));
  // A rule that stays goes on holding what it holds.
  Write(World(R"("ContainerStatus": {"hang": true}, "Version": {"latency_ms": 1})"));
  EXPECT_EQ(Ctl("world read").result, Result::kOk);
  EXPECT_TRUE(server_->AwaitHung(Rpc::kContainerStatus, 1, absl::Seconds(30)));
  Write(World(""));
  EXPECT_THAT(Ctl("world read").text, HasSubstr("1 sandbox, 1 container and 0 rules"));
  EXPECT_TRUE(hung->Drain().status.ok());
  EXPECT_FALSE(*source_->Poll());
}

TEST_F(WorldSourceTest, AMistakeIsReportedOnceAndTheLastGoodWorldStays) {
  Write(World(R"("Version": {"error": {"code": 14}})"));
  Serve();
  Write("{\n\"rules\": oops}");
  EXPECT_TRUE(source_->Poll().ok());
  EXPECT_THAT(std::string(source_->Poll().status().message()),
              StartsWith(absl::StrCat(path(), ":2: no JSON")));
  EXPECT_TRUE(source_->Poll().ok());
  EXPECT_TRUE(source_->Poll().ok());
  EXPECT_EQ(client_->Call("Version", "").status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(StatusOf("cccc").ok());
  EXPECT_THAT(Ctl("world").text, HasSubstr("refused since: "));
  EXPECT_EQ(Ctl("world read").result, Result::kUsage);
  std::filesystem::remove(path());
  EXPECT_EQ(Ctl("world read").result, Result::kFailed);
  EXPECT_TRUE(StatusOf("cccc").ok());
  Write(World(""));
  EXPECT_EQ(Ctl("world read").result, Result::kOk);
  EXPECT_EQ(Ctl("world").text, absl::StrCat(path(), ": 1 sandbox, 1 container and 0 rules\n"));
}

TEST_F(WorldSourceTest, FaultsOfTheControlSocketGoOnTop) {
  Write(World(R"("ContainerStatus": {"error": {"code": 1, "message": "given up"}})"));
  Serve();
  EXPECT_EQ(Ctl("fault add ContainerStatus --id shop/web-0/app error=INTERNAL:worse").result,
            Result::kOk);
  EXPECT_EQ(StatusOf("cccc").error_message(), "worse");
  const std::string list = Ctl("fault list").text;
  EXPECT_THAT(list, HasSubstr("error=INTERNAL:worse hits=1\n"));
  EXPECT_THAT(list, HasSubstr("error=CANCELLED:given up hits=0 rule\n"));
  Ctl("fault clear");
  EXPECT_EQ(StatusOf("cccc").error_message(), "given up");
  // What is an item of a list can be bent there.
  Ctl("fault add ListContainers malformed=unknown-enum");
  cri::ListContainersResponse containers;
  ASSERT_TRUE(containers.ParseFromString(client_->Call("ListContainers", "").messages.at(0)));
  EXPECT_EQ(containers.containers(0).state(), 99);
  const ControlReply refused = Ctl("exit shop/web-0/app");
  EXPECT_EQ(refused.result, Result::kFailed);
  EXPECT_THAT(refused.text, HasSubstr(path()));
  EXPECT_EQ(Ctl("id shop/web-0").text, "5aaa\n");
  EXPECT_THAT(Ctl("list").text, HasSubstr("\"name\":\"web-0\""));
  EXPECT_THAT(Ctl("dump").text, HasSubstr("\"id\":\"cccc\""));
  EXPECT_THAT(Ctl("stats").text, HasSubstr("\"containers\":1"));
}

TEST_F(WorldSourceTest, AShareOfTheCallsIsHitEvenly) {
  Write(World(R"("Version": {"share": 0.25, "error": {"code": 14}})"));
  Serve();
  std::string outcomes;
  for (int i = 0; i < 8; ++i) outcomes += client_->Call("Version", "").status.ok() ? '.' : 'x';
  EXPECT_EQ(outcomes, "...x...x");
}

TEST_F(WorldSourceTest, ADirectoryIsReadAgainWhenAFileComes) {
  std::ofstream(dir_.File("pods.json")) << R"({"items": [{"id": "5aaa"}]})";
  std::ofstream(dir_.File(".hidden")) << "nothing";
  auto source = WorldSource::Open(dir_.File(""), {.origin = absl::Now()});
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(Describe(*(*source)->Current()), "1 sandbox, 0 containers and 0 rules");
  EXPECT_EQ((*source)->Current()->runtime_version, "unknown");
  EXPECT_FALSE(*(*source)->Poll());
  std::ofstream(dir_.File("ps.json")) << R"({"containers": [{"id": "cccc"}]})";
  EXPECT_FALSE(*(*source)->Poll());
  EXPECT_TRUE(*(*source)->Poll());
  EXPECT_EQ(Describe(*(*source)->Current()), "1 sandbox, 1 container and 0 rules");
  std::ofstream(dir_.File("notes.txt")) << "it hung";
  (void)(*source)->Poll();
  EXPECT_THAT((*source)->Poll().status().message(), HasSubstr("notes.txt:1: no JSON"));
}

TEST_F(WorldSourceTest, WhatCannotBeReadIsNamed) {
  const auto missing = WorldSource::Open(dir_.File("none.json"), {.origin = absl::Now()});
  EXPECT_THAT(missing.status().message(), HasSubstr("none.json"));
  std::filesystem::create_directory(dir_.File("empty"));
  const auto empty = WorldSource::Open(dir_.File("empty"), {.origin = absl::Now()});
  EXPECT_THAT(empty.status().message(), HasSubstr("empty"));
}

}  // namespace
}  // namespace sim
