#include "cmd/standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cmd {
namespace {

bool taken = false;

// By system calls alone: not even the sanitizers' runtime has begun.
void Take() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (syscall(SYS_fcntl, fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest number that is free: this one.
    if (syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0) != fd) return;
  }
  taken = true;
}

// Before the constructors of shared libraries, too.
__attribute__((section(".preinit_array"), used)) void (*const take_first)() = Take;

}  // namespace

bool HasStandardStreams() { return taken; }

}  // namespace cmd
