#include "runtime/host/cgroup_owners.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace runtime::host {

// Those of version 1 whose paths are used: of freezer, and of systemd, which alone it delegates.
CgroupOwners::CgroupOwners(const std::string& root) {
  for (const absl::string_view hierarchy : {"", "/unified", "/freezer", "/systemd"}) {
    HostTree groups(absl::StrCat(root, hierarchy));
    const absl::StatusOr<uid_t> owner = groups.OwnerOf("");
    if (owner.ok()) trees_.push_back({std::move(groups), *owner});
  }
}

bool CgroupOwners::IsDelegated(absl::string_view group) {
  const auto [known, is_new] = delegated_.try_emplace(std::string(group));
  if (!is_new) return known->second;
  known->second = std::any_of(trees_.begin(), trees_.end(), [group](const Tree& tree) {
    const absl::StatusOr<uid_t> owner = tree.groups.OwnerOf(group);
    return owner.ok() && *owner != 0 && *owner != tree.owner;
  });
  return known->second;
}

absl::string_view CgroupOwners::NamedByRoot(absl::string_view path) {
  absl::string_view group = path;
  // What lies outside plegd's own cgroup namespace, as seen from the tree's top.
  while (absl::ConsumePrefix(&group, "/..")) {
  }
  if (!absl::ConsumePrefix(&group, "/") || group.empty()) return path;
  for (size_t end = group.find('/'); end != absl::string_view::npos;
       end = group.find('/', end + 1)) {
    if (IsDelegated(group.substr(0, end))) return path.substr(0, path.size() - group.size() + end);
  }
  return path;
}

}  // namespace runtime::host
