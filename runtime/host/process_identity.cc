#include "runtime/host/process_identity.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/host/own_namespace.h"

namespace runtime::host {
namespace {

constexpr char kOwnPidNamespace[] = "it is in a PID namespace of its own";
constexpr char kChanged[] = "it has changed while it was looked at";

// "0 0 4294967295" is the map of the first user namespace. Without namespaces there is no file.
bool IsHostUserNamespace(const HostTree& proc) {
  const absl::StatusOr<std::string> map = proc.Read(OwnDirectory(proc) + "/uid_map");
  if (!map.ok()) return absl::IsNotFound(map.status());
  const std::vector<absl::string_view> fields =
      absl::StrSplit(*map, absl::ByAnyChar(" \t\n"), absl::SkipEmpty());
  return fields == std::vector<absl::string_view>{"0", "0", "4294967295"};
}

// Of the paths in /proc/PID/cgroup, one a hierarchy.
std::vector<absl::string_view> PathsOf(absl::string_view cgroups) {
  std::vector<absl::string_view> paths;
  for (const absl::string_view line : absl::StrSplit(cgroups, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() == 3) paths.push_back(parts[2]);
  }
  return paths;
}

// Programs that are several in one.
bool IsMultiCall(absl::string_view program) {
  static constexpr absl::string_view kPrograms[] = {"k3s", "rke2", "k0s", "hyperkube"};
  return std::find(std::begin(kPrograms), std::end(kPrograms), program) != std::end(kPrograms);
}

// Whether a program of this path goes by `comm`, which the kernel cuts at 15 bytes. An OCI runtime
// runs from a copy of itself in memory: "/memfd:runc_cloned:/proc/self/exe (deleted)".
bool HasName(absl::string_view exe, absl::string_view comm) {
  absl::ConsumeSuffix(&exe, " (deleted)");
  if (absl::ConsumePrefix(&exe, "/memfd:")) return absl::StartsWith(exe, absl::StrCat(comm, "_"));
  const absl::string_view program = exe.substr(exe.rfind('/') + 1);
  return absl::StartsWith(program, comm) || IsMultiCall(program);
}

}  // namespace

ProcessIdentifier::ProcessIdentifier(const HostTree& proc, bool rootless,
                                     const absl::flat_hash_map<int, ProcessStat>& stats)
    : proc_(proc), rootless_(rootless), stats_(stats) {
  if (rootless_) {
    own_root_ = geteuid();
  } else if (IsHostUserNamespace(proc_)) {
    own_root_ = 0;
  }
  const std::string own = OwnCgroups(proc_);
  for (const absl::string_view path : PathsOf(own)) {
    for (const absl::string_view part : absl::StrSplit(path, '/')) {
      own_containers_.insert(ContainerOfCgroup(part));
    }
  }
}

absl::StatusOr<std::string> ProcessIdentifier::Read(int pid, absl::string_view name) const {
  return proc_.Read(absl::StrCat(pid, "/", name));
}

std::string ProcessIdentifier::CgroupsOf(int pid) const { return Read(pid, "cgroup").value_or(""); }

std::string ProcessIdentifier::ContainerOf(absl::string_view cgroup_path) {
  if (IsOfUser(cgroup_path)) return "";
  std::string foreign = ForeignContainerOf(cgroup_path);
  return foreign.empty() ? ContainerOfCgroup(cgroup_path) : foreign;
}

bool ProcessIdentifier::IsOfUser(absl::string_view cgroup_path) {
  if (rootless_) return false;
  const absl::string_view named = owners_.NamedByRoot(cgroup_path);
  for (const absl::string_view part : absl::StrSplit(named, '/', absl::SkipEmpty())) {
    // What is below a container is the container's, by whatever name and of whatever owner.
    if (!ContainerOfCgroup(part).empty()) return false;
    if (part == "user.slice") return true;
  }
  return named.size() < cgroup_path.size();
}

std::string ProcessIdentifier::UnitOf(absl::string_view cgroups) {
  for (const absl::string_view path : PathsOf(cgroups)) {
    std::string unit = UnitOfCgroup(rootless_ ? path : owners_.NamedByRoot(path));
    if (!unit.empty()) return unit;
  }
  return "";
}

std::string ProcessIdentifier::ForeignContainerOf(absl::string_view cgroup_path) const {
  for (const absl::string_view part : absl::StrSplit(cgroup_path, '/', absl::SkipEmpty())) {
    std::string id = ContainerOfCgroup(part);
    if (!id.empty() && !own_containers_.contains(id)) return id;
  }
  return "";
}

size_t ProcessIdentifier::EndOfOwnContainer(absl::string_view cgroup_path) const {
  size_t end = 0;
  for (size_t at = 0; at < cgroup_path.size();) {
    const size_t next = std::min(cgroup_path.find('/', at + 1), cgroup_path.size());
    const std::string id = ContainerOfCgroup(cgroup_path.substr(at, next - at));
    if (!id.empty() && own_containers_.contains(id)) end = next;
    at = next;
  }
  return end;
}

bool ProcessIdentifier::IsMainOfUnit(const ProcessStat& stat) const {
  if (stat.parent == 1) return true;
  const auto parent = stats_.find(stat.parent);
  if (parent == stats_.end() || parent->second.parent != 1) return false;
  const absl::string_view comm = parent->second.comm;
  return absl::StartsWith(comm, "k3s") || absl::StartsWith(comm, "rke2") ||
         absl::StartsWith(comm, "k0s");
}

bool ProcessIdentifier::IsRoot(const std::vector<uint32_t>& uids) const {
  if (uids.size() != 4 || !own_root_.has_value()) return false;
  const uint32_t uid = uids[0];
  return (uid == 0 || uid == *own_root_) &&
         std::count(uids.begin(), uids.end(), uid) == static_cast<std::ptrdiff_t>(uids.size());
}

bool ProcessIdentifier::HasChanged(const ProcessStat& stat) const {
  const absl::StatusOr<std::string> text = Read(stat.pid, "stat");
  const absl::StatusOr<ProcessStat> now =
      text.ok() ? ParseProcessStat(*text) : absl::StatusOr<ProcessStat>(text.status());
  return !now.ok() || now->start_ticks != stat.start_ticks || now->comm != stat.comm;
}

// Not the owner of /proc/PID, which is root's for any process that is not dumpable.
std::string ProcessIdentifier::DoubtOfOwner(const ProcessStat& stat) const {
  const absl::StatusOr<std::string> status = Read(stat.pid, "status");
  if (!status.ok()) return "its owner cannot be read";
  const std::vector<uint32_t> uids = UidsOfStatus(*status);
  if (uids.empty()) return "its owner cannot be read";
  if (blind()) return "plegd is in a user namespace of its own";
  if (IsRoot(uids) && PidNamespacesOfStatus(*status) > 1) return kOwnPidNamespace;
  if (IsRoot(uids)) return HasChanged(stat) ? kChanged : "";
  const auto other = std::find_if(uids.begin(), uids.end(), [](uint32_t uid) { return uid != 0; });
  return absl::StrCat("its owner is uid ", other == uids.end() ? 0 : *other);
}

std::string ProcessIdentifier::DoubtOfCgroup(const std::string& cgroups) const {
  if (cgroups.empty()) return "its cgroup cannot be read";
  for (const absl::string_view path : PathsOf(cgroups)) {
    const std::string container = ForeignContainerOf(path);
    if (!container.empty()) {
      return absl::StrCat("it is in the cgroup of container ", container.substr(0, 13));
    }
  }
  return "";
}

// What is proven to be root's may still be a script of that name, or somebody's experiment.
std::string ProcessIdentifier::DoubtOfProgram(const ProcessStat& stat, Role role,
                                              const std::string& cgroups) {
  if (role == Role::kInit) return "";
  const Role parent = Of(stat.parent).role;
  if (parent == Role::kRuntime || parent == Role::kShim || parent == Role::kOciRuntime) return "";
  const absl::StatusOr<std::string> exe = proc_.ReadLink(absl::StrCat(stat.pid, "/exe"));
  if (exe.ok()) {
    return HasName(*exe, stat.comm) ? "" : absl::StrCat("its executable is ", *exe);
  }
  for (const absl::string_view path : PathsOf(cgroups)) {
    if (IsOfUser(path)) return "it is in a user's session";
  }
  if (role != Role::kRuntime && role != Role::kKubelet) return "";
  const std::string unit = UnitOf(cgroups);
  if (unit.empty() || IsMainOfUnit(stat)) return "";
  return absl::StrCat("it is not the main process of ", unit, ".service");
}

Identity ProcessIdentifier::InitOfContainer(const ProcessStat& stat) {
  auto parent = stats_.find(stat.parent);
  for (int stage = 1; stage < kMaxInitStages && parent != stats_.end(); ++stage) {
    if (!IsInitOfContainer(parent->second.comm)) break;
    parent = stats_.find(parent->second.parent);
  }
  const bool proven = parent != stats_.end() && !IsInitOfContainer(parent->second.comm) &&
                      Of(parent->first).role == Role::kOciRuntime;
  if (proven) return {.role = Role::kOciRuntime};
  return {.doubt = "no OCI runtime is its parent"};
}

// Whose systemd gave the cgroup its name: of a container that has one it is not at the top.
bool ProcessIdentifier::IsInUnitOfBus(const std::string& cgroups) const {
  for (absl::string_view path : PathsOf(cgroups)) {
    while (absl::ConsumePrefix(&path, "/..")) {
    }
    path.remove_prefix(EndOfOwnContainer(path));
    if (path == "/system.slice/dbus.service" || path == "/system.slice/dbus-broker.service") {
      return true;
    }
  }
  return false;
}

// Beside it there is what it has activated. dbus-broker has a launcher, which is the main process.
bool ProcessIdentifier::IsMainOfBus(const ProcessStat& stat) const {
  const auto parent = stats_.find(stat.parent);
  const bool launched = parent != stats_.end() && parent->second.comm == "dbus-broker-lau";
  return launched ? parent->second.parent == 1 : stat.parent == 1;
}

std::string ProcessIdentifier::DoubtOfBus(const ProcessStat& stat) const {
  const std::string cgroups = CgroupsOf(stat.pid);
  std::string doubt = DoubtOfCgroup(cgroups);
  if (!doubt.empty()) return doubt;
  if (!IsInUnitOfBus(cgroups)) return "it is not in the unit of the message bus";
  if (!IsMainOfBus(stat)) return "it is not the main process of the message bus";
  const absl::StatusOr<std::string> status = Read(stat.pid, "status");
  if (!status.ok()) return "its PID namespace cannot be read";
  if (PidNamespacesOfStatus(*status) > 1) return kOwnPidNamespace;
  return HasChanged(stat) ? kChanged : "";
}

Identity ProcessIdentifier::MessageBus(const ProcessStat& stat) const {
  std::string doubt = DoubtOfBus(stat);
  if (doubt.empty()) return {.role = Role::kMessageBus};
  return {.doubt = std::move(doubt)};
}

// What is named like nothing in particular, by who started it.
Identity ProcessIdentifier::ByRelation(const ProcessStat& stat) {
  Identity identity;
  const auto parent = stats_.find(stat.parent);
  if (parent == stats_.end() || RoleByName(parent->second) == Role::kOther) return identity;
  const Role started_by = Of(stat.parent).role;
  const bool plugin = started_by == Role::kRuntime && !IsHelperOfRuntime(stat.comm);
  if (!plugin && started_by != Role::kShim) return identity;
  if (!DoubtOfCgroup(CgroupsOf(stat.pid)).empty() || !DoubtOfOwner(stat).empty()) return identity;
  identity.of_root = true;
  // A shim starts an OCI runtime by whatever name BinaryName has.
  identity.role = plugin ? Role::kCniPlugin : Role::kOciRuntime;
  return identity;
}

Identity ProcessIdentifier::Identify(const ProcessStat& stat) {
  const Role role = RoleByName(stat);
  if (role == Role::kOther && stat.pid != listener_) return ByRelation(stat);
  if (role == Role::kMessageBus) return MessageBus(stat);
  if (role == Role::kOciRuntime && IsInitOfContainer(stat.comm)) return InitOfContainer(stat);
  Identity identity;
  const std::string cgroups = CgroupsOf(stat.pid);
  identity.doubt = DoubtOfCgroup(cgroups);
  const std::string owner = DoubtOfOwner(stat);
  identity.of_root = owner.empty() && identity.doubt.empty();
  if (identity.doubt.empty()) identity.doubt = owner;
  if (identity.doubt.empty()) identity.doubt = DoubtOfProgram(stat, role, cgroups);
  if (stat.pid == listener_) identity.doubt.clear();
  if (identity.doubt.empty()) identity.role = role;
  return identity;
}

const Identity& ProcessIdentifier::Of(int pid) {
  static const Identity& none = *new Identity();
  const auto stat = stats_.find(pid);
  if (stat == stats_.end()) return none;
  // Nothing yet, should it turn out to be its own ancestor: the stats are not of one moment.
  const auto [identity, is_new] = known_.try_emplace(pid);
  if (is_new) {
    Identity found = Identify(stat->second);
    known_.insert_or_assign(pid, std::move(found));
  }
  return known_.find(pid)->second;
}

}  // namespace runtime::host
