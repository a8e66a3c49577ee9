#include "runtime/host/host_tracker.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace runtime::host {
namespace {

double AgeSeconds(const HostSample& sample, const ProcessStat& stat) {
  const double started =
      static_cast<double>(stat.start_ticks) / static_cast<double>(sample.ticks_per_second);
  return std::max(0.0, sample.uptime_seconds - started);
}

// "update" of "runc --root /run/x update <id>", "init" of "runc:[2:INIT]".
std::string ActionOf(const HostProcess& process) {
  if (absl::StrContains(process.stat.comm, ":[")) return "init";
  static constexpr absl::string_view kActions[] = {"create", "start",  "exec",   "kill",
                                                   "delete", "update", "pause",  "resume",
                                                   "state",  "run",    "events", "checkpoint"};
  for (const std::string& argument : process.command) {
    if (std::find(std::begin(kActions), std::end(kActions), argument) != std::end(kActions)) {
      return argument;
    }
  }
  return "";
}

// The container that an OCI runtime works for is one of its arguments.
std::string ContainerOfCommand(const std::vector<std::string>& command) {
  for (auto argument = command.rbegin(); argument != command.rend(); ++argument) {
    std::string id = ContainerOfCgroup(*argument);
    if (!id.empty()) return id;
  }
  return "";
}

const DiskStat* FindDisk(const std::vector<DiskStat>& disks, uint32_t major, uint32_t minor) {
  const auto disk = std::find_if(disks.begin(), disks.end(), [&](const DiskStat& d) {
    return d.major == major && d.minor == minor;
  });
  return disk == disks.end() ? nullptr : &*disk;
}

bool IsAlive(const HostProcess& process) {
  return process.stat.state != 'Z' && process.stat.state != 'X';
}

// Whether there should be a process; empty where either is right.
std::optional<bool> ListedAsAlive(absl::string_view state) {
  if (state == "running" || state == "ready") return true;
  if (state == "exited" || state == "notready") return false;
  return std::nullopt;
}

bool IsStuck(const std::optional<pleg::ProcessEvidence>& shim) {
  return shim.has_value() && (shim->state == 'T' || shim->state == 't' || shim->state == 'D');
}

std::optional<pleg::Pressure> ToEvidence(const std::optional<Pressure>& pressure) {
  if (!pressure.has_value()) return std::nullopt;
  return pleg::Pressure{pressure->some, pressure->full};
}

}  // namespace

pleg::HostEvidence HostTracker::Update(const HostSample& sample,
                                       const std::vector<WatchedObject>& watched,
                                       std::optional<int> runtime_pid) {
  now_ = &sample;
  pleg::HostEvidence out;
  TellNode(out);
  TellDisks(out);
  TellBlocked(out);
  TellProcesses(runtime_pid, out);
  TellShims(watched, out);
  TellMounts(out);
  TellFrozen(out);
  for (const std::string& problem : sample.problems) {
    out.problems.push_back({.probe = "host", .text = problem});
  }
  states_.EndOfSample();
  frozen_.EndOfSample();
  fuse_.EndOfSample();
  disagree_.EndOfSample();
  now_ = nullptr;
  before_ = sample;
  return out;
}

const HostProcess* HostTracker::FindPid(int pid) const {
  const auto process =
      std::lower_bound(now_->processes.begin(), now_->processes.end(), pid,
                       [](const HostProcess& p, int wanted) { return p.stat.pid < wanted; });
  return process == now_->processes.end() || process->stat.pid != pid ? nullptr : &*process;
}

pleg::ProcessEvidence HostTracker::Describe(const HostProcess& process) {
  const ProcessStat& stat = process.stat;
  const double state_for =
      states_.Hold({{stat.pid, stat.start_ticks}, stat.state}, now_->uptime_seconds);
  pleg::ProcessEvidence out;
  out.pid = stat.pid;
  out.parent_pid = stat.parent;
  out.name = stat.comm;
  if (const HostProcess* parent = FindPid(stat.parent)) out.parent = parent->stat.comm;
  out.action = ActionOf(process);
  out.state = stat.state;
  out.age = absl::Seconds(AgeSeconds(*now_, stat));
  out.state_for = absl::Seconds(state_for);
  out.wait_function = process.wait_channel;
  out.stack = process.stack;
  const std::string id =
      process.container.empty() ? ContainerOfCommand(process.command) : process.container;
  out.container_id = pleg::ContainerId(id.empty() ? process.bundle : id);
  return out;
}

void HostTracker::TellNode(pleg::HostEvidence& out) const {
  out.cpu = ToEvidence(now_->cpu);
  out.io = ToEvidence(now_->io);
  out.memory = ToEvidence(now_->memory);
  if (now_->memory_total_kb.value_or(0) > 0 && now_->memory_available_kb.has_value()) {
    out.memory_available_percent = 100.0 * static_cast<double>(*now_->memory_available_kb) /
                                   static_cast<double>(*now_->memory_total_kb);
  }
  if (now_->tasks.has_value() && now_->tasks_max.value_or(0) > 0) {
    out.headroom.push_back({"pids", 100.0 * static_cast<double>(*now_->tasks) /
                                        static_cast<double>(*now_->tasks_max)});
  }
  auto tell = [&out](const char* of, const std::optional<Usage>& usage) {
    if (!usage.has_value()) return;
    out.headroom.push_back({absl::StrCat("inodes of the ", of, "'s directory"), usage->inodes});
    out.headroom.push_back({absl::StrCat("bytes of the ", of, "'s directory"), usage->bytes});
  };
  tell("runtime", now_->runtime_usage);
  tell("kubelet", now_->kubelet_usage);
  for (const auto& [parent, count] : now_->zombies) {
    const HostProcess* process = FindPid(parent);
    out.zombies.push_back({parent, process == nullptr ? "" : process->stat.comm, count});
  }
  out.kernel_version = now_->kernel;
  if (!before_.has_value() || !now_->init_cpu_ticks || !before_->init_cpu_ticks) return;
  const double seconds = now_->uptime_seconds - before_->uptime_seconds;
  const double ticks =
      static_cast<double>(*now_->init_cpu_ticks) - static_cast<double>(*before_->init_cpu_ticks);
  if (seconds > 0) {
    out.pid1_cpu_percent = 100 * ticks / static_cast<double>(now_->ticks_per_second) / seconds;
  }
}

void HostTracker::TellDisks(pleg::HostEvidence& out) const {
  auto tell = [&](const std::optional<Mount>& mount, const char* holds) {
    if (!mount.has_value() || !before_.has_value()) return;
    const DiskStat* disk = FindDisk(now_->disks, mount->major, mount->minor);
    const DiskStat* old = FindDisk(before_->disks, mount->major, mount->minor);
    const double ms = 1000 * (now_->uptime_seconds - before_->uptime_seconds);
    if (disk == nullptr || old == nullptr || ms <= 0) return;
    for (pleg::DiskEvidence& known : out.disks) {
      if (known.device != disk->name) continue;
      known.holds = "runtime and kubelet";
      return;
    }
    pleg::DiskEvidence evidence;
    evidence.device = disk->name;
    evidence.holds = holds;
    evidence.utilization_percent =
        std::min(100.0, 100 * static_cast<double>(disk->busy_ms - old->busy_ms) / ms);
    const uint64_t completed = disk->completed - old->completed;
    if (completed > 0) {
      evidence.await = absl::Milliseconds(static_cast<double>(disk->waited_ms - old->waited_ms) /
                                          static_cast<double>(completed));
    }
    evidence.in_flight = static_cast<uint32_t>(disk->in_flight);
    out.disks.push_back(std::move(evidence));
  };
  tell(now_->runtime_mount, "runtime");
  tell(now_->kubelet_mount, "kubelet");
}

void HostTracker::TellBlocked(pleg::HostEvidence& out) {
  std::map<std::string, pleg::BlockedGroup> groups;
  for (const HostProcess& process : now_->processes) {
    if (process.stat.state != 'D') continue;
    const pleg::ProcessEvidence evidence = Describe(process);
    pleg::BlockedGroup& group = groups[process.wait_channel];
    if (group.count++ > 0 && evidence.state_for <= group.oldest) continue;
    group.wait_function = process.wait_channel;
    group.oldest = evidence.state_for;
    group.example_pid = evidence.pid;
    group.example_name = evidence.name;
    group.example_container = evidence.container_id;
  }
  for (auto& [function, group] : groups) out.blocked.push_back(std::move(group));
  std::sort(out.blocked.begin(), out.blocked.end(),
            [](const auto& a, const auto& b) { return a.count > b.count; });
}

void HostTracker::TellProcesses(std::optional<int> runtime_pid, pleg::HostEvidence& out) {
  for (const HostProcess& process : now_->processes) {
    switch (process.role) {
      case Role::kOciRuntime:
        out.oci_processes.push_back(Describe(process));
        break;
      case Role::kCniPlugin:
        out.cni_processes.push_back(Describe(process));
        break;
      case Role::kMessageBus:
        if (!out.dbus.has_value()) out.dbus = Describe(process);
        break;
      case Role::kRuntime:
        if (!out.runtime_process.has_value() || process.stat.pid == runtime_pid) {
          out.runtime_process = Describe(process);
        }
        break;
      default:
        break;
    }
  }
  const auto older = [](const auto& a, const auto& b) { return a.age > b.age; };
  std::sort(out.oci_processes.begin(), out.oci_processes.end(), older);
  std::sort(out.cni_processes.begin(), out.cni_processes.end(), older);
}

void HostTracker::TellShims(const std::vector<WatchedObject>& watched, pleg::HostEvidence& out) {
  std::map<absl::string_view, const HostProcess*> by_container;
  std::map<absl::string_view, const HostProcess*> by_bundle;
  for (const HostProcess& process : now_->processes) {
    if (process.role == Role::kShim && !process.bundle.empty()) {
      by_bundle.emplace(process.bundle, &process);
    } else if (process.role == Role::kOther && !process.container.empty() && IsAlive(process)) {
      by_container.emplace(process.container, &process);
    }
  }
  auto find = [](const auto& map, const std::string& key) {
    const auto entry = map.find(key);
    return entry == map.end() ? nullptr : entry->second;
  };
  bool any_seen = false;
  for (const WatchedObject& watch : watched) {
    pleg::ShimEvidence evidence;
    evidence.object = watch.object;
    evidence.listed_state = watch.listed_state;
    const HostProcess* process = find(by_container, watch.object.id.value());
    const HostProcess* shim = process == nullptr ? nullptr : FindPid(process->stat.parent);
    if (shim == nullptr || shim->role != Role::kShim) shim = find(by_bundle, watch.sandbox.value());
    if (shim == nullptr) shim = find(by_bundle, watch.object.id.value());
    if (shim != nullptr) evidence.shim = Describe(*shim);
    any_seen |= shim != nullptr || process != nullptr;
    evidence.shim_missing = shim == nullptr && !by_bundle.empty();
    // Without a single container's process in sight the cgroups cannot be read from here.
    if (!by_container.empty()) evidence.container_alive = process != nullptr;
    if (process != nullptr) evidence.container_pid = process->stat.pid;
    const std::optional<bool> runs = ListedAsAlive(watch.listed_state);
    if (runs.has_value() && evidence.container_alive.has_value() &&
        *evidence.container_alive != *runs) {
      evidence.disagree_for =
          absl::Seconds(disagree_.Hold(watch.object.id.value(), now_->uptime_seconds));
      out.shims.push_back(std::move(evidence));
    } else if (watch.silent || evidence.shim_missing || IsStuck(evidence.shim)) {
      out.shims.push_back(std::move(evidence));
    }
  }
  // The processes in sight are then those of another runtime, or of none on this host.
  if (!any_seen) out.shims.clear();
}

void HostTracker::TellMounts(pleg::HostEvidence& out) {
  if (now_->mounts.has_value()) out.mountinfo_lines = *now_->mounts;
  for (const Mount& mount : now_->network_mounts) {
    out.nfs.push_back({mount.mount_point, mount.source});
  }
  for (const FuseRequests& requests : now_->fuse) {
    pleg::FuseConnection connection;
    connection.id = requests.connection;
    connection.waiting = static_cast<uint32_t>(std::min<uint64_t>(requests.waiting, UINT32_MAX));
    connection.waiting_for = absl::Seconds(fuse_.Hold(requests.connection, now_->uptime_seconds));
    for (const Mount& mount : now_->fuse_mounts) {
      // A connection is named by its device's minor number.
      if (absl::StrCat(mount.minor) == requests.connection) {
        connection.mount_point = mount.mount_point;
      }
    }
    out.fuse.push_back(std::move(connection));
  }
}

void HostTracker::TellFrozen(pleg::HostEvidence& out) {
  for (const FrozenGroup& group : now_->frozen) {
    pleg::FrozenCgroup frozen;
    frozen.object.id = pleg::ContainerId(group.container);
    frozen.path = group.path;
    frozen.v1 = now_->cgroup_v1;
    frozen.frozen_for = absl::Seconds(frozen_.Hold(group.path, now_->uptime_seconds));
    out.frozen.push_back(std::move(frozen));
  }
}

}  // namespace runtime::host
