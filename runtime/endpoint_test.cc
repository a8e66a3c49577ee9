#include "runtime/endpoint.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/testing/temp_dir.h"

namespace runtime {
namespace {

using ::testing::HasSubstr;

TEST(ParseEndpointTest, AcceptsUnixUrlsAndBarePaths) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"unix:///run/containerd/containerd.sock", "/run/containerd/containerd.sock"},
      {"unix:/run/x.sock", "/run/x.sock"},
      {"/run/x.sock", "/run/x.sock"},
      {"/run/odd:name.sock", "/run/odd:name.sock"},
      {"unix:///run/a%20b.sock", "/run/a b.sock"},
      {"/run/a%20b.sock", "/run/a%20b.sock"},  // a path is no URL
  };
  for (const auto& [text, path] : cases) {
    const absl::StatusOr<Endpoint> endpoint = ParseEndpoint(text);
    ASSERT_TRUE(endpoint.ok()) << endpoint.status();
    EXPECT_EQ(endpoint->path(), path);
  }
}

TEST(ParseEndpointTest, RefusesAllElseAndNamesTheText) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "is empty"},
      {"tcp://127.0.0.1:1234", "only support unix socket endpoint"},
      {"http://x/y", "only support unix socket endpoint"},
      {"localhost:8080", "only support unix socket endpoint"},
      {"npipe:////./pipe/containerd", "only support unix socket endpoint"},
      {"unix-abstract:x", "only support unix socket endpoint"},
      {"UNIX:///x", "only support unix socket endpoint"},
      {"run/x.sock", "is not an absolute path"},
      {"unix:x.sock", "is not an absolute path"},
      {"unix:", "is not an absolute path"},
      {"unix://host/x.sock", "has a host"},
      {"unix:///run/%zz", "malformed % escape"},
      {"unix:///run/%2", "malformed % escape"},
      {"unix:///run/a%00b", "NUL"},
      {"unix:///run/", "names a directory"},
      {"/" + std::string(107, 'x'), "longer than 107 bytes"},
  };
  for (const auto& [text, why] : cases) {
    const absl::StatusOr<Endpoint> endpoint = ParseEndpoint(text);
    ASSERT_FALSE(endpoint.ok()) << text;
    EXPECT_EQ(endpoint.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(endpoint.status().message()), HasSubstr(why));
    EXPECT_THAT(std::string(endpoint.status().message()), HasSubstr("\"" + text + "\""));
  }
}

TEST(EndpointTest, NamesForPeopleAndForGrpc) {
  EXPECT_EQ(Endpoint("/run/a b%.sock").Url(), "unix:///run/a b%.sock");
  EXPECT_EQ(Endpoint("/run/a b%.sock").GrpcTarget(), "unix:/run/a%20b%25.sock");
  EXPECT_EQ(Endpoint("/run/x-1_2~.sock").GrpcTarget(), "unix:/run/x-1_2~.sock");
}

TEST(EndpointTest, DefaultsParseToThemselves) {
  for (const Endpoint& endpoint : DefaultEndpoints()) {
    const absl::StatusOr<Endpoint> parsed = ParseEndpoint(endpoint.Url());
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(*parsed, endpoint);
  }
  EXPECT_EQ(DefaultEndpoints().front().path(), "/run/containerd/containerd.sock");
}

class CheckSocketTest : public ::testing::Test {
 protected:
  // A bound socket; listening with `backlog` unless negative.
  int Bind(const std::string& path, int type, int backlog) {
    const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    if (backlog >= 0) {
      EXPECT_EQ(listen(fd, backlog), 0);
    }
    fds_.push_back(fd);
    return fd;
  }
  void TearDown() override {
    for (int fd : fds_) close(fd);
  }

  testing::TempDir dir_;
  std::vector<int> fds_;
};

TEST_F(CheckSocketTest, AListeningSocketIsFine) {
  Bind(dir_.File("s"), SOCK_STREAM, 5);
  EXPECT_TRUE(CheckSocket(dir_.File("s")).ok());
}

TEST_F(CheckSocketTest, SaysWhatIsWrong) {
  EXPECT_EQ(CheckSocket(dir_.File("missing")).code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(CheckSocket(dir_.File("missing")).message()),
              HasSubstr(dir_.File("missing") + ": no such socket"));
  std::ofstream(dir_.File("file")) << "x";
  EXPECT_EQ(CheckSocket(dir_.File("file")).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CheckSocket(dir_.File("file/below")).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(CheckSocket(dir_.path()).code(), absl::StatusCode::kFailedPrecondition);
  Bind(dir_.File("refuses"), SOCK_STREAM, -1);
  EXPECT_EQ(CheckSocket(dir_.File("refuses")).code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(CheckSocket(dir_.File("refuses")).message()), HasSubstr("refused"));
  Bind(dir_.File("datagram"), SOCK_DGRAM, -1);
  EXPECT_EQ(CheckSocket(dir_.File("datagram")).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(CheckSocketTest, AFullBacklogDoesNotBlock) {
  Bind(dir_.File("s"), SOCK_STREAM, 0);
  const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, dir_.File("s").data(), dir_.File("s").size());
  ASSERT_EQ(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  fds_.push_back(client);
  const absl::Status status = CheckSocket(dir_.File("s"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("does not accept"));
}

TEST_F(CheckSocketTest, PermissionDenied) {
  if (geteuid() == 0) GTEST_SKIP() << "root may use every socket";
  Bind(dir_.File("s"), SOCK_STREAM, 5);
  ASSERT_EQ(chmod(dir_.File("s").c_str(), 0), 0);
  EXPECT_EQ(CheckSocket(dir_.File("s")).code(), absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace runtime
