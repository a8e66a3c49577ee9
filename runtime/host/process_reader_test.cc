#include "runtime/host/process_reader.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "pleg/testing/sanitizers.h"
#include "runtime/host/proc_file.h"
#include "runtime/host/testing/wait_until.h"

namespace runtime::host {
namespace {

// A process whose first thread sleeps while a second one is in uninterruptible sleep: it waits, as
// vfork does, for a child that never executes anything. Ended, with that child, by the destructor.
class HalfBlocked {
 public:
  HalfBlocked() : pid_(fork()) {
    if (pid_ != 0) return;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::thread blocked([] {
      syscall(SYS_clone, CLONE_VFORK | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
      while (true) pause();
    });
    while (true) pause();
  }
  ~HalfBlocked() {
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  HalfBlocked(const HalfBlocked&) = delete;
  HalfBlocked& operator=(const HalfBlocked&) = delete;

  int pid() const { return pid_; }

 private:
  const pid_t pid_;
};

HostProcess Read(ProcessReader& reader, int pid) {
  HostProcess process;
  const absl::StatusOr<std::string> text = ReadSmallFile(absl::StrCat("/proc/", pid, "/stat"));
  const absl::StatusOr<ProcessStat> stat =
      text.ok() ? ParseProcessStat(*text) : absl::StatusOr<ProcessStat>(text.status());
  if (stat.ok()) process.stat = *stat;
  reader.ReadThreads(process);
  return process;
}

TEST(ProcessReaderTest, OfThisVeryHostFindsTheThreadThatIsBlocked) {
  if (pleg::testing::kSanitized) GTEST_SKIP() << "a forked process starts a thread";
  const HalfBlocked half;
  const HostTree proc("/proc");
  ProcessReader reader(proc);
  HostProcess process;
  ASSERT_TRUE(WaitUntil([&] {
    process = Read(reader, half.pid());
    return process.stat.state == 'S' && process.blocked.size() == 1;
  }));
  EXPECT_NE(process.blocked[0].id, half.pid());
  // It could be read here; but what a thread waits for may be what the command line takes.
  reader.ReadCommand(process);
  EXPECT_TRUE(process.command.empty());
  HostProcess self = Read(reader, getpid());
  reader.ReadCommand(self);
  EXPECT_FALSE(self.command.empty());
}

}  // namespace
}  // namespace runtime::host
