#include "runtime/host/confinement.h"

#include <errno.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/host/host_tree.h"
#include "runtime/host/privileges.h"
#include "runtime/host/testing/fixture_tree.h"
#include "runtime/host/testing/process_facts.h"
#include "runtime/host/testing/wait_until.h"
#include "runtime/host/testing/without_syscall.h"

namespace runtime::host {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::StartsWith;

constexpr int kFine = 0;
constexpr int kSkipped = 77;

// What `body` returns in a process of its own; what it gives up is given up there alone. 128 and a
// signal that killed it.
int InAnotherProcess(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The line of the check that fails, which fits into an exit code below 77.
#define CHECK_OR_LINE(condition, line) \
  if (!(condition)) return line

class KeepOnlyTest : public testing::TestWithParam<int> {};

TEST_P(KeepOnlyTest, ClosesAllButOneSocket) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  for (const bool standard_is_closed : {false, true}) {
    const pid_t pid = fork();
    if (pid == 0) {
      if (GetParam() != 0 && !ForbidSyscall(SCMP_SYS(close_range), GetParam())) _exit(1);
      dup2(pair[1], 200);
      if (standard_is_closed) {
        for (int fd = 0; fd < 3; ++fd) close(fd);
      }
      const int kept = KeepOnly(pair[0]);
      if (kept >= 0) pause();
      _exit(2);
    }
    EXPECT_TRUE(WaitUntil([pid] { return DescriptorsOf(pid).size() == 4; }));
    EXPECT_THAT(DescriptorsOf(pid),
                ElementsAre(Pair(0, "/dev/null"), Pair(1, "/dev/null"), Pair(2, "/dev/null"),
                            Pair(3, StartsWith("socket:"))));
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  close(pair[0]);
  close(pair[1]);
}

INSTANTIATE_TEST_SUITE_P(Kernels, KeepOnlyTest, testing::Values(0, ENOSYS, EPERM));

TEST(FilterSyscallsTest, AProbeReadsAndDoesNothingElse) {
  const FixtureTree files;
  files.Write("root/file", "text");
  const auto body = [&] {
    ForbidNewPrivileges();
    CHECK_OR_LINE(FilterSyscalls(Process::kProbe), 1);
    CHECK_OR_LINE(HostTree(files.Path("root")).Read("file").ok(), 2);
    CHECK_OR_LINE(HostTree("/proc").List("").ok(), 3);
    CHECK_OR_LINE(open("/tmp/plegd-never", O_WRONLY | O_CREAT, 0600) < 0 && errno == ENOSYS, 4);
    CHECK_OR_LINE(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == ENOSYS, 5);
    CHECK_OR_LINE(fork() < 0 && errno == ENOSYS, 6);
    CHECK_OR_LINE(kill(getppid(), 0) < 0 && errno == ENOSYS, 7);
    CHECK_OR_LINE(execl("/bin/true", "true", nullptr) < 0 && errno == ENOSYS, 8);
    // One that this C library does not know, and one of another kernel.
    CHECK_OR_LINE(syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0) < 0, 9);
    CHECK_OR_LINE(syscall(4000) < 0 && errno == ENOSYS, 10);
    return kFine;
  };
  EXPECT_EQ(InAnotherProcess(body), kFine);
}

TEST(FilterSyscallsTest, AZygoteForksAndTheForkConfinesItself) {
  const auto body = [] {
    ForbidNewPrivileges();
    CHECK_OR_LINE(FilterSyscalls(Process::kZygote), 1);
    CHECK_OR_LINE(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == ENOSYS, 2);
    CHECK_OR_LINE(execl("/bin/true", "true", nullptr) < 0 && errno == ENOSYS, 3);
    const pid_t pid = fork();
    CHECK_OR_LINE(pid >= 0, 4);
    if (pid == 0) _exit(FilterSyscalls(Process::kProbe) && fork() < 0 ? kFine : 5);
    int status = 0;
    CHECK_OR_LINE(waitpid(pid, &status, 0) == pid, 6);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 7;
  };
  EXPECT_EQ(InAnotherProcess(body), kFine);
}

TEST(ConfineReadsTest, OpensNothingBesideTheRootsAndWritesNothing) {
  const FixtureTree files;
  files.Write("root/file", "text");
  files.Write("outside/file", "secret");
  const auto body = [&] {
    ForbidNewPrivileges();
    if (!ConfineReads({files.Path("root"), files.Path("none"), "/proc"})) return kSkipped;
    CHECK_OR_LINE(HostTree(files.Path("root")).Read("file").ok(), 1);
    CHECK_OR_LINE(!HostTree(files.Path("outside")).Read("file").ok(), 2);
    CHECK_OR_LINE(HostTree("/proc").Read("meminfo").ok(), 3);
    CHECK_OR_LINE(open(files.Path("root/file").c_str(), O_WRONLY) < 0 && errno == EACCES, 4);
    CHECK_OR_LINE(open(files.Path("root/new").c_str(), O_RDONLY | O_CREAT, 0600) < 0, 5);
    CHECK_OR_LINE(unlink(files.Path("root/file").c_str()) < 0, 6);
    return kFine;
  };
  const int code = InAnotherProcess(body);
  if (code == kSkipped) GTEST_SKIP() << "no Landlock here";
  EXPECT_EQ(code, kFine);
}

TEST(KeepCapabilitiesTest, KeepsThoseAlone) {
  if (geteuid() != 0) GTEST_SKIP() << "only root has any";
  const std::string kept = absl::StrCat(absl::Hex(uint64_t{1} << CAP_SYSLOG, absl::kZeroPad16));
  const std::string none(16, '0');
  const auto sets = [](const char* name) { return StatusOf(getpid(), name); };
  EXPECT_EQ(InAnotherProcess([&] {
              KeepCapabilities({CAP_SYSLOG}, Effect::kLater);
              CHECK_OR_LINE(sets("CapPrm") == kept && sets("CapEff") == none, 1);
              CHECK_OR_LINE(sets("CapInh") == none && sets("CapBnd") == none, 2);
              CHECK_OR_LINE(!SeesIntoProcesses(), 3);
              KeepCapabilities({CAP_SYSLOG, CAP_SYS_PTRACE});
              CHECK_OR_LINE(sets("CapPrm") == kept && sets("CapEff") == kept, 4);
              KeepCapabilities({});
              CHECK_OR_LINE(sets("CapPrm") == none && sets("CapEff") == none, 5);
              return kFine;
            }),
            kFine);
  EXPECT_EQ(InAnotherProcess([] {
              KeepCapabilities({CAP_SYS_PTRACE});
              return SeesIntoProcesses() ? kFine : 1;
            }),
            kFine);
}

}  // namespace
}  // namespace runtime::host
