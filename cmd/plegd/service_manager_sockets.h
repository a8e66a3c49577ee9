// Socket activation: listeners that systemd has opened for us (sd_listen_fds(3)).
//
//   absl::StatusOr<std::vector<InheritedSocket>> sockets = TakeInheritedSockets();

#ifndef PLEGD_CMD_PLEGD_SERVICE_MANAGER_SOCKETS_H_
#define PLEGD_CMD_PLEGD_SERVICE_MANAGER_SOCKETS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace plegd {

// A listening stream socket. Thread-compatible.
struct InheritedSocket {
  int fd = -1;               // the receiver's to close
  std::string name;          // FileDescriptorName= of the socket unit; "unknown" without one
  bool unix_domain = false;  // else TCP
};

// SD_LISTEN_FDS_START.
inline constexpr int kFirstInheritedFd = 3;

// The listeners, in order; none when LISTEN_PID is another process or nothing was inherited. Reads
// LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES and removes them; no child inherits the descriptors.
// kInvalidArgument: a number that makes no sense, or a descriptor that is no listening stream
// socket, by its number and name; every descriptor stays open then. Call it before any thread
// starts and before any file is opened. Only tests have another `first_fd`.
absl::StatusOr<std::vector<InheritedSocket>> TakeInheritedSockets(int first_fd = kFirstInheritedFd);

}  // namespace plegd

#endif  // PLEGD_CMD_PLEGD_SERVICE_MANAGER_SOCKETS_H_
