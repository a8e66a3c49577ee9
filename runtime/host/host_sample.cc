#include "runtime/host/host_sample.h"

#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/host/cgroup_tree.h"
#include "runtime/host/proc_file.h"
#include "runtime/host/systemd_version.h"

namespace runtime::host {
namespace {

constexpr size_t kMaxProcesses = 100'000;
constexpr size_t kMaxBlocked = 500;
constexpr size_t kMaxToldMounts = 100;
constexpr size_t kMaxProblems = 20;
constexpr size_t kMaxStack = 16;
constexpr size_t kMaxCommand = 4096;
constexpr size_t kMaxCniValue = 253;  // a name of Kubernetes
constexpr size_t kMaxTasks = 20'000;
constexpr size_t kMaxGroupPressures = 10;
constexpr size_t kMountinfoLimit = size_t{64} * 1024 * 1024;

double BootSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::optional<Pressure> ReadPressureOf(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadSmallFile(path);
  if (!text.ok()) return std::nullopt;
  const absl::StatusOr<Pressure> pressure = ParsePressure(*text);
  return pressure.ok() ? std::optional<Pressure>(*pressure) : std::nullopt;
}

GroupPressure ReadGroupPressure(const std::string& directory) {
  GroupPressure group;
  group.cpu = ReadPressureOf(directory + "/cpu.pressure");
  group.io = ReadPressureOf(directory + "/io.pressure");
  group.memory = ReadPressureOf(directory + "/memory.pressure");
  return group;
}

// Takes one sample. Lives as long as that.
class Sampler {
 public:
  Sampler(const HostPaths& paths, const HostQuestion& question)
      : paths_(paths), question_(question) {}

  HostSample Take() {
    sample_.uptime_seconds = BootSeconds();
    sample_.ticks_per_second = sysconf(_SC_CLK_TCK);
    TakeNode();
    TakeMounts();
    TakeFuse();
    TakeCgroups();
    TakeTaskDirectories();
    TakeProcesses();
    for (HostProcess& process : sample_.processes) ReadCommand(process);
    sample_.took_seconds = BootSeconds() - sample_.uptime_seconds;
    return std::move(sample_);
  }

 private:
  void Problem(std::string text) {
    if (sample_.problems.size() < kMaxProblems) sample_.problems.push_back(std::move(text));
  }
  void Problem(const absl::Status& status) { Problem(std::string(status.message())); }

  // A file below procfs; empty, with a problem noted, if it cannot be read.
  std::optional<std::string> Proc(absl::string_view name, size_t limit = kSmallFile) {
    absl::StatusOr<std::string> text = ReadSmallFile(absl::StrCat(paths_.procfs, "/", name), limit);
    if (text.ok()) return *std::move(text);
    Problem(text.status());
    return std::nullopt;
  }

  std::optional<Pressure> ReadPressure(absl::string_view name) {
    const std::optional<std::string> text = Proc(name);
    if (!text.has_value()) return std::nullopt;
    absl::StatusOr<Pressure> pressure = ParsePressure(*text);
    if (pressure.ok()) return *pressure;
    Problem(pressure.status());
    return std::nullopt;
  }

  void TakeNode() {
    sample_.cpu = ReadPressure("pressure/cpu");
    sample_.io = ReadPressure("pressure/io");
    sample_.memory = ReadPressure("pressure/memory");
    if (const auto text = Proc("diskstats")) sample_.disks = ParseDiskstats(*text);
    if (const auto text = Proc("meminfo")) {
      sample_.memory_total_kb = MeminfoKb(*text, "MemTotal");
      sample_.memory_available_kb = MeminfoKb(*text, "MemAvailable");
    }
    TakeTasks();
    if (const auto text = Proc("sys/kernel/osrelease")) {
      sample_.kernel = std::string(absl::StripSuffix(*text, "\n"));
    }
  }

  // "0.20 0.18 0.12 1/80 11206": the fourth is running and all.
  void TakeTasks() {
    const std::optional<std::string> load = Proc("loadavg");
    if (load.has_value()) {
      const std::vector<absl::string_view> fields = absl::StrSplit(*load, ' ');
      const size_t slash = fields.size() > 3 ? fields[3].find('/') : absl::string_view::npos;
      uint64_t tasks = 0;
      if (slash != absl::string_view::npos &&
          absl::SimpleAtoi(fields[3].substr(slash + 1), &tasks)) {
        sample_.tasks = tasks;
      }
    }
    uint64_t most = UINT64_MAX;
    for (const char* name : {"sys/kernel/pid_max", "sys/kernel/threads-max"}) {
      const std::optional<std::string> text = Proc(name);
      uint64_t value = 0;
      if (text.has_value() && absl::SimpleAtoi(*text, &value)) most = std::min(most, value);
    }
    if (most != UINT64_MAX) sample_.tasks_max = most;
  }

  void TakeSystemd() {
    const auto init = stats_.find(1);
    if (init == stats_.end()) {
      return Problem(absl::StrCat("PID 1 cannot be seen in ", paths_.procfs,
                                  ", nor may others (hidepid, or another PID namespace)"));
    }
    if (init->second.comm != "systemd" || lib_is_remote_) return;
    const std::string root = absl::StrCat(paths_.procfs, "/1/root");
    sample_.systemd = SystemdVersion(root);
    if (sample_.systemd.empty()) Problem(absl::StrCat("no version of systemd below ", root));
  }

  void TakeProcesses() {
    absl::StatusOr<std::vector<std::string>> names = ListDirectory(paths_.procfs, kMaxProcesses);
    if (!names.ok()) return Problem(names.status());
    for (const std::string& name : *names) {
      if (!IsNumber(name)) continue;
      const absl::StatusOr<std::string> text =
          ReadSmallFile(absl::StrCat(paths_.procfs, "/", name, "/stat"));
      if (!text.ok()) continue;  // it has ended
      absl::StatusOr<ProcessStat> stat = ParseProcessStat(*text);
      if (!stat.ok()) {
        Problem(stat.status());
        continue;
      }
      const int pid = stat->pid;
      stats_.insert_or_assign(pid, *std::move(stat));
    }
    if (stats_.empty()) return Problem(absl::StrCat("no process can be seen in ", paths_.procfs));
    for (const auto& [pid, stat] : stats_) Consider(stat);
    TakeSystemd();
    std::sort(sample_.processes.begin(), sample_.processes.end(),
              [](const HostProcess& a, const HostProcess& b) { return a.stat.pid < b.stat.pid; });
  }

  Role RoleOfPid(int pid, int depth = 0) const {
    const auto stat = stats_.find(pid);
    if (stat == stats_.end() || depth > 2) return Role::kOther;
    return RoleOf(stat->second, RoleOfPid(stat->second.parent, depth + 1));
  }

  void Consider(const ProcessStat& stat) {
    if (stat.state == 'Z') ++sample_.zombies[stat.parent];
    if (stat.pid == 1) sample_.init_cpu_ticks = stat.cpu_ticks;
    HostProcess process;
    process.stat = stat;
    process.role = RoleOfPid(stat.pid);
    const bool blocked = stat.state == 'D' && blocked_ < kMaxBlocked;
    const bool child_of_shim = RoleOfPid(stat.parent) == Role::kShim;
    const bool listens = stat.pid == question_.listener;
    const bool orphan = stat.parent == 1 && process.role == Role::kOther;
    if (process.role == Role::kOther && !blocked && !child_of_shim && !listens && !orphan) return;
    const std::string cgroup = CgroupsOf(stat.pid);
    process.container = ContainerOfCgroup(CgroupPath(cgroup));
    if (orphan && process.container.empty() && !blocked && !listens) return;
    TakeUnit(cgroup, listens, process);
    TakeSilent(cgroup, process.container);
    // A shim's children are its containers, and the OCI runtime by whatever name it is configured.
    if (child_of_shim && process.role == Role::kOther && process.container.empty()) {
      process.role = Role::kOciRuntime;
    }
    if (blocked) ++blocked_;
    const bool tool = process.role == Role::kOciRuntime || process.role == Role::kCniPlugin;
    if (blocked || tool || process.role == Role::kShim) ReadWait(process);
    if (process.role == Role::kShim) {
      ReadBundle(process);
      AddContainer(process.bundle);
    }
    sample_.processes.push_back(std::move(process));
  }

  std::string CgroupsOf(int pid) const {
    const absl::StatusOr<std::string> text =
        ReadSmallFile(absl::StrCat(paths_.procfs, "/", pid, "/cgroup"));
    return text.ok() ? *text : "";
  }

  // Started by PID 1, or by a distribution's own program that was: its unit is then the runtime's.
  bool IsOfSystemd(const ProcessStat& stat) const {
    if (stat.parent == 1) return true;
    const auto parent = stats_.find(stat.parent);
    if (parent == stats_.end() || parent->second.parent != 1) return false;
    const absl::string_view comm = parent->second.comm;
    return absl::StartsWith(comm, "k3s") || absl::StartsWith(comm, "rke2") ||
           absl::StartsWith(comm, "k0s");
  }

  void TakeUnit(absl::string_view cgroup, bool listens, HostProcess& process) {
    const bool kubelet = process.role == Role::kKubelet;
    if (!kubelet && !listens && process.role != Role::kRuntime) return;
    if (IsOfSystemd(process.stat)) process.unit = UnitOfCgroup(CgroupPath(cgroup));
    // Of several runtimes the one behind the socket is meant.
    const bool meant = listens || question_.listener <= 1;
    if (kubelet || meant) TakeGroup(kubelet ? "kubelet" : "runtime", "", cgroup);
  }

  void TakeSilent(absl::string_view cgroup, const std::string& container) {
    if (container.empty()) return;
    const auto& silent = question_.silent;
    if (std::find(silent.begin(), silent.end(), container) == silent.end()) return;
    TakeGroup("", container, cgroup);
  }

  void TakeGroup(absl::string_view of, const std::string& container, absl::string_view cgroup) {
    const std::string path = UnifiedPath(cgroup);
    if (path.empty() || path == "/" || sample_.groups.size() == kMaxGroupPressures) return;
    for (const GroupPressure& group : sample_.groups) {
      if (group.of == of && group.container == container) return;
    }
    // In a hybrid the unified tree is a mount of its own beside those of version 1.
    for (const absl::string_view tree : {"", "/unified"}) {
      GroupPressure group = ReadGroupPressure(absl::StrCat(paths_.cgroupfs, tree, path));
      if (!group.cpu.has_value() && !group.io.has_value() && !group.memory.has_value()) continue;
      group.of = std::string(of);
      group.container = container;
      sample_.groups.push_back(std::move(group));
      return;
    }
  }

  void ReadWait(HostProcess& process) {
    const std::string dir = absl::StrCat(paths_.procfs, "/", process.stat.pid);
    const absl::StatusOr<std::string> channel = ReadSmallFile(dir + "/wchan");
    if (channel.ok() && *channel != "0") process.wait_channel = *channel;
    const absl::StatusOr<std::string> stack = ReadSmallFile(dir + "/stack");
    if (!stack.ok()) return;
    // "[<0>] do_wait+0x5e/0xb0"
    for (absl::string_view line : absl::StrSplit(*stack, '\n', absl::SkipEmpty())) {
      if (process.stack.size() == kMaxStack) break;
      const size_t bracket = line.find("] ");
      if (bracket != absl::string_view::npos) line.remove_prefix(bracket + 2);
      process.stack.emplace_back(line.substr(0, line.find('+')));
    }
  }

  // The shim works in the bundle of the sandbox it was started for.
  void ReadBundle(HostProcess& shim) const {
    const absl::StatusOr<std::string> cwd =
        ReadLink(absl::StrCat(paths_.procfs, "/", shim.stat.pid, "/cwd"));
    if (!cwd.ok()) return;
    // A runtime that takes a shim for dead removes the bundle under it, by a hidden name
    // (containerd, runtime/v2/bundle.go, atomicDelete).
    const absl::string_view path = absl::StripSuffix(*cwd, " (deleted)");
    shim.bundle = ContainerOfCgroup(absl::StrReplaceAll(path, {{"/.", "/"}}));
  }

  void AddContainer(std::string id) {
    if (!id.empty() && known_.insert(id).second) sample_.containers.push_back(std::move(id));
  }

  // It was looked at when this sample began, and may have blocked since.
  bool IsBlockedNow(int pid) const {
    const absl::StatusOr<std::string> text =
        ReadSmallFile(absl::StrCat(paths_.procfs, "/", pid, "/stat"));
    if (!text.ok()) return true;
    const absl::StatusOr<ProcessStat> stat = ParseProcessStat(*text);
    return !stat.ok() || stat->state == 'D';
  }

  void ReadCommand(HostProcess& process) const {
    const bool tool = process.role == Role::kOciRuntime || process.role == Role::kCniPlugin;
    if (!tool || IsBlockedNow(process.stat.pid)) return;
    const std::string dir = absl::StrCat(paths_.procfs, "/", process.stat.pid);
    if (process.role == Role::kCniPlugin) {
      const absl::StatusOr<std::string> environment = ReadSmallFile(dir + "/environ");
      if (environment.ok()) process.cni = ParseCniCall(*environment);
    }
    if (process.role != Role::kOciRuntime) return;
    const absl::StatusOr<std::string> line = ReadSmallFile(dir + "/cmdline", kMaxCommand);
    if (line.ok())
      process.command = absl::StrSplit(absl::StripSuffix(*line, absl::string_view("\0", 1)), '\0');
  }

  void TakeCgroups() {
    std::vector<std::string> problems;
    CgroupTree tree = ReadCgroupTree(paths_.cgroupfs, problems);
    for (std::string& problem : problems) Problem(std::move(problem));
    sample_.cgroup_v1 = tree.version_1;
    sample_.frozen = std::move(tree.frozen);
    for (std::string& id : tree.containers) AddContainer(std::move(id));
  }

  // The runtime keeps a directory for each of its tasks, by id.
  void TakeTaskDirectories() {
    for (const std::string& root : question_.task_roots) {
      const absl::StatusOr<std::vector<std::string>> names = ListDirectory(root, kMaxTasks);
      if (!names.ok()) continue;  // of another runtime
      for (const std::string& name : *names) AddContainer(ContainerOfCgroup(name));
    }
  }

  static bool IsRemote(const Mount* mount) {
    return mount != nullptr &&
           (IsNetworkFileSystem(mount->fs_type) || absl::StartsWith(mount->fs_type, "fuse"));
  }

  // Only of a file system that answers by itself.
  static std::optional<Usage> UsageOf(const std::optional<Mount>& mount, const std::string& path) {
    struct statvfs info = {};
    if (!mount.has_value() || IsRemote(&*mount) || statvfs(path.c_str(), &info) != 0) {
      return std::nullopt;
    }
    auto used = [](double all, double free) { return all > 0 ? 100 * (all - free) / all : 0.0; };
    return Usage{used(static_cast<double>(info.f_blocks), static_cast<double>(info.f_bavail)),
                 used(static_cast<double>(info.f_files), static_cast<double>(info.f_favail))};
  }

  void TakeMounts() {
    // Of PID 1, whose mounts systemd and the runtime walk; of this process where that is hidden.
    absl::StatusOr<std::string> text =
        ReadSmallFile(absl::StrCat(paths_.procfs, "/1/mountinfo"), kMountinfoLimit);
    if (!text.ok())
      text = ReadSmallFile(absl::StrCat(paths_.procfs, "/self/mountinfo"), kMountinfoLimit);
    if (!text.ok()) return Problem(text.status());
    const std::vector<Mount> mounts = ParseMountinfo(*text);
    sample_.mounts = static_cast<uint32_t>(mounts.size());
    lib_is_remote_ = IsRemote(FindMount(mounts, "/usr/lib"));
    if (const Mount* mount = FindMount(mounts, question_.runtime_root))
      sample_.runtime_mount = *mount;
    if (const Mount* mount = FindMount(mounts, question_.kubelet_root))
      sample_.kubelet_mount = *mount;
    sample_.runtime_usage = UsageOf(sample_.runtime_mount, question_.runtime_root);
    sample_.kubelet_usage = UsageOf(sample_.kubelet_mount, question_.kubelet_root);
    for (const Mount& mount : mounts) {
      const bool fuse = absl::StartsWith(mount.fs_type, "fuse.") || mount.fs_type == "fuse";
      if (!fuse && !IsNetworkFileSystem(mount.fs_type)) continue;
      std::vector<Mount>& kind = fuse ? sample_.fuse_mounts : sample_.network_mounts;
      if (kind.size() < kMaxToldMounts) kind.push_back(mount);
    }
  }

  void TakeFuse() {
    const std::string root = absl::StrCat(paths_.sysfs, "/fs/fuse/connections");
    const absl::StatusOr<std::vector<std::string>> names = ListDirectory(root, 1000);
    if (!names.ok()) return;  // no FUSE, or its control file system is not mounted
    for (const std::string& name : *names) {
      const absl::StatusOr<std::string> text =
          ReadSmallFile(absl::StrCat(root, "/", name, "/waiting"));
      uint64_t waiting = 0;
      if (text.ok() && absl::SimpleAtoi(*text, &waiting) && waiting > 0) {
        sample_.fuse.push_back({name, waiting});
      }
    }
  }

  const HostPaths& paths_;
  const HostQuestion& question_;
  HostSample sample_;
  absl::flat_hash_map<int, ProcessStat> stats_;
  absl::flat_hash_set<std::string> known_;  // what sample_.containers has
  size_t blocked_ = 0;
  bool lib_is_remote_ = false;
};

}  // namespace

CniCall ParseCniCall(absl::string_view environment) {
  CniCall call;
  absl::string_view arguments;
  for (absl::string_view variable : absl::StrSplit(environment, '\0')) {
    if (absl::ConsumePrefix(&variable, "CNI_COMMAND=")) {
      call.command = std::string(variable.substr(0, kMaxCniValue));
    } else if (absl::ConsumePrefix(&variable, "CNI_CONTAINERID=")) {
      call.sandbox = ContainerOfCgroup(variable);
    } else if (absl::ConsumePrefix(&variable, "CNI_ARGS=")) {
      arguments = variable;
    }
  }
  for (absl::string_view argument : absl::StrSplit(arguments, ';')) {
    if (absl::ConsumePrefix(&argument, "K8S_POD_NAMESPACE=")) {
      call.pod_namespace = std::string(argument.substr(0, kMaxCniValue));
    } else if (absl::ConsumePrefix(&argument, "K8S_POD_NAME=")) {
      call.pod_name = std::string(argument.substr(0, kMaxCniValue));
    }
  }
  return call;
}

Role RoleOf(const ProcessStat& process, Role parent) {
  const absl::string_view comm = process.comm;
  if (process.pid == 1) return Role::kInit;
  if (absl::StartsWith(comm, "containerd-shim") || absl::StartsWith(comm, "conmon")) {
    return Role::kShim;
  }
  for (const absl::string_view name : {"containerd", "crio", "cri-dockerd", "dockerd"}) {
    if (comm == name) return Role::kRuntime;
  }
  if (comm == "kubelet") return Role::kKubelet;
  if (comm == "dbus-daemon" || comm == "dbus-broker") return Role::kMessageBus;
  for (const absl::string_view name : {"runc", "crun", "youki", "kata-runtime", "runsc"}) {
    if (comm == name || absl::StartsWith(comm, absl::StrCat(name, ":["))) return Role::kOciRuntime;
  }
  // A shim starts an OCI runtime by whatever name BinaryName has, but also the container itself.
  if (parent != Role::kRuntime) return Role::kOther;
  for (const absl::string_view name : {"unpigz", "pigz", "igzip", "zstd", "gzip", "ctr"}) {
    if (comm == name) return Role::kOther;
  }
  return Role::kCniPlugin;
}

HostSample TakeHostSample(const HostPaths& paths, const HostQuestion& question) {
  return Sampler(paths, question).Take();
}

}  // namespace runtime::host
