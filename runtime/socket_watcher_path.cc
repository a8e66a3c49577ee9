#include "runtime/socket_watcher_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <deque>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace runtime {
namespace {

constexpr int kMaxLinks = 40;

std::string Join(const std::string& directory, const std::string& name) {
  return directory == "/" ? "/" + name : directory + "/" + name;
}

void RemoveLast(std::string& directory) {
  const size_t slash = directory.find_last_of('/');
  directory.resize(slash == 0 ? 1 : slash);
}

void PutInFront(absl::string_view path, std::deque<std::string>& names) {
  const std::vector<std::string> parts = absl::StrSplit(path, '/', absl::SkipEmpty());
  names.insert(names.begin(), parts.begin(), parts.end());
}

}  // namespace

std::vector<PathLookup> LookupsOf(const std::string& path) {
  std::vector<PathLookup> lookups;
  std::string directory = "/";
  std::deque<std::string> names;
  PutInFront(path, names);
  int links = 0;
  while (!names.empty()) {
    const std::string name = names.front();
    names.pop_front();
    if (name == ".") continue;
    if (name == "..") {
      RemoveLast(directory);
      continue;
    }
    lookups.push_back({directory, name});
    const std::string full = Join(directory, name);
    struct stat info;
    if (lstat(full.c_str(), &info) != 0) break;
    if (!S_ISLNK(info.st_mode)) {
      if (!S_ISDIR(info.st_mode)) break;
      directory = full;
      continue;
    }
    char target[PATH_MAX];
    const ssize_t length = readlink(full.c_str(), target, sizeof(target));
    if (length <= 0 || ++links > kMaxLinks) break;
    if (target[0] == '/') directory = "/";
    PutInFront(absl::string_view(target, static_cast<size_t>(length)), names);
  }
  return lookups;
}

}  // namespace runtime
