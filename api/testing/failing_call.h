// A system call that fails as the kernel lets it fail only when it is short of memory.
//
//   WhereItFails(__NR_listen, ENOBUFS, [] { … });   // in the function, and the threads it starts

#ifndef PLEGD_API_TESTING_FAILING_CALL_H_
#define PLEGD_API_TESTING_FAILING_CALL_H_

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include <functional>
#include <thread>

namespace api::testing {

// Runs `function` on a thread of its own and waits for it.
inline void WhereItFails(int call, int error, const std::function<void()>& function) {
  std::thread([&] {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program = {.len = std::size(filter), .filter = filter};
    ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    function();
  }).join();
}

}  // namespace api::testing

#endif  // PLEGD_API_TESTING_FAILING_CALL_H_
