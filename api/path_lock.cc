#include "api/path_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace api {
namespace {

constexpr mode_t kMode = 0600;

// What the holder wrote into it; 0 if that is no pid.
pid_t HolderOf(int fd) {
  char text[16] = {};
  pid_t pid = 0;
  if (pread(fd, text, sizeof(text) - 1, 0) <= 0) return 0;
  return absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &pid) ? pid : 0;
}

// Whether the file that is open is still the one at its path: a holder removes it at its end.
bool IsAt(int fd, const std::string& file) {
  struct stat open_one {};
  struct stat named {};
  return fstat(fd, &open_one) == 0 && lstat(file.c_str(), &named) == 0 &&
         open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

// Why the file may be another's, in a directory where others may make files: it is written to, so a
// link to something precious must not be taken for it. Empty if it may not.
std::string Defect(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return std::generic_category().message(errno);
  if (!S_ISREG(info.st_mode) || info.st_nlink > 1) return "it is not a regular file of its own";
  if (info.st_uid == 0 || info.st_uid == geteuid()) return "";
  return absl::StrCat("it belongs to user ", info.st_uid);
}

}  // namespace

std::string OtherProcess(pid_t pid) {
  return pid > 0 ? absl::StrCat("another process (pid ", pid, ")") : "another process";
}

PathLock::PathLock(int fd, std::string file) : fd_(fd), file_(std::move(file)) {}
PathLock::PathLock(PathLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), file_(std::move(other.file_)) {}

PathLock::~PathLock() {
  if (fd_ < 0) return;
  // First: whoever locks the file afterwards finds that it is gone, and makes another.
  if (IsAt(fd_, file_)) unlink(file_.c_str());
  close(fd_);
}

absl::StatusOr<PathLock> PathLock::Take(absl::string_view path) {
  const std::string file = absl::StrCat(path, ".lock");
  for (;;) {
    const int fd =
        open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kMode);
    if (fd < 0) return absl::ErrnoToStatus(errno, file);
    if (const std::string defect = Defect(fd); !defect.empty()) {
      close(fd);
      return absl::FailedPreconditionError(absl::StrCat(file, ": ", defect));
    }
    PathLock lock(fd, file);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      const pid_t holder = HolderOf(fd);
      close(std::exchange(lock.fd_, -1));
      if (error != EWOULDBLOCK) return absl::ErrnoToStatus(error, file);
      return absl::FailedPreconditionError(
          absl::StrCat(OtherProcess(holder), " serves there: it holds ", file));
    }
    if (!IsAt(fd, file)) continue;
    const std::string pid = absl::StrCat(getpid(), "\n");
    // A full file system keeps others from reading who has it, and nobody from serving.
    if (ftruncate(fd, 0) == 0) (void)!pwrite(fd, pid.data(), pid.size(), 0);
    return lock;
  }
}

}  // namespace api
