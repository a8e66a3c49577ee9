#include "journal/newest_lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "journal/trusted_path.h"

namespace journal {
namespace {

absl::Status Failed(const std::string& name) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot shorten ", name));
}

// From `begin`, which lies in a line, on: what follows that line.
bool CopyLines(int from, off_t begin, int to) {
  bool in_line = true;
  char buffer[64 << 10];
  ssize_t size = 0;
  while ((size = pread(from, buffer, sizeof(buffer), begin)) > 0) {
    begin += size;
    absl::string_view lines(buffer, static_cast<size_t>(size));
    if (in_line) {
      const size_t end = lines.find('\n');
      in_line = end == absl::string_view::npos;
      lines.remove_prefix(in_line ? lines.size() : end + 1);
    }
    while (!lines.empty()) {
      const ssize_t n = write(to, lines.data(), lines.size());
      if (n <= 0) return false;
      lines.remove_prefix(static_cast<size_t>(n));
    }
  }
  return size == 0;
}

bool Copy(int from, const struct stat& info, off_t limit, int to) {
  // Not every root may give a file to any group; then it stays in the group of the process.
  static_cast<void>(fchown(to, info.st_uid, info.st_gid) == 0);
  // One byte more, so that a line that begins right there counts as whole.
  return fchmod(to, info.st_mode & 0777) == 0 && CopyLines(from, info.st_size - limit - 1, to);
}

bool IsLonger(const struct stat& info, uint64_t limit) {
  return S_ISREG(info.st_mode) && static_cast<uint64_t>(info.st_size) > limit;
}

}  // namespace

absl::Status KeepNewestLines(int directory, const std::string& name, uint64_t limit) {
  struct stat info {};
  if (fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? absl::OkStatus() : Failed(name);
  }
  if (!IsLonger(info, limit)) return absl::OkStatus();
  const Descriptor from(
      openat(directory, name.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  // What was opened may be another file than what was there before.
  if (!from.ok() || fstat(from.get(), &info) != 0) return Failed(name);
  if (!IsLonger(info, limit)) return absl::OkStatus();
  // The copy is the caller's, so that nobody would find out afterwards.
  absl::Status owned = CheckOwner(info.st_uid, absl::StrCat("cannot shorten ", name, ": it"));
  if (!owned.ok()) return owned;
  const std::string copy = absl::StrCat(name, ".tmp");
  unlinkat(directory, copy.c_str(), 0);  // of a plegd that was killed
  const Descriptor to(
      openat(directory, copy.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to.ok()) return Failed(copy);
  const bool done = Copy(from.get(), info, static_cast<off_t>(limit), to.get()) &&
                    renameat(directory, copy.c_str(), directory, name.c_str()) == 0;
  if (done) return absl::OkStatus();
  absl::Status failed = Failed(name);
  unlinkat(directory, copy.c_str(), 0);
  return failed;
}

}  // namespace journal
