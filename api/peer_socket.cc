#include "api/peer_socket.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace api {

std::optional<uid_t> UserOf(int fd) {
  sockaddr_storage name{};
  socklen_t name_size = sizeof(name);
  ucred peer{};
  socklen_t size = sizeof(peer);
  const bool is_unix = getsockname(fd, reinterpret_cast<sockaddr*>(&name), &name_size) == 0 &&
                       name.ss_family == AF_UNIX;
  if (!is_unix || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  return peer.uid;
}

bool HasInput(int fd) {
  int bytes = 0;
  return ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

bool HasLeft(int fd) {
  pollfd peer = {fd, POLLRDHUP, 0};
  return poll(&peer, 1, 0) > 0;
}

void CutConnection(int fd) {
  const linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  shutdown(fd, SHUT_RDWR);
}

}  // namespace api
