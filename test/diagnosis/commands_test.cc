// Commands that a diagnosis gives away are run in a shell: what they remove, of what crictl shows.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/diagnosis.h"
#include "runtime/host/proc_parse.h"
#include "test/process/scratch_dir.h"
#include "test/process/subprocess.h"

namespace diagnosis_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kCrictl[] = R"(#!/bin/sh
row() { printf '%-64s   %-20s%-21s%-20s%-20s%-20s%-20s%s\n' "$@"; }
inspect() {
  case $1 in
    app3) echo CONTAINER_EXITED u1/app 2026-03-03T10:00:00Z app3 ;;
    app2) echo CONTAINER_EXITED u1/app 2026-03-03T09:00:00.5Z app2 ;;
    app1) echo CONTAINER_EXITED u1/app 2026-03-02T10:00:00Z app1 ;;
    job1) echo CONTAINER_EXITED u1/job 2026-03-03T09:00:00Z job1 ;;
    other) echo CONTAINER_EXITED u2/app 2026-03-01T10:00:00Z other ;;
    web1) echo CONTAINER_RUNNING u3/web 2026-03-01T11:00:00Z web1 ;;
    *) echo "no such container" >&2; return 1 ;;
  esac
}
case "$*" in
  'pods -q') printf 'ready\nover\n' ;;
  'pods -q --state NotReady') echo over ;;
  *'-q --state Exited --pod ready') printf 'app3\napp2\napp1\njob1\n' ;;
  *'--state Exited --pod ready')
    row CONTAINER IMAGE CREATED STATE NAME ATTEMPT 'POD ID' POD
    row app3 sha256:0a 'About a minute ago' Exited app 3 ready shop/web
    row app2 sha256:0a '2 hours ago' Exited app 2 ready shop/web
    row job1 sha256:0b '2 hours ago' Exited job 0 ready shop/web
    row app1 sha256:0a '3 days ago' Exited app 1 ready shop/web ;;
  *'-q --state Exited --pod over') ;;
  *'--state Exited --pod over') row CONTAINER IMAGE CREATED STATE NAME ATTEMPT 'POD ID' POD ;;
  "inspect -q -o go-template --template "*) inspect "${*##* }" ;;
  rm\ * | rmp\ *) echo "$*" >>"$REMOVED" ;;
  *) echo "unexpected: $*" >>"$REMOVED" ;;
esac
)";

class CommandsTest : public testing::Test {
 protected:
  CommandsTest() {
    Program("crictl", kCrictl);
    Program("ls", "#!/bin/sh\necho \"$*\" >>\"$LISTED\"\nprintf 'ready\\nover\\n'\n");
    evidence_.runtime.endpoint = "unix:///run/containerd/containerd.sock";
    evidence_.runtime.name = "containerd";
    evidence_.runtime.connected = true;
    evidence_.counts.exited = 12000;
  }

  void Program(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.File(name)) << text;
    ASSERT_EQ(chmod(dir_.File(name).c_str(), 0755), 0);
  }

  std::string Command(const std::string& part) const {
    const pleg::Diagnosis diagnosis = pleg::Diagnose(evidence_);
    for (const pleg::Action& action : diagnosis.findings.front().actions) {
      if (absl::StrContains(action.text, part)) return action.command;
    }
    return "";
  }

  // What the command that is called so writes.
  std::string Run(const std::string& part) const {
    const std::string command = Command(part);
    EXPECT_THAT(command, Not(IsEmpty())) << part;
    auto shell =
        plegd_testing::Subprocess::Spawn({"/bin/sh", "-c", command}, dir_.File("out"),
                                         {{"PATH", absl::StrCat(dir_.path(), ":", getenv("PATH"))},
                                          {"REMOVED", dir_.File("removed")},
                                          {"LISTED", dir_.File("listed")}});
    EXPECT_TRUE(shell.ok()) << shell.status();
    EXPECT_EQ(shell->Wait().value_or(-1), 0) << command;
    return plegd_testing::ReadFile(dir_.File("out"));
  }

  std::vector<std::string> Removed() const {
    return absl::StrSplit(plegd_testing::ReadFile(dir_.File("removed")), absl::ByAnyChar(" \n"),
                          absl::SkipEmpty());
  }

  void FillList(const std::string& method) {
    pleg::ListSizeEvidence list;
    list.method = method;
    list.bytes = 20 << 20;
    list.limit_bytes = 16 << 20;
    evidence_.list_sizes.push_back(list);
  }

  const plegd_testing::ScratchDir dir_;
  pleg::Evidence evidence_;
};

TEST_F(CommandsTest, TheNewestOfEachContainerStays) {
  EXPECT_EQ(Run("Count the exited containers"), "4\n");
  Run("all but the newest");
  EXPECT_THAT(Removed(), ElementsAre("rm", "app2", "app1"));
}

TEST_F(CommandsTest, OnlySandboxesThatAreOverGoAway) {
  Run("sandboxes that are not ready");
  EXPECT_THAT(Removed(), ElementsAre("rmp", "over"));
}

TEST_F(CommandsTest, AListOfSandboxesThatDoesNotFitIsNotAskedFor) {
  FillList("ListPodSandbox");
  EXPECT_EQ(Run("Count the exited containers"), "4\n");
  EXPECT_EQ(plegd_testing::ReadFile(dir_.File("listed")),
            "/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes\n");
  EXPECT_THAT(Command("all but the newest"), Not(HasSubstr("crictl pods")));
  Run("sandboxes that are not ready");
  // crictl refuses the ready one.
  EXPECT_THAT(Removed(), ElementsAre("rmp", "ready", "over"));
  EXPECT_THAT(Command("sandboxes that are not ready"), Not(HasSubstr("-f")));
}

TEST_F(CommandsTest, AListOfContainersThatDoesNotFitIsAskedForPodByPod) {
  FillList("ListContainers");
  EXPECT_THAT(Command("all but the newest"),
              AllOf(HasSubstr("crictl pods -q"), HasSubstr("--pod")));
}

TEST_F(CommandsTest, TheDeadOfAPodThatDoNotFitAreAskedForOneByOne) {
  FillList("ListContainers");
  evidence_.list_sizes.back().objects = 13000;
  evidence_.counts.exited_of_one_pod = 11500;
  Program("ls", "#!/bin/sh\nprintf 'app1\\nother\\ngone\\napp3\\nweb1\\njob1\\napp2\\n'\n");
  Run("all but the newest");
  EXPECT_THAT(Removed(), ElementsAre("rm", "app2", "app1"));
  EXPECT_THAT(Command("all but the newest"),
              HasSubstr("ls /var/lib/containerd/io.containerd.grpc.v1.cri/containers"));
}

TEST_F(CommandsTest, TheRuntimesOwnSocketAndRootAreUsed) {
  evidence_.runtime.endpoint = "unix:///run/k3s/containerd/containerd.sock";
  FillList("ListPodSandbox");
  const std::string command = Command("sandboxes that are not ready");
  EXPECT_THAT(command, HasSubstr("/var/lib/rancher/*/agent/containerd/io.containerd.grpc.v1.cri"));
  EXPECT_THAT(command, HasSubstr("crictl -r unix:///run/k3s/containerd/containerd.sock rmp"));
}

// A process that waits to be ended, by a name that reads like the end of its stat.
class Sleeper {
 public:
  explicit Sleeper(const char* name) : pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, name);
    while (true) pause();
  }
  ~Sleeper() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  pid_t pid() const { return pid_; }
  bool HasEnded() const {
    siginfo_t info = {};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
  }
  // As the host's probe sees it, once it has its name.
  pleg::ProcessEvidence Evidence(const std::string& name) const {
    pleg::ProcessEvidence process;
    for (int i = 0; i < 1000 && process.name != name; ++i) {
      const auto stat = runtime::host::ParseProcessStat(
          plegd_testing::ReadFile(absl::StrCat("/proc/", pid_, "/stat")));
      if (stat.ok()) {
        process.pid = pid_;
        process.start_ticks = stat->start_ticks;
        process.name = stat->comm;
      }
      absl::SleepFor(absl::Milliseconds(5));
    }
    return process;
  }

 private:
  const pid_t pid_;
};

bool Succeeds(const std::string& command) {
  return !command.empty() && system(command.c_str()) == 0;  // NOLINT(cert-env33-c): as people do
}

TEST(SignalTest, ReachesTheProcessThatIsMeantAndNoLaterOneWithItsPid) {
  for (const char* name : {"sleep", ") S 1 2 3 4 5 6", "a\nb) R 1 1", "0 0 0 0 0 0 0 0"}) {
    SCOPED_TRACE(name);
    const Sleeper sleeper(name);
    const pleg::ProcessEvidence process = sleeper.Evidence(name);
    ASSERT_EQ(process.name, name);
    pleg::ProcessEvidence earlier = process;
    earlier.start_ticks -= 1;
    EXPECT_FALSE(Succeeds(pleg::Signal("KILL", earlier)));
    // Another field of the same file.
    earlier.start_ticks = static_cast<uint64_t>(getpid());
    EXPECT_FALSE(Succeeds(pleg::Signal("KILL", earlier)));
    EXPECT_FALSE(sleeper.HasEnded());
    EXPECT_TRUE(Succeeds(pleg::Signal("KILL", process)));
    siginfo_t info = {};
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(sleeper.pid()), &info, WEXITED | WNOWAIT), 0);
  }
}

TEST(SignalTest, OfAnOlderRecordReachesTheProcessByItsName) {
  const Sleeper sleeper("runc");
  pleg::ProcessEvidence process = sleeper.Evidence("runc");
  process.start_ticks = 0;
  process.name = "run";
  EXPECT_FALSE(Succeeds(pleg::Signal("KILL", process)));
  EXPECT_FALSE(sleeper.HasEnded());
  process.name = "runc";
  EXPECT_TRUE(Succeeds(pleg::Signal("KILL", process)));
  process.name = "";
  EXPECT_EQ(pleg::Signal("KILL", process), "");
}

// A status hangs on a task that waits for the FUSE connection 57, on a node that is in files.
class AbortFuseTest : public testing::Test {
 protected:
  AbortFuseTest() {
    std::filesystem::create_directories(dir_.File("fuse/57"));
    Mountinfo("57", "/mnt/s3");
    Waiting(3);
  }

  void Mountinfo(const std::string& minor, const std::string& mount_point) const {
    std::ofstream(dir_.File("mountinfo")) << "22 28 0:21 / /proc rw - proc proc rw\n"
                                          << "90 28 0:" << minor << " / " << mount_point
                                          << " rw,nosuid shared:5 - fuse.s3fs 0:57 rw\n";
  }
  void Waiting(int requests) const {
    std::ofstream(dir_.File("fuse/57/waiting")) << requests << "\n";
  }

  static std::string Command(const std::string& mount_point) {
    pleg::Evidence evidence;
    evidence.observed_for = absl::Hours(1);
    evidence.runtime.connected = true;
    evidence.runtime.connection_for = absl::Hours(1);
    evidence.relist.last_good_ago = absl::Milliseconds(500);
    pleg::MethodEvidence list;
    list.method = "ListContainers";
    list.answered_ago = absl::Milliseconds(500);
    evidence.methods.push_back(list);
    pleg::UnansweredEvidence call;
    call.method = "ContainerStatus";
    call.object.id = pleg::ContainerId("c1");
    call.object.pod_uid = pleg::PodUid("8a1f");
    call.age = absl::Seconds(30);
    call.attempts = 1;
    call.pod_pending = true;
    evidence.unanswered.push_back(call);
    evidence.host.emplace();
    evidence.host->blocked.push_back({.wait_function = "request_wait_answer",
                                      .count = 1,
                                      .oldest = absl::Seconds(30),
                                      .example_pid = 4711,
                                      .example_name = "app",
                                      .example_container = pleg::ContainerId("c1")});
    evidence.host->fuse.push_back({"57", mount_point, 3, absl::Minutes(1)});
    for (const pleg::Finding& finding : pleg::Diagnose(evidence).findings) {
      for (const pleg::Action& action : finding.actions) {
        if (absl::StrContains(action.text, "Abort FUSE")) return action.command;
      }
    }
    return "";
  }

  // Whether it aborts the connection.
  bool Aborts(const std::string& mount_point) const {
    const std::string command = absl::StrReplaceAll(
        Command(mount_point), {{"/proc/1/mountinfo", dir_.File("mountinfo")},
                               {"/sys/fs/fuse/connections", dir_.File("fuse")}});
    const bool succeeds = Succeeds(command);
    const bool aborted = plegd_testing::ReadFile(dir_.File("fuse/57/abort")) == "1\n";
    EXPECT_FALSE(command.empty());
    EXPECT_EQ(succeeds, aborted) << command;
    std::filesystem::remove(dir_.File("fuse/57/abort"));
    return aborted;
  }

  const plegd_testing::ScratchDir dir_;
};

TEST_F(AbortFuseTest, HitsTheConnectionThatIsMeant) {
  EXPECT_TRUE(Aborts("/mnt/s3"));
  Mountinfo("57", R"(/mnt/it's\040a\134mount)");
  EXPECT_TRUE(Aborts(R"(/mnt/it's a\mount)"));
}

TEST_F(AbortFuseTest, NoOtherOneThatHasGotItsNumber) {
  Mountinfo("57", "/mnt/s3/other");
  EXPECT_FALSE(Aborts("/mnt/s3"));
  Mountinfo("58", "/mnt/s3");
  EXPECT_FALSE(Aborts("/mnt/s3"));
  EXPECT_EQ(Command("/mnt/\x01"), "");
  EXPECT_EQ(Command(""), "");
}

TEST_F(AbortFuseTest, NoneThatAnswersAgain) {
  Waiting(0);
  EXPECT_FALSE(Aborts("/mnt/s3"));
  std::filesystem::remove(dir_.File("fuse/57/waiting"));
  EXPECT_FALSE(Aborts("/mnt/s3"));
}

}  // namespace
}  // namespace diagnosis_test
