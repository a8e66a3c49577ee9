// plegd as a process, where only a process will do: sockets passed by a service manager, and an end
// in time whatever hangs.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The two seconds that are promised, and what a busy machine adds to two processes.
constexpr absl::Duration kExitLimit = absl::Milliseconds(2500);

bool WaitUntil(const std::function<bool()>& condition) {
  const absl::Time give_up = absl::Now() + absl::Seconds(30);
  while (!condition()) {
    if (absl::Now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

sockaddr_un UnixName(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  return name;
}

int ListenUnix(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un name = UnixName(path);
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
  EXPECT_EQ(listen(fd, 64), 0);
  return fd;
}

int Loopback(int type, uint16_t& port) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(name);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), size), 0);
  EXPECT_TRUE(type != SOCK_STREAM || listen(fd, 64) == 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size), 0);
  port = ntohs(name.sin_port);
  return fd;
}

// The answer to one request on a connection of its own; empty if there is none.
std::string Ask(int fd, const std::string& request) {
  const std::string text = absl::StrCat(request, " HTTP/1.0\r\n\r\n");
  std::string reply;
  if (write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
    char chunk[4096];
    for (ssize_t n = 0; (n = read(fd, chunk, sizeof(chunk))) > 0;) {
      reply.append(chunk, static_cast<size_t>(n));
    }
  }
  close(fd);
  return reply;
}

std::string AskUnix(const std::string& path, const std::string& request) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un name = UnixName(path);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
    close(fd);
    return "";
  }
  return Ask(fd, request);
}

std::string AskTcp(uint16_t port, const std::string& request) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
    close(fd);
    return "";
  }
  return Ask(fd, request);
}

class PlegdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/plegd-processXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    web_ = dir_ + "/web.sock";
    log_ = dir_ + "/log";
  }
  void TearDown() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    for (const int fd : fds_) close(fd);
    std::filesystem::remove_all(dir_);
  }

  // Descriptors in `passed` become 3, 4, … and are announced as a service manager does. Standard
  // error is the file log_, or `log_fd`.
  void Spawn(std::vector<std::string> arguments, const std::vector<int>& passed = {},
             int log_fd = -1) {
    // The default socket is the machine's, where another test's plegd may be.
    arguments.insert(arguments.begin(), {PLEGD_BINARY, "--api.socket="});
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    ASSERT_GE(pid_, 0);
    if (pid_ > 0) return;
    const int err =
        log_fd >= 0 ? log_fd : open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(err, STDERR_FILENO);
    dup2(err, STDOUT_FILENO);
    // Far above the numbers that they are given, so that none overwrites another.
    std::vector<int> high;
    high.reserve(passed.size());
    for (const int fd : passed) high.push_back(fcntl(fd, F_DUPFD_CLOEXEC, 100));
    for (size_t i = 0; i < high.size(); ++i) dup2(high[i], 3 + static_cast<int>(i));
    if (!passed.empty()) {
      setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
      setenv("LISTEN_FDS", std::to_string(passed.size()).c_str(), 1);
    }
    execv(PLEGD_BINARY, argv.data());
    _exit(127);
  }
  bool Lives() {
    return WaitUntil([this] { return absl::StrContains(AskUnix(web_, "GET /livez"), " 200 "); });
  }
  int Wait() {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void ExpectEndInTime() {
    const absl::Time begin = absl::Now();
    ASSERT_EQ(kill(pid_, SIGTERM), 0);
    EXPECT_EQ(Wait(), 0);
    EXPECT_LE(absl::Now() - begin, kExitLimit);
  }
  std::string Log() const {
    std::ifstream in(log_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  int Keep(int fd) {
    fds_.push_back(fd);
    return fd;
  }

  std::string dir_;
  std::string web_;
  std::string log_;
  std::vector<int> fds_;
  pid_t pid_ = -1;
};

TEST_F(PlegdTest, ServesTheSocketsOfAServiceManagerInPlaceOfItsOwn) {
  uint16_t port = 0;
  uint16_t unused = 0;
  const int tcp = Keep(Loopback(SOCK_STREAM, port));
  close(Loopback(SOCK_STREAM, unused));
  Spawn({"-r", dir_ + "/none.sock", "--web.listen-address", absl::StrCat("127.0.0.1:", unused)},
        {tcp, Keep(ListenUnix(web_))});
  ASSERT_TRUE(Lives());
  EXPECT_THAT(AskTcp(port, "GET /livez"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(AskTcp(port, "GET /debug/"), HasSubstr(" 403 "));
  // It answers before all of its threads have begun.
  EXPECT_TRUE(WaitUntil(
      [this] { return absl::StrContains(AskUnix(web_, "GET /debug/"), "thread: pleg-core"); }));
  EXPECT_EQ(AskTcp(unused, "GET /livez"), "");
  ExpectEndInTime();
  EXPECT_TRUE(std::filesystem::exists(web_)) << "the file is the service manager's";
  EXPECT_THAT(Log(), HasSubstr("sockets=\"from the service manager\""));
}

TEST_F(PlegdTest, ASocketThatEverybodyMayConnectToIsOneClearError) {
  const int abstract = Keep(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sa_family_t autobind = AF_UNIX;
  ASSERT_EQ(bind(abstract, reinterpret_cast<const sockaddr*>(&autobind), sizeof(autobind)), 0);
  ASSERT_EQ(listen(abstract, 1), 0);
  Spawn({"-r", dir_ + "/none.sock"}, {abstract});
  EXPECT_EQ(Wait(), 2);
  EXPECT_THAT(Log(), StartsWith("plegd: cannot listen on inherited descriptor 3: the unix socket "
                                "has no file (it is abstract, or has no name)"));
}

TEST_F(PlegdTest, OfTwoOnOneSocketTheSecondNamesTheFirst) {
  const std::vector<std::string> arguments = {"-r", dir_ + "/none.sock", "--web.listen-address",
                                              "unix://" + web_};
  Spawn(arguments);
  ASSERT_TRUE(Lives());
  const pid_t first = pid_;
  log_ = dir_ + "/second";
  Spawn(arguments);
  EXPECT_EQ(Wait(), 2);
  EXPECT_EQ(Log(), absl::StrCat("plegd: cannot listen on unix://", web_, ": another process (pid ",
                                first, ") serves there: it holds ", web_, ".lock\n"));
  pid_ = first;
  EXPECT_TRUE(Lives());
  ExpectEndInTime();
}

TEST_F(PlegdTest, ADescriptorThatDoesNotListenIsOneClearError) {
  uint16_t port = 0;
  Spawn({"-r", dir_ + "/none.sock"}, {Keep(Loopback(SOCK_DGRAM, port))});
  EXPECT_EQ(Wait(), 2);
  EXPECT_EQ(Log(),
            "plegd: inherited descriptor 3 (unknown): is not a stream socket "
            "(ListenStream=)\n");
}

TEST_F(PlegdTest, MayInsistOnTheSocketsOfAServiceManager) {
  Spawn({"-r", dir_ + "/none.sock", "--web.systemd-socket"});
  EXPECT_EQ(Wait(), 2);
  EXPECT_EQ(Log(), "plegd: --web.systemd-socket: no sockets were passed (LISTEN_FDS)\n");
}

TEST_F(PlegdTest, TheLogLevelIsChangedByTheApiAndByASignal) {
  Spawn({"-r", dir_ + "/none.sock", "--web.listen-address", "unix://" + web_, "--log-level",
         "error"});
  ASSERT_TRUE(Lives());
  EXPECT_THAT(AskUnix(web_, "GET /debug/log-level"), HasSubstr("\r\n\r\nerror\n"));
  EXPECT_THAT(AskUnix(web_, "PUT /debug/log-level?level=info"), HasSubstr("\r\n\r\ninfo\n"));
  EXPECT_TRUE(WaitUntil([this] { return absl::StrContains(Log(), "from=error to=info by=API"); }));
  for (const char* level : {"debug", "error", "debug"}) {
    ASSERT_EQ(kill(pid_, SIGUSR2), 0);
    EXPECT_TRUE(WaitUntil([&] {
      return absl::StrContains(AskUnix(web_, "GET /debug/log-level"),
                               absl::StrCat("\r\n\r\n", level, "\n"));
    })) << level;
  }
  ExpectEndInTime();
}

TEST_F(PlegdTest, HangupOpensTheEventLogAnew) {
  const std::string log = dir_ + "/events";
  Spawn({"-r", dir_ + "/none.sock", "--web.listen-address", "unix://" + web_, "--event-log", log,
         "--log-level", "error"});
  ASSERT_TRUE(Lives());
  const auto reopened = [&] {
    return absl::StrContains(Log(), "msg=\"event log is opened anew\"");
  };
  EXPECT_THAT(AskUnix(web_, "PUT /debug/log-level?level=info"), HasSubstr("\r\n\r\ninfo\n"));
  ASSERT_EQ(kill(pid_, SIGHUP), 0);
  EXPECT_TRUE(WaitUntil(reopened)) << Log();
  EXPECT_THAT(Log(), HasSubstr("msg=\"files are opened anew\" event_log=" + log));
  EXPECT_THAT(Log(), HasSubstr("why=\"as asked\""));
  EXPECT_THAT(AskUnix(web_, "GET /debug/log-level"), HasSubstr("\r\n\r\ninfo\n"));
  ExpectEndInTime();
}

TEST_F(PlegdTest, AnEventLogThatIsGoneComesBack) {
  const std::string log = dir_ + "/events";
  Spawn({"-r", dir_ + "/none.sock", "--web.listen-address", "unix://" + web_, "--event-log", log});
  ASSERT_TRUE(Lives());
  std::filesystem::rename(log, log + ".1");
  EXPECT_TRUE(WaitUntil([&] { return std::filesystem::exists(log); }));
  std::filesystem::remove(log);
  EXPECT_TRUE(WaitUntil([&] { return std::filesystem::exists(log); }));
  ExpectEndInTime();
}

TEST_F(PlegdTest, EndsInTimeWhileTheRuntimeTakesConnectionsAndIsSilent) {
  Keep(ListenUnix(dir_ + "/cri.sock"));
  Spawn({"-r", dir_ + "/cri.sock", "--web.listen-address", "unix://" + web_});
  ASSERT_TRUE(Lives());
  ExpectEndInTime();
}

TEST_F(PlegdTest, EndsInTimeWhileItLooksForARuntime) {
  unsetenv("CONTAINER_RUNTIME_ENDPOINT");
  Spawn({"--web.listen-address", "unix://" + web_});
  ASSERT_TRUE(Lives());
  ExpectEndInTime();
}

TEST_F(PlegdTest, EndsInTimeWithAnEventLogThatNobodyReads) {
  const std::string fifo = dir_ + "/events";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  Spawn({"-r", dir_ + "/none.sock", "--web.listen-address", "unix://" + web_, "--event-log", fifo});
  ASSERT_TRUE(Lives());
  ExpectEndInTime();
}

TEST_F(PlegdTest, EndsInTimeWithALogThatNobodyReads) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  Keep(ends[0]);
  Keep(ends[1]);
  // Full before plegd writes its first line.
  ASSERT_EQ(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  const std::string filler(4096, 'x');
  while (write(ends[1], filler.data(), filler.size()) > 0) {
  }
  ASSERT_EQ(fcntl(ends[1], F_SETFL, 0), 0);
  Spawn({"-r", dir_ + "/none.sock", "--web.listen-address", "unix://" + web_}, {}, ends[1]);
  ASSERT_TRUE(Lives());
  ExpectEndInTime();
}

}  // namespace
