#include "journal/append_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace journal {
namespace {

constexpr mode_t kMode = 0640;

absl::Status ErrnoStatus(int error, absl::string_view what, absl::string_view name) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", what, " ", name));
}

// Whether the byte before the end of a regular file is something else than a line feed.
bool IsTorn(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) return false;
  char last = '\n';
  return pread(fd, &last, 1, info.st_size - 1) == 1 && last != '\n';
}

class DescriptorFile : public AppendFile {
 public:
  DescriptorFile(int fd, bool owned, bool torn, std::string name)
      : fd_(fd), owned_(owned), torn_(torn), name_(std::move(name)) {}
  ~DescriptorFile() override {
    if (owned_) close(fd_);
  }
  DescriptorFile(const DescriptorFile&) = delete;
  DescriptorFile& operator=(const DescriptorFile&) = delete;

  bool EndsMidLine() const override { return torn_; }

  absl::StatusOr<size_t> Write(absl::string_view data) override {
    while (true) {
      const ssize_t n = write(fd_, data.data(), data.size());
      if (n > 0) return static_cast<size_t>(n);
      const int error = n == 0 ? EIO : errno;
      if (error == EAGAIN) {
        // Another process may have made a shared terminal or pipe non-blocking.
        pollfd ready{fd_, POLLOUT, 0};
        poll(&ready, 1, -1);
      } else if (error != EINTR) {
        return ErrnoStatus(error, "write to", name_);
      }
    }
  }

 private:
  const int fd_;
  const bool owned_;
  const bool torn_;
  const std::string name_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path) {
  constexpr int kFlags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
  // Reading is only for the last byte; a file that may not be read is written all the same.
  int fd = open(path.c_str(), O_RDWR | kFlags, kMode);
  if (fd < 0 && errno == EACCES) fd = open(path.c_str(), O_WRONLY | kFlags, kMode);
  if (fd < 0) return ErrnoStatus(errno, "open", path);
  return std::make_unique<DescriptorFile>(fd, /*owned=*/true, IsTorn(fd), path);
}

std::unique_ptr<AppendFile> BorrowDescriptor(int fd, std::string name) {
  return std::make_unique<DescriptorFile>(fd, /*owned=*/false, /*torn=*/false, std::move(name));
}

FileOpener OpenerFor(const std::string& path) {
  if (path == "-") {
    return []() -> absl::StatusOr<std::unique_ptr<AppendFile>> {
      return BorrowDescriptor(STDOUT_FILENO, "standard output");
    };
  }
  return [path] { return OpenAppend(path); };
}

}  // namespace journal
