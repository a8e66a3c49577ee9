// A kernel that lacks a system call, or a filter that forbids it, for what runs on one thread.

#ifndef PLEGD_RUNTIME_HOST_TESTING_WITHOUT_SYSCALL_H_
#define PLEGD_RUNTIME_HOST_TESTING_WITHOUT_SYSCALL_H_

#include <seccomp.h>

#include <functional>
#include <thread>

namespace runtime::host {

// From now on `call` fails with `error` on the calling thread, and in what it forks. False if that
// cannot be had.
inline bool ForbidSyscall(int call, int error) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  const bool done =
      seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<uint32_t>(error)), call, 0) == 0 &&
      seccomp_load(filter) == 0;
  seccomp_release(filter);
  return done;
}

// Runs `body` on a thread of its own, which ends with it.
inline void OnOwnThread(const std::function<void()>& body) { std::thread(body).join(); }

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_TESTING_WITHOUT_SYSCALL_H_
