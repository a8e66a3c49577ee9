// A CRI server inside the test: says whatever it is told to, on a unix socket.
//
//   FakeCriServer server(dir.File("cri.sock"));
//   server.On("Version", [](const std::string&) { return FakeCriServer::Message(response); });
//   server.Start();

#ifndef PLEGD_RUNTIME_TESTING_FAKE_CRI_SERVER_H_
#define PLEGD_RUNTIME_TESTING_FAKE_CRI_SERVER_H_

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/status.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace runtime::testing {

// Thread-safe, apart from Start, Stop and the destructor, which belong to the test's thread.
// Handlers run on gRPC's threads. A method without a handler is UNIMPLEMENTED.
class FakeCriServer {
 public:
  struct Reply {
    grpc::Status status;
    std::string body;
    bool hang = false;  // never answers; ends with the call or the server
  };
  using Handler = std::function<Reply(const std::string& request)>;

  static Reply Message(const google::protobuf::MessageLite& message);
  static Reply Raw(std::string bytes);
  static Reply Error(grpc::StatusCode code, const std::string& text);
  static Reply Hang();

  explicit FakeCriServer(std::string socket_path);
  ~FakeCriServer();  // stops
  FakeCriServer(const FakeCriServer&) = delete;
  FakeCriServer& operator=(const FakeCriServer&) = delete;

  // From now on `method` ("ListContainers") is answered so.
  void On(absl::string_view method, Handler handler);
  void Always(absl::string_view method, Reply reply);

  // Listens; may follow a Stop. Returns whether it could.
  bool Start();
  // Breaks every connection and call, and removes the socket.
  void Stop();

  const std::string& socket_path() const;
  // Requests received for `method` so far.
  int Count(absl::string_view method) const;
  // How long the last client of `method` said that it waits.
  absl::Duration LastTimeout(absl::string_view method) const;
  // Waits until there were `count`.
  void WaitForCount(absl::string_view method, int count) const;

 private:
  class State;
  class Call;
  class Listener;

  std::unique_ptr<State> state_;
};

}  // namespace runtime::testing

#endif  // PLEGD_RUNTIME_TESTING_FAKE_CRI_SERVER_H_
