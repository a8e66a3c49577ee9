#include "runtime/host/local_path.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace runtime::host {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel has it (MAXSYMLINKS)

// What is left of a path, the next component first.
void Prepend(absl::string_view path, std::deque<std::string>& parts) {
  const std::vector<std::string> added = absl::StrSplit(path, '/', absl::SkipEmpty());
  parts.insert(parts.begin(), added.begin(), added.end());
}

}  // namespace

bool IsRemote(const Mount* mount) {
  return mount != nullptr &&
         (IsNetworkFileSystem(mount->fs_type) || absl::StartsWith(mount->fs_type, "fuse"));
}

LocalPath FindLocally(const std::string& path, const std::vector<Mount>& mounts) {
  LocalPath place;
  if (!absl::StartsWith(path, "/")) return place;
  std::deque<std::string> parts;
  Prepend(path, parts);
  std::string real;  // so far, without links; empty for "/"
  place.mount = FindMount(mounts, "/");
  for (int links = 0; !parts.empty() && !IsRemote(place.mount);) {
    const std::string part = std::move(parts.front());
    parts.pop_front();
    if (part == ".") continue;
    if (part == "..") {
      real.resize(real.empty() ? 0 : real.rfind('/'));
      continue;
    }
    const std::string next = absl::StrCat(real, "/", part);
    place.mount = FindMount(mounts, next);
    struct stat info = {};
    if (IsRemote(place.mount)) return place;
    if (lstat(next.c_str(), &info) != 0) {
      // What is out of this process's sight is taken as it is written.
      parts.push_front(next.substr(1));
      place.mount = FindMount(mounts, absl::StrCat("/", absl::StrJoin(parts, "/")));
      return place;
    }
    if (!S_ISLNK(info.st_mode)) {
      real = next;
      continue;
    }
    std::string target(PATH_MAX, '\0');
    const ssize_t size = readlink(next.c_str(), target.data(), target.size());
    if (size <= 0 || ++links > kMaxLinks) return place;
    target.resize(static_cast<size_t>(size));
    if (target.front() == '/') real.clear();
    Prepend(target, parts);
  }
  place.mount = FindMount(mounts, real.empty() ? "/" : real);
  if (IsRemote(place.mount)) return place;
  place.directory = OwnedFd(
      open(real.empty() ? "/" : real.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return place;
}

}  // namespace runtime::host
