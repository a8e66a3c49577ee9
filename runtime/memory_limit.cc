#include "runtime/memory_limit.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace runtime {
namespace {

constexpr uint64_t kMachinesShare = 4;
constexpr uint64_t kKibibyte = 1024;

// A hierarchy of cgroups that may limit memory.
struct Hierarchy {
  std::string mount_point;
  std::string mount_root;  // which cgroup is there
  std::string path;        // of this process, from the true root
  std::vector<absl::string_view> files;
};

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

bool HasWord(absl::string_view list, absl::string_view word) {
  const std::vector<absl::string_view> words = absl::StrSplit(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// proc(5), mountinfo: id parent device root mount-point options [tags] - type source super-options.
std::optional<Hierarchy> ToHierarchy(absl::string_view line) {
  const std::pair<absl::string_view, absl::string_view> halves = absl::StrSplit(line, " - ");
  const std::vector<absl::string_view> mount = absl::StrSplit(halves.first, ' ');
  const std::vector<absl::string_view> kind = absl::StrSplit(halves.second, ' ');
  if (mount.size() < 5 || kind.size() < 3) return std::nullopt;
  const bool unified = kind[0] == "cgroup2";
  if (!unified && !(kind[0] == "cgroup" && HasWord(kind[2], "memory"))) return std::nullopt;
  Hierarchy hierarchy;
  hierarchy.mount_root = std::string(mount[3]);
  hierarchy.mount_point = std::string(mount[4]);
  hierarchy.files = unified ? std::vector<absl::string_view>{"memory.max", "memory.high"}
                            : std::vector<absl::string_view>{"memory.limit_in_bytes"};
  return hierarchy;
}

// Which line of /proc/self/cgroup is that of the hierarchy: "0::/path", "4:memory:/path".
std::string PathIn(absl::string_view cgroups, bool unified) {
  for (absl::string_view line : absl::StrSplit(cgroups, '\n')) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() < 3) continue;
    const bool same = unified ? parts[0] == "0" : HasWord(parts[1], "memory");
    if (same) return std::string(parts[2]);
  }
  return "";
}

bool IsBelow(absl::string_view path, absl::string_view directory) {
  if (directory == "/") return true;
  return absl::ConsumePrefix(&path, directory) && (path.empty() || path[0] == '/');
}

// The directory of this process, seen from the mount point: "" or "/a/b". None if the mount shows
// other cgroups.
std::optional<std::string> Relative(const Hierarchy& hierarchy) {
  absl::string_view path = hierarchy.path;
  if (!IsBelow(path, hierarchy.mount_root) || absl::StrContains(path, "..")) return std::nullopt;
  if (hierarchy.mount_root != "/") path.remove_prefix(hierarchy.mount_root.size());
  return std::string(absl::StripSuffix(path, "/"));
}

void Lower(uint64_t bytes, const std::string& source, MemoryLimit& limit) {
  if (bytes >= limit.bytes) return;
  limit.bytes = bytes;
  limit.source = source;
}

void LowerByHierarchy(const std::string& root, const Hierarchy& hierarchy, std::string relative,
                      MemoryLimit& limit) {
  while (true) {
    const std::string directory = absl::StrCat(hierarchy.mount_point, relative);
    for (const absl::string_view file : hierarchy.files) {
      const auto text = ReadFile(absl::StrCat(root, directory, "/", file));
      uint64_t bytes = 0;  // "max" is no number, and no limit of v1 is a very large one
      if (text.has_value() && absl::SimpleAtoi(*text, &bytes)) {
        Lower(bytes, absl::StrCat(file, " of ", directory), limit);
      }
    }
    if (relative.empty()) return;
    relative.resize(relative.rfind('/'));
  }
}

// The mounts of a hierarchy.
std::vector<Hierarchy> ViewsOf(absl::string_view mounts, absl::string_view cgroups, bool unified) {
  std::vector<Hierarchy> views;
  for (const absl::string_view line : absl::StrSplit(mounts, '\n')) {
    std::optional<Hierarchy> view = ToHierarchy(line);
    if (!view.has_value() || (view->files.size() > 1) != unified) continue;
    view->path = PathIn(cgroups, unified);
    views.push_back(*std::move(view));
  }
  return views;
}

void LowerByMachine(const std::string& root, MemoryLimit& limit) {
  const auto text = ReadFile(absl::StrCat(root, "/proc/meminfo"));
  if (!text.has_value()) return;
  absl::string_view line = *text;
  uint64_t kibibytes = 0;
  if (!absl::ConsumePrefix(&line, "MemTotal:")) return;
  line = absl::StripAsciiWhitespace(line.substr(0, line.find("kB")));
  if (!absl::SimpleAtoi(line, &kibibytes)) return;
  Lower(kibibytes * kKibibyte / kMachinesShare, "a quarter of the machine's memory", limit);
}

}  // namespace

MemoryLimit FindMemoryLimit(const std::string& root) {
  MemoryLimit limit{.bytes = std::numeric_limits<uint64_t>::max(), .source = "none"};
  LowerByMachine(root, limit);
  const auto mounts = ReadFile(absl::StrCat(root, "/proc/self/mountinfo"));
  const auto cgroups = ReadFile(absl::StrCat(root, "/proc/self/cgroup"));
  if (!mounts.has_value() || !cgroups.has_value()) return limit;
  for (const bool unified : {true, false}) {
    const std::vector<Hierarchy> views = ViewsOf(*mounts, *cgroups, unified);
    const bool is_seen = std::any_of(views.begin(), views.end(), [](const Hierarchy& view) {
      return Relative(view).has_value();
    });
    for (const Hierarchy& view : views) {
      const std::optional<std::string> relative = Relative(view);
      // A container may see its own cgroup as the root, and a path that is not below it.
      const bool may_be_own = !is_seen && &view == &views.front();
      if (relative.has_value() || may_be_own) {
        LowerByHierarchy(root, view, relative.value_or(""), limit);
      }
    }
  }
  return limit;
}

}  // namespace runtime
