// Accepts connections and keeps a hold on each, so that they can be cut: gRPC's server offers no
// way to close the connection under a call.

#ifndef PLEGD_RUNTIME_SIM_ACCEPTOR_H_
#define PLEGD_RUNTIME_SIM_ACCEPTOR_H_

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "pleg/mutex.h"
#include "runtime/sim/unix_socket.h"

namespace sim {

// Thread-safe. Owns the thread "sim-accept".
class Acceptor {
 public:
  // Called on the acceptor's thread with a non-blocking descriptor that the callee owns.
  using OnConnection = std::function<void(int fd)>;

  Acceptor(ListenSocket socket, OnConnection on_connection);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Ends the thread and removes the socket; connections live on. Idempotent; for the owner alone.
  void StopAccepting();
  // Cuts the connection that was handed out as `fd`; nothing when it is gone.
  void Drop(int fd);
  // Cuts all; returns how many.
  size_t DropAll();
  // Paused, new connections wait in the kernel's queue: a client connects and hears nothing.
  void SetPaused(bool paused);

  size_t connections() const;  // Open now.
  uint64_t accepted() const;   // Ever.

 private:
  void Run();
  std::vector<pollfd> PollSet() const;
  void Accept();
  void Forget(const std::vector<pollfd>& polled);
  void Wake();

  std::optional<ListenSocket> socket_;
  const OnConnection on_connection_;
  const UniqueFd wake_;
  mutable pleg::Mutex mu_;
  // By the number handed out: our own duplicate, valid after gRPC has closed its descriptor.
  std::map<int, UniqueFd> open_ ABSL_GUARDED_BY(mu_);
  uint64_t accepted_ ABSL_GUARDED_BY(mu_) = 0;
  bool paused_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_ACCEPTOR_H_
