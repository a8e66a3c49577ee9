#include "runtime/host/proc_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <limits.h>
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace runtime::host {
namespace {

absl::Status ErrnoStatus(int error, absl::string_view what, const std::string& path) {
  // A process that has ended in the meantime answers ESRCH.
  if (error == ESRCH) error = ENOENT;
  return absl::ErrnoToStatus(error, absl::StrCat(what, " ", path));
}

}  // namespace

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, size_t limit) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return ErrnoStatus(errno, "open", path);
  const absl::Cleanup close_fd = [fd] { close(fd); };
  struct stat info = {};
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "stat", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("read ", path, ": not a regular file"));
  }
  std::string text(std::min(limit, size_t{4096}), '\0');
  size_t size = 0;
  while (size < limit) {
    if (size == text.size()) text.resize(std::min(limit, 2 * size));
    const ssize_t got = read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, "read", path);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  text.resize(size);
  return text;
}

absl::StatusOr<std::string> ReadLink(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  if (size < 0) return ErrnoStatus(errno, "readlink", path);
  target.resize(static_cast<size_t>(size));
  return target;
}

absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path, size_t limit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(path.c_str()), &closedir);
  if (dir == nullptr) return ErrnoStatus(errno, "open", path);
  std::vector<std::string> names;
  while (names.size() < limit) {
    errno = 0;
    const dirent* entry = readdir(dir.get());
    if (entry == nullptr && errno != 0) return ErrnoStatus(errno, "list", path);
    if (entry == nullptr) break;
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

std::vector<std::string> ReadThreadStats(const std::string& task_directory, size_t limit) {
  std::vector<std::string> stats;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(task_directory.c_str()), &closedir);
  if (dir == nullptr) return stats;
  while (stats.size() < limit) {
    const dirent* entry = readdir(dir.get());
    if (entry == nullptr) break;
    if (!IsNumber(entry->d_name)) continue;
    const std::string name = absl::StrCat(entry->d_name, "/stat");
    const int fd = openat(dirfd(dir.get()), name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) continue;  // it has ended
    char text[1024];
    const ssize_t size = read(fd, text, sizeof(text));
    close(fd);
    if (size > 0) stats.emplace_back(text, static_cast<size_t>(size));
  }
  return stats;
}

bool IsNumber(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

}  // namespace runtime::host
