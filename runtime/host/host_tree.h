// The one way in which the host's probe opens files: below a directory, and nowhere else. Names in
// these directories may be chosen by a tenant, who can put a symbolic link, a device, a FIFO or a
// mount that never answers in the way. None of these is ever opened or followed.
//
//   const HostTree proc("/proc");
//   absl::StatusOr<std::string> text = proc.Read("1/stat");

#ifndef PLEGD_RUNTIME_HOST_HOST_TREE_H_
#define PLEGD_RUNTIME_HOST_HOST_TREE_H_

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/host/proc_file.h"

namespace runtime::host {

// A file descriptor that is closed once.
class OwnedFd {
 public:
  explicit OwnedFd(int fd = -1) : fd_(fd) {}
  ~OwnedFd() { Close(); }
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this == &other) return *this;
    Close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }

  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  void Close();

  int fd_;
};

// The very file that `fd` was opened for by O_PATH: none can take its place after it was looked at.
// None, and errno.
OwnedFd ReopenForReading(int fd);

// Paths are relative to the directory that was given: "1/stat". INVALID_ARGUMENT for one with "..",
// "." or an empty component, and for a file of another type than was asked for; FAILED_PRECONDITION
// for one that leads through a symbolic link; UNIMPLEMENTED for one on another mount; NOT_FOUND,
// even for a process that ended between open and read; PERMISSION_DENIED.
//
// The kernel enforces this itself (openat2, Linux 5.6). Where it cannot, or a filter of system
// calls forbids it, the path is walked component by component with the same result.
//
// May block for as long as the kernel does: call it where that is allowed. Thread-safe: immutable.
class HostTree {
 public:
  // The directory itself is the administrator's or the kernel's, so it is opened wherever it is.
  // One that cannot be opened makes every call fail with the reason.
  explicit HostTree(const std::string& root);
  // The directory `below`, a relative path, of `root`. Mounts are crossed on the way to it, links
  // are not followed.
  HostTree(const std::string& root, absl::string_view below);

  const absl::Status& status() const { return status_; }

  // A regular file, cut at `limit` bytes.
  absl::StatusOr<std::string> Read(absl::string_view path, size_t limit = kSmallFile) const;
  // Where a symbolic link points; it is not followed.
  absl::StatusOr<std::string> ReadLink(absl::string_view path) const;
  // Names of the entries of a directory, "" for the root, without "." and ".."; in no particular
  // order, at most `limit`.
  absl::StatusOr<std::vector<std::string>> List(absl::string_view path,
                                                size_t limit = size_t{1} << 20) const;
  // The names of those that are directories.
  std::vector<std::string> ListDirectories(absl::string_view path) const;
  bool IsDirectory(absl::string_view path) const;
  // The user whose directory it is; that of the root for "".
  absl::StatusOr<uid_t> OwnerOf(absl::string_view path) const;

  // The stat of each thread below "PID/task", at most `limit` of them; empty if it cannot be
  // listed. For processes with many threads cheaper than files one by one.
  std::vector<std::string> ReadThreadStats(absl::string_view task_directory, size_t limit) const;

 private:
  enum class Last : uint8_t { kNoLink, kAnything };

  void Examine();
  absl::Status Explain(int error, absl::string_view what, absl::string_view path) const;
  // The rest return a descriptor, or none and errno.
  OwnedFd Resolve(int at, absl::string_view path, int flags, Last last) const;
  OwnedFd Walk(int at, absl::string_view path, Last last) const;
  OwnedFd OpenFile(int at, absl::string_view path) const;
  OwnedFd OpenDirectory(absl::string_view path) const;

  std::string name_;
  OwnedFd root_;
  absl::Status status_;
  bool kernel_resolves_ = false;  // openat2 does its work here
  bool only_plain_ = false;       // the kernel's own file system, which has no devices and no FIFOs
  int64_t mount_ = -1;            // of the root, for the walk
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_HOST_TREE_H_
