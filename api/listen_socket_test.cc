#include "api/listen_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <barrier>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "api/testing/failing_call.h"
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
  // Has its file, and does not listen.
  int BoundSocket() const {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, path_.c_str(), sizeof(name.sun_path) - 1);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
    return fd;
  }

  std::string directory_;
  std::string path_;
};

TEST_F(ListenSocketTest, LeavesNoFileBehindIfItCannotListen) {
  for (const int call : {__NR_listen, __NR_chmod}) {
    testing::WhereItFails(call, ENOBUFS, [this] {
      EXPECT_EQ(Listen(Unix()).status().code(), absl::ErrnoToStatus(ENOBUFS, "").code());
    });
    EXPECT_FALSE(std::filesystem::exists(path_)) << call;
  }
}

TEST_F(ListenSocketTest, ReplacesASocketNobodyListensTo) {
  close(BoundSocket());  // as a killed process leaves it
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
              HasSubstr(absl::StrCat("cannot listen on unix://", path_, ": another process (pid ",
                                     getpid(), ") serves there: it holds ", path_, ".lock")));
  EXPECT_TRUE(testing::RawClient(Unix()).connected());
}

TEST_F(ListenSocketTest, LeavesASocketAloneWhoseListenerHoldsNoLock) {
  const int fd = BoundSocket();
  ASSERT_EQ(listen(fd, 1), 0);
  EXPECT_THAT(std::string(Listen(Unix()).status().message()),
              HasSubstr(absl::StrCat("another process (pid ", getpid(), ") listens there")));
  close(fd);
}

TEST_F(ListenSocketTest, OfManyThatBeginAtOnceExactlyOneServes) {
  constexpr int kStarts = 4;
  for (int round = 0; round < 200; ++round) {
    // What a killed process leaves: each of them would replace it.
    close(BoundSocket());
    std::barrier together(kStarts);
    std::array<absl::StatusOr<std::vector<ListenSocket>>, kStarts> results;
    {
      std::vector<std::jthread> starts;
      starts.reserve(kStarts);
      for (auto& result : results) {
        starts.emplace_back([this, &together, &result] {
          together.arrive_and_wait();
          result = Listen(Unix());
        });
      }
    }
    EXPECT_EQ(std::count_if(results.begin(), results.end(), [](auto& r) { return r.ok(); }), 1);
    EXPECT_TRUE(testing::RawClient(Unix()).connected()) << "the one that serves has lost its file";
  }
}

TEST_F(ListenSocketTest, TheLockOutlivesACrashAsLittleAsItsHolder) {
  const pid_t crashed = fork();
  if (crashed == 0) {
    const auto sockets = Listen(Unix());
    kill(getpid(), SIGKILL);
  }
  ASSERT_EQ(waitpid(crashed, nullptr, 0), crashed);
  ASSERT_TRUE(std::filesystem::exists(path_ + ".lock"));
  auto sockets = Listen(Unix());
  EXPECT_TRUE(sockets.ok()) << sockets.status();
  sockets->clear();
  EXPECT_TRUE(std::filesystem::is_empty(directory_)) << "socket or lock is left behind";
}

TEST_F(ListenSocketTest, LocksThroughNoSymlink) {
  std::ofstream(directory_ + "/precious") << "precious";
  std::filesystem::create_symlink(directory_ + "/precious", path_ + ".lock");
  EXPECT_FALSE(Listen(Unix()).ok());
  EXPECT_EQ(std::filesystem::file_size(directory_ + "/precious"), 8u);
}

TEST_F(ListenSocketTest, LocksNoFileThatIsNotOfItsOwn) {
  const std::string precious = directory_ + "/precious";
  const std::string lock = path_ + ".lock";
  std::ofstream(precious) << "precious";
  std::filesystem::create_hard_link(precious, lock);
  EXPECT_FALSE(Listen(Unix()).ok());
  EXPECT_EQ(std::filesystem::file_size(precious), 8U);
  std::filesystem::remove(lock);
  if (geteuid() != 0) return;
  std::ofstream{lock}.close();
  ASSERT_EQ(chown(lock.c_str(), 65532, 65532), 0);
  EXPECT_THAT(std::string(Listen(Unix()).status().message()),
              HasSubstr(lock + ": it belongs to user 65532"));
  EXPECT_EQ(std::filesystem::file_size(lock), 0U);
}

TEST_F(ListenSocketTest, AdoptsASocketThatOwnerAndGroupMayConnectTo) {
  const int fd = BoundSocket();
  ASSERT_EQ(listen(fd, 1), 0);
  ASSERT_EQ(chmod(path_.c_str(), 0660), 0);
  const auto adopted = AdoptListenSocket(fd);
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  EXPECT_EQ(adopted->address().path, path_);
}

TEST_F(ListenSocketTest, AdoptsNoSocketThatEverybodyMayConnectTo) {
  const auto expect_refused = [](int fd, const std::string& why) {
    const auto adopted = AdoptListenSocket(fd);
    EXPECT_EQ(adopted.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(
        std::string(adopted.status().message()),
        ::testing::AllOf(HasSubstr(absl::StrCat("inherited descriptor ", fd)), HasSubstr(why)));
    EXPECT_EQ(fcntl(fd, F_GETFD), -1) << "left open";
  };
  const int abstract = socket(AF_UNIX, SOCK_STREAM, 0);
  const sa_family_t autobind = AF_UNIX;
  ASSERT_EQ(bind(abstract, reinterpret_cast<const sockaddr*>(&autobind), sizeof(autobind)), 0);
  expect_refused(abstract, "abstract");
  expect_refused(socket(AF_UNIX, SOCK_STREAM, 0), "has no name");

  int fd = BoundSocket();
  ASSERT_EQ(chmod(path_.c_str(), 0666), 0);
  expect_refused(fd, path_ + " has mode 0666");

  std::filesystem::remove(path_);
  fd = BoundSocket();
  std::filesystem::remove(path_);
  expect_refused(dup(fd), "No such file");
  std::ofstream(path_) << "";
  expect_refused(fd, path_ + " is no socket");

  std::filesystem::remove(path_);
  fd = BoundSocket();
  if (chown(path_.c_str(), 12345, 0) != 0) GTEST_SKIP() << "only root may give a file away";
  expect_refused(fd, path_ + " belongs to user 12345");
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
