#include "runtime/host/cgroup_tree.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/host/host_tree.h"
#include "runtime/host/proc_parse.h"

namespace runtime::host {
namespace {

constexpr size_t kMaxGroups = 20'000;
// Where a node has its tree (file-hierarchy(7)), wherever this process sees it.
constexpr char kNodeRoot[] = "/sys/fs/cgroup";

// Version 2 tells in cgroup.events whether all has stopped; in version 1 FREEZING is a freeze that
// does not come to an end.
bool IsFrozen(const HostTree& tree, const std::string& path, bool version_1) {
  if (version_1) {
    const absl::StatusOr<std::string> state = tree.Read(path + "/freezer.state");
    return state.ok() && absl::StripSuffix(*state, "\n") != "THAWED";
  }
  const absl::StatusOr<std::string> events = tree.Read(path + "/cgroup.events");
  return events.ok() && FlatKey(*events, "frozen") == uint64_t{1};
}

bool IsBelow(const std::string& path, const std::vector<FrozenGroup>& groups) {
  return std::any_of(groups.begin(), groups.end(), [&path](const FrozenGroup& group) {
    return absl::StartsWith(path, group.path + "/");
  });
}

}  // namespace

CgroupTree ReadCgroupTree(const std::string& root,
                          const std::function<std::string(absl::string_view)>& container_of,
                          const std::function<bool(absl::string_view)>& is_left_out,
                          std::vector<std::string>& problems) {
  CgroupTree tree;
  // A hierarchy of version 1 is a mount of its own.
  HostTree top(root + "/freezer");
  tree.version_1 = top.status().ok();
  if (!tree.version_1) top = HostTree(root);
  const std::string on_node = tree.version_1 ? absl::StrCat(kNodeRoot, "/freezer") : kNodeRoot;
  if (!top.status().ok()) {
    problems.push_back(absl::StrCat("no cgroup tree at ", root));
    return tree;
  }
  absl::flat_hash_set<std::string> seen;
  std::deque<std::string> queue = {""};
  for (size_t groups = 0; !queue.empty(); ++groups) {
    if (groups == kMaxGroups) {
      problems.push_back(
          absl::StrCat("more than ", kMaxGroups, " cgroups: not all were looked at"));
      break;
    }
    // "/kubepods.slice/…"; empty for the root.
    const std::string path = std::move(queue.front());
    queue.pop_front();
    std::string container = container_of(path);
    const bool told = !tree.frozen.empty() && IsBelow(on_node + path, tree.frozen);
    if (!path.empty() && !told && IsFrozen(top, path.substr(1), tree.version_1)) {
      tree.frozen.push_back({on_node + path, container});
    }
    if (!container.empty() && seen.insert(container).second) tree.containers.push_back(container);
    for (const std::string& child : top.ListDirectories(absl::StripPrefix(path, "/"))) {
      std::string below = absl::StrCat(path, "/", child);
      if (!is_left_out(below)) queue.push_back(std::move(below));
    }
  }
  return tree;
}

}  // namespace runtime::host
