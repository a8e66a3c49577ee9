#include "journal/append_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "journal/newest_lines.h"
#include "journal/trusted_path.h"

namespace journal {
namespace {

constexpr mode_t kMode = 0640;
constexpr absl::string_view kOldSuffix = ".old";

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

// One write, to whatever it is. At least one byte, perhaps not all.
absl::StatusOr<size_t> WriteOnce(int fd, absl::string_view data, absl::string_view name) {
  while (true) {
    const ssize_t n = write(fd, data.data(), data.size());
    if (n > 0) return static_cast<size_t>(n);
    const int error = n == 0 ? EIO : errno;
    if (error == EAGAIN) {
      // Another process may have made a shared terminal or pipe non-blocking.
      pollfd ready{fd, POLLOUT, 0};
      poll(&ready, 1, -1);
    } else if (error != EINTR) {
      return ErrnoStatus(error, "write to", name);
    }
  }
}

class BorrowedFile : public AppendFile {
 public:
  BorrowedFile(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

  bool EndsMidLine() const override { return false; }
  absl::StatusOr<size_t> Write(absl::string_view data) override {
    return WriteOnce(fd_, data, name_);
  }
  Place Locate() const override { return Place::kAtItsPath; }

 private:
  const int fd_;
  const std::string name_;
};

class PathFile : public AppendFile {
 public:
  PathFile(std::string path, TrustedPath place, const AppendOptions& options)
      : path_(std::move(path)),
        place_(std::move(place)),
        old_(absl::StrCat(place_.name, kOldSuffix)),
        limit_(options.max_bytes / 2) {}

  absl::Status Open();

  bool EndsMidLine() const override { return torn_; }
  absl::StatusOr<size_t> Write(absl::string_view data) override;
  Place Locate() const override;

 private:
  absl::Status CheckKind(int file) const;
  // How much of `data` may be written without outgrowing the limit: whole lines.
  absl::StatusOr<size_t> Room(absl::string_view data) const;
  absl::Status MakeOld();

  const std::string path_;
  const TrustedPath place_;
  const std::string old_;
  const uint64_t limit_;  // of this file alone; 0: none
  // Not ok() after a MakeOld that has found nothing to go on with.
  Descriptor file_;
  bool torn_ = false;
};

absl::Status PathFile::Open() {
  file_ = Descriptor();
  if (limit_ > 0) {
    for (const std::string& name : {place_.name, old_}) {
      absl::Status cut = KeepNewestLines(place_.directory.get(), name, limit_);
      if (!cut.ok()) return cut;
    }
  }
  constexpr int kFlags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW;
  const char* const name = place_.name.c_str();
  // Reading is only for the last byte; a file that may not be read is written all the same.
  Descriptor file(openat(place_.directory.get(), name, O_RDWR | kFlags, kMode));
  if (!file.ok() && errno == EACCES) {
    file = Descriptor(openat(place_.directory.get(), name, O_WRONLY | kFlags, kMode));
  }
  if (!file.ok() && errno == ELOOP) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot open ", path_,
                     ": it is a symbolic link, which is not followed (standard output is \"-\")"));
  }
  if (!file.ok()) return ErrnoStatus(errno, "open", path_);
  if (absl::Status status = CheckKind(file.get()); !status.ok()) return status;
  torn_ = IsTorn(file.get());
  file_ = std::move(file);
  return absl::OkStatus();
}

absl::Status PathFile::CheckKind(int file) const {
  struct stat info {};
  if (fstat(file, &info) != 0) return ErrnoStatus(errno, "look at", path_);
  if (limit_ > 0 && !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot limit the size of ", path_, ": it is no regular file"));
  }
  return CheckOwner(info.st_uid, absl::StrCat("cannot open ", path_, ": it"));
}

absl::StatusOr<size_t> PathFile::Write(absl::string_view data) {
  if (limit_ > 0) {
    absl::StatusOr<size_t> room = Room(data);
    if (room.ok() && *room == 0) {
      if (absl::Status status = MakeOld(); !status.ok()) return status;
      room = Room(data);
    }
    if (!room.ok()) return room;
    if (*room == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("cannot write to ", path_, ": a line is longer than ", limit_, " bytes"));
    }
    data = data.substr(0, *room);
  }
  absl::StatusOr<size_t> written = WriteOnce(file_.get(), data, path_);
  if (!written.ok() || *written == data.size()) return written;
  const size_t kept = KeepWholeLines(file_.get(), data, *written);
  if (kept == 0) return ErrnoStatus(ENOSPC, "write to", path_);
  return kept;
}

AppendFile::Place PathFile::Locate() const {
  if (!file_.ok()) return Place::kMoved;
  struct stat mine {};
  if (fstat(file_.get(), &mine) != 0) return Place::kAtItsPath;
  if (mine.st_nlink == 0) return Place::kDeleted;
  struct stat there {};
  if (lstat(path_.c_str(), &there) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? Place::kMoved : Place::kAtItsPath;
  }
  const bool same = there.st_dev == mine.st_dev && there.st_ino == mine.st_ino;
  return same ? Place::kAtItsPath : Place::kMoved;
}

absl::StatusOr<size_t> PathFile::Room(absl::string_view data) const {
  struct stat info {};
  if (fstat(file_.get(), &info) != 0) return ErrnoStatus(errno, "look at", path_);
  const auto size = static_cast<uint64_t>(info.st_size);
  const uint64_t room = size < limit_ ? limit_ - size : 0;
  if (data.size() <= room) return data.size();
  const size_t end = data.substr(0, room).rfind('\n');
  return end == absl::string_view::npos ? 0 : end + 1;
}

absl::Status PathFile::MakeOld() {
  const int directory = place_.directory.get();
  if (renameat(directory, place_.name.c_str(), directory, old_.c_str()) != 0) {
    return ErrnoStatus(errno, "rename to its .old", path_);
  }
  return Open();
}

}  // namespace

absl::StatusOr<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path,
                                                       const AppendOptions& options) {
  absl::StatusOr<TrustedPath> place = FindTrusted(path);
  if (!place.ok()) return place.status();
  auto file = std::make_unique<PathFile>(path, *std::move(place), options);
  if (absl::Status status = file->Open(); !status.ok()) return status;
  return file;
}

std::unique_ptr<AppendFile> BorrowDescriptor(int fd, std::string name) {
  return std::make_unique<BorrowedFile>(fd, std::move(name));
}

FileOpener OpenerFor(const std::string& path, const AppendOptions& options) {
  if (path == "-") {
    return []() -> absl::StatusOr<std::unique_ptr<AppendFile>> {
      return BorrowDescriptor(STDOUT_FILENO, "standard output");
    };
  }
  return [path, options] { return OpenAppend(path, options); };
}

}  // namespace journal
