// The commands against a plegd in this process, and against none.

#include "cmd/plegctl/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cmd/plegctl/testing/fake_plegd.h"
#include "cmd/plegctl/testing/scenarios.h"

namespace plegctl {
namespace {

using plegctl_testing::FakePlegd;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class CommandsTest : public testing::Test {
 protected:
  CommandsTest() {
    plegd_.snapshot = plegctl_testing::HungStatus();
    plegd_.pods = plegctl_testing::Pods();
  }

  // As if typed.
  Result Do(std::vector<const char*> words) {
    words.insert(words.begin(), "plegctl");
    words.insert(words.end(), {"--socket", socket_.c_str()});
    const auto parsed = ParseFlags(static_cast<int>(words.size()), words.data());
    const auto* flags = std::get_if<Flags>(&parsed);
    if (flags == nullptr) return {.out = "", .error = "usage", .code = std::get<ExitCode>(parsed)};
    Client client({.socket = flags->socket, .timeout = flags->timeout, .version = PLEGD_VERSION});
    Terminal terminal;
    terminal.exact = flags->output == Output::kWide;
    return plegctl::Run(*flags, client, terminal);
  }

  FakePlegd plegd_;
  std::string socket_ = plegd_.socket();
};

TEST_F(CommandsTest, Status) {
  plegd_.Serve();
  const Result result = Do({"status"});
  EXPECT_THAT(result.out,
              StartsWith("PLEG is still healthy; a kubelet <=1.31 goes NotReady in 4m42s, "
                         "then for 1m1s of every 4m1s; "));
  EXPECT_THAT(result.out, HasSubstr("\nCONTAINER_STUCK: ContainerStatus of default/web-0/app "
                                    "(7421868e4d51c) unanswered for 19s\n"));
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.error, "");
}

TEST_F(CommandsTest, StatusForPrograms) {
  plegd_.Serve();
  EXPECT_THAT(Do({"status", "-o", "json"}).out,
              StartsWith("{\n  \"api_version\": \"plegd/v1\",\n  \"kind\": \"Status\",\n"));
  EXPECT_THAT(Do({"status", "-o", "yaml"}).out,
              StartsWith("api_version: plegd/v1\nkind: Status\n"));
}

TEST_F(CommandsTest, HalfAnAnswerIsShown) {
  plegd_.hangs = {"GetCalls"};
  plegd_.unknown = {"GetRelists"};
  plegd_.Serve();
  const Result result = Do({"status", "--timeout", "300ms"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.out, HasSubstr("Without GetCalls: no answer within 300ms\n"));
  EXPECT_THAT(result.out, HasSubstr("Without GetRelists: this plegd does not know it"));
  EXPECT_THAT(result.out, HasSubstr("containerd 1.6.20"));
}

TEST_F(CommandsTest, Calls) {
  plegd_.Serve();
  EXPECT_THAT(Do({"calls"}).out,
              HasSubstr("ContainerStatus  default/web-0  app        7421868e4d51c"));
  EXPECT_THAT(Do({"calls", "-n", "default"}).out, HasSubstr("web-0"));
  EXPECT_THAT(Do({"calls", "-n", "other"}).out, Not(HasSubstr("web-0")));
  EXPECT_THAT(Do({"calls", "-n", "other", "-A"}).out, HasSubstr("web-0"));
  EXPECT_THAT(Do({"calls", "-o", "json"}).out, HasSubstr("\"kind\": \"Calls\""));
}

TEST_F(CommandsTest, ListsConcernEveryNamespace) {
  plegd_.snapshot = plegctl_testing::HungList();
  plegd_.Serve();
  const std::string out = Do({"calls", "-n", "other"}).out;
  EXPECT_THAT(out, HasSubstr("ListContainers"));
  EXPECT_THAT(out, Not(HasSubstr("ContainerStatus")));
}

TEST_F(CommandsTest, Relists) {
  plegd_.Serve();
  EXPECT_THAT(Do({"relists"}).out, HasSubstr("60 since 59s ago: median 6ms"));
  EXPECT_THAT(Do({"relists", "-o", "yaml"}).out, HasSubstr("\n  - total_seconds: 0.0061\n"));
}

TEST_F(CommandsTest, Pods) {
  plegd_.Serve();
  EXPECT_THAT(Do({"pods"}).out, HasSubstr("kube-system  coredns-5d78c9869d-abcde  ready"));
  EXPECT_THAT(Do({"pods", "-n", "default"}).out, Not(HasSubstr("coredns")));
  EXPECT_THAT(Do({"pods", "-n", "default", "-o", "json"}).out, Not(HasSubstr("coredns")));
  EXPECT_EQ(Do({"pods", "-n", "other"}).out, "No pods.\n");
}

TEST_F(CommandsTest, OnePod) {
  plegd_.Serve();
  const Result result = Do({"pod", "ecba29"});
  EXPECT_THAT(result.out, StartsWith("Pod         default/web-0\n"));
  EXPECT_THAT(result.out, HasSubstr("ContainerStatus"));
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(Do({"pod", "web-0", "-o", "json"}).out, HasSubstr("\"kind\": \"PodStatus\""));
}

TEST_F(CommandsTest, AmbiguousAndUnknownPods) {
  plegd_.Serve();
  const Result ambiguous = Do({"pod", "web"});
  EXPECT_EQ(ambiguous.code, 2);
  EXPECT_EQ(ambiguous.out, "");
  EXPECT_THAT(ambiguous.error, StartsWith("plegctl: \"web\" may be any of 2 pods:\n"));
  EXPECT_THAT(ambiguous.error, HasSubstr("default/web-1"));
  const Result unknown = Do({"pod", "\x1b[2J"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_THAT(unknown.error, HasSubstr(R"(is called "\x1b[2J" or begins so, of 3 pods)"));
}

TEST_F(CommandsTest, AFreshPod) {
  plegd_.fresh = plegd_.pods.pods(1);
  plegd_.fresh.set_error("a fresh error");
  plegd_.Serve();
  EXPECT_THAT(Do({"pod", "web-0", "--fresh"}).out, HasSubstr("a fresh error"));
}

TEST_F(CommandsTest, NothingFreshShowsWhatThereWas) {
  plegd_.hangs = {"GetPod"};
  plegd_.Serve();
  const Result result = Do({"pod", "web-0", "--fresh", "--timeout", "300ms"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.error, HasSubstr("nothing fresh: no answer within 300ms"));
  EXPECT_THAT(result.out, HasSubstr("default/web-0"));
}

TEST_F(CommandsTest, Check) {
  plegd_.Serve();
  Result result = Do({"check"});
  EXPECT_EQ(result.code, 0) << result.out;
  result = Do({"check", "--patience", "10s"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.out,
              StartsWith("PROBLEM: CONTAINER_STUCK default/web-0 (app): ContainerStatus of "));
  EXPECT_THAT(result.out, EndsWith("\n"));
}

TEST_F(CommandsTest, CheckWithoutAges) {
  plegd_.Serve();
  const Result result = Do({"check", "--no-ages", "--patience", "10s"});
  EXPECT_EQ(result.code, 1);
  EXPECT_EQ(result.out, "PROBLEM: CONTAINER_STUCK default/web-0 (app)\n");
}

TEST_F(CommandsTest, StatusAndCheckNameTheVerdictAndItsPage) {
  plegd_.snapshot = plegctl_testing::HungList();
  plegd_.Serve();
  const Result status = Do({"status"});
  EXPECT_THAT(status.out,
              HasSubstr("\nLIST_LOCK_CONVOY: ListContainers has been blocked for 44s by "));
  EXPECT_THAT(status.out,
              HasSubstr("What to do: plegctl explain; see docs/verdicts/LIST_LOCK_CONVOY.md\n"));
  const Result check = Do({"check"});
  EXPECT_THAT(check.out, StartsWith("PROBLEM: LIST_LOCK_CONVOY default/web-0 (app): "));
  EXPECT_THAT(check.out, EndsWith("; see docs/verdicts/LIST_LOCK_CONVOY.md\n"));
}

TEST_F(CommandsTest, CheckKeepsItsTime) {
  plegd_.hangs = {"GetDiagnosis"};
  plegd_.Serve();
  const absl::Time start = absl::Now();
  const Result result = Do({"check", "--timeout", "300ms"});
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.out, StartsWith("UNKNOWN: plegd at "));
  EXPECT_EQ(result.error, "");
}

TEST_F(CommandsTest, Version) {
  plegd_.Serve();
  EXPECT_EQ(Do({"version"}).out, absl::StrCat("plegctl  " PLEGD_VERSION "\nplegd    0.1.0 at ",
                                              socket_, "\nruntime  containerd 1.6.20, CRI v1\n"));
  EXPECT_EQ(Do({"version", "--client"}).out, "plegctl  " PLEGD_VERSION "\n");
  EXPECT_THAT(Do({"version", "-o", "json"}).out, HasSubstr("\"server_version\": \"0.1.0\""));
}

TEST_F(CommandsTest, VersionWithoutDaemon) {
  const Result result = Do({"version"});
  EXPECT_EQ(result.out, "plegctl  " PLEGD_VERSION "\n");
  EXPECT_EQ(result.code, 2);
}

// Every command that asks, and what nobody answers.
class NoDaemonTest : public CommandsTest, public testing::WithParamInterface<const char*> {};

TEST_P(NoDaemonTest, Absent) {
  const Result result = Do({GetParam()});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.error, StartsWith(absl::StrCat("plegctl: no plegd at ", socket_)));
  EXPECT_THAT(result.error, HasSubstr("\n  is it running: systemctl status plegd\n"));
}

TEST_P(NoDaemonTest, LeftBehind) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_.c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const Result result = Do({GetParam()});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.error, HasSubstr("nobody listens"));
  close(fd);
}

TEST_P(NoDaemonTest, NoSocketAtAll) {
  socket_ = plegd_.directory();
  const Result result = Do({GetParam()});
  EXPECT_EQ(result.code, kExitUnknown);
  EXPECT_THAT(result.error, StartsWith("plegctl: " + socket_ + " is no socket\n"));
}

TEST_P(NoDaemonTest, AcceptsAndIsSilent) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_.c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(fd, 10), 0);
  const Result result = Do({GetParam(), "--timeout", "200ms"});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.error, HasSubstr("did not answer Get"));
  close(fd);
}

TEST_P(NoDaemonTest, AnOlderOne) {
  plegd_.unknown = {"GetHealth", "GetNode", "GetCalls", "GetRelists", "GetDiagnosis"};
  plegd_.Serve();
  const Result result = Do({GetParam()});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.error, HasSubstr("an older plegd than this plegctl"));
}

TEST_P(NoDaemonTest, TooLongAPath) {
  socket_ = "/" + std::string(200, 'x');
  const Result result = Do({GetParam()});
  EXPECT_EQ(result.code, 2);
  EXPECT_THAT(result.error, StartsWith("plegctl: "));
}

INSTANTIATE_TEST_SUITE_P(Commands, NoDaemonTest, testing::Values("status", "calls", "relists"));

TEST_F(CommandsTest, TwentyThousandContainers) {
  plegd::v1::PodStatus& pod = *plegd_.pods.add_pods();
  pod.set_name("crowded");
  for (int i = 0; i < 20'000; ++i) {
    plegd::v1::ContainerStatus& container = *pod.add_containers();
    container.set_id(absl::StrCat(i));
    container.set_name("c");
    container.set_message(std::string(300, 'x'));
  }
  plegd_.Serve();
  const Result result = Do({"pods", "--timeout", "30s"});
  EXPECT_EQ(result.code, 0) << result.error;
  EXPECT_THAT(result.out, HasSubstr("crowded"));
}

TEST_F(CommandsTest, HostileNames) {
  plegd_.snapshot = plegctl_testing::Hostile();
  for (auto& pod : *plegd_.pods.mutable_pods()) {
    pod.set_name("web\x1b[2J\u202e");
    pod.set_error("\x1b");
    pod.mutable_containers()->Clear();
    plegd::v1::ContainerStatus& container = *pod.add_containers();
    container.set_name("\x1b]0;x\x07");
    container.set_state("\x1b");
    container.set_image("\u202e");
    container.set_message("\x1b[2J");
    (*pod.add_sandboxes()->mutable_labels())["\x1b"] = std::string(1 << 18, '\x1b');
  }
  // Invalid UTF-8 is no message of proto3.
  for (auto& target : *plegd_.snapshot.calls->mutable_unanswered()) {
    target.mutable_target()->set_pod_name("web\x1b[2J\u202e");
  }
  for (auto& call : *plegd_.snapshot.calls->mutable_running()) {
    call.mutable_target()->set_pod_namespace("\x1b");
  }
  plegd_.snapshot.node->set_runtime_name("\x1b[31m");
  plegd_.snapshot.node->mutable_twins(0)->set_generation("\x1b[31m");
  plegd_.snapshot.relists->mutable_relists(59)->set_error("\x1b[31m");
  for (std::string* text : {plegd_.snapshot.diagnosis->mutable_headline(),
                            plegd_.snapshot.diagnosis->mutable_forecast(),
                            plegd_.snapshot.diagnosis->mutable_findings(0)->mutable_brief()}) {
    *text = "web\x1b[2J\u202e";
  }
  plegd_.Serve();
  for (const auto& words : std::vector<std::vector<const char*>>{{"status"},
                                                                 {"calls"},
                                                                 {"relists"},
                                                                 {"pods"},
                                                                 {"pods", "-o", "wide"},
                                                                 {"pods", "-o", "json"},
                                                                 {"pods", "-o", "yaml"},
                                                                 {"status", "-o", "json"},
                                                                 {"pod", "ecba29"},
                                                                 {"pod", "web"},
                                                                 {"check"},
                                                                 {"version"}}) {
    const Result result = Do(words);
    EXPECT_THAT(result.out + result.error, Not(HasSubstr("\x1b"))) << words[0];
    EXPECT_THAT(result.out + result.error, Not(HasSubstr("\u202e"))) << words[0];
    EXPECT_THAT(result.out + result.error, Not(IsEmpty())) << words[0];
  }
}

TEST_F(CommandsTest, Completion) {
  plegd_.Serve();
  EXPECT_THAT(Do({"completion", "zsh"}).out, StartsWith("#compdef plegctl\n"));
  const CommandTree tree = DescribeCommands();
  EXPECT_THAT(Candidates(tree, {"st"}, [] { return std::string(); }), StartsWith("status\t"));
  EXPECT_EQ(Candidates(tree, {"status", "-o", "j"}, [] { return std::string(); }), "json\t\n");
  EXPECT_EQ(Candidates(tree, {"completion", "f"}, [] { return std::string(); }), "fish\t\n");
  EXPECT_EQ(Candidates(tree, {"pod", ""}, [] { return std::string("a/b\n"); }), "a/b\t\n");
}

class UsageTest : public testing::TestWithParam<std::vector<const char*>> {};

TEST_P(UsageTest, IsRefused) {
  std::vector<const char*> words = GetParam();
  words.insert(words.begin(), "plegctl");
  const auto parsed = ParseFlags(static_cast<int>(words.size()), words.data());
  ASSERT_TRUE(std::holds_alternative<ExitCode>(parsed));
  EXPECT_EQ(std::get<ExitCode>(parsed), 2);
}

using Words = std::vector<const char*>;
INSTANTIATE_TEST_SUITE_P(
    Cases, UsageTest,
    testing::Values(Words{"bogus"}, Words{"--bogus"}, Words{"pod"}, Words{"pod", "a", "b"},
                    Words{"status", "-o", "xml"}, Words{"status", "--timeout", "2"},
                    Words{"status", "--timeout", "0s"}, Words{"status", "--timeout", "2h"},
                    Words{"status", "--socket", "relative"}, Words{"status", "--socket", ""},
                    Words{"completion", "csh"}, Words{"relists", "--limit", "-1"},
                    Words{"status", "calls"}));

TEST(FlagsTest, AWrongWordIsToldWhereToLook) {
  const auto told = [](std::vector<const char*> words) {
    words.insert(words.begin(), "plegctl");
    testing::internal::CaptureStderr();
    EXPECT_TRUE(
        std::holds_alternative<ExitCode>(ParseFlags(static_cast<int>(words.size()), words.data())));
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(told({"explian"}), EndsWith("\n  did you mean: plegctl explain\n"));
  EXPECT_THAT(told({"stats"}), EndsWith("\n  did you mean: plegctl status\n"));
  EXPECT_THAT(told({"reboot"}), EndsWith("\n  see: plegctl --help\n"));
  EXPECT_THAT(told({"explain", "--form"}), EndsWith("\n  see: plegctl explain --help\n"));
}

TEST(FlagsTest, TheSocketOfTheFlagThenOfTheEnvironment) {
  setenv("PLEGD_SOCKET", "unix:///run/other.sock", 1);
  const char* plain[] = {"plegctl", "status"};
  EXPECT_EQ(std::get<Flags>(ParseFlags(2, plain)).socket, "/run/other.sock");
  const char* flagged[] = {"plegctl", "--socket", "/flag.sock", "status"};
  EXPECT_EQ(std::get<Flags>(ParseFlags(4, flagged)).socket, "/flag.sock");
  const char* after[] = {"plegctl", "status", "--socket", "/flag.sock"};
  EXPECT_EQ(std::get<Flags>(ParseFlags(4, after)).socket, "/flag.sock");
  setenv("PLEGD_SOCKET", "relative", 1);
  for (const char* word : {"status", "__complete"}) {
    const char* wrong[] = {"plegctl", word};
    EXPECT_EQ(std::get<ExitCode>(ParseFlags(2, wrong)), 2);
  }
  unsetenv("PLEGD_SOCKET");
  EXPECT_EQ(std::get<Flags>(ParseFlags(2, plain)).socket, "/run/plegd/plegd.sock");
}

TEST(FlagsTest, OutputBeforeAndAfterTheCommand) {
  const char* before[] = {"plegctl", "-o", "json", "status"};
  EXPECT_EQ(std::get<Flags>(ParseFlags(4, before)).output, Output::kJson);
  const char* after[] = {"plegctl", "status", "-o", "yaml"};
  EXPECT_EQ(std::get<Flags>(ParseFlags(4, after)).output, Output::kYaml);
}

TEST_F(CommandsTest, Explain) {
  plegd_.snapshot = plegctl_testing::HungList();
  plegd_.Serve();
  const Result result = Do({"explain"});
  EXPECT_THAT(result.out,
              StartsWith("LIST_LOCK_CONVOY: ListContainers has been blocked for 44s by "));
  EXPECT_THAT(result.out, HasSubstr("\ndocs        docs/verdicts/LIST_LOCK_CONVOY.md\n"));
  EXPECT_EQ(result.code, kExitProblem);
  const Result json = Do({"explain", "-o", "json"});
  EXPECT_THAT(json.out, HasSubstr("\"kind\": \"Diagnosis\""));
  EXPECT_THAT(json.out, HasSubstr("\"code\": \"LIST_LOCK_CONVOY\""));
  EXPECT_EQ(json.code, kExitProblem);
}

TEST_F(CommandsTest, AnOlderPlegdExplainsNothing) {
  plegd_.unknown = {"GetDiagnosis"};
  plegd_.Serve();
  const Result result = Do({"explain"});
  EXPECT_EQ(result.code, kExitUnknown);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.error, HasSubstr("GetDiagnosis"));
  const Result status = Do({"status"});
  EXPECT_EQ(status.code, kExitUnknown);
  EXPECT_THAT(status.out, StartsWith("Without GetDiagnosis: this plegd does not know it"));
  EXPECT_THAT(status.out, HasSubstr("containerd 1.6.20"));
  const Result check = Do({"check"});
  EXPECT_EQ(check.code, kExitUnknown);
  EXPECT_THAT(check.out, HasSubstr("does not know GetDiagnosis"));
}

// A node that hangs keeps an operator waiting long enough.
TEST_F(CommandsTest, WhereNothingCanBeSavedNobodyIsAsked) {
  const Result result = Do({"explain", "--save", "/nowhere/record"});
  EXPECT_EQ(result.error, "plegctl: cannot create /nowhere/record: No such file or directory\n");
  EXPECT_EQ(result.code, kExitUnknown);
}

TEST_F(CommandsTest, EvidenceIsSavedAndJudgedAgainWithoutPlegd) {
  plegd_.evidence.set_observed_for_seconds(60);
  plegd_.evidence.mutable_runtime()->set_endpoint("unix:///saved.sock");
  plegd_.Serve();
  const std::string record = plegd_.directory() + "/record";
  const Result saved = Do({"explain", "--save", record.c_str()});
  EXPECT_THAT(saved.error, IsEmpty());
  plegd_.Stop();
  const Result again = Do({"explain", "--from", record.c_str()});
  EXPECT_EQ(
      again.out,
      "recorded at an unknown time on an unknown node; what follows was true then\n" + saved.out);
  EXPECT_EQ(again.code, saved.code);
  EXPECT_THAT(again.out, Not(IsEmpty()));

  std::ofstream(record) << "{}}";
  const Result broken = Do({"explain", "--from", record.c_str()});
  EXPECT_EQ(broken.code, kExitUnknown);
  EXPECT_THAT(broken.error, HasSubstr(record + " is no record of evidence"));
  EXPECT_EQ(Do({"explain", "--from", record.c_str(), "--direct"}).error, "usage");
}

}  // namespace
}  // namespace plegctl
