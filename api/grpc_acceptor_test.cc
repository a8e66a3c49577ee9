#include "api/grpc_acceptor.h"

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/testing/failing_call.h"
#include "api/testing/raw_client.h"
#include "gtest/gtest.h"

namespace api {
namespace {

using testing::RawClient;

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// What every client of HTTP/2 begins with.
std::string Beginning() { return kPreface + std::string("\0\0\0\4\0\0\0\0\0", 9); }

class GrpcAcceptorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "/accept-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    address_ = {true, "", 0, directory_ + "/plegd.sock"};
  }
  void TearDown() override {
    acceptor_.reset();
    {
      pleg::MutexLock lock(mu_);
      for (const int fd : handed_out_) close(fd);
    }
    std::filesystem::remove_all(directory_);
  }
  void Start(const GrpcAcceptor::Limits& limits) {
    auto sockets = Listen(address_);
    ASSERT_TRUE(sockets.ok()) << sockets.status();
    acceptor_.emplace(std::move(sockets->front()), limits, [this](int fd) {
      pleg::MutexLock lock(mu_);
      handed_out_.push_back(fd);
    });
    // For whoever the test becomes.
    ASSERT_EQ(chmod(directory_.c_str(), 0711), 0);
    ASSERT_EQ(chmod(address_.path.c_str(), 0666), 0);
  }
  size_t handed_out() {
    pleg::MutexLock lock(mu_);
    return handed_out_.size();
  }
  // Clients of a user that have said `text`. Another user than one's own is root's to become.
  std::vector<RawClient> Connect(uid_t uid, size_t count, const std::string& text = Beginning()) {
    std::vector<RawClient> clients;
    std::thread([&] {
      // The system call: of this thread alone.
      if (uid != geteuid()) {
        ASSERT_EQ(syscall(SYS_setresuid, uid, uid, uid), 0);
      }
      for (size_t i = 0; i < count; ++i) {
        clients.emplace_back(address_);
        clients.back().Send(text);
      }
    }).join();
    return clients;
  }
  // Blocks.
  static void WaitUntil(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::yield();
  }

  std::string directory_;
  ListenAddress address_;
  std::optional<GrpcAcceptor> acceptor_;
  pleg::Mutex mu_;
  std::vector<int> handed_out_ ABSL_GUARDED_BY(mu_);
};

TEST_F(GrpcAcceptorTest, HandsOutWhoSpeaks) {
  Start({});
  RawClient client(address_);
  // In parts, as a network may deliver it.
  for (const char byte : Beginning()) {
    EXPECT_EQ(handed_out(), 0u);
    ASSERT_TRUE(client.Send(std::string(1, byte)));
  }
  WaitUntil([&] { return handed_out() == 1; });
  // Not a byte of it was taken.
  char bytes[64];
  pleg::MutexLock lock(mu_);
  EXPECT_EQ(recv(handed_out_[0], bytes, sizeof(bytes), 0),
            static_cast<ssize_t>(Beginning().size()));
  EXPECT_EQ(acceptor_->UserOf(handed_out_[0]), geteuid());
  EXPECT_EQ(acceptor_->UserOf(-1), std::nullopt);
}

TEST_F(GrpcAcceptorTest, ClosesWhoIsSilentOrSaysSomethingElse) {
  Start({.preface = absl::Milliseconds(100)});
  for (const std::string& text : {std::string(), std::string("PRI"), std::string(kPreface)}) {
    RawClient client(address_);
    ASSERT_TRUE(client.Send(text));
    EXPECT_EQ(client.ReadAll(), "");
  }
  EXPECT_EQ(acceptor_->connections(), 0u);
  EXPECT_EQ(handed_out(), 0u);
}

TEST_F(GrpcAcceptorTest, ClosesAtOnceWhoSaysSomethingElse) {
  Start({.preface = absl::Hours(1)});
  for (const std::string& text :
       {std::string("GET / HTTP/1.1\r\n"), std::string("x"), kPreface + std::string(9, '\0')}) {
    RawClient client(address_);
    ASSERT_TRUE(client.Send(text));
    EXPECT_EQ(client.ReadAll(), "") << text;
  }
}

// The client stays in the backlog, and the listener readable.
TEST_F(GrpcAcceptorTest, DoesNotTurnWhileTheKernelIsShortOfMemory) {
  for (const int error : {ENOBUFS, ENOMEM}) {
    testing::WhereItFails(__NR_accept4, error, [this] { Start({}); });
    const std::vector<RawClient> waiting = Connect(geteuid(), 1);
    const clock_t before = clock();
    poll(nullptr, 0, 500);
    EXPECT_LT(clock() - before, CLOCKS_PER_SEC / 20) << std::strerror(error);
    acceptor_.reset();
  }
}

TEST_F(GrpcAcceptorTest, WhoHasNotSpokenMakesRoom) {
  Start({.connections = 8, .preface = absl::Hours(1)});
  std::vector<RawClient> silent = Connect(geteuid(), 8, "");
  WaitUntil([&] { return acceptor_->connections() == 8; });
  const std::vector<RawClient> spoken = Connect(geteuid(), 3);
  WaitUntil([&] { return handed_out() == 3; });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(silent[static_cast<size_t>(i)].ReadAll(), "");
  EXPECT_EQ(acceptor_->connections(), 8u);
}

TEST_F(GrpcAcceptorTest, WhenAllHaveSpokenTheNextWaits) {
  Start({.connections = 8, .per_user = 8});
  if (geteuid() != 0) GTEST_SKIP() << "the last is root's";
  std::vector<RawClient> first = Connect(0, 1);
  WaitUntil([&] { return handed_out() == 1; });
  const std::vector<RawClient> others = Connect(0, 7);
  WaitUntil([&] { return handed_out() == 8; });
  const std::vector<RawClient> next = Connect(0, 1);
  {
    pleg::MutexLock lock(mu_);
    shutdown(handed_out_[0], SHUT_RDWR);
  }
  first.clear();
  WaitUntil([&] { return handed_out() == 9; });
}

TEST_F(GrpcAcceptorTest, AUserHasItsShareAndRootTheLast) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become others";
  Start({});
  std::vector<std::vector<RawClient>> users;
  users.push_back(Connect(70'000, 40));
  WaitUntil([&] { return handed_out() == 32; });
  for (const uid_t uid : {70'001u, 70'002u, 70'003u}) users.push_back(Connect(uid, 32));
  // The last sixteen of 128 are root's.
  WaitUntil([&] { return handed_out() == 112; });
  EXPECT_EQ(users[0].back().ReadAll(), "") << "one too many for its user";
  EXPECT_EQ(Connect(70'004, 1)[0].ReadAll(), "") << "one too many for all users";
  const std::vector<RawClient> root = Connect(0, 16);
  WaitUntil([&] { return handed_out() == 128; });
  EXPECT_EQ(acceptor_->connections(), 128u);
}

TEST_F(GrpcAcceptorTest, AUserWithoutRoomLosesItsOldestThatHasNotSpoken) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become others";
  Start({.per_user = 4, .preface = absl::Hours(1)});
  std::vector<RawClient> other = Connect(70'001, 1, "");
  std::vector<RawClient> silent = Connect(70'000, 4, "");
  WaitUntil([&] { return acceptor_->connections() == 5; });
  // Refused at first: nobody makes room who has only just come.
  std::vector<RawClient> spoken;
  while (handed_out() == 0) spoken.push_back(std::move(Connect(70'000, 1)[0]));
  EXPECT_EQ(silent[0].ReadAll(), "");
  EXPECT_LE(acceptor_->connections(), 5u);
}

}  // namespace
}  // namespace api
