#include "cmd/plegd/service_manager.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace plegd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Where the manager listens.
class FakeManager {
 public:
  // A path, or an abstract name that begins with '@'.
  explicit FakeManager(const std::string& name)
      : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const size_t length = offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '@' ? 0 : 1);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(length)), 0);
  }
  ~FakeManager() { close(fd_); }
  FakeManager(const FakeManager&) = delete;
  FakeManager& operator=(const FakeManager&) = delete;

  // What has arrived since the last call.
  std::vector<std::string> Received() {
    std::vector<std::string> messages;
    char buffer[8192];
    for (;;) {
      const ssize_t got = recv(fd_, buffer, sizeof(buffer), 0);
      if (got < 0) return messages;
      messages.emplace_back(buffer, static_cast<size_t>(got));
    }
  }

 private:
  const int fd_;
};

pleg::MonoTime At(double seconds) { return pleg::MonoTime() + absl::Seconds(seconds); }

class ServiceManagerTest : public ::testing::Test {
 protected:
  ServiceManagerTest() {
    char pattern[] = "/tmp/plegd-test-XXXXXX";
    dir_ = mkdtemp(pattern);
    path_ = dir_ + "/notify";
  }
  ~ServiceManagerTest() override { std::filesystem::remove_all(dir_); }

  std::string dir_;
  std::string path_;
};

TEST_F(ServiceManagerTest, TellsOfEachPhaseOnce) {
  FakeManager systemd(path_);
  ServiceManager manager({.socket = path_});
  ASSERT_TRUE(manager.status().ok()) << manager.status();
  manager.Ready();
  manager.Ready();
  EXPECT_THAT(systemd.Received(), ElementsAre("READY=1"));
  manager.Reloading();
  EXPECT_THAT(systemd.Received(),
              ElementsAre(::testing::MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*")));
  manager.Ready();
  manager.Stopping();
  manager.Ready();
  manager.Stopping();
  EXPECT_THAT(systemd.Received(), ElementsAre("READY=1", "STOPPING=1"));
}

TEST_F(ServiceManagerTest, AbstractSocket) {
  const std::string name = absl::StrCat("@plegd-test-", getpid());
  FakeManager systemd(name);
  ServiceManager manager({.socket = name});
  manager.Ready();
  EXPECT_THAT(systemd.Received(), ElementsAre("READY=1"));
}

TEST_F(ServiceManagerTest, StatusIsSentWhenItChanges) {
  FakeManager systemd(path_);
  ServiceManager manager({.socket = path_});
  manager.SetStatus("");
  manager.SetStatus("healthy");
  manager.SetStatus("healthy");
  manager.Tick(At(1));
  manager.SetStatus("");
  EXPECT_THAT(systemd.Received(), ElementsAre("STATUS=healthy", "STATUS="));
}

TEST_F(ServiceManagerTest, AStatusCannotForgeLines) {
  FakeManager systemd(path_);
  ServiceManager manager({.socket = path_});
  manager.SetStatus("pod\nSTOPPING=1\r\t\x01 \xff end");
  EXPECT_THAT(systemd.Received(), ElementsAre("STATUS=pod STOPPING=1    \xEF\xBF\xBD end"));
  manager.SetStatus(std::string(100'000, '\xff'));
  const std::vector<std::string> received = systemd.Received();
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_THAT(received[0], SizeIs(7 + 3 * ServiceManager::kMaxStatusBytes));
}

TEST_F(ServiceManagerTest, WatchdogIsFedAtHalfItsTimeout) {
  FakeManager systemd(path_);
  ServiceManager manager({.socket = path_, .watchdog_timeout = absl::Seconds(10)});
  EXPECT_EQ(manager.watchdog_period(), absl::Seconds(5));
  manager.Tick(At(100));
  manager.Tick(At(104.9));
  EXPECT_THAT(systemd.Received(), ElementsAre("WATCHDOG=1"));
  manager.Tick(At(105));
  EXPECT_THAT(systemd.Received(), ElementsAre("WATCHDOG=1"));
  manager.Tick(At(109));
  EXPECT_THAT(systemd.Received(), IsEmpty());
  manager.Tick(At(500));
  manager.Stopping();
  manager.Tick(At(505));
  EXPECT_THAT(systemd.Received(), ElementsAre("WATCHDOG=1", "STOPPING=1", "WATCHDOG=1"));
}

TEST_F(ServiceManagerTest, WithoutAWatchdogNoneIsFed) {
  FakeManager systemd(path_);
  ServiceManager manager({.socket = path_});
  EXPECT_EQ(manager.watchdog_period(), absl::InfiniteDuration());
  manager.Tick(At(1));
  manager.Tick(pleg::MonoTime::Max());
  EXPECT_THAT(systemd.Received(), IsEmpty());
}

TEST_F(ServiceManagerTest, AFullQueueDelaysAndLosesNothing) {
  FakeManager systemd(path_);
  // Several, as what one sender may have in the queue is limited too.
  for (int sender = 0; sender < 20; ++sender) {
    ServiceManager filler({.socket = path_, .watchdog_timeout = absl::Nanoseconds(2)});
    for (int i = 1; i <= 500; ++i) filler.Tick(At(i));
  }
  ServiceManager manager({.socket = path_, .watchdog_timeout = absl::Seconds(10)});
  manager.Ready();
  manager.SetStatus("old");
  manager.SetStatus("new");
  manager.Tick(At(1));
  EXPECT_THAT(systemd.Received(), ::testing::Each("WATCHDOG=1"));
  manager.Tick(At(1.1));
  EXPECT_THAT(systemd.Received(), ElementsAre("READY=1\nSTATUS=new", "WATCHDOG=1"));
  manager.Tick(At(2));
  EXPECT_THAT(systemd.Received(), IsEmpty());
}

TEST_F(ServiceManagerTest, AManagerThatComesBackIsTold) {
  ServiceManager manager({.socket = path_});
  manager.Ready();
  FakeManager systemd(path_);
  manager.Tick(At(1));
  EXPECT_THAT(systemd.Received(), ElementsAre("READY=1"));
}

TEST_F(ServiceManagerTest, NoManagerIsFine) {
  ServiceManager manager({.watchdog_timeout = absl::Seconds(1)});
  EXPECT_TRUE(manager.status().ok());
  manager.Ready();
  manager.SetStatus("x");
  manager.Tick(At(1));
  manager.Stopping();
}

TEST_F(ServiceManagerTest, WhatIsNoSocketIsSaid) {
  for (const std::string& name :
       {std::string("relative"), std::string("vsock:2:1"), std::string("@"), std::string("/"),
        "/" + std::string(200, 'x')}) {
    ServiceManager manager({.socket = name});
    EXPECT_EQ(manager.status().code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(manager.status().message()), StartsWith("NOTIFY_SOCKET \"" + name));
    manager.Ready();
  }
}

class NotifyEnvironmentTest : public ::testing::Test {
 protected:
  // An empty value is one that is not set.
  NotifyEnvironment Take(const std::string& socket, const std::string& micros,
                         const std::string& pid) {
    Set("NOTIFY_SOCKET", socket);
    Set("WATCHDOG_USEC", micros);
    Set("WATCHDOG_PID", pid);
    NotifyEnvironment environment = TakeNotifyEnvironment();
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
      EXPECT_EQ(getenv(name), nullptr) << name;
    }
    return environment;
  }
  static void Set(const char* name, const std::string& value) {
    if (!value.empty()) setenv(name, value.c_str(), 1);
  }
};

TEST_F(NotifyEnvironmentTest, IsReadAndRemoved) {
  const std::string self = std::to_string(getpid());
  EXPECT_EQ(Take("", "", "").socket, "");
  EXPECT_EQ(Take("/run/systemd/notify", "", "").socket, "/run/systemd/notify");
  EXPECT_EQ(Take("", "", "").watchdog_timeout, absl::ZeroDuration());
  EXPECT_EQ(Take("/s", "30000000", self).watchdog_timeout, absl::Seconds(30));
  EXPECT_EQ(Take("/s", "30000000", "").watchdog_timeout, absl::Seconds(30));
  EXPECT_EQ(Take("/s", "30000000", "1").watchdog_timeout, absl::ZeroDuration());
  for (const char* micros : {"x", "-5", "0", "5s", "99999999999999999999"}) {
    EXPECT_EQ(Take("/s", micros, self).watchdog_timeout, absl::ZeroDuration()) << micros;
  }
}

}  // namespace
}  // namespace plegd
