// What can be seen of, and done to, the socket of a client that is connected.

#ifndef PLEGD_API_PEER_SOCKET_H_
#define PLEGD_API_PEER_SOCKET_H_

#include <sys/types.h>

#include <optional>

namespace api {

// All are thread-safe and do not block. `fd` is open.

// Whose process connected to a unix socket (SO_PEERCRED); empty over TCP.
std::optional<uid_t> UserOf(int fd);
// Whether something was sent that is not read yet.
bool HasInput(int fd);
// Whether the other side has closed the connection, or its half of it.
bool HasLeft(int fd);
// Ends the connection for both sides; who reads `fd` sees the end, and closes it. What the other
// side has not taken is dropped then.
void CutConnection(int fd);

}  // namespace api

#endif  // PLEGD_API_PEER_SOCKET_H_
