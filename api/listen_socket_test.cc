#include "api/listen_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "api/testing/raw_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace api {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class ListenSocketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "/listen-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    path_ = directory_ + "/plegd.sock";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  ListenAddress Unix() const { return {true, "", 0, path_}; }

  std::string directory_;
  std::string path_;
};

TEST_F(ListenSocketTest, ReplacesASocketNobodyListensTo) {
  // What a killed process leaves: a bound file without a listener.
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, path_.c_str(), sizeof(name.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  close(fd);
  ASSERT_TRUE(std::filesystem::exists(path_));
  const auto sockets = Listen(Unix());
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_TRUE(testing::RawClient(Unix()).connected());
}

TEST_F(ListenSocketTest, LeavesALiveSocketAlone) {
  const auto first = Listen(Unix());
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Listen(Unix());
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr(absl::StrCat("cannot listen on unix://", path_,
                                     ": another process listens there")));
  EXPECT_TRUE(testing::RawClient(Unix()).connected());
}

TEST_F(ListenSocketTest, LeavesAnOrdinaryFileAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_THAT(std::string(Listen(Unix()).status().message()), HasSubstr("no socket"));
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(ListenSocketTest, RemovesOnlyItsOwnFile) {
  auto sockets = Listen(Unix());
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  std::filesystem::remove(path_);
  std::ofstream(path_) << "somebody else's";
  sockets->clear();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ListenSocketTest, SaysThatTheDirectoryIsMissing) {
  ListenAddress address = Unix();
  address.path = directory_ + "/missing/plegd.sock";
  const auto sockets = Listen(address);
  EXPECT_THAT(std::string(sockets.status().message()),
              ::testing::AllOf(HasSubstr(address.path), HasSubstr("No such file")));
}

TEST_F(ListenSocketTest, SaysThatANameIsUnknown) {
  const auto sockets = Listen({false, "no-such-host.invalid", 1, ""});
  EXPECT_THAT(std::string(sockets.status().message()),
              HasSubstr("cannot listen on no-such-host.invalid:1: "));
}

TEST_F(ListenSocketTest, IsNotInherited) {
  const auto sockets = Listen({false, "127.0.0.1", 0, ""});
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  ASSERT_THAT(*sockets, SizeIs(1));
  EXPECT_TRUE(fcntl(sockets->at(0).fd(), F_GETFD) & FD_CLOEXEC);
}

TEST_F(ListenSocketTest, AnEmptyHostIsEveryAddress) {
  const auto sockets = Listen({false, "", 0, ""});
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_THAT(*sockets, SizeIs(::testing::Ge(1u)));
  EXPECT_TRUE(
      testing::RawClient({false, "127.0.0.1", sockets->at(0).address().port, ""}).connected() ||
      testing::RawClient({false, "::1", sockets->at(0).address().port, ""}).connected());
}

}  // namespace
}  // namespace api
