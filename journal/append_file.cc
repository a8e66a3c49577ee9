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

// After a write that fell short, for instance on a full disk: takes the line that is cut off back,
// so that nobody ever reads half of one. Returns how many bytes of `data` the file keeps; all
// `written` of them if it cannot be shortened.
size_t KeepWholeLines(int fd, absl::string_view data, size_t written) {
  const size_t end = data.substr(0, written).rfind('\n');
  const size_t whole = end == absl::string_view::npos ? 0 : end + 1;
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return written;
  const off_t cut_off = static_cast<off_t>(written - whole);
  return info.st_size >= cut_off && ftruncate(fd, info.st_size - cut_off) == 0 ? whole : written;
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
      const size_t kept = n > 0 ? Keep(data, static_cast<size_t>(n)) : 0;
      if (kept > 0) return kept;
      const int error = n > 0 ? ENOSPC : n == 0 ? EIO : errno;
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
  size_t Keep(absl::string_view data, size_t written) const {
    return written == data.size() || !owned_ ? written : KeepWholeLines(fd_, data, written);
  }

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
