// The programs as processes: what descriptors they have if they are started without the usual ones,
// and what plegd's own, its zygote and its probe have left of root's rights.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/host/testing/process_facts.h"
#include "runtime/host/testing/wait_until.h"

namespace {

using ::runtime::host::ChildrenOf;
using ::runtime::host::DescriptorsOf;
using ::runtime::host::StatusOf;
using ::runtime::host::WaitUntil;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kNone[] = "0000000000000000";

class ProcessesTest : public testing::Test {
 protected:
  ProcessesTest() {
    std::string pattern = "/tmp/plegd-processesXXXXXX";
    dir_ = mkdtemp(pattern.data()) == nullptr ? "" : pattern;
  }
  ~ProcessesTest() override {
    End();
    std::filesystem::remove_all(dir_);
  }

  // Of the descriptors 0 to 2 those whose bit is in `closed` are closed; the others are a file.
  void Spawn(std::vector<std::string> arguments, int closed = 0) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    ASSERT_GE(pid_, 0);
    if (pid_ > 0) return;
    const int file = open(Path("output").c_str(), O_RDWR | O_CREAT | O_APPEND, 0600);
    for (int fd = 0; fd < 3; ++fd) {
      if ((closed & (1 << fd)) != 0) {
        close(fd);
      } else if (fd != file) {
        dup2(file, fd);
      }
    }
    if (file > 2) close(file);
    execv(argv[0], argv.data());
    _exit(127);
  }
  void End() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  std::string Path(const std::string& name) const { return absl::StrCat(dir_, "/", name); }
  std::vector<std::string> Plegd(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {PLEGD_BINARY,
                                          "-r",
                                          Path("none.sock"),
                                          "--web.listen-address=unix://" + Path("web.sock"),
                                          "--api.socket=" + Path("api.sock"),
                                          "--event-log=-"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  // What a process of plegd's is, once there is one child of that name.
  int ChildNamed(int parent, const std::string& name) const {
    int found = 0;
    EXPECT_TRUE(WaitUntil([&] {
      for (const int child : ChildrenOf(parent)) {
        if (StatusOf(child, "Name") == name) found = child;
      }
      return found != 0;
    })) << name;
    return found;
  }
  // Whether it has all three, and those that were closed are nothing.
  bool HasStandardStreams(int closed) const {
    const std::map<int, std::string> descriptors = DescriptorsOf(pid_);
    for (int fd = 0; fd < 3; ++fd) {
      const auto found = descriptors.find(fd);
      if (found == descriptors.end()) return false;
      const bool was_closed = (closed & (1 << fd)) != 0;
      if (found->second != (was_closed ? "/dev/null" : Path("output"))) return false;
    }
    // It has opened something of its own.
    return descriptors.size() > 4;
  }

  std::string dir_;
  pid_t pid_ = -1;
};

TEST_F(ProcessesTest, PlegdStartedWithoutStandardStreamsTalksToNoneOfItsSockets) {
  for (int closed = 0; closed < 8; ++closed) {
    Spawn(Plegd(), closed);
    ASSERT_TRUE(WaitUntil([&] { return HasStandardStreams(closed); }))
        << closed << testing::PrintToString(DescriptorsOf(pid_));
    const int zygote = ChildNamed(pid_, "plegd-zygote");
    ChildNamed(zygote, "plegd-probe");
    EXPECT_THAT(ChildrenOf(zygote), SizeIs(1)) << closed;
    End();
  }
}

TEST_F(ProcessesTest, TheOtherProgramsDoNotEither) {
  const std::string sim = "unix://" + Path("sim.sock");
  for (int closed = 0; closed < 8; ++closed) {
    Spawn({PLEGCTL_BINARY, "explain", "--direct", "--watch", "-r", Path("none.sock")}, closed);
    ASSERT_TRUE(WaitUntil([&] { return HasStandardStreams(closed); })) << "plegctl " << closed;
    End();
    Spawn({CRI_SIM_BINARY, "--listen", sim, "--control", Path("control.sock")}, closed);
    ASSERT_TRUE(WaitUntil([&] { return HasStandardStreams(closed); })) << "cri-sim " << closed;
    End();
  }
}

TEST_F(ProcessesTest, PlegdItsZygoteAndItsProbeKeepWhatTheyNeed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root has anything to give up";
  Spawn(Plegd());
  const int zygote = ChildNamed(pid_, "plegd-zygote");
  const int probe = ChildNamed(zygote, "plegd-probe");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_TRUE(WaitUntil([&] { return StatusOf(pid_, set) == kNone; })) << set;
  }
  EXPECT_TRUE(WaitUntil([&] { return StatusOf(pid_, "NoNewPrivs") == "1"; }));
  // CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_SYS_ADMIN and CAP_SYSLOG.
  const std::string probing = absl::StrCat(
      absl::Hex(uint64_t{1} << 2 | uint64_t{1} << 19 | uint64_t{1} << 21 | uint64_t{1} << 34,
                absl::kZeroPad16));
  for (const int pid : {zygote, probe}) {
    for (const char* set : {"CapInh", "CapBnd", "CapAmb"}) EXPECT_EQ(StatusOf(pid, set), kNone);
    EXPECT_EQ(StatusOf(pid, "CapPrm"), probing);
    EXPECT_EQ(StatusOf(pid, "NoNewPrivs"), "1");
    EXPECT_EQ(StatusOf(pid, "Seccomp"), "2");
    const std::map<int, std::string> descriptors = DescriptorsOf(pid);
    for (int fd = 0; fd < 3; ++fd) EXPECT_EQ(descriptors.at(fd), "/dev/null");
    int sockets = 0;
    for (const auto& [fd, target] : descriptors) {
      if (absl::StartsWith(target, "socket:")) ++sockets;
      // The probe reads: what it reads at this moment, and the kernel's log.
      if (fd > 2 && pid == zygote) EXPECT_THAT(target, StartsWith("socket:"));
    }
    EXPECT_EQ(sockets, 1);
  }
  EXPECT_EQ(StatusOf(zygote, "CapEff"), kNone);
  EXPECT_EQ(StatusOf(probe, "CapEff"), probing);
}

TEST_F(ProcessesTest, WithoutAProbePlegdGivesUpTheSame) {
  if (geteuid() != 0) GTEST_SKIP() << "only root has anything to give up";
  Spawn(Plegd({"--host-probe=off"}));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_TRUE(WaitUntil([&] { return StatusOf(pid_, set) == kNone; })) << set;
  }
}

TEST_F(ProcessesTest, APortBelow1024KeepsTheRightToIt) {
  if (geteuid() != 0) GTEST_SKIP() << "only root has anything to give up";
  Spawn(Plegd({"--web.listen-address=127.0.0.1:873"}));
  const std::string bind = absl::StrCat(absl::Hex(uint64_t{1} << 10, absl::kZeroPad16));
  EXPECT_TRUE(WaitUntil([&] { return StatusOf(pid_, "CapEff") == bind; }));
  EXPECT_TRUE(WaitUntil([&] { return std::filesystem::exists(Path("api.sock")); }));
}

}  // namespace
