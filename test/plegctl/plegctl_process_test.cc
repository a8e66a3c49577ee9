// What an operator types on a node in trouble, with the programs as they are shipped.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "test/drills/calm_host.h"
#include "test/process/plegd_process.h"
#include "test/process/scratch_dir.h"
#include "test/process/sim_node.h"
#include "test/process/status_testing.h"
#include "test/process/subprocess.h"

namespace plegd_testing {
namespace {

using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

struct Said {
  int code = -1;
  std::string text;  // both streams
};

class PlegctlTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(node_.Serve());
    std::vector<std::string> flags = host_.plegd_flags();
    flags.insert(flags.end(), {"--api.socket", "unix://" + socket()});
    ASSERT_OK_AND_ASSIGN(plegd_,
                         PlegdProcess::Start(node_.endpoint(), node_.dir(), {.flags = flags}));
  }

  std::string socket() const { return node_.dir() + "/plegctl.sock"; }

  // Blocks.
  Said Ask(const std::string& words) const {
    const std::string command =
        absl::StrCat("PLEGD_SOCKET=", socket(), " timeout 60 " PLEGCTL_BINARY " ", words, " 2>&1");
    Said said;
    FILE* output = popen(command.c_str(), "r");
    if (output == nullptr) return said;
    std::array<char, 4096> buffer{};
    size_t read = 0;
    while ((read = fread(buffer.data(), 1, buffer.size(), output)) > 0) {
      said.text.append(buffer.data(), read);
    }
    const int status = pclose(output);
    if (WIFEXITED(status)) said.code = WEXITSTATUS(status);
    return said;
  }

  bool Says(const std::string& words, const std::string& part) const {
    return WaitUntil([&] { return absl::StrContains(Ask(words).text, part); });
  }

  SimNode node_{{.pods = 3}};
  const CalmHost host_;  // this machine may have no kubelet
  std::unique_ptr<PlegdProcess> plegd_;
};

TEST_F(PlegctlTest, AHealthyNode) {
  EXPECT_TRUE(Says("status", "\nHEALTHY: last good relist ")) << Ask("status").text;
  EXPECT_THAT(Ask("status").text, HasSubstr("Node        3 pods (3 ready)"));
  const Said check = Ask("check");
  EXPECT_EQ(check.code, 0);
  EXPECT_THAT(check.text, StartsWith("OK: HEALTHY: last good relist "));
  EXPECT_THAT(Ask("version").text, HasSubstr("\nruntime  cri-sim "));
  EXPECT_THAT(Ask("relists").text, HasSubstr("Slowest of each minute"));
  EXPECT_THAT(Ask("calls").text, HasSubstr("ListContainers"));
}

TEST_F(PlegctlTest, PodsByAnyOfTheirNames) {
  const sim::PodInfo pod = node_.pod(0);
  ASSERT_TRUE(Says("pods", pod.name));
  EXPECT_THAT(Ask(absl::StrCat("pod ", pod.uid.value())).text, HasSubstr(pod.name));
  EXPECT_THAT(
      Ask(absl::StrCat("pod ", pod.containers.at(0).id.value().substr(0, 20), " --fresh")).text,
      HasSubstr(pod.name));
  EXPECT_EQ(Ask("pod nobody").code, 1);
  EXPECT_THAT(Ask("__complete pod ''").text, HasSubstr(absl::StrCat("/", pod.name, "\t")));
}

TEST_F(PlegctlTest, AHungListIsTheFirstLine) {
  node_.Break("StreamContainers hang");
  EXPECT_TRUE(Says("status | head -1", "PLEG is still healthy; a kubelet goes NotReady in 2m5"));
  EXPECT_TRUE(Says("check --patience 1s", "PROBLEM: "));
  EXPECT_EQ(Ask("check --patience 1s").code, 1);
  EXPECT_THAT(Ask("check --patience 1s").text, HasSubstr("ListContainers"));
  EXPECT_THAT(Ask("status -o json").text, HasSubstr("\"kind\": \"Status\""));
  node_.Mend();
  EXPECT_TRUE(Says("check --patience 1s", "OK: "));
}

TEST_F(PlegctlTest, AHungStatusNamesThePod) {
  const sim::PodInfo pod = node_.pod(1);
  node_.Break(absl::StrCat("ContainerStatus --id ", pod.containers.at(0).id.value(), " hang"));
  EXPECT_TRUE(Says("calls", "Unanswered, over all tries"));
  EXPECT_TRUE(Says("status | head -2", absl::StrCat("/", pod.name, "/")));
  EXPECT_THAT(Ask("check --patience 1s").text.substr(0, 80), HasSubstr(pod.name));
  EXPECT_THAT(Ask(absl::StrCat("pod ", pod.name)).text, HasSubstr("UNANSWERED"));
}

TEST_F(PlegctlTest, DirectlyWithoutADaemon) {
  const Said said = Ask(absl::StrCat("status --direct --for 2s -r ", node_.endpoint(), " ",
                                     absl::StrJoin(host_.plegd_flags(), " ")));
  EXPECT_EQ(said.code, 0);
  EXPECT_THAT(said.text, StartsWith("PLEG is healthy\nHEALTHY: last good relist "));
  EXPECT_THAT(said.text, HasSubstr("3 pods (3 ready)"));
}

TEST_F(PlegctlTest, DirectlyOnAHungNode) {
  node_.Break("StreamContainers hang");
  const Said said = Ask(absl::StrCat("status --direct --for 3s -r ", node_.endpoint()));
  EXPECT_THAT(said.text, StartsWith("It is too early to say whether PLEG is healthy"));
  EXPECT_THAT(said.text, HasSubstr("\nUnanswered  METHOD"));
}

TEST_F(PlegctlTest, DirectlyWithoutARuntime) {
  const Said said = Ask("status --direct --for 1s -r /nonexistent/cri.sock");
  EXPECT_THAT(said.text, HasSubstr("/nonexistent/cri.sock"));
  EXPECT_THAT(Ask("status --direct -r tcp://127.0.0.1:1").code, 2);
  EXPECT_THAT(Ask("status -r /x.sock").text, HasSubstr("--runtime-endpoint requires --direct"));
  const Said unencrypted =
      Ask("explain --direct --kubelet.token-file /x --kubelet.metrics-url http://127.0.0.1:1/");
  EXPECT_EQ(unencrypted.code, 2);
  EXPECT_THAT(unencrypted.text, HasSubstr("the token would go unencrypted to http://127.0.0.1:1/"));
  EXPECT_THAT(Ask("explain --kubelet.ca-file /x").text,
              HasSubstr("--kubelet.ca-file requires --direct"));
}

TEST_F(PlegctlTest, WithoutADaemonTheHostIsWhereItIsMountedAndTheKubeletIsAsked) {
  const ScratchDir nothing;
  const Said said =
      Ask(absl::StrCat("explain --direct --for 3s -r ", node_.endpoint(), " --path.procfs ",
                       nothing.path(), " --path.sysfs ", nothing.path(), " --path.cgroupfs ",
                       nothing.path(), " --kubelet.metrics-url http://127.0.0.1:1/metrics"));
  EXPECT_THAT(said.text, HasSubstr("unknown     disk"));
  EXPECT_THAT(said.text, HasSubstr("the kubelet could not be asked: GET http://127.0.0.1:1/"));
}

TEST_F(PlegctlTest, OutputThatCannotBeWritten) { EXPECT_EQ(Ask("status >/dev/full").code, 2); }

TEST_F(PlegctlTest, BashCompletes) {
  const std::string script = absl::StrCat(
      "bash -c 'set -e; source <(", PLEGCTL_BINARY, " completion bash); COMP_WORDS=(",
      PLEGCTL_BINARY, " status -o y); COMP_CWORD=3; _plegctl; echo \"${COMPREPLY[*]}\"'");
  FILE* output = popen(script.c_str(), "r");
  std::array<char, 256> line{};
  ASSERT_NE(fgets(line.data(), line.size(), output), nullptr);
  EXPECT_EQ(pclose(output), 0);
  EXPECT_STREQ(line.data(), "yaml\n");
}

TEST_F(PlegctlTest, AFrozenDaemon) {
  plegd_->Freeze();
  const Said check = Ask("check --timeout 500ms");
  EXPECT_EQ(check.code, 2);
  EXPECT_THAT(check.text, HasSubstr("did not answer GetDiagnosis within 500ms"));
  plegd_->Thaw();
  EXPECT_TRUE(Says("check", "OK: HEALTHY: last good relist "));
}

TEST_F(PlegctlTest, AnotherProgramListens) {
  const Said said = Ask(absl::StrCat("status --socket ", node_.socket_path()));
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.text, HasSubstr("does not know Get"));
}

TEST_F(PlegctlTest, OthersMayNotAsk) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to be somebody else";
  ASSERT_EQ(chmod(node_.dir().c_str(), 0711), 0);
  ASSERT_EQ(chmod(socket().c_str(), 0600), 0);
  Said said;
  const std::string command =
      absl::StrCat("setpriv --reuid 65534 --clear-groups " PLEGCTL_BINARY " status --socket ",
                   socket(), " 2>&1");
  FILE* output = popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  while (fgets(buffer.data(), buffer.size(), output) != nullptr) said.text += buffer.data();
  said.code = WEXITSTATUS(pclose(output));
  EXPECT_EQ(said.code, 2);
  EXPECT_THAT(said.text, HasSubstr("permission denied"));
  EXPECT_THAT(said.text, HasSubstr("usermod -aG plegd USER"));
}

// plegctl on a terminal of its own.
class TerminalTest : public PlegctlTest {
 protected:
  void Open() {
    screen_ = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    ASSERT_GE(screen_, 0);
    ASSERT_EQ(grantpt(screen_), 0);
    ASSERT_EQ(unlockpt(screen_), 0);
    const winsize size = {.ws_row = 30, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    ASSERT_EQ(ioctl(screen_, TIOCSWINSZ, &size), 0);
    terminal_ = open(ptsname(screen_), O_RDWR | O_NOCTTY);
    ASSERT_GE(terminal_, 0);
  }
  void TearDown() override {
    if (terminal_ >= 0) close(terminal_);
    if (screen_ >= 0) close(screen_);
  }

  absl::StatusOr<Subprocess> Watch() {
    return Subprocess::Spawn({PLEGCTL_BINARY, "status", "-w", "--interval", "50ms"},
                             node_.dir() + "/plegctl.log",
                             {{"PLEGD_SOCKET", socket()}, {"TERM", "xterm"}, {"LC_ALL", "C.UTF-8"}},
                             {.input = terminal_, .output = terminal_});
  }
  // All that has been drawn.
  const std::string& Drawn() {
    std::array<char, 4096> buffer{};
    ssize_t got = 0;
    while ((got = read(screen_, buffer.data(), buffer.size())) > 0) {
      drawn_.append(buffer.data(), static_cast<size_t>(got));
    }
    return drawn_;
  }
  bool Draws(const std::string& part) {
    drawn_.clear();
    return WaitUntil([&] { return absl::StrContains(Drawn(), part); });
  }

  int screen_ = -1;
  int terminal_ = -1;
  std::string drawn_;
};

constexpr char kGivenBack[] = "\x1b[?25h\x1b[?1049l";

TEST_F(TerminalTest, WatchesAndGivesTheScreenBack) {
  Open();
  termios before = {};
  ASSERT_EQ(tcgetattr(terminal_, &before), 0);
  ASSERT_OK_AND_ASSIGN(Subprocess plegctl, Watch());
  EXPECT_TRUE(Draws("\x1b[32mPLEG is healthy"));
  node_.Break("StreamContainers hang");
  EXPECT_TRUE(Draws("PLEG is still healthy; a kubelet goes NotReady in "));
  kill(plegctl.pid(), SIGINT);
  ASSERT_OK_AND_ASSIGN(const int code, plegctl.Wait());
  EXPECT_EQ(code, 0);
  EXPECT_THAT(Drawn(), testing::EndsWith(kGivenBack));
  termios after = {};
  ASSERT_EQ(tcgetattr(terminal_, &after), 0);
  EXPECT_EQ(after.c_lflag, before.c_lflag);
}

TEST_F(TerminalTest, EndsWithQ) {
  Open();
  ASSERT_OK_AND_ASSIGN(Subprocess plegctl, Watch());
  EXPECT_TRUE(Draws("PLEG is healthy"));
  ASSERT_EQ(write(screen_, "q", 1), 1);
  ASSERT_OK_AND_ASSIGN(const int code, plegctl.Wait());
  EXPECT_EQ(code, 0);
  EXPECT_THAT(Drawn(), testing::EndsWith(kGivenBack));
}

TEST_F(TerminalTest, FollowsTheSizeOfTheTerminal) {
  Open();
  ASSERT_OK_AND_ASSIGN(const Subprocess plegctl, Watch());
  EXPECT_TRUE(Draws("\x1b[2mIS\x1b[0m"));
  const winsize size = {.ws_row = 30, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
  ASSERT_EQ(ioctl(screen_, TIOCSWINSZ, &size), 0);
  kill(plegctl.pid(), SIGWINCH);
  EXPECT_TRUE(Draws("\n  \x1b[2mVERSION\x1b[0m"));
}

TEST_F(TerminalTest, SaysThatTheDaemonIsGone) {
  Open();
  ASSERT_OK_AND_ASSIGN(const Subprocess plegctl, Watch());
  EXPECT_TRUE(Draws("PLEG is healthy"));
  ASSERT_OK(plegd_->Terminate());
  EXPECT_TRUE(Draws("What it said "));
  EXPECT_THAT(Drawn(), AnyOf(HasSubstr("no plegd at"), HasSubstr("nobody listens at")));
}

}  // namespace
}  // namespace plegd_testing
