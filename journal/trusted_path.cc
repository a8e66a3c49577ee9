#include "journal/trusted_path.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace journal {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's own limit

absl::Status ErrnoStatus(absl::string_view what, absl::string_view name) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", name));
}

// The walk. `here_` is where it has come to, `rest_` what is still to go.
class Walk {
 public:
  explicit Walk(const std::string& path) : path_(path) {}

  absl::Status To(absl::string_view directory) {
    if (absl::Status status = Begin(directory); !status.ok()) return status;
    while (!rest_.empty()) {
      const std::string name = std::move(rest_.front());
      rest_.pop_front();
      if (absl::Status status = Step(name); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  Descriptor Take() { return std::move(here_); }

 private:
  // At the root, or where the process is. `path` goes before what is left.
  absl::Status Begin(absl::string_view path) {
    const std::vector<std::string> names = absl::StrSplit(path, '/', absl::SkipEmpty());
    rest_.insert(rest_.begin(), names.begin(), names.end());
    const bool absolute = !path.empty() && path[0] == '/';
    if (!absolute && here_.ok()) return absl::OkStatus();
    return Enter(Descriptor(open(absolute ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC)),
                 absolute ? "/" : ".");
  }

  absl::Status Step(const std::string& name) {
    Descriptor next(openat(here_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!next.ok() || fstat(next.get(), &info) != 0) return ErrnoStatus("open", path_);
    if (!S_ISLNK(info.st_mode)) return Enter(std::move(next), name);
    if (absl::Status status = CheckOwner(info.st_uid, Describe(name)); !status.ok()) return status;
    if (++links_ > kMaxLinks) {
      errno = ELOOP;
      return ErrnoStatus("open", path_);
    }
    char target[PATH_MAX];
    const ssize_t size = readlinkat(next.get(), "", target, sizeof(target));
    if (size <= 0) return ErrnoStatus("read the link to", path_);
    return Begin(absl::string_view(target, static_cast<size_t>(size)));
  }

  absl::Status Enter(Descriptor directory, absl::string_view name) {
    struct stat info {};
    if (!directory.ok() || fstat(directory.get(), &info) != 0) return ErrnoStatus("open", path_);
    if (!S_ISDIR(info.st_mode)) {
      errno = ENOTDIR;
      return ErrnoStatus("open", path_);
    }
    here_ = std::move(directory);
    return CheckOwner(info.st_uid, Describe(name));
  }

  std::string Describe(absl::string_view name) const {
    return absl::StrCat("cannot open ", path_, ": \"", name, "\" on the way to it");
  }

  const std::string& path_;
  Descriptor here_;
  std::deque<std::string> rest_;
  int links_ = 0;
};

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

absl::StatusOr<TrustedPath> FindTrusted(const std::string& path) {
  const size_t slash = path.rfind('/');
  TrustedPath found;
  found.name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (found.name.empty() || found.name == "." || found.name == "..") {
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\" names no file"));
  }
  Walk walk(path);
  const absl::Status status = walk.To(slash == std::string::npos ? "" : path.substr(0, slash + 1));
  if (!status.ok()) return status;
  found.directory = walk.Take();
  return found;
}

absl::Status CheckOwner(unsigned uid, absl::string_view what) {
  if (uid == 0 || uid == geteuid()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      what, " belongs to user ", uid, ", neither to root nor to plegd's own user, ", geteuid()));
}

}  // namespace journal
