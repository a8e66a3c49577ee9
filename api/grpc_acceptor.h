// Accepts connections for gRPC, up to a limit: gRPC's own listener has none, and takes any number
// of clients until descriptors or memory run out.
//
//   GrpcAcceptor acceptor(std::move(socket), 128, [&](int fd) { AddInsecureChannelFromFd(…, fd);
//   });

#ifndef PLEGD_API_GRPC_ACCEPTOR_H_
#define PLEGD_API_GRPC_ACCEPTOR_H_

#include <poll.h>

#include <cstddef>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "api/listen_socket.h"
#include "pleg/mutex.h"

namespace api {

// Owns the thread "plegd-accept". Confined to the owner's thread, apart from connections and Drop.
class GrpcAcceptor {
 public:
  // Runs on the acceptor's thread with a non-blocking descriptor that the callee owns.
  using OnConnection = std::function<void(int fd)>;

  // Beyond `max_connections` at once, clients wait in the kernel's backlog.
  GrpcAcceptor(ListenSocket socket, size_t max_connections, OnConnection on_connection);
  // Closes the listener and removes its file. Connections live on.
  ~GrpcAcceptor();
  GrpcAcceptor(const GrpcAcceptor&) = delete;
  GrpcAcceptor& operator=(const GrpcAcceptor&) = delete;

  // Hands out no further connection. Idempotent.
  void StopAccepting();
  const ListenAddress& address() const { return socket_.address(); }
  // Open now. Thread-safe.
  size_t connections() const;
  // Cuts the connection that was handed out as `fd`; nothing if it has ended. gRPC's server has no
  // other way to get rid of a client that does not read. Thread-safe.
  void Drop(int fd);

 private:
  void Run();
  // What to wait for: the end, a client unless there are too many, the end of each connection.
  std::vector<pollfd> PollSet() const;
  void Accept();
  // Lets go of what both ends have closed.
  void DropEnded(const std::vector<pollfd>& polled);

  ListenSocket socket_;
  const size_t max_connections_;
  const OnConnection on_connection_;
  int stop_fd_ = -1;
  mutable pleg::Mutex mu_;
  // Duplicates of what was handed out, by its number, to see the end of each and to cut it: gRPC
  // shuts a socket down before it closes it.
  std::map<int, int> open_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace api

#endif  // PLEGD_API_GRPC_ACCEPTOR_H_
