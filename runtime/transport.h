// The connection to a container runtime: unary and server-streaming calls with raw bytes over one
// gRPC channel.
//
//   Transport transport({.target = "unix:/run/containerd/containerd.sock"}, on_connection);
//   transport.Connect();
//   transport.Start(kListContainers, request, absl::Minutes(2), [](Transport::Reply reply) { … });
//
// One channel, one completion queue, one named thread ("pleg-cri") for any number of calls in
// flight. Deadlines are on the monotonic clock: a wall clock that jumps neither ends a call nor
// keeps it.

#ifndef PLEGD_RUNTIME_TRANSPORT_H_
#define PLEGD_RUNTIME_TRANSPORT_H_

#include <grpcpp/support/status.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "runtime/byte_buffer.h"
#include "runtime/cri_channel.h"
#include "runtime/cri_methods.h"

namespace runtime {

// Thread-safe, apart from the destructor. Callbacks run on the completion thread, one at a time,
// and may call any method but Shutdown and the destructor.
class Transport {
 public:
  using Options = CriChannelOptions;
  struct Reply {
    grpc::Status status;
    // Whether the runtime answered, be it with an error: false for a deadline, a cancellation and a
    // connection that broke or never was.
    bool answered = false;
    ReplyBody body;  // empty unless OK
  };
  using ReplyCallback = absl::AnyInvocable<void(Reply&& reply)>;
  // Takes a message of a stream. With anything but OK the stream is cancelled and ends with that,
  // as if the runtime had answered so.
  using MessageCallback = absl::AnyInvocable<grpc::Status(ReplyBody message)>;
  // Told of changes only, the first outcome included. Every break is told, however short.
  using ConnectionCallback = absl::AnyInvocable<void(bool connected)>;
  using CallId = uint64_t;

  Transport(const Options& options, ConnectionCallback on_connection);
  ~Transport();  // shuts down
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Begins to connect and to tell of it; from then on a lost connection is re-established by
  // itself, tried every 100 to 500 ms; at once if it has lasted for a second. Called once.
  void Connect();

  // Sends one call; fails at once while there is no connection. `done` runs exactly once, never
  // before this returns, unless Shutdown comes first: then it is destroyed unrun. `timeout` is cut
  // to at most ten years.
  CallId Start(const CriMethod& method, absl::string_view request, absl::Duration timeout,
               ReplyCallback done);
  // A server-streaming call: `on_message` runs for each message, in order, before `done`, whose
  // body is empty. The timeout is that of the whole stream. Otherwise as Start.
  CallId StartStream(const CriMethod& method, absl::string_view request, absl::Duration timeout,
                     MessageCallback on_message, ReplyCallback done);
  // The call ends soon, with CANCELLED unless its reply is already here. Unknown ids are ignored.
  void Cancel(CallId id);
  // Tries to connect now instead of waiting for the next try: the socket has just appeared.
  void ResetConnectionBackoff();

  // Cancels all calls, drains and joins: takes as long as the callback that is running, whatever
  // the runtime does. Idempotent. Not called on the completion thread.
  void Shutdown();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_TRANSPORT_H_
