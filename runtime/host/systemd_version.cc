#include "runtime/host/systemd_version.h"

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "pleg/diagnosis/known_versions.h"
#include "runtime/host/host_tree.h"

namespace runtime::host {
namespace {

constexpr size_t kMaxEntries = 10'000;

// "252" of "libsystemd-shared-252.so", "257.7-1.fc42" of "libsystemd-shared-257.7-1.fc42.so".
std::string NewestIn(const HostTree& lib, absl::string_view directory) {
  std::string newest;
  const absl::StatusOr<std::vector<std::string>> names = lib.List(directory, kMaxEntries);
  if (!names.ok()) return newest;
  for (absl::string_view name : *names) {
    if (!absl::ConsumePrefix(&name, "libsystemd-shared-")) continue;
    if (!absl::ConsumeSuffix(&name, ".so") || name.empty()) continue;
    if (newest.empty() || pleg::CompareVersions(newest, name) < 0) newest = std::string(name);
  }
  return newest;
}

}  // namespace

std::string SystemdVersion(const std::string& root) {
  // /usr is a mount of its own on many an image.
  const HostTree lib(root, "usr/lib");
  std::string version = NewestIn(lib, "systemd");
  if (!version.empty()) return version;
  // Debian has a directory for each architecture.
  const absl::StatusOr<std::vector<std::string>> names = lib.List("", kMaxEntries);
  if (!names.ok()) return version;
  for (const std::string& name : *names) {
    if (!absl::StrContains(name, "-linux-gnu")) continue;
    version = NewestIn(lib, absl::StrCat(name, "/systemd"));
    if (!version.empty()) break;
  }
  return version;
}

}  // namespace runtime::host
