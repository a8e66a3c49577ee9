#include "runtime/host/peer.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "runtime/host/host_tree.h"
#include "runtime/host/proc_file.h"
#include "runtime/host/proc_parse.h"

namespace runtime::host {

namespace {

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

// Whether the process behind `fd` is known to have ended: its number may be another's by now.
bool HasEnded(int fd) {
  int pidfd = -1;
  socklen_t size = sizeof(pidfd);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) != 0) {
    return errno == ESRCH || errno == EINVAL;
  }
  const OwnedFd process(pidfd);
  pollfd ended = {.fd = pidfd, .events = POLLIN, .revents = 0};
  return poll(&ended, 1, 0) == 1;
}

uint64_t StartOf(int pid) {
  const absl::StatusOr<std::string> text = ReadSmallFile(absl::StrCat("/proc/", pid, "/stat"));
  if (!text.ok()) return 0;
  const absl::StatusOr<ProcessStat> stat = ParseProcessStat(*text);
  return stat.ok() ? stat->start_ticks : 0;
}

}  // namespace

Listener FindListener(const std::string& path) {
  Listener listener;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return listener;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return listener;
  const absl::Cleanup close_fd = [fd] { close(fd); };
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    listener.there = errno == EAGAIN;
    return listener;
  }
  listener.there = true;
  ucred peer = {};
  socklen_t size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) return listener;
  const uint64_t start_ticks = StartOf(peer.pid);
  // Last, so that what was read is of the process that listens.
  if (HasEnded(fd)) return listener;
  listener.pid = peer.pid;
  listener.start_ticks = start_ticks;
  return listener;
}

}  // namespace runtime::host
