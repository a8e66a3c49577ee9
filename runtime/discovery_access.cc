#include "runtime/discovery_access.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/endpoint.h"

namespace runtime {
namespace {

// The object that denies us: the socket itself if it can be seen, else the deepest directory on its
// path that can.
struct Barrier {
  std::string path;
  struct stat info {};
};

Barrier FindBarrier(const std::string& path) {
  Barrier barrier{.path = path};
  while (stat(barrier.path.c_str(), &barrier.info) != 0) {
    const size_t slash = barrier.path.find_last_of('/');
    if (slash == std::string::npos || barrier.path == "/") break;
    barrier.path.resize(slash == 0 ? 1 : slash);
  }
  return barrier;
}

// What would open the barrier.
std::string Remedy(const struct stat& info) {
  if (geteuid() == 0) {
    return "plegd is root: look at its capabilities, its user namespace, SELinux and AppArmor";
  }
  // Connecting to a socket takes the right to write, passing a directory that to search.
  const mode_t group_bit = S_ISDIR(info.st_mode) ? S_IXGRP : S_IWGRP;
  std::string remedy =
      absl::StrFormat("plegd runs as uid %d, gid %d; run it as root", geteuid(), getegid());
  if (info.st_uid != 0) absl::StrAppend(&remedy, " or uid ", info.st_uid);
  if ((info.st_mode & group_bit) != 0) {
    absl::StrAppend(&remedy, " or with the group ", info.st_gid);
  }
  return remedy;
}

}  // namespace

absl::Status CheckAccess(const std::string& path) {
  absl::Status status = CheckSocket(path);
  if (!absl::IsPermissionDenied(status)) return status;
  const Barrier barrier = FindBarrier(path);
  const std::string what = barrier.path == path ? "the socket" : "directory " + barrier.path;
  return absl::PermissionDeniedError(
      absl::StrFormat("%s: permission denied: %s belongs to uid %d, gid %d, mode %04o; %s", path,
                      what, barrier.info.st_uid, barrier.info.st_gid, barrier.info.st_mode & 07777,
                      Remedy(barrier.info)));
}

}  // namespace runtime
