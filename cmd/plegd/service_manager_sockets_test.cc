#include "cmd/plegd/service_manager_sockets.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace plegd {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kFirst = 200;  // far from what the test itself has open

class InheritedSocketsTest : public ::testing::Test {
 protected:
  void TearDown() override {
    for (int fd = kFirst; fd < next_; ++fd) close(fd);
  }
  // A descriptor that systemd would have passed: at the next number, and not close-on-exec.
  void Inherit(int fd) {
    ASSERT_EQ(dup2(fd, next_), next_);
    ++next_;
    close(fd);
  }
  // An unbound unix listener is enough; TCP binds to a free port of the loopback.
  static int Listener(int domain) {
    const int fd = socket(domain, SOCK_STREAM, 0);
    if (domain == AF_UNIX) {
      const sa_family_t autobind = AF_UNIX;
      EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&autobind), sizeof(autobind)), 0);
    } else {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    }
    EXPECT_EQ(listen(fd, 5), 0);
    return fd;
  }
  // An empty value is one that is not set.
  static absl::StatusOr<std::vector<InheritedSocket>> Take(const std::string& count,
                                                           const std::string& names,
                                                           pid_t pid = getpid()) {
    setenv("LISTEN_PID", std::to_string(pid).c_str(), 1);
    if (!count.empty()) setenv("LISTEN_FDS", count.c_str(), 1);
    if (!names.empty()) setenv("LISTEN_FDNAMES", names.c_str(), 1);
    auto sockets = TakeInheritedSockets(kFirst);
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
      EXPECT_EQ(getenv(name), nullptr) << name;
    }
    return sockets;
  }
  static void ExpectRefused(const std::string& count, const std::string& names,
                            const std::string& why) {
    const auto sockets = Take(count, names);
    EXPECT_EQ(sockets.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(sockets.status().message()), HasSubstr(why));
  }

  int next_ = kFirst;
};

TEST_F(InheritedSocketsTest, ListenersInOrder) {
  Inherit(Listener(AF_UNIX));
  Inherit(Listener(AF_INET));
  const auto sockets = Take("2", "api:metrics");
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  ASSERT_THAT(*sockets, SizeIs(2));
  EXPECT_EQ((*sockets)[0].fd, kFirst);
  EXPECT_EQ((*sockets)[0].name, "api");
  EXPECT_TRUE((*sockets)[0].unix_domain);
  EXPECT_EQ((*sockets)[1].fd, kFirst + 1);
  EXPECT_EQ((*sockets)[1].name, "metrics");
  EXPECT_FALSE((*sockets)[1].unix_domain);
  EXPECT_EQ(fcntl(kFirst, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(InheritedSocketsTest, NamesMayBeMissing) {
  Inherit(Listener(AF_UNIX));
  Inherit(Listener(AF_UNIX));
  EXPECT_EQ(Take("1", "").value()[0].name, "unknown");
  EXPECT_EQ(Take("2", "one").value()[1].name, "unknown");
  EXPECT_EQ(Take("2", ":two:three").value()[0].name, "unknown");
}

TEST_F(InheritedSocketsTest, NothingForUs) {
  EXPECT_THAT(TakeInheritedSockets(kFirst).value(), IsEmpty());
  EXPECT_THAT(Take("0", "").value(), IsEmpty());
  Inherit(Listener(AF_UNIX));
  EXPECT_THAT(Take("1", "", getppid()).value(), IsEmpty());
}

TEST_F(InheritedSocketsTest, RefusesAndNamesWhatIsNoListener) {
  ExpectRefused("1", "web", "descriptor 200 (web): Bad file descriptor");
  Inherit(open("/dev/null", O_RDONLY));
  ExpectRefused("1", "web", "descriptor 200 (web): is not a socket");
  close(kFirst);
  next_ = kFirst;
  Inherit(socket(AF_UNIX, SOCK_DGRAM, 0));
  ExpectRefused("1", "a\nb", "descriptor 200 (a\\nb): is not a stream socket");
  next_ = kFirst;
  Inherit(socket(AF_INET, SOCK_STREAM, 0));
  ExpectRefused("1", "", "descriptor 200 (unknown): does not listen");
  EXPECT_GE(fcntl(kFirst, F_GETFD), 0);  // still open
}

TEST_F(InheritedSocketsTest, RefusesNumbersThatMakeNoSense) {
  for (const char* count : {"x", "-1", "65", "99999999999"}) {
    ExpectRefused(count, "", std::string("LISTEN_FDS \"") + count + "\"");
  }
  ExpectRefused("", "", "LISTEN_FDS \"\"");
}

}  // namespace
}  // namespace plegd
