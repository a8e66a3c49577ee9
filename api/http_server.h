// The HTTP server: several listening sockets, one thread, one handler.
//
//   absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(options, handler);
//
// GET and HEAD everywhere; on unix sockets also PUT of the log level and POST of what the API may
// be asked to do (request_rules.h). Every listener has limits of its own, so that clients who
// exhaust the TCP port leave the unix socket usable. A client that does not read, sends slowly or
// sends garbage costs itself only: every connection has an end that no byte puts off, and the
// oldest that has not asked for anything makes room for the next (http_slots.h). Health is answered
// even when requests for other things take all connections.

#ifndef PLEGD_API_HTTP_SERVER_H_
#define PLEGD_API_HTTP_SERVER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/http.h"
#include "api/listen_address.h"

namespace api {

struct HttpServerOptions {
  std::vector<ListenAddress> addresses{};
  // Sockets that listen already, served besides the addresses. The server closes them, even if it
  // does not start.
  std::vector<int> inherited_fds{};
  // Whether TCP listeners may serve the API. Unix sockets always do: their file mode guards them.
  bool api_on_tcp = false;
  // Host names that TCP listeners answer to beside their own; see host_policy.h.
  std::vector<std::string> host_names{};
  // Each listener: beyond it, and kSpareConnections that make it find out who has to go, clients
  // wait in the kernel's backlog. Of half of them answers may be waited for at a time; by one user
  // of a quarter, and of an eighth by root alone. Who closes its side of the connection does not
  // wait any more.
  unsigned max_connections = 64;
  // Whole seconds. An answer that is not read any further for so long ends its connection.
  absl::Duration idle_timeout = absl::Seconds(10);
  // For the head of a request, from the beginning of its connection or the end of the last answer.
  absl::Duration head_timeout = absl::Seconds(5);
  // For all of a request, from there to the end of its answer, without the time for which it waits
  // for the core.
  absl::Duration request_timeout = absl::Seconds(30);
  // A request line with its headers; a longer one is answered with 431 or 414.
  size_t max_request_bytes = size_t{16} * 1024;
  // Of all answers that wait for their readers. Each listener has an equal part, so that slow
  // readers of one leave the others usable; beyond it 503 is answered, but for health. One answer
  // that is larger than such a part may wait at a time.
  size_t max_pending_bytes = size_t{64} << 20;
};

// Confined to the owner's thread.
class HttpServer {
 public:
  // Each listener: connections beyond max_connections, until one of those has made room.
  static constexpr unsigned kSpareConnections = 8;

  // Binds all addresses and begins to serve on the thread "plegd-http", where `handler` runs, one
  // request at a time; it must not block. The error names the address: all are bound, or none.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpServerOptions options,
                                                           Handler handler);
  // Closes all connections, whatever they wait for. Waits for a handler that runs.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // What it is bound to, with real ports.
  const std::vector<ListenAddress>& addresses() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace api

#endif  // PLEGD_API_HTTP_SERVER_H_
