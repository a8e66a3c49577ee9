// Accepts connections for gRPC, so many and no more: gRPC's own listener takes any number of
// clients until descriptors or memory run out, and lets one that says nothing stay.
//
//   GrpcAcceptor acceptor(std::move(socket), {}, [&](int fd) { AddInsecureChannelFromFd(…, fd); });

#ifndef PLEGD_API_GRPC_ACCEPTOR_H_
#define PLEGD_API_GRPC_ACCEPTOR_H_

#include <poll.h>
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "api/listen_socket.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace api {

// Owns the thread "plegd-accept". Confined to the owner's thread, apart from connections, Drop and
// UserOf.
class GrpcAcceptor {
 public:
  struct Limits {
    // At once. An eighth of them are root's alone.
    size_t connections = 128;
    // Of each user but root, as the kernel says who connected (SO_PEERCRED).
    size_t per_user = 32;
    // Within it a client has to send what every HTTP/2 client begins with: the preface and the head
    // of its settings.
    absl::Duration preface = absl::Seconds(5);
  };
  // Runs on the acceptor's thread with a non-blocking descriptor that the callee owns.
  using OnConnection = std::function<void(int fd)>;

  // When all connections are taken, the oldest that has not spoken makes room; when all have,
  // clients wait in the kernel's backlog. A user who has as many as a user may have, or all that is
  // not root's, loses the oldest that has not spoken, or the new one.
  GrpcAcceptor(ListenSocket socket, const Limits& limits, OnConnection on_connection);
  // Closes the listener and removes its file. Connections live on.
  ~GrpcAcceptor();
  GrpcAcceptor(const GrpcAcceptor&) = delete;
  GrpcAcceptor& operator=(const GrpcAcceptor&) = delete;

  // Hands out no further connection. Idempotent.
  void StopAccepting();
  const ListenAddress& address() const { return socket_.address(); }
  // Open now, those that have not spoken included. Thread-safe.
  size_t connections() const;
  // Cuts the connection that was handed out as `fd`; nothing if it has ended. gRPC's server has no
  // other way to get rid of a client that does not read. Thread-safe.
  void Drop(int fd);
  // Who connected with what was handed out as `fd`; empty if that has ended. Thread-safe.
  std::optional<uid_t> UserOf(int fd) const;

 private:
  // A client that has not spoken.
  struct Mute {
    int fd;
    uid_t uid;
    pleg::MonoTime since;
    bool partly = false;  // has sent a part: to be looked at again, not to be waited for
  };
  // One that was handed out: a duplicate, to see its end and to cut it. gRPC shuts a socket down
  // before it closes it.
  struct Open {
    int duplicate;
    uid_t uid;
  };

  void Run();
  // What to wait for: the end, a client unless there are too many, the first bytes of some and the
  // end of the others.
  std::vector<pollfd> PollSet() const;
  // Milliseconds until something is due without any event; negative for never.
  int TimeoutMillis() const;
  void Accept();
  // Whether one more of `uid` fits, after somebody has made room if need be.
  bool Admit(uid_t uid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Closes the oldest that has not spoken for a while and of which `of` is true; false if none.
  bool Displace(const std::function<bool(uid_t uid)>& of) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  size_t Count(const std::function<bool(uid_t uid)>& of) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  size_t CountAll() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return mutes_.size() + open_.size(); }
  // Closes who says something else or has been silent for too long; hands out who has spoken.
  void ListenToMutes();
  void HandOut(const Mute& client);
  // Lets go of what both ends have closed.
  void DropEnded(const std::vector<pollfd>& polled);

  ListenSocket socket_;
  const Limits limits_;
  const OnConnection on_connection_;
  int stop_fd_ = -1;
  mutable pleg::Mutex mu_;
  std::list<Mute> mutes_ ABSL_GUARDED_BY(mu_);     // oldest first
  std::map<int, Open> open_ ABSL_GUARDED_BY(mu_);  // by the number it was handed out with
  std::thread thread_;
};

}  // namespace api

#endif  // PLEGD_API_GRPC_ACCEPTOR_H_
