// The process behind a unix socket.

#ifndef PLEGD_RUNTIME_HOST_PEER_H_
#define PLEGD_RUNTIME_HOST_PEER_H_

#include <cstdint>
#include <optional>
#include <string>

namespace runtime::host {

struct Listener {
  bool there = false;  // the kernel takes connections for somebody, or would if its queue had room
  // As the kernel tells it (SO_PEERCRED): who called listen(). Empty if it is in another pid
  // namespace, its queue is full, or it has ended and left the socket to others; from Linux 6.5 on
  // the kernel tells that (SO_PEERPIDFD). PID 1 where systemd listens for a service that it starts
  // on demand.
  std::optional<int> pid = {};
  // When it started, as in /proc/PID/stat: another process may have its pid later. 0 if unknown.
  uint64_t start_ticks = 0;
};

// Who listens at `path`. Does not block: a process that accepts nothing, or is stopped, is found
// too. A connection is made and closed, so ask seldom: one that is not accepted stays in the queue.
Listener FindListener(const std::string& path);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PEER_H_
