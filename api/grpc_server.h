// plegd's API as gRPC on a unix socket.
//
//   absl::StatusOr<std::unique_ptr<GrpcServer>> server = GrpcServer::Start(options, api);
//
// What a client can cost is bounded: connections, calls, bytes that wait for their reader, and the
// size of what it sends. A client that exhausts them gets RESOURCE_EXHAUSTED, waits, or is cut off;
// it never reaches the core, and never keeps root out.

#ifndef PLEGD_API_GRPC_SERVER_H_
#define PLEGD_API_GRPC_SERVER_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/listen_address.h"
#include "api/node_api.h"

namespace api {

struct GrpcServerOptions {
  // A unix socket; made with mode 0660.
  ListenAddress address{};
  // An eighth of them are root's alone. See grpc_acceptor.h for who has to go when they are taken.
  size_t max_connections = 128;
  // Of each user but root.
  size_t max_connections_per_user = 32;
  int max_calls_per_connection = 16;
  // Calls under way, of all connections: half of them for one user at most, an eighth root's alone.
  size_t max_calls = 512;
  // Of all answers that wait for their readers; more than it for one that would be the only one.
  size_t max_pending_bytes = size_t{32} << 20;
  int max_request_bytes = 64 * 1024;
  int max_metadata_bytes = 8 * 1024;
  // What gRPC may allocate for all connections.
  size_t max_transport_bytes = size_t{16} << 20;
  // One that has not begun to speak HTTP/2 within it is closed.
  absl::Duration preface_timeout = absl::Seconds(5);
  // A connection without a call for so long is closed.
  absl::Duration idle_timeout = absl::Minutes(1);
  // One that does not answer a ping for twice as long.
  absl::Duration ping_timeout = absl::Seconds(10);
  // One that does not read its answer for so long.
  absl::Duration answer_timeout = absl::Seconds(10);
};

// Confined to the owner's thread, apart from stats.
class GrpcServer {
 public:
  struct Stats {
    size_t connections = 0;
    size_t calls = 0;          // under way
    size_t pending_bytes = 0;  // of answers
  };

  // Binds the socket and begins to serve on the threads "plegd-grpc" and "plegd-accept"; `api`
  // outlives the server and is called on the former. A socket that nobody listens to is replaced.
  // The error names the address: no directory, no permission, or another process serves there.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const GrpcServerOptions& options,
                                                           NodeApi& api);
  // Ends all calls, whatever they wait for, and all connections.
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  const ListenAddress& address() const;
  // Thread-safe.
  Stats stats() const;

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace api

#endif  // PLEGD_API_GRPC_SERVER_H_
