// Who asks, as the gRPC server sees it.

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "api/grpc_server.h"
#include "gtest/gtest.h"
#include "node/testing/fake_node_view.h"
#include "pleg/testing/sim_executor.h"
#include "plegd/v1/service.grpc.pb.h"

namespace api {
namespace {

TEST(GrpcUsersTest, RootIsKnownByItsConnection) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  std::string directory = ::testing::TempDir() + "/grpc-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string path = directory + "/plegd.sock";
  pleg::testing::SimExecutor exec;
  node::testing::FakeNodeView node(exec, exec.clock());
  for (int i = 0; i <= RequestLimiter::kPerSecond; ++i) {
    node.Observe(absl::StrCat("p", i), "default", "web");
  }
  NodeApi api(node, exec.clock());
  auto server =
      GrpcServer::Start({.address = {.is_unix = true, .host = "", .port = 0, .path = path}}, api);
  ASSERT_TRUE(server.ok()) << server.status();

  plegd::v1::RequestRelistRequest request;
  for (int i = 0; i < RequestLimiter::kPerSecond; ++i) {
    request.set_uid(absl::StrCat("p", i));
    EXPECT_TRUE(api.RequestRelist(request, uid_t{1000}).ok());
  }
  request.set_uid(absl::StrCat("p", RequestLimiter::kPerSecond));
  EXPECT_FALSE(api.RequestRelist(request, uid_t{1000}).ok());

  const auto stub = plegd::v1::Plegd::NewStub(
      grpc::CreateChannel("unix:" + path, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  plegd::v1::RequestRelistResponse response;
  const grpc::Status status = stub->RequestRelist(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  server->reset();
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace api
