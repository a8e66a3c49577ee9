#include "runtime/host/host_tracker.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "runtime/host/shim_count.h"

namespace runtime::host {
namespace {

// "update" of "runc --root /run/x update <id>", "init" of "runc:[2:INIT]".
std::string ActionOf(const HostProcess& process) {
  if (!process.cni.command.empty()) return process.cni.command;
  if (IsInitOfContainer(process.stat.comm)) return "init";
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

// Between two readings of a counter that wraps.
double ElapsedMs(uint32_t before, uint32_t now) { return static_cast<uint32_t>(now - before); }

// An exec or a run that goes on for as long as what it has started: somebody's session, or a build.
bool IsSession(const HostProcess& process) {
  const std::string action = ActionOf(process);
  if (action != "exec" && action != "run") return false;
  return std::none_of(process.command.begin(), process.command.end(), [](const auto& argument) {
    return argument == "-d" || argument == "--detach" || argument == "--detach=true";
  });
}

// Of several that may be the one: what is its unit's main process, then what started last.
bool IsLikelier(const HostProcess& process, const HostProcess* known) {
  if (known == nullptr) return true;
  if (process.unit.empty() != known->unit.empty()) return !process.unit.empty();
  return process.stat.start_ticks > known->stat.start_ticks;
}

// Btrfs shows a device number of its own, but names its first device: "/dev/sda2".
const DiskStat* FindDisk(const std::vector<DiskStat>& disks, const Mount& mount) {
  absl::string_view device = mount.source;
  const bool named = mount.major == 0 && absl::ConsumePrefix(&device, "/dev/");
  const auto disk = std::find_if(disks.begin(), disks.end(), [&](const DiskStat& d) {
    return named ? d.name == device : d.major == mount.major && d.minor == mount.minor;
  });
  return disk == disks.end() ? nullptr : &*disk;
}

// Waits for its own child to exec or to end, for as long as that likes.
bool IsInVfork(const BlockedThread& thread) {
  return thread.wait_channel == "kernel_clone" || thread.wait_channel == "_do_fork" ||
         thread.wait_channel == "wait_for_vfork_done";
}

bool IsAlive(const HostProcess& process) {
  return process.stat.state != 'Z' && process.stat.state != 'X';
}

std::optional<pleg::Pressure> ToEvidence(const std::optional<Pressure>& pressure) {
  if (!pressure.has_value()) return std::nullopt;
  return pleg::Pressure{pressure->some, pressure->full};
}

}  // namespace

std::optional<bool> ListedAsAlive(absl::string_view state) {
  if (state == "running" || state == "ready") return true;
  if (state == "exited" || state == "notready") return false;
  return std::nullopt;
}

pleg::HostEvidence HostTracker::Update(const HostSample& sample,
                                       const std::vector<WatchedObject>& watched,
                                       std::optional<int> runtime_pid) {
  now_ = &sample;
  pleg::HostEvidence out;
  out.look_alikes = sample.look_alikes;
  out.look_alike_count = sample.look_alike_count;
  out.roles_unknown = sample.roles_unknown;
  TellNode(out);
  TellGroups(out);
  TellDisks(out);
  TellBlocked(watched, out);
  TellProcesses(runtime_pid, out);
  TellShims(watched, out);
  out.shim_count = CountShims(sample, watched);
  TellMounts(out);
  TellFrozen(out);
  for (const std::string& problem : sample.problems) {
    out.problems.push_back({.probe = "host", .text = problem});
  }
  states_.EndOfSample();
  frozen_.EndOfSample();
  fuse_.EndOfSample();
  disagree_.EndOfSample();
  stalled_.EndOfSample();
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
  pleg::ProcessEvidence out;
  out.pid = stat.pid;
  out.parent_pid = stat.parent;
  out.start_ticks = stat.start_ticks;
  out.name = stat.comm;
  if (const HostProcess* parent = FindPid(stat.parent)) out.parent = parent->stat.comm;
  out.action = ActionOf(process);
  out.age = absl::Seconds(AgeSeconds(*now_, stat.start_ticks));
  DescribeState(process, out);
  out.guessed = process.guessed;
  out.unit = process.unit;
  const std::string id =
      process.container.empty() ? ContainerOfCommand(process.command) : process.container;
  out.container_id = pleg::ContainerId(id.empty() ? process.bundle : id);
  if (out.container_id.empty()) out.container_id = pleg::ContainerId(process.cni.sandbox);
  out.pod_namespace = process.cni.pod_namespace;
  out.pod_name = process.cni.pod_name;
  return out;
}

absl::Duration HostTracker::BlockedFor(const BlockedThread& thread) {
  return absl::Seconds(states_.Hold({{thread.id, thread.start_ticks}, 'D'}, now_->uptime_seconds));
}

// What is stopped is stopped as a whole.
void HostTracker::DescribeState(const HostProcess& process, pleg::ProcessEvidence& out) {
  const ProcessStat& stat = process.stat;
  out.state = stat.state;
  out.wait_function = process.wait_channel;
  out.stack = process.stack;
  if (process.blocked.empty() || pleg::IsStoppedState(stat.state) || !IsAlive(process)) {
    out.state_for = absl::Seconds(
        states_.Hold({{stat.pid, stat.start_ticks}, stat.state}, now_->uptime_seconds));
    return;
  }
  out.state = 'D';
  out.blocked_threads = static_cast<uint32_t>(process.blocked.size());
  for (const BlockedThread& thread : process.blocked) {
    const absl::Duration blocked_for = BlockedFor(thread);
    if (out.blocked_thread != 0 && blocked_for <= out.state_for) continue;
    out.blocked_thread = thread.id;
    out.state_for = blocked_for;
    out.wait_function = thread.wait_channel;
    out.stack = thread.stack;
  }
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
  out.systemd_version = now_->systemd;
  if (!before_.has_value() || !now_->init_cpu_ticks || !before_->init_cpu_ticks) return;
  const double seconds = now_->uptime_seconds - before_->uptime_seconds;
  const double ticks =
      static_cast<double>(*now_->init_cpu_ticks) - static_cast<double>(*before_->init_cpu_ticks);
  if (seconds > 0) {
    out.pid1_cpu_percent = 100 * ticks / static_cast<double>(now_->ticks_per_second) / seconds;
  }
}

void HostTracker::TellGroups(pleg::HostEvidence& out) const {
  for (const GroupPressure& group : now_->groups) {
    pleg::CgroupPressure& evidence = out.cgroup_pressure.emplace_back();
    evidence.of = group.of;
    evidence.object.id = pleg::ContainerId(group.container);
    evidence.cpu = ToEvidence(group.cpu);
    evidence.io = ToEvidence(group.io);
    evidence.memory = ToEvidence(group.memory);
  }
}

std::optional<pleg::DiskEvidence> HostTracker::DescribeDisk(const Mount& mount) {
  const DiskStat* disk = FindDisk(now_->disks, mount);
  const DiskStat* old = before_.has_value() ? FindDisk(before_->disks, mount) : nullptr;
  if (disk == nullptr || old == nullptr) return std::nullopt;
  const double seconds = now_->uptime_seconds - before_->uptime_seconds;
  // Another disk has taken its place.
  if (seconds <= 0 || disk->completed < old->completed) return std::nullopt;
  pleg::DiskEvidence evidence;
  evidence.device = disk->name;
  evidence.utilization_percent =
      std::min(100.0, ElapsedMs(old->busy_ms, disk->busy_ms) / 10 / seconds);
  evidence.in_flight = static_cast<uint32_t>(disk->in_flight);
  const uint64_t completed = disk->completed - old->completed;
  if (completed > 0) {
    const double waited_ms =
        ElapsedMs(old->read_ms, disk->read_ms) + ElapsedMs(old->write_ms, disk->write_ms);
    evidence.await = absl::Milliseconds(waited_ms / static_cast<double>(completed));
  } else if (old->in_flight > 0) {
    // What was out at the look before still is.
    const double until_then = stalled_.Hold(disk->name, before_->uptime_seconds);
    evidence.answers_none_for = absl::Seconds(until_then + seconds);
    evidence.await = evidence.answers_none_for;
    evidence.utilization_percent = 100;
  }
  return evidence;
}

void HostTracker::TellDisks(pleg::HostEvidence& out) {
  auto tell = [&](const std::optional<Mount>& mount, const std::string& root, const char* holds) {
    if (!mount.has_value()) return;
    if (FindDisk(now_->disks, *mount) == nullptr) {
      out.problems.push_back({.probe = "disk",
                              .text = absl::StrCat("no device is known for ", root, ": it is on ",
                                                   mount->fs_type, " (", mount->source, ")")});
    }
    std::optional<pleg::DiskEvidence> evidence = DescribeDisk(*mount);
    if (!evidence.has_value()) return;
    for (pleg::DiskEvidence& known : out.disks) {
      if (known.device != evidence->device) continue;
      known.holds = "runtime and kubelet";
      return;
    }
    evidence->holds = holds;
    out.disks.push_back(*std::move(evidence));
  };
  tell(now_->runtime_mount, now_->runtime_root, "runtime");
  tell(now_->kubelet_mount, now_->kubelet_root, "kubelet");
}

// Those of a silent container are a group of their own, whoever else is blocked in the same
// function: they are why it is silent.
void HostTracker::TellBlocked(const std::vector<WatchedObject>& watched, pleg::HostEvidence& out) {
  std::set<std::string> silent;
  for (const WatchedObject& watch : watched) {
    if (watch.silent) silent.insert(watch.object.id.value());
  }
  std::map<std::pair<std::string, std::string>, pleg::BlockedGroup> groups;
  for (const HostProcess& process : now_->processes) {
    if (process.blocked.empty()) continue;
    const pleg::ContainerId container = Describe(process).container_id;
    const std::string apart = silent.contains(container.value()) ? container.value() : "";
    for (const BlockedThread& thread : process.blocked) {
      if (process.role == Role::kOther && IsInVfork(thread)) continue;
      const absl::Duration blocked_for = BlockedFor(thread);
      pleg::BlockedGroup& group = groups[{thread.wait_channel, apart}];
      if (group.count++ > 0 && blocked_for <= group.oldest) continue;
      group.wait_function = thread.wait_channel;
      group.oldest = blocked_for;
      group.example_pid = thread.id;
      group.example_name = process.stat.comm;
      group.example_container = container;
    }
  }
  for (auto& [key, group] : groups) out.blocked.push_back(std::move(group));
  std::sort(out.blocked.begin(), out.blocked.end(),
            [](const auto& a, const auto& b) { return a.count > b.count; });
}

void HostTracker::TellProcesses(std::optional<int> runtime_pid, pleg::HostEvidence& out) {
  // A socket that systemd listens at for the runtime (socket activation) has PID 1 behind it.
  const HostProcess* listener = runtime_pid > 1 ? FindPid(*runtime_pid) : nullptr;
  const HostProcess* kubelet = nullptr;
  const HostProcess* bus = nullptr;  // whatever it has activated and left alone came later
  const HostProcess* runtime = listener;
  for (const HostProcess& process : now_->processes) {
    switch (process.role) {
      case Role::kOciRuntime:
        if (IsAtWork(process)) out.oci_processes.push_back(Describe(process));
        break;
      case Role::kCniPlugin: {
        // Of several runtimes each calls plugins of its own.
        const bool ours =
            listener == nullptr ? !process.guessed : process.stat.parent == listener->stat.pid;
        if (ours && IsAlive(process)) out.cni_processes.push_back(Describe(process));
        break;
      }
      case Role::kMessageBus:
        if (bus == nullptr || process.stat.start_ticks < bus->stat.start_ticks) bus = &process;
        break;
      case Role::kKubelet:
        if (IsLikelier(process, kubelet)) kubelet = &process;
        break;
      case Role::kRuntime:
        if (listener == nullptr && MayBeTheRuntime(process) && IsLikelier(process, runtime)) {
          runtime = &process;
        }
        break;
      default:
        break;
    }
  }
  if (kubelet != nullptr) out.kubelet_process = Describe(*kubelet);
  if (bus != nullptr) out.dbus = Describe(*bus);
  if (runtime != nullptr) out.runtime_process = Describe(*runtime);
  if (listener != nullptr) runtime_ = {listener->stat.comm, listener->unit, listener->stat.parent};
  const auto older = [](const auto& a, const auto& b) { return a.age > b.age; };
  std::sort(out.oci_processes.begin(), out.oci_processes.end(), older);
  std::sort(out.cni_processes.begin(), out.cni_processes.end(), older);
}

// A session lasts as long as what it has started, which may call itself what it likes: a first
// process to be is told of an OCI runtime that is known to be none.
bool HostTracker::IsAtWork(const HostProcess& oci) const {
  if (!IsAlive(oci)) return false;
  if (!IsInitOfContainer(oci.stat.comm)) return !IsSession(oci) || !oci.blocked.empty();
  const HostProcess* parent = FindPid(oci.stat.parent);
  for (int stage = 1; parent != nullptr && stage < kMaxInitStages; ++stage) {
    if (!IsInitOfContainer(parent->stat.comm)) break;
    parent = FindPid(parent->stat.parent);
  }
  return parent != nullptr && !parent->command.empty() && !IsSession(*parent);
}

// Another runtime of the host does not pass for the one that has ended.
bool HostTracker::MayBeTheRuntime(const HostProcess& process) const {
  if (!runtime_.has_value()) return true;
  if (process.stat.comm != runtime_->comm) return false;
  if (process.unit.empty() || runtime_->unit.empty()) {
    return process.stat.parent == runtime_->parent;
  }
  return process.unit == runtime_->unit;
}

// The processes in sight, by what they belong to.
struct HostTracker::Sight {
  std::map<absl::string_view, const HostProcess*> containers;  // first process of each
  std::map<absl::string_view, const HostProcess*> bundles;     // shim of each
  std::set<absl::string_view> frozen;
  bool any_monitor = false;  // conmon: one a container instead of one a pod
  std::set<int> with_pause;  // shims that have a pause process: they run processes of this host
};

HostTracker::Sight HostTracker::Look() const {
  Sight sight;
  for (const HostProcess& process : now_->processes) {
    if (process.role == Role::kShim && !process.bundle.empty()) {
      sight.bundles.emplace(process.bundle, &process);
      sight.any_monitor |= absl::StartsWith(process.stat.comm, "conmon");
    } else if (process.role == Role::kOther && !process.container.empty() && IsAlive(process)) {
      sight.containers.emplace(process.container, &process);
      if (process.stat.comm == "pause") sight.with_pause.insert(process.stat.parent);
    }
  }
  for (const FrozenGroup& group : now_->frozen) sight.frozen.insert(group.container);
  return sight;
}

const HostProcess* HostTracker::ShimOf(const Sight& sight, const WatchedObject& watch,
                                       const HostProcess* process) const {
  const HostProcess* parent = process == nullptr ? nullptr : FindPid(process->stat.parent);
  if (parent != nullptr && parent->role == Role::kShim) return parent;
  for (const std::string& bundle : {watch.sandbox.value(), watch.object.id.value()}) {
    const auto shim = sight.bundles.find(bundle);
    if (shim != sight.bundles.end()) return shim->second;
  }
  // Of one that could not be asked what it serves, by the sandbox's first process.
  const auto pause = sight.containers.find(watch.sandbox.value());
  const HostProcess* shim =
      pause == sight.containers.end() ? nullptr : FindPid(pause->second->stat.parent);
  return shim != nullptr && shim->role == Role::kShim ? shim : nullptr;
}

// A container in a virtual machine or a gVisor sandbox runs without a process in its cgroup, a
// sandbox of CRI-O without any (drop_infra_ctr), and where no container's process is in sight the
// cgroups cannot be read from here.
bool HostTracker::ShouldBeSeen(const Sight& sight, const WatchedObject& watch,
                               const HostProcess* shim) const {
  if (sight.containers.empty() || now_->processes_cut) return false;
  if (alive_.contains(watch.object.id.value())) return true;
  if (watch.sandbox == watch.object.id) return false;
  const bool goes_on = shim != nullptr && !pleg::IsStuckState(shim->stat.state);
  return !goes_on || sight.with_pause.contains(shim->stat.pid);
}

void HostTracker::TellShims(const std::vector<WatchedObject>& watched, pleg::HostEvidence& out) {
  const Sight sight = Look();
  std::set<std::string> alive;
  bool any_seen = false;
  for (const WatchedObject& watch : watched) {
    const std::string& id = watch.object.id.value();
    const auto first = sight.containers.find(id);
    const HostProcess* process = first == sight.containers.end() ? nullptr : first->second;
    const HostProcess* shim = ShimOf(sight, watch, process);
    any_seen |= shim != nullptr || process != nullptr;
    pleg::ShimEvidence evidence;
    evidence.object = watch.object;
    evidence.listed_state = watch.listed_state;
    evidence.sandbox = watch.sandbox;
    if (shim != nullptr) {
      evidence.shim = Describe(*shim);
      if (evidence.sandbox.empty()) evidence.sandbox = pleg::ContainerId(shim->bundle);
    }
    // conmon is there for containers alone.
    const bool may_lack_it = sight.any_monitor && watch.sandbox == watch.object.id;
    evidence.shim_missing =
        shim == nullptr && !sight.bundles.empty() && !may_lack_it && !now_->shims_unknown;
    if (process != nullptr || ShouldBeSeen(sight, watch, shim)) {
      evidence.container_alive = process != nullptr;
    }
    if (process != nullptr || alive_.contains(id)) alive.insert(id);
    if (process != nullptr) {
      evidence.container_pid = process->stat.pid;
      evidence.container_start_ticks = process->stat.start_ticks;
    }
    const std::optional<bool> runs = ListedAsAlive(watch.listed_state);
    const bool disagrees = runs.has_value() && evidence.container_alive == !*runs;
    if (disagrees) {
      evidence.disagree_for = absl::Seconds(disagree_.Hold(id, now_->uptime_seconds));
    }
    // What has ended, or is not known to have begun, may do without a shim.
    const bool shim_fails = (runs == true && evidence.shim_missing) ||
                            (shim != nullptr && pleg::IsStuckState(shim->stat.state));
    if (disagrees || shim_fails || watch.silent || sight.frozen.contains(id)) {
      out.shims.push_back(std::move(evidence));
    }
  }
  alive_ = std::move(alive);
  // The processes in sight are then those of another runtime, or of none on this host.
  if (!any_seen) out.shims.clear();
}

void HostTracker::TellMounts(pleg::HostEvidence& out) {
  if (now_->mounts.has_value()) out.mountinfo_lines = *now_->mounts;
  for (const Mount& mount : now_->network_mounts) {
    out.nfs.push_back({mount.mount_point, mount.source});
  }
  for (const FuseRequests& requests : now_->fuse) out.fuse.push_back(DescribeFuse(requests));
}

pleg::FuseConnection HostTracker::DescribeFuse(const FuseRequests& requests) {
  pleg::FuseConnection connection;
  connection.id = requests.connection;
  connection.waiting = static_cast<uint32_t>(std::min<uint64_t>(requests.waiting, UINT32_MAX));
  std::string lowest;  // of its mount points: the same one in whatever order they are listed
  for (const Mount& mount : now_->fuse_mounts) {
    // A connection is named by its device's minor number, which is given again.
    if (absl::StrCat(mount.minor) != requests.connection) continue;
    if (connection.mount_point.empty()) connection.mount_point = mount.mount_point;
    if (lowest.empty() || mount.mount_point < lowest) lowest = mount.mount_point;
  }
  connection.waiting_for =
      absl::Seconds(fuse_.Hold({requests.connection, lowest}, now_->uptime_seconds));
  return connection;
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
