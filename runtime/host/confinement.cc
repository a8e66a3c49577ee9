#include "runtime/host/confinement.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <memory>

#include "absl/base/config.h"
#include "absl/strings/numbers.h"
#include "runtime/host/host_tree.h"

namespace runtime::host {
namespace {

// What the C and C++ libraries do for a program of one thread, and what an error report takes.
constexpr int kAlways[] = {
    SCMP_SYS(brk),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fcntl),
    SCMP_SYS(fcntl64),
    SCMP_SYS(fstat),
    SCMP_SYS(fstat64),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(getrandom),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(madvise),
    SCMP_SYS(membarrier),
    SCMP_SYS(mmap),
    SCMP_SYS(mmap2),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(nanosleep),
    SCMP_SYS(newfstatat),
    SCMP_SYS(ppoll),
    SCMP_SYS(poll),
    SCMP_SYS(read),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(sysinfo),
    SCMP_SYS(tgkill),
    SCMP_SYS(time),
    SCMP_SYS(uname),
    SCMP_SYS(write),
    SCMP_SYS(writev),
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
    // How a sanitizer finds out whether memory is there: without it, it reports sound objects.
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
#endif
};

// To read files. Those that open are beside it.
constexpr int kReading[] = {
    SCMP_SYS(fstatfs), SCMP_SYS(fstatfs64), SCMP_SYS(getdents), SCMP_SYS(getdents64),
    SCMP_SYS(lseek),   SCMP_SYS(_llseek),   SCMP_SYS(lstat),    SCMP_SYS(lstat64),
    SCMP_SYS(openat2), SCMP_SYS(pread64),   SCMP_SYS(readlink), SCMP_SYS(readlinkat),
    SCMP_SYS(stat),    SCMP_SYS(stat64),    SCMP_SYS(statx),    SCMP_SYS(fstatat64),
    SCMP_SYS(readv),
};

// To confine itself further.
constexpr int kConfining[] = {
    SCMP_SYS(capget),
    SCMP_SYS(landlock_add_rule),
    SCMP_SYS(landlock_create_ruleset),
    SCMP_SYS(landlock_restrict_self),
};

// To fork a probe, and to give up what it gives up.
constexpr int kForking[] = {
    SCMP_SYS(capset), SCMP_SYS(clone),   SCMP_SYS(fork),       SCMP_SYS(kill),
    SCMP_SYS(prctl),  SCMP_SYS(seccomp), SCMP_SYS(socketpair), SCMP_SYS(wait4),
};

// What Landlock's first version knows, and which later ones still have.
constexpr uint64_t kEverything =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;

void CloseFrom(int first) {
  if (syscall(SYS_close_range, static_cast<unsigned>(first), UINT_MAX, 0) == 0) return;
  // Before Linux 5.9: those that are open, else all that can be.
  std::vector<int> open;
  {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), &closedir);
    while (const dirent* entry = directory == nullptr ? nullptr : readdir(directory.get())) {
      int fd = 0;
      if (absl::SimpleAtoi(entry->d_name, &fd) && fd >= first) open.push_back(fd);
    }
  }
  if (open.empty()) {
    rlimit limit = {};
    constexpr rlim_t kMost = rlim_t{1} << 20;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = kMost;
    const int end = static_cast<int>(std::min(limit.rlim_cur, kMost));
    for (int fd = first; fd < end; ++fd) close(fd);
  }
  for (const int fd : open) close(fd);
}

template <size_t kSize>
bool Allow(scmp_filter_ctx filter, const int (&calls)[kSize]) {
  return std::all_of(std::begin(calls), std::end(calls), [filter](int call) {
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) == 0;
  });
}

// openat2 has its flags in memory, where no filter can see them.
bool AllowOpening(scmp_filter_ctx filter) {
  constexpr uint64_t kChanges = O_ACCMODE | O_CREAT | O_TRUNC;
  const auto allow = [filter](int call, unsigned argument) {
    const scmp_arg_cmp reads = {argument, SCMP_CMP_MASKED_EQ, kChanges, O_RDONLY};
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &reads) == 0;
  };
  return allow(SCMP_SYS(openat), 2) && allow(SCMP_SYS(open), 1);
}

void AllowBelow(int ruleset, const std::string& root) {
  const OwnedFd directory(open(root.c_str(), O_PATH | O_CLOEXEC));
  struct stat info = {};
  if (!directory.ok() || fstat(directory.get(), &info) != 0) return;
  landlock_path_beneath_attr rule = {};
  rule.parent_fd = directory.get();
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  if (S_ISDIR(info.st_mode)) rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
  syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

}  // namespace

int KeepOnly(int fd) {
  constexpr int kKept = STDERR_FILENO + 1;
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return -1;
  // Out of the way of the numbers that are given now.
  const int high = fcntl(fd, F_DUPFD_CLOEXEC, kKept + 1);
  if (high < 0) return -1;
  for (int standard = 0; standard <= STDERR_FILENO; ++standard) dup2(null, standard);
  if (dup3(high, kKept, O_CLOEXEC) < 0) return -1;
  CloseFrom(kKept + 1);
  return kKept;
}

bool FilterSyscalls(Process process) {
  constexpr uint32_t kUnknown = SCMP_ACT_ERRNO(ENOSYS);
  scmp_filter_ctx filter = seccomp_init(kUnknown);
  if (filter == nullptr) return false;
  // Nor may a call of another architecture kill it.
  bool done = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, kUnknown) == 0 &&
              seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) == 0 && Allow(filter, kAlways) &&
              Allow(filter, kReading) && Allow(filter, kConfining) && AllowOpening(filter);
  if (process == Process::kZygote) done = done && Allow(filter, kForking);
  done = done && seccomp_load(filter) == 0;
  seccomp_release(filter);
  return done;
}

bool ConfineReads(const std::vector<std::string>& roots) {
  landlock_ruleset_attr attributes = {};
  attributes.handled_access_fs = kEverything;
  const OwnedFd ruleset(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0)));
  if (!ruleset.ok()) return false;
  for (const std::string& root : roots) AllowBelow(ruleset.get(), root);
  return syscall(SYS_landlock_restrict_self, ruleset.get(), 0) == 0;
}

bool HasLandlock() {
  return syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

bool SeesIntoProcesses() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets = {};
  return syscall(SYS_capget, &header, sets.data()) == 0 &&
         (sets[CAP_SYS_PTRACE / 32].effective & (uint32_t{1} << (CAP_SYS_PTRACE % 32))) != 0;
}

}  // namespace runtime::host
