// Children for a process that has threads: it cannot fork safely any more, since a lock that
// another thread holds at that moment stays locked in the child for ever. So a process that was
// forked before there was any thread does it, whenever it is asked to.
//
//   auto zygote = Zygote::Fork({.child = [](int socket) { Serve(socket); }});
//   absl::StatusOr<Zygote::Child> child = (*zygote)->Spawn();   // also when the last one has died

#ifndef PLEGD_RUNTIME_HOST_ZYGOTE_H_
#define PLEGD_RUNTIME_HOST_ZYGOTE_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace runtime::host {

// Thread-compatible but for Fork, which is called before any thread is started.
class Zygote {
 public:
  struct Options {
    // What a child does with its end of the socket; it ends when this returns.
    std::function<void(int socket)> child;
    // What a child keeps of this moment's capabilities, in force. The zygote itself has none in
    // force.
    std::vector<int> capabilities = {};
  };
  struct Child {
    pid_t pid = 0;
    int socket = -1;  // to it; the caller closes it
    // The zygote makes no system calls but those it needs, nor do its children.
    bool filtered = false;
  };

  // Children that were killed and have not ended: the kernel holds them.
  static constexpr int kMostUndead = 3;

  // Of plegd's descriptors the zygote and its children keep none but their own socket; standard
  // input, output and error are /dev/null. They cannot gain privileges, and make no system calls
  // but those they need, where that can be enforced. INTERNAL if there can be no process.
  static absl::StatusOr<std::unique_ptr<Zygote>> Fork(const Options& options);
  // It ends, and its last child with it: killed, and not waited for.
  ~Zygote();
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  // Kills the last child and starts another one. At most one a second: UNAVAILABLE before that, and
  // if there can be no more. RESOURCE_EXHAUSTED while kMostUndead are held by the kernel. Blocks
  // for as long as a fork takes, and up to 0.2 s for the last child to end.
  absl::StatusOr<Child> Spawn();

  pid_t pid() const { return pid_; }
  // Its end of the socket; for tests, which send what it must not heed.
  int socket() const { return socket_; }

 private:
  Zygote(pid_t pid, int socket) : pid_(pid), socket_(socket) {}

  const pid_t pid_;
  const int socket_;
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_ZYGOTE_H_
