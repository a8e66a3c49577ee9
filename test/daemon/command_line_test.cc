// The daemon as a process: a command line or a start that cannot work is one clear line on standard
// error and exit code 2, and nothing is left behind.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"

namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::TestWithParam;
using ::testing::Values;

struct Outcome {
  int exit_code = -1;
  std::string error;  // what was written to standard error
};

// Blocks. A plegd that starts after all is ended by the time-out, with its code 124.
Outcome RunPlegd(const std::string& arguments) {
  const std::string command =
      absl::StrCat("timeout 20 " PLEGD_BINARY " ", arguments, " 2>&1 >/dev/null");
  Outcome outcome;
  FILE* output = popen(command.c_str(), "r");
  if (output == nullptr) return outcome;
  std::array<char, 512> buffer{};
  while (fgets(buffer.data(), buffer.size(), output) != nullptr) outcome.error += buffer.data();
  const int status = pclose(output);
  if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
  return outcome;
}

void ExpectOneLine(const Outcome& outcome, const std::string& part) {
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.error, StartsWith("plegd: "));
  EXPECT_THAT(outcome.error, HasSubstr(part));
  EXPECT_EQ(outcome.error.find('\n'), outcome.error.size() - 1) << outcome.error;
}

struct Case {
  const char* arguments;
  const char* told;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.arguments; }

class BadCommandLineTest : public TestWithParam<Case> {};

TEST_P(BadCommandLineTest, IsOneLineAndExitCode2) {
  ExpectOneLine(RunPlegd(GetParam().arguments), GetParam().told);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, BadCommandLineTest,
    Values(Case{"--bogus", "--bogus"}, Case{"surplus", "surplus"},
           Case{"--relist-period 5", "invalid duration \"5\""},
           Case{"--list-budget 7parsecs", "\"7parsecs\" is neither auto nor a size"},
           Case{"--list-budget 2GiB", "\"2GiB\" is neither auto nor a size"},
           Case{"--relist-period 0s", "not a positive duration"},
           Case{"--relist-threshold soon", "invalid duration \"soon\""},
           Case{"--runtime-request-timeout=-1s", "not a positive duration"},
           Case{"-r tcp://127.0.0.1:1", "only support unix socket endpoint"},
           Case{"-r relative/path", "not an absolute path"}, Case{"-r ''", "is empty"},
           Case{"--api.socket= -r ''", "--runtime-endpoint: is empty"},
           Case{"--runtime-endpoint= --api.socket=", "--runtime-endpoint: is empty"},
           Case{"--relist-period= -r /nonexistent.sock", "invalid duration \"\""},
           Case{"--log-level loud", "none of debug, info, warn, error"},
           Case{"--log-format xml", "none of logfmt, json"},
           Case{"--inspect-concurrency 0", "not in range"},
           Case{"--crictl-config /nonexistent", "/nonexistent"},
           Case{"-r /nonexistent.sock --api.socket relative.sock",
                "--api.socket: \"relative.sock\" is no unix socket"},
           Case{"--kubelet.token-file /token --kubelet.metrics-url http://127.0.0.1:10255/metrics",
                "the token would go unencrypted to http://127.0.0.1:10255/metrics"},
           Case{"--kubelet.token-file /token --kubelet.healthz-url https://127.0.0.1:10250/healthz",
                "--kubelet.token-file is for --kubelet.metrics-url"},
           Case{"--kubelet.pinned-cert /a --kubelet.insecure-skip-verify", "exclude one another"},
           Case{"-r /nonexistent.sock --web.listen-address localhost", "no port"},
           Case{"-r /nonexistent.sock --web.listen-address 127.0.0.1:65536", "port"}));

class BadStartTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(dir_); }

  static std::string MakeDir() {
    std::string pattern = "/tmp/plegd-startXXXXXX";
    return mkdtemp(pattern.data());
  }

  const std::string dir_ = MakeDir();
};

TEST_F(BadStartTest, AnAddressInUse) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string text = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  ExpectOneLine(RunPlegd(absl::StrCat("-r ", dir_, "/none.sock --web.listen-address ", text)),
                absl::StrCat("cannot listen on ", text, ": Address already in use"));
  close(listener);
}

TEST_F(BadStartTest, AnEventLogThatCannotBeOpenedLeavesNoSocket) {
  const std::string web = dir_ + "/web.sock";
  ExpectOneLine(RunPlegd(absl::StrCat("-r ", dir_, "/none.sock --web.listen-address unix://", web,
                                      " --event-log ", dir_, "/none/events")),
                "No such file or directory");
  EXPECT_FALSE(std::filesystem::exists(web));
}

TEST_F(BadStartTest, AnEventLogThatIsALink) {
  std::filesystem::create_symlink(dir_ + "/elsewhere", dir_ + "/events");
  ExpectOneLine(RunPlegd(absl::StrCat("-r ", dir_, "/none.sock --web.listen-address unix://", dir_,
                                      "/web.sock --event-log ", dir_, "/events")),
                "events: it is a symbolic link, which is not followed (standard output is \"-\")");
  EXPECT_FALSE(std::filesystem::exists(dir_ + "/elsewhere"));
}

TEST_F(BadStartTest, ABoundThatCannotHold) {
  const std::string plegd = absl::StrCat("-r ", dir_, "/none.sock --event-log");
  ExpectOneLine(RunPlegd(absl::StrCat(plegd, " ", dir_, "/events --event-log-max-bytes 65535")),
                "\"65535\" is no number of bytes from 65536 on");
  ExpectOneLine(RunPlegd(absl::StrCat(plegd, " - --event-log-max-bytes 65536")),
                "--event-log-max-bytes: needs a file, not standard output");
  ExpectOneLine(RunPlegd("--event-log-max-bytes 65536"),
                "--event-log-max-bytes requires --event-log");
}

}  // namespace
