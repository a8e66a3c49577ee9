// The way to a file that plegd writes as root: nobody else may bend it.
//
//   absl::StatusOr<TrustedPath> at = FindTrusted("/var/log/plegd/events.jsonl");
//   openat(at->directory.get(), at->name.c_str(), O_NOFOLLOW | …);

#ifndef PLEGD_JOURNAL_TRUSTED_PATH_H_
#define PLEGD_JOURNAL_TRUSTED_PATH_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace journal {

// Closes a descriptor. Movable; thread-compatible.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

struct TrustedPath {
  Descriptor directory;  // O_PATH
  std::string name;      // of the file in it; never empty, "." or ".."
};

// Walks to the directory of `path`, one component after another. Symbolic links are followed if,
// like every directory on the way, they belong to root or to the caller's effective user: whoever
// else owned one of them could lead the caller anywhere. The file itself is not looked at.
//
// kFailedPrecondition names the component that belongs to somebody else, and whom;
// kInvalidArgument: the path names no file; errors of the system calls as absl::ErrnoToStatus has
// them. May block for ever on a file system that hangs.
absl::StatusOr<TrustedPath> FindTrusted(const std::string& path);

// kFailedPrecondition unless `uid` is root's or the caller's effective one. `what` is for the
// message: "/tmp/x".
absl::Status CheckOwner(unsigned uid, absl::string_view what);

}  // namespace journal

#endif  // PLEGD_JOURNAL_TRUSTED_PATH_H_
