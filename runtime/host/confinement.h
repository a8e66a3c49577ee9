// What the processes that look at the host give up before they look: whoever takes one over has
// little of it. Nothing here can be undone.
//
//   socket = KeepOnly(socket);
//   FilterSyscalls(Process::kProbe);

#ifndef PLEGD_RUNTIME_HOST_CONFINEMENT_H_
#define PLEGD_RUNTIME_HOST_CONFINEMENT_H_

#include <cstdint>
#include <string>
#include <vector>

namespace runtime::host {

// Standard input, output and error become /dev/null, `fd` moves to the number that is returned, and
// every other descriptor of this process is closed. -1 without /dev/null.
int KeepOnly(int fd);

enum class Process : uint8_t {
  kZygote,  // forks and ends probes, passes a socket, and gives up what a probe gives up
  kProbe,   // reads files, and answers at its socket
};

// From now on a system call that such a process does not make fails with ENOSYS, as it would on an
// older kernel, so that the C library of another distribution finds another way rather than die.
// It takes ForbidNewPrivileges or CAP_SYS_ADMIN. False if the kernel has no such filters or
// another one forbids it.
bool FilterSyscalls(Process process);

// From now on no file can be opened but for reading, and only below `roots` (Landlock, Linux 5.13).
// Roots that are not there are left out. The process can no longer ask about processes that its
// capabilities alone let it see into, so that it is not for one with CAP_SYS_PTRACE in force. False
// if the kernel has no Landlock, or it is not allowed.
bool ConfineReads(const std::vector<std::string>& roots);

// Whether ConfineReads has what it takes.
bool HasLandlock();

// Whether CAP_SYS_PTRACE is in force.
bool SeesIntoProcesses();

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_CONFINEMENT_H_
