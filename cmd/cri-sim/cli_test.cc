// The program as its user meets it: output and exit codes of the real binary.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/sim/testing/raw_client.h"
#include "runtime/sim/testing/temp_dir.h"
#include "runtime/v1/api.pb.h"

extern char** environ;

namespace {

using ::testing::HasSubstr;

struct Outcome {
  int code = -1;
  std::string output;  // stdout and stderr.
};

std::string Binary() { return CRI_SIM_BINARY; }

// Through a shell; arguments are the test's own.
Outcome Execute(const std::string& arguments) {
  Outcome outcome;
  FILE* pipe = ::popen(absl::StrCat("exec ", Binary(), " ", arguments, " 2>&1").c_str(), "re");
  std::array<char, 4096> buffer;
  while (const size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    outcome.output.append(buffer.data(), n);
  }
  const int status = ::pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

// A cri-sim that serves, from its first line of output to its end.
class Served {
 public:
  explicit Served(const std::vector<std::string>& arguments) {
    std::array<int, 2> pipe = {-1, -1};
    if (::pipe(pipe.data()) != 0) return;
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addclose(&actions, pipe[0]);
    std::vector<std::string> owned = {Binary()};
    owned.insert(owned.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    argv.reserve(owned.size() + 1);
    for (std::string& word : owned) argv.push_back(word.data());
    argv.push_back(nullptr);
    if (::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0) pid_ = -1;
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
    for (char c = 0; ::read(pipe[0], &c, 1) == 1 && c != '\n';) first_line_.push_back(c);
    ::close(pipe[0]);
  }
  ~Served() { Stop(SIGKILL); }

  const std::string& first_line() const { return first_line_; }
  // The exit code, -1 when a signal ended it.
  int Stop(int signal) {
    if (pid_ <= 0) return -1;
    int status = 0;
    ::kill(pid_, signal);
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  std::string first_line_;
};

TEST(CriSimFlags, HelpAndVersion) {
  const Outcome help = Execute("--help");
  EXPECT_EQ(help.code, 0);
  for (const char* flag :
       {"--pods", "--churn", "--status-latency", "--world", "--control", "ctl"}) {
    EXPECT_THAT(help.output, HasSubstr(flag));
  }
  EXPECT_EQ(Execute("--version").code, 0);
  EXPECT_THAT(Execute("--version").output, HasSubstr("cri-sim "));
}

TEST(CriSimFlags, BadOnesAreOneLineAndExitCode2) {
  const std::pair<const char*, const char*> cases[] = {
      {"--bogus", "--bogus"},
      {"--pods many", "--pods"},
      {"--pods -1", "--pods"},
      {"--pods 9999999", "--pods"},
      {"--churn -1", "--churn"},
      {"--churn nan", "--churn"},
      {"--listen /no/scheme", "unix:///path"},
      {"--listen tcp://127.0.0.1:1", "unix:///path"},
      {"--status-latency 5", "--status-latency"},
      {"--container-bytes 80KB", "--container-bytes"},
      {"--stream-chunk 0", "--stream-chunk"},
      {"--runtime-name docker", "--runtime-name"},
      {"--events maybe", "--events"},
      {"--pods 0 --exited 3", "--exited"},
      {"--listen unix:///no/such/directory/s", "/no/such/directory/s"},
      {"--world /no/such/file", "/no/such/file"},
      {"--world /no/such/file --pods 3", "--pods"},
  };
  for (const auto& [arguments, expected] : cases) {
    const Outcome outcome = Execute(arguments);
    EXPECT_EQ(outcome.code, 2) << arguments;
    EXPECT_THAT(outcome.output, HasSubstr(expected)) << arguments;
    EXPECT_EQ(outcome.output.find('\n'), outcome.output.size() - 1) << outcome.output;
  }
}

TEST(CriSim, ServesAndObeys) {
  sim::TempDir dir;
  const std::string listen = absl::StrCat("unix://", dir.File("cri.sock"));
  const std::string ctl = absl::StrCat("ctl --control ", dir.File("cri.sock.ctl"), " ");
  Served served({"--listen", listen, "--pods", "4", "--runtime-name", "containerd"});
  ASSERT_THAT(served.first_line(), HasSubstr(listen));
  sim::RawClient client(listen);
  runtime::v1::VersionResponse version;
  ASSERT_TRUE(version.ParseFromString(client.Call("Version", "").messages.at(0)));
  EXPECT_EQ(version.runtime_name(), "containerd");
  EXPECT_EQ(client.Call("GetContainerEvents", "").status.error_code(),
            grpc::StatusCode::UNIMPLEMENTED);

  EXPECT_EQ(Execute(ctl + "add-pod name=web containers=app").code, 0);
  EXPECT_EQ(Execute(ctl + "exit web/app 3 'message=two words'").code, 0);
  EXPECT_THAT(Execute(ctl + "dump").output, HasSubstr("two words"));
  EXPECT_EQ(Execute(ctl + "fault add ListContainers --latency").code, 2);
  EXPECT_EQ(Execute(ctl + "fault add Version error=INTERNAL:broken").output, "1\n");
  EXPECT_EQ(client.Call("Version", "").status.error_message(), "broken");
  const Outcome missing = Execute(ctl + "exit nobody");
  EXPECT_EQ(missing.code, 1);
  EXPECT_EQ(missing.output, "cri-sim: exit: no container 'nobody'\n");
  EXPECT_EQ(Execute(ctl + "frobnicate").code, 2);
  EXPECT_EQ(Execute(ctl).code, 2);
  EXPECT_EQ(Execute(ctl + "help").code, 0);

  const Outcome second = Execute("--listen " + listen);
  EXPECT_EQ(second.code, 2);
  EXPECT_THAT(second.output, HasSubstr("in use"));
  EXPECT_EQ(served.Stop(SIGTERM), 0);
  EXPECT_EQ(Execute(ctl + "list").code, 1);
}

TEST(CriSim, ServesAWorldAndReadsItAgainWhenItIsEdited) {
  sim::TempDir dir;
  const std::string world = dir.File("node.json");
  std::ofstream(world) << "{\n\"rule\": {}}";
  const Outcome refused = Execute("--world " + world);
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.output, HasSubstr(world + ":2: rule: is no field of a world"));

  std::ofstream(world) << R"({"runtime": "cri-o", "sandboxes": [{"id": "5aaa"}]})";
  const std::string listen = absl::StrCat("unix://", dir.File("cri.sock"));
  Served served({"--listen", listen, "--world", world});
  ASSERT_THAT(served.first_line(), HasSubstr("1 sandbox, 0 containers and 0 rules"));
  sim::RawClient client(listen);
  EXPECT_TRUE(client.Call("Version", "").status.ok());
  EXPECT_TRUE(client.Call("GetContainerEvents", "").status.ok());  // CRI-O's: ends at once.
  std::ofstream(world) << R"({"rules": {"Version": {"error": {"code": "INTERNAL"}}}})";
  grpc::StatusCode code = grpc::StatusCode::OK;
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (code == grpc::StatusCode::OK && absl::Now() < deadline) {
    code = client.Call("Version", "").status.error_code();
  }
  EXPECT_EQ(code, grpc::StatusCode::INTERNAL);
  EXPECT_EQ(served.Stop(SIGTERM), 0);
}

TEST(CriSim, TakesTheSocketsOfAKilledOneOver) {
  sim::TempDir dir;
  const std::string listen = absl::StrCat("unix://", dir.File("cri.sock"));
  Served killed({"--listen", listen, "--pods", "1"});
  ASSERT_THAT(killed.first_line(), HasSubstr(listen));
  EXPECT_EQ(killed.Stop(SIGKILL), -1);
  ASSERT_EQ(::access(dir.File("cri.sock").c_str(), F_OK), 0);
  Served next({"--listen", listen, "--pods", "1"});
  EXPECT_THAT(next.first_line(), HasSubstr(listen));
  EXPECT_EQ(next.Stop(SIGINT), 0);
}

}  // namespace
