// A FUSE file system that takes requests and never answers them, so that whoever asks cannot be
// killed: it is in uninterruptible sleep from then on. It takes root and /dev/fuse.

#ifndef PLEGD_RUNTIME_HOST_TESTING_SILENT_FUSE_H_
#define PLEGD_RUNTIME_HOST_TESTING_SILENT_FUSE_H_

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace runtime::host {

// A namespace of mounts of its own for this process and what it forks. False if it is not allowed.
inline bool HaveOwnMounts() {
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// Thread-compatible.
class SilentFuse {
 public:
  // At `directory`, which is there; see ok().
  explicit SilentFuse(std::string directory) : directory_(std::move(directory)) {
    fd_ = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    const std::string options = absl::StrCat("fd=", fd_, ",rootmode=40000,user_id=0,group_id=0");
    ok_ = fd_ >= 0 && mount("silent", directory_.c_str(), "fuse", 0, options.c_str()) == 0;
    if (ok_) thread_ = std::jthread([this](const std::stop_token& stop) { Take(stop); });
  }
  ~SilentFuse() { End(); }
  SilentFuse(const SilentFuse&) = delete;
  SilentFuse& operator=(const SilentFuse&) = delete;

  bool ok() const { return ok_; }
  // Names that somebody waits for.
  int lookups() const { return lookups_; }
  // Whoever waits is let go, with an error.
  void End() {
    if (thread_.joinable()) {
      thread_.request_stop();
      thread_.join();
    }
    if (fd_ >= 0) close(std::exchange(fd_, -1));
    if (std::exchange(ok_, false)) umount2(directory_.c_str(), MNT_DETACH);
  }

 private:
  void Take(const std::stop_token& stop) {
    pollfd poller = {.fd = fd_, .events = POLLIN, .revents = 0};
    std::array<char, FUSE_MIN_READ_BUFFER + 4096> request = {};
    while (!stop.stop_requested()) {
      if (poll(&poller, 1, 10) <= 0 || read(fd_, request.data(), request.size()) <= 0) continue;
      fuse_in_header in = {};
      std::memcpy(&in, request.data(), sizeof(in));
      // Before this one is answered nobody waits but for its turn, and can be killed.
      if (in.opcode == FUSE_INIT) Greet(in.unique);
      if (in.opcode == FUSE_LOOKUP) ++lookups_;
    }
  }
  void Greet(uint64_t unique) const {
    struct {
      fuse_out_header header;
      fuse_init_out body;
    } out = {};
    out.header = {.len = sizeof(out), .error = 0, .unique = unique};
    out.body.major = FUSE_KERNEL_VERSION;
    out.body.minor = FUSE_KERNEL_MINOR_VERSION;
    out.body.max_write = 4096;
    static_cast<void>(write(fd_, &out, sizeof(out)) == 0);
  }

  const std::string directory_;
  int fd_ = -1;
  bool ok_ = false;
  std::atomic<int> lookups_ = 0;
  std::jthread thread_;
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_TESTING_SILENT_FUSE_H_
