// Children for a process that has threads: it cannot fork safely any more, since a lock that
// another thread holds at that moment stays locked in the child for ever. So a process that was
// forked before there was any thread does it, whenever it is asked to.
//
//   absl::StatusOr<std::unique_ptr<Zygote>> zygote = Zygote::Fork([](int socket) { Serve(socket);
//   }); absl::StatusOr<Zygote::Child> child = (*zygote)->Spawn();   // also when the last one has
//   died

#ifndef PLEGD_RUNTIME_HOST_ZYGOTE_H_
#define PLEGD_RUNTIME_HOST_ZYGOTE_H_

#include <sys/types.h>

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace runtime::host {

// Thread-compatible but for Fork, which is called before any thread is started.
class Zygote {
 public:
  struct Child {
    pid_t pid = 0;
    int socket = -1;  // to it; the caller closes it
  };

  // `child` is what a child does with its end of the socket, with the capabilities of this moment;
  // it ends when `child` returns. INTERNAL if there can be no process.
  static absl::StatusOr<std::unique_ptr<Zygote>> Fork(const std::function<void(int socket)>& child);
  // It ends, and its last child with it: killed, and not waited for.
  ~Zygote();
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  // Blocks for as long as a fork takes. UNAVAILABLE if there can be no more.
  absl::StatusOr<Child> Spawn();

  pid_t pid() const { return pid_; }

 private:
  Zygote(pid_t pid, int socket) : pid_(pid), socket_(socket) {}

  const pid_t pid_;
  const int socket_;
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_ZYGOTE_H_
