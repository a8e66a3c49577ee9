// Sockets that listen.
//
//   absl::StatusOr<std::vector<ListenSocket>> sockets = Listen(*ParseListenAddress("[::1]:10270"));

#ifndef PLEGD_API_LISTEN_SOCKET_H_
#define PLEGD_API_LISTEN_SOCKET_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/listen_address.h"
#include "api/path_lock.h"

namespace api {

// An open socket that listens, close-on-exec and non-blocking. Closes itself; the file of a unix
// socket is removed, unless another has taken its place. Movable; confined to one thread at a time.
class ListenSocket {
 public:
  // `address`: what it is really bound to. `owns_file`: removes the file of a unix socket.
  // `lock`: what keeps others from its path, held as long as the socket lives.
  ListenSocket(int fd, ListenAddress address, bool owns_file = true,
               std::optional<PathLock> lock = std::nullopt);
  ~ListenSocket();
  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&& other) = delete;

  const ListenAddress& address() const { return address_; }
  int fd() const { return fd_; }
  // From now on closing the descriptor is the caller's; removing the file stays with this object.
  int ReleaseFd();

 private:
  int fd_;
  ListenAddress address_;
  // Of the socket's file, to know it again.
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::optional<PathLock> lock_;
};

// Takes over a socket that listens already, as a service manager passes it on; its file is the
// service manager's. A unix socket serves the names of pods to whoever may connect, so its file has
// to be one that root or this user owns and that others may not write to. kInvalidArgument: any
// other unix socket, such as an abstract one, to which everybody may connect, or neither a unix nor
// a TCP socket; the descriptor is closed.
absl::StatusOr<ListenSocket> AdoptListenSocket(int fd);

// Binds `address`: a unix socket with mode 0660, or one TCP socket for each address the host has
// (IPv6 ones take no IPv4; an empty host means all of both families). A unix socket that nobody
// listens to any more is replaced; one that is in use, or a file that is no socket, is not. Of
// several processes that begin at once exactly one gets it (path_lock.h). Looks the name up, so it
// may block. The error names the address, and the process that has it if that is known.
absl::StatusOr<std::vector<ListenSocket>> Listen(const ListenAddress& address);

}  // namespace api

#endif  // PLEGD_API_LISTEN_SOCKET_H_
