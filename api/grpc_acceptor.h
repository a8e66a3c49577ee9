// Accepts connections for gRPC, up to a limit: gRPC's own listener has none, and takes any number
// of clients until descriptors or memory run out.
//
//   GrpcAcceptor acceptor(std::move(socket), 128, [&](int fd) { AddInsecureChannelFromFd(…, fd);
//   });

#ifndef PLEGD_API_GRPC_ACCEPTOR_H_
#define PLEGD_API_GRPC_ACCEPTOR_H_

#include <poll.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "api/listen_socket.h"

namespace api {

// Owns the thread "plegd-accept". Confined to the owner's thread, apart from connections.
class GrpcAcceptor {
 public:
  // Runs on the acceptor's thread with a non-blocking descriptor that the callee owns.
  using OnConnection = std::function<void(int fd)>;

  // Beyond `max_connections` at once, clients wait in the kernel's backlog.
  GrpcAcceptor(ListenSocket socket, size_t max_connections, OnConnection on_connection);
  // Stops, closes the listener and removes its file. Connections live on.
  ~GrpcAcceptor();
  GrpcAcceptor(const GrpcAcceptor&) = delete;
  GrpcAcceptor& operator=(const GrpcAcceptor&) = delete;

  const ListenAddress& address() const { return socket_.address(); }
  // Open now. Thread-safe.
  size_t connections() const { return count_; }

 private:
  void Run();
  void Accept();
  // Lets go of what both ends have closed.
  void DropEnded(const std::vector<pollfd>& polled);

  ListenSocket socket_;
  const size_t max_connections_;
  const OnConnection on_connection_;
  int stop_fd_ = -1;
  // Duplicates of what was handed out, to see the end of each: gRPC shuts a socket down before it
  // closes it. Acceptor's thread.
  std::vector<int> open_;
  std::atomic<size_t> count_{0};
  std::thread thread_;
};

}  // namespace api

#endif  // PLEGD_API_GRPC_ACCEPTOR_H_
