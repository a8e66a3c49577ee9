#include "runtime/socket_watcher.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/socket_watcher_path.h"

namespace runtime {
namespace {

// What makes a name lead elsewhere.
constexpr uint32_t kStructure = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
constexpr uint32_t kSelf = IN_DELETE_SELF | IN_MOVE_SELF;
constexpr uint32_t kMask = kStructure | kSelf | IN_ATTRIB | IN_ONLYDIR;

// Passes until what is watched agrees with the path. A path that changes faster is polled.
constexpr int kMaxPasses = 8;
// Reads of the queue before the path is looked at, so that a busy directory cannot keep us reading.
constexpr int kMaxReads = 64;

std::string ExplainErrno(int error) {
  std::string what = std::generic_category().message(error);
  if (error == EMFILE) {
    return absl::StrCat(what, ": fs.inotify.max_user_instances or the file limit is used up");
  }
  if (error == ENOSPC) return absl::StrCat(what, ": fs.inotify.max_user_watches is used up");
  return what;
}

}  // namespace

SocketWatcher::SocketWatcher(Options options, std::function<void()> on_appear, pleg::Log& log)
    : options_(std::move(options)),
      on_appear_(std::move(on_appear)),
      log_(log),
      stop_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (stop_fd_ < 0) TellOfPolling(errno);
  watching_ = Rewatch();
  last_ = Look();
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

SocketWatcher::~SocketWatcher() {
  thread_.request_stop();
  if (stop_fd_ >= 0) eventfd_write(stop_fd_, 1);
  thread_.join();
  if (inotify_fd_ >= 0) close(inotify_fd_);
  if (stop_fd_ >= 0) close(stop_fd_);
}

std::optional<SocketWatcher::Identity> SocketWatcher::Look() const {
  struct stat info;
  if (stat(options_.path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return std::nullopt;
  return Identity{
      .device = info.st_dev,
      .inode = info.st_ino,
      .changed_at = int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec};
}

bool SocketWatcher::Rewatch() {
  if (inotify_fd_ < 0) inotify_fd_ = options_.inotify.init();
  if (inotify_fd_ < 0) {
    TellOfPolling(errno);
    return false;
  }
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    const std::optional<bool> settled = RewatchOnce();
    if (!settled.has_value()) {
      TellOfPolling(errno);
      return false;
    }
    if (*settled) {
      TellOfWatching();
      return true;
    }
  }
  return false;
}

std::optional<bool> SocketWatcher::RewatchOnce() {
  Watches watches;
  bool settled = true;
  for (PathLookup& lookup : LookupsOf(options_.path)) {
    const int watch = options_.inotify.add(inotify_fd_, lookup.directory.c_str(), kMask);
    if (watch >= 0) {
      watches[watch].insert(std::move(lookup.name));
    } else if (errno == ENOENT || errno == ENOTDIR) {
      settled = false;  // gone since it was looked up
    } else {
      return std::nullopt;
    }
  }
  for (const auto& [watch, names] : watches_) {
    if (!watches.contains(watch)) inotify_rm_watch(inotify_fd_, watch);
  }
  settled = settled && watches == watches_;
  watches_ = std::move(watches);
  return settled;
}

void SocketWatcher::TellOfPolling(int error) {
  if (std::exchange(told_of_polling_, true)) return;
  log_.Write(pleg::LogLevel::kWarning, "cannot watch the socket with inotify, polling it",
             {{"socket", options_.path, true},
              {"period", absl::FormatDuration(options_.poll_period)},
              {"error", ExplainErrno(error)}});
}

void SocketWatcher::TellOfWatching() {
  if (!std::exchange(told_of_polling_, false)) return;
  log_.Write(pleg::LogLevel::kInfo, "watching the socket with inotify again",
             {{"socket", options_.path, true}});
}

void SocketWatcher::Run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "pleg-watch");
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  for (;;) {
    const bool changed = Wait();
    if (stop.stop_requested()) return;
    if (!changed) continue;
    watching_ = Rewatch();
    const std::optional<Identity> now = Look();
    const bool appeared = now.has_value() && now != last_;
    last_ = now;
    if (appeared) on_appear_();
  }
}

bool SocketWatcher::Wait() {
  // Without `stop_fd_` the destructor waits for the next poll.
  const bool polling = !watching_ || stop_fd_ < 0;
  const int timeout =
      polling
          ? static_cast<int>(std::max<int64_t>(1, absl::ToInt64Milliseconds(options_.poll_period)))
          : -1;
  pollfd fds[] = {{.fd = stop_fd_, .events = POLLIN, .revents = 0},
                  {.fd = inotify_fd_, .events = POLLIN, .revents = 0}};
  poll(fds, 2, timeout);
  const bool event = inotify_fd_ >= 0 && ReadEvents();
  return event || polling;
}

bool SocketWatcher::ReadEvents() {
  alignas(inotify_event) char buffer[4096];
  bool matters = false;
  for (int i = 0; i < kMaxReads; ++i) {
    const ssize_t got = read(inotify_fd_, buffer, sizeof(buffer));
    if (got <= 0) break;
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      matters |= Matters(*event);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  return matters;
}

// Forgets the last socket if another may stand in its place: a new inode may have the number, and
// within one tick of the clock the change time, of the old.
bool SocketWatcher::Matters(const inotify_event& event) {
  if ((event.mask & (IN_Q_OVERFLOW | IN_UNMOUNT | kSelf)) != 0) {
    last_.reset();
    return true;
  }
  const auto watch = watches_.find(event.wd);
  if (watch == watches_.end() || (event.mask & (kStructure | IN_ATTRIB)) == 0) return false;
  if (event.len == 0) return true;  // the mode of the directory itself
  if (!watch->second.contains(absl::string_view(event.name))) return false;
  if ((event.mask & kStructure) != 0) last_.reset();
  return true;
}

}  // namespace runtime
