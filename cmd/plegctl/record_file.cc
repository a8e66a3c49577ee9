#include "cmd/plegctl/record_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "api/evidence_record.h"

namespace plegctl {
namespace {

absl::Status FileError(const char* what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

absl::Status WriteOut(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  return written && std::fflush(stdout) == 0 ? absl::OkStatus()
                                             : FileError("write to", "standard output");
}

bool WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n > 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (n == 0 || errno != EINTR) {
      return false;
    }
  }
  return true;
}

// A new file beside the one that it is to replace. Removes it, unless that has happened.
class Replacement {
 public:
  explicit Replacement(const std::string& path)
      : path_(path),
        slash_(path.rfind('/')),
        name_(slash_ == std::string::npos ? path : path.substr(slash_ + 1)) {}
  ~Replacement() {
    if (fd_ >= 0) close(fd_);
    if (!temporary_.empty()) unlinkat(directory_, temporary_.c_str(), 0);
    if (directory_ >= 0) close(directory_);
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  absl::Status Create() {
    if (name_.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("cannot create ", path_, ": no file is named"));
    }
    const std::string folder = slash_ == std::string::npos ? "."
                               : slash_ == 0               ? "/"
                                                           : path_.substr(0, slash_);
    directory_ = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_ < 0) return FileError("create", path_);
    if (absl::Status status = CheckTarget(); !status.ok()) return status;
    // A name that nobody can take before; O_EXCL sees to it if somebody does.
    std::random_device random;
    const std::string temporary = absl::StrFormat(".plegctl-%08x%08x.tmp", random(), random());
    fd_ = openat(directory_, temporary.c_str(),
                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd_ < 0) return FileError("create", path_);
    temporary_ = temporary;
    return absl::OkStatus();
  }

  absl::Status Fill(absl::string_view text) {
    if (!WriteAll(fd_, text) || fsync(fd_) != 0) return FileError("write", path_);
    if (renameat(directory_, temporary_.c_str(), directory_, name_.c_str()) != 0) {
      return FileError("write", path_);
    }
    temporary_.clear();
    fsync(directory_);
    return absl::OkStatus();
  }

 private:
  // What there is may only be a regular file.
  absl::Status CheckTarget() const {
    struct stat info {};
    if (fstatat(directory_, name_.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? absl::OkStatus() : FileError("create", path_);
    }
    if (S_ISREG(info.st_mode)) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("cannot create ", path_, ": it is ",
                     S_ISLNK(info.st_mode)   ? "a symbolic link, which is not followed"
                     : S_ISDIR(info.st_mode) ? "a directory"
                                             : "no regular file (standard output is \"-\")"));
  }

  const std::string& path_;
  const size_t slash_;
  const std::string name_;
  int directory_ = -1;
  int fd_ = -1;
  std::string temporary_;  // empty if there is none
};

}  // namespace

absl::StatusOr<std::string> ReadRecord(const std::string& path) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "re");
  if (file == nullptr) return FileError("open", path);
  std::string text;
  char buffer[1 << 16];
  size_t size = 0;
  while (text.size() <= api::kMaxRecordBytes &&
         (size = std::fread(buffer, 1, sizeof(buffer), file)) > 0) {
    text.append(buffer, size);
  }
  const absl::Status failed = std::ferror(file) != 0 ? FileError("read", path) : absl::OkStatus();
  if (path != "-") std::fclose(file);
  if (!failed.ok()) return failed;
  return text;
}

absl::Status CheckRecordPath(const std::string& path) {
  return path == "-" ? absl::OkStatus() : Replacement(path).Create();
}

absl::Status WriteRecord(const std::string& path, const std::string& text) {
  if (path == "-") return WriteOut(text);
  Replacement file(path);
  if (absl::Status status = file.Create(); !status.ok()) return status;
  return file.Fill(text);
}

}  // namespace plegctl
