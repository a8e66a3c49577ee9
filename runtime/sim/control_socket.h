// The control socket: a client sends one command line and reads the answer to its end. The first
// line of the answer is "ok", or "failed MESSAGE", or "usage MESSAGE"; the output follows it.

#ifndef PLEGD_RUNTIME_SIM_CONTROL_SOCKET_H_
#define PLEGD_RUNTIME_SIM_CONTROL_SOCKET_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/sim/controller.h"
#include "runtime/sim/unix_socket.h"

namespace sim {

// Answers one client after the other on its thread "sim-control". A client has 2 s to send its
// line, of at most 64 KiB. Thread-compatible.
class ControlServer {
 public:
  // `controller` must outlive it. Errors as ListenSocket::Open.
  static absl::StatusOr<std::unique_ptr<ControlServer>> Start(const std::string& path,
                                                              Controller* controller);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  ControlServer(ListenSocket socket, Controller* controller);
  void Run();
  void Serve(int fd);

  ListenSocket socket_;
  Controller* const controller_;
  UniqueFd stop_;
  std::thread thread_;
};

// Sends a command (see control_line.h) to the socket at `path` and waits for the answer.
// kUnavailable when nobody answers there or the answer breaks off.
absl::StatusOr<ControlReply> SendControl(const std::string& path, absl::string_view line);

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_CONTROL_SOCKET_H_
