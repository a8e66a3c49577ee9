// Tells when a unix socket appears, so that a reconnection need not wait for a back-off.
//
//   SocketWatcher watcher({.path = endpoint.path()}, [&] { runtime.ReconnectNow(); }, log);
//
// Every directory that takes part in resolving the path is watched with inotify, so that it makes
// no difference what is removed, re-created, renamed or linked elsewhere: the socket, its
// directory, or a directory or link above. Mounting something over one of them is the one change
// that goes unseen.

#ifndef PLEGD_RUNTIME_SOCKET_WATCHER_H_
#define PLEGD_RUNTIME_SOCKET_WATCHER_H_

#include <sys/inotify.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "pleg/log.h"

namespace runtime {

// Thread-compatible: made and destroyed by one thread, which may do so while an event arrives. One
// thread of its own, "pleg-watch", calls back.
class SocketWatcher {
 public:
  // The two calls that fail when the node's inotify limits are used up; set errno as the kernel
  // does. Called on any thread.
  struct Inotify {
    std::function<int()> init = [] { return inotify_init1(IN_NONBLOCK | IN_CLOEXEC); };
    std::function<int(int fd, const char* directory, uint32_t mask)> add = inotify_add_watch;
  };

  struct Options {
    std::string path;  // absolute
    // How often to look when inotify cannot be had: its limits are used up, or a directory may not
    // be read. Said once in the log; inotify is tried again each time.
    absl::Duration poll_period = absl::Seconds(1);
    Inotify inotify = {};
  };

  // Calls `on_appear` after the socket at `path` appeared, was replaced by another, or had its
  // owner or mode changed; not for one that is there already. Quick changes may be told of once,
  // and one change twice. A socket appears when it is bound, a moment before it listens: a
  // connection may still be refused. `on_appear` must not block for long nor destroy the watcher.
  // `log` outlives the watcher.
  SocketWatcher(Options options, std::function<void()> on_appear, pleg::Log& log);
  // Waits for a callback that is running; none runs afterwards.
  ~SocketWatcher();
  SocketWatcher(const SocketWatcher&) = delete;
  SocketWatcher& operator=(const SocketWatcher&) = delete;

 private:
  // Which socket it is. The change time tells inodes apart whose number is used again.
  struct Identity {
    dev_t device;
    ino_t inode;
    int64_t changed_at;  // nanoseconds

    friend bool operator==(const Identity&, const Identity&) = default;
  };
  // By watch descriptor: the names in that directory that matter.
  using Watches = absl::flat_hash_map<int, absl::flat_hash_set<std::string>>;

  std::optional<Identity> Look() const;
  // Watches what the path leads through now. False if that cannot be done.
  bool Rewatch();
  // One pass of Rewatch; whether it changed nothing. Nothing on failure, with errno set.
  std::optional<bool> RewatchOnce();
  // The first of a row of failures, and its end.
  void TellOfPolling(int error);
  void TellOfWatching();

  void Run(const std::stop_token& stop);
  // Whether anything on the path may have changed. Waits for an event, the end of the poll period
  // or the destructor.
  bool Wait();
  bool ReadEvents();
  bool Matters(const inotify_event& event);

  const Options options_;
  const std::function<void()> on_appear_;
  pleg::Log& log_;
  const int stop_fd_;
  int inotify_fd_ = -1;
  Watches watches_;
  bool watching_ = false;  // else polling
  bool told_of_polling_ = false;
  std::optional<Identity> last_;
  std::jthread thread_;  // owns all that is not const, once it runs
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_SOCKET_WATCHER_H_
