// The process behind a unix socket.

#ifndef PLEGD_RUNTIME_HOST_PEER_H_
#define PLEGD_RUNTIME_HOST_PEER_H_

#include <optional>
#include <string>

namespace runtime::host {

// The pid that listens at `path`, as the kernel tells it (SO_PEERCRED); empty if nobody does, or
// if it is in another pid namespace. Does not block: a listener that accepts nothing is told too,
// unless its queue is full.
std::optional<int> ListenerPid(const std::string& path);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PEER_H_
