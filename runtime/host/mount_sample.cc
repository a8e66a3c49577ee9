#include "runtime/host/mount_sample.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/host/local_path.h"
#include "runtime/host/own_namespace.h"

namespace runtime::host {
namespace {

constexpr size_t kMountinfoLimit = size_t{64} * 1024 * 1024;
constexpr size_t kMaxToldMounts = 100;
constexpr size_t kMaxConnections = 1000;

std::optional<Usage> UsageOf(const LocalPath& place) {
  struct statvfs info = {};
  if (!place.directory.ok() || fstatvfs(place.directory.get(), &info) != 0) return std::nullopt;
  auto used = [](double all, double free) { return all > 0 ? 100 * (all - free) / all : 0.0; };
  return Usage{used(static_cast<double>(info.f_blocks), static_cast<double>(info.f_bavail)),
               used(static_cast<double>(info.f_files), static_cast<double>(info.f_favail))};
}

// What the process itself was told, else the first that is there.
std::string PickRoot(Role role, int listener, const std::vector<std::string>& likely,
                     const std::vector<Mount>& mounts, const HostSample& sample) {
  for (const HostProcess& process : sample.processes) {
    const bool meant = role != Role::kRuntime || listener <= 1 || process.stat.pid == listener;
    std::string root = process.root.value_or("");
    if (process.role == role && meant && absl::StartsWith(root, "/")) return root;
  }
  for (const std::string& root : likely) {
    if (FindLocally(root, mounts).directory.ok()) return root;
  }
  return likely.empty() ? "" : likely.front();
}

// The kubelet mounts a pod's volumes below its UID.
bool IsOfOne(const Mount& mount, const std::vector<std::string>& pods) {
  return std::any_of(pods.begin(), pods.end(), [&mount](const std::string& pod) {
    return absl::StrContains(mount.mount_point, absl::StrCat("/pods/", pod, "/"));
  });
}

// Its connection has the minor number of the device for a name.
bool HasRequests(const Mount& mount, const std::vector<FuseRequests>& waiting) {
  const std::string id = absl::StrCat(mount.minor);
  return std::any_of(waiting.begin(), waiting.end(),
                     [&id](const FuseRequests& requests) { return requests.connection == id; });
}

// There may be thousands, and what matters is kept before what does not.
class Told {
 public:
  void Add(const Mount& mount, bool matters) {
    std::vector<Mount>& kept = matters ? first_ : others_;
    if (kept.size() < kMaxToldMounts) kept.push_back(mount);
  }
  std::vector<Mount> All() && {
    first_.insert(first_.end(), others_.begin(), others_.end());
    return std::move(first_);
  }

 private:
  std::vector<Mount> first_;
  std::vector<Mount> others_;
};

void TakeRoot(const std::vector<Mount>& mounts, const std::string& root,
              std::optional<Mount>& mount, std::optional<Usage>& usage) {
  const LocalPath place = FindLocally(root, mounts);
  if (place.mount != nullptr) mount = *place.mount;
  usage = UsageOf(place);
}

}  // namespace

absl::StatusOr<std::vector<Mount>> ReadHostMounts(const HostTree& proc) {
  absl::StatusOr<std::string> text = proc.Read("1/mountinfo", kMountinfoLimit);
  if (!text.ok()) text = proc.Read(OwnDirectory(proc) + "/mountinfo", kMountinfoLimit);
  if (!text.ok()) return text.status();
  return ParseMountinfo(*text);
}

void TakeMounts(const std::vector<Mount>& mounts, const HostQuestion& question,
                HostSample& sample) {
  sample.mounts = static_cast<uint32_t>(mounts.size());
  Told network;
  Told fuse;
  for (const Mount& mount : mounts) {
    const bool is_fuse = absl::StartsWith(mount.fs_type, "fuse.") || mount.fs_type == "fuse";
    if (!is_fuse && !IsNetworkFileSystem(mount.fs_type)) continue;
    const bool silent = IsOfOne(mount, question.silent_pods);
    if (is_fuse) fuse.Add(mount, silent || HasRequests(mount, sample.fuse));
    if (!is_fuse || silent) network.Add(mount, silent);
  }
  sample.fuse_mounts = std::move(fuse).All();
  sample.network_mounts = std::move(network).All();
}

void TakeDirectories(const std::vector<Mount>& mounts, const HostQuestion& question,
                     HostSample& sample) {
  const NodeDirectories& likely = question.directories;
  sample.runtime_root =
      PickRoot(Role::kRuntime, question.listener, likely.runtime_roots, mounts, sample);
  sample.kubelet_root = PickRoot(Role::kKubelet, 0, likely.kubelet_roots, mounts, sample);
  TakeRoot(mounts, sample.runtime_root, sample.runtime_mount, sample.runtime_usage);
  TakeRoot(mounts, sample.kubelet_root, sample.kubelet_mount, sample.kubelet_usage);
}

void TakeFuse(const std::string& sysfs, HostSample& sample) {
  // A file system of its own, which has a directory for each connection.
  const HostTree connections(absl::StrCat(sysfs, "/fs/fuse/connections"));
  const absl::StatusOr<std::vector<std::string>> names = connections.List("", kMaxConnections);
  if (!names.ok()) return;  // no FUSE, or its control file system is not mounted
  for (const std::string& name : *names) {
    const absl::StatusOr<std::string> text = connections.Read(absl::StrCat(name, "/waiting"));
    uint64_t waiting = 0;
    if (text.ok() && absl::SimpleAtoi(*text, &waiting) && waiting > 0) {
      sample.fuse.push_back({name, waiting});
    }
  }
}

}  // namespace runtime::host
