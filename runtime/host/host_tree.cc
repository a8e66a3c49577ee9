#include "runtime/host/host_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace runtime::host {
namespace {

constexpr uint64_t kResolve =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
constexpr long kFuseControl = 0x65735543;  // FUSE_CTL_SUPER_MAGIC of fs/fuse/control.c
constexpr int kAttempts = 8;

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

OwnedFd Fail(int error) {
  errno = error;
  return OwnedFd();
}

OwnedFd OpenAt2(int at, const std::string& path, int flags, uint64_t resolve) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = resolve;
  // EAGAIN: something was renamed or mounted meanwhile, and the kernel would not vouch for it.
  for (int i = 0; i < kAttempts; ++i) {
    const long fd = syscall(SYS_openat2, at, path.c_str(), &how, sizeof(how));
    if (fd >= 0) return OwnedFd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return OwnedFd();
}

bool IsClean(absl::string_view path) {
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

// By the kernel's own record of the descriptor, so that the file system is not asked; -1 without.
int64_t MountOf(int fd) {
  int64_t mount = -1;
  const absl::StatusOr<std::string> text = ReadSmallFile(absl::StrCat("/proc/self/fdinfo/", fd));
  if (!text.ok()) return mount;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    if (absl::ConsumePrefix(&line, "mnt_id:") && absl::SimpleAtoi(line, &mount)) return mount;
  }
  return -1;
}

OwnedFd OpenRoot(const std::string& root) {
  return OwnedFd(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

bool HasType(int fd, mode_t type) {
  struct stat info = {};
  if (fstat(fd, &info) != 0) return false;
  errno = EINVAL;
  return (info.st_mode & S_IFMT) == type;
}

}  // namespace

void OwnedFd::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

OwnedFd ReopenForReading(int fd) {
  return OwnedFd(open(absl::StrCat("/proc/self/fd/", fd).c_str(),
                      O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
}

HostTree::HostTree(const std::string& root) : name_(root), root_(OpenRoot(root)) { Examine(); }

HostTree::HostTree(const std::string& root, absl::string_view below)
    : name_(absl::StrCat(root, "/", below)), root_(OpenRoot(root)) {
  for (const absl::string_view part : absl::StrSplit(below, '/')) {
    if (!root_.ok()) break;
    OwnedFd next(openat(root_.get(), std::string(part).c_str(),
                        O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
    root_ = std::move(next);
  }
  Examine();
}

void HostTree::Examine() {
  if (!root_.ok()) {
    status_ = Explain(errno, "open", "");
    return;
  }
  // Asked of the very directory, since EPERM of a file may mean that file alone.
  kernel_resolves_ = OpenAt2(root_.get(), ".", O_PATH | O_DIRECTORY, kResolve).ok();
  if (!kernel_resolves_) mount_ = MountOf(root_.get());
  struct statfs info = {};
  if (fstatfs(root_.get(), &info) != 0) return;
  for (const long type : {long{PROC_SUPER_MAGIC}, long{SYSFS_MAGIC}, long{CGROUP_SUPER_MAGIC},
                          long{CGROUP2_SUPER_MAGIC}, kFuseControl}) {
    if (static_cast<long>(info.f_type) == type) only_plain_ = true;
  }
}

absl::Status HostTree::Explain(int error, absl::string_view what, absl::string_view path) const {
  const std::string where =
      path.empty() ? absl::StrCat(what, " ", name_) : absl::StrCat(what, " ", name_, "/", path);
  switch (error) {
    case ESRCH:  // a process that has ended in the meantime
      return absl::ErrnoToStatus(ENOENT, where);
    case ELOOP:
      return absl::FailedPreconditionError(
          absl::StrCat(where, ": a symbolic link, which is not followed"));
    case EXDEV:
      return absl::UnimplementedError(absl::StrCat(where, ": another mount, which is not entered"));
    case EINVAL:
      return absl::InvalidArgumentError(absl::StrCat(where, ": not a path or a file to read"));
    default:
      return absl::ErrnoToStatus(error, where);
  }
}

OwnedFd HostTree::Walk(int at, absl::string_view path, Last last) const {
  // Without its number a mount cannot be told from another.
  if (mount_ < 0) return Fail(ENOSYS);
  OwnedFd current;
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  for (size_t i = 0; i < parts.size(); ++i) {
    OwnedFd next(openat(current.ok() ? current.get() : at, parts[i].c_str(),
                        O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next.ok()) return next;
    // First: to ask a file on another mount for its type may take for ever.
    if (MountOf(next.get()) != mount_) return Fail(EXDEV);
    const bool end = i + 1 == parts.size();
    if (HasType(next.get(), S_IFLNK) && (!end || last == Last::kNoLink)) return Fail(ELOOP);
    current = std::move(next);
  }
  return current;
}

OwnedFd HostTree::Resolve(int at, absl::string_view path, int flags, Last last) const {
  if (!IsClean(path)) return Fail(EINVAL);
  if (kernel_resolves_) return OpenAt2(at, std::string(path), flags, kResolve);
  OwnedFd found = Walk(at, path, last);
  if (!found.ok() || (flags & O_PATH) != 0) return found;
  if ((flags & O_DIRECTORY) == 0) {
    return HasType(found.get(), S_IFREG) ? ReopenForReading(found.get()) : Fail(EINVAL);
  }
  return OwnedFd(openat(found.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

OwnedFd HostTree::OpenFile(int at, absl::string_view path) const {
  constexpr int kRead = O_RDONLY | O_NOCTTY | O_NONBLOCK;
  if (only_plain_ || !kernel_resolves_) {
    OwnedFd file = Resolve(at, path, kRead, Last::kNoLink);
    return !file.ok() || HasType(file.get(), S_IFREG) ? std::move(file) : Fail(EINVAL);
  }
  const OwnedFd file = Resolve(at, path, O_PATH | O_NOFOLLOW, Last::kNoLink);
  if (!file.ok()) return Fail(errno);
  if (HasType(file.get(), S_IFLNK)) return Fail(ELOOP);
  return HasType(file.get(), S_IFREG) ? ReopenForReading(file.get()) : Fail(EINVAL);
}

OwnedFd HostTree::OpenDirectory(absl::string_view path) const {
  constexpr int kRead = O_RDONLY | O_DIRECTORY | O_NONBLOCK;
  if (!root_.ok()) return Fail(EBADF);
  if (path.empty()) return OwnedFd(openat(root_.get(), ".", kRead | O_CLOEXEC));
  return Resolve(root_.get(), path, kRead, Last::kNoLink);
}

absl::StatusOr<std::string> HostTree::Read(absl::string_view path, size_t limit) const {
  if (!status_.ok()) return status_;
  const OwnedFd file = OpenFile(root_.get(), path);
  if (!file.ok()) return Explain(errno, "open", path);
  std::string text;
  const int error = ReadAll(file.get(), limit, text);
  if (error != 0) return Explain(error, "read", path);
  return text;
}

absl::StatusOr<std::string> HostTree::ReadLink(absl::string_view path) const {
  if (!status_.ok()) return status_;
  const OwnedFd link = Resolve(root_.get(), path, O_PATH | O_NOFOLLOW, Last::kAnything);
  if (!link.ok()) return Explain(errno, "open", path);
  std::string target(PATH_MAX, '\0');
  const ssize_t size = readlinkat(link.get(), "", target.data(), target.size());
  // ENOENT: of a file that is no link.
  if (size < 0) return Explain(errno == ENOENT ? EINVAL : errno, "readlink", path);
  target.resize(static_cast<size_t>(size));
  return target;
}

absl::StatusOr<std::vector<std::string>> HostTree::List(absl::string_view path,
                                                        size_t limit) const {
  if (!status_.ok()) return status_;
  OwnedFd fd = OpenDirectory(path);
  if (!fd.ok()) return Explain(errno, "open", path);
  const Directory directory(fdopendir(fd.get()), &closedir);
  if (directory == nullptr) return Explain(errno, "list", path);
  fd.Release();
  std::vector<std::string> names;
  while (names.size() < limit) {
    errno = 0;
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr && errno != 0) return Explain(errno, "list", path);
    if (entry == nullptr) break;
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

bool HostTree::IsDirectory(absl::string_view path) const {
  if (!status_.ok()) return false;
  if (path.empty()) return true;
  const OwnedFd fd = Resolve(root_.get(), path, O_PATH | O_NOFOLLOW, Last::kAnything);
  return fd.ok() && HasType(fd.get(), S_IFDIR);
}

absl::StatusOr<uid_t> HostTree::OwnerOf(absl::string_view path) const {
  if (!status_.ok()) return status_;
  const OwnedFd below =
      path.empty() ? OwnedFd() : Resolve(root_.get(), path, O_PATH | O_NOFOLLOW, Last::kNoLink);
  if (!path.empty() && !below.ok()) return Explain(errno, "open", path);
  struct stat info = {};
  if (fstat(path.empty() ? root_.get() : below.get(), &info) != 0) {
    return Explain(errno, "stat", path);
  }
  if ((info.st_mode & S_IFMT) != S_IFDIR) return Explain(EINVAL, "stat", path);
  return info.st_uid;
}

std::vector<std::string> HostTree::ListDirectories(absl::string_view path) const {
  std::vector<std::string> names;
  if (!status_.ok()) return names;
  OwnedFd fd = OpenDirectory(path);
  const Directory directory(fd.ok() ? fdopendir(fd.get()) : nullptr, &closedir);
  if (directory == nullptr) return names;
  fd.Release();
  while (const dirent* entry = readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const bool is_one = entry->d_type == DT_DIR ||
                        (entry->d_type == DT_UNKNOWN &&
                         IsDirectory(path.empty() ? name : absl::StrCat(path, "/", name)));
    if (is_one) names.push_back(name);
  }
  return names;
}

std::vector<std::string> HostTree::ReadThreadStats(absl::string_view task_directory,
                                                   size_t limit) const {
  std::vector<std::string> stats;
  if (!status_.ok()) return stats;
  OwnedFd fd = OpenDirectory(task_directory);
  const Directory directory(fd.ok() ? fdopendir(fd.get()) : nullptr, &closedir);
  if (directory == nullptr) return stats;
  const int at = fd.Release();
  while (stats.size() < limit) {
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr) break;
    if (!IsNumber(entry->d_name)) continue;
    const OwnedFd file = OpenFile(at, absl::StrCat(entry->d_name, "/stat"));
    if (!file.ok()) continue;  // it has ended
    char text[1024];
    const ssize_t size = read(file.get(), text, sizeof(text));
    if (size > 0) stats.emplace_back(text, static_cast<size_t>(size));
  }
  return stats;
}

}  // namespace runtime::host
