#include "runtime/host/host_sample.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/host/blocked_budget.h"
#include "runtime/host/cgroup_tree.h"
#include "runtime/host/host_tree.h"
#include "runtime/host/local_path.h"
#include "runtime/host/mount_sample.h"
#include "runtime/host/own_namespace.h"
#include "runtime/host/process_identity.h"
#include "runtime/host/process_reader.h"
#include "runtime/host/process_stats.h"
#include "runtime/host/systemd_version.h"

namespace runtime::host {
namespace {

constexpr size_t kMaxProcesses = 100'000;
constexpr size_t kMaxProblems = 20;
constexpr size_t kMaxLookAlikes = 20;
constexpr size_t kMostLookAlikes = 500;  // of which those are told that are stuck
constexpr size_t kMaxTasks = 20'000;
constexpr uint32_t kTurns = 4;
constexpr size_t kMaxGroupPressures = 10;

double BootSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::optional<Pressure> ReadPressureOf(const HostTree& tree, const std::string& path) {
  const absl::StatusOr<std::string> text = tree.Read(path);
  if (!text.ok()) return std::nullopt;
  const absl::StatusOr<Pressure> pressure = ParsePressure(*text);
  return pressure.ok() ? std::optional<Pressure>(*pressure) : std::nullopt;
}

GroupPressure ReadGroupPressure(const HostTree& tree, const std::string& directory) {
  GroupPressure group;
  group.cpu = ReadPressureOf(tree, directory + "/cpu.pressure");
  group.io = ReadPressureOf(tree, directory + "/io.pressure");
  group.memory = ReadPressureOf(tree, directory + "/memory.pressure");
  return group;
}

// Takes one sample. Lives as long as that.
class Sampler {
 public:
  Sampler(const HostPaths& paths, const HostQuestion& question, const HostSample* before,
          const BeginPart& begin)
      : paths_(paths),
        question_(question),
        before_(before),
        begin_(begin),
        proc_(paths.procfs),
        sysctl_(absl::StrCat(paths.procfs, "/sys")),
        reader_(proc_),
        identifier_(proc_, paths.rootless, stats_) {}

  HostSample Take() {
    sample_.uptime_seconds = BootSeconds();
    sample_.ticks_per_second = sysconf(_SC_CLK_TCK);
    if (Begin(ProbePart::kNode)) TakeNode();
    if (Begin(ProbePart::kFuse)) TakeFuse(paths_.sysfs, sample_);
    if (Begin(ProbePart::kCgroups)) TakeCgroups();
    if (Begin(ProbePart::kTaskDirectories)) {
      TakeTaskDirectories();
    } else {
      sample_.shims_unknown = true;
    }
    if (Begin(ProbePart::kProcesses)) {
      TakeProcesses();
    } else {
      sample_.hidden = true;
    }
    if (!sample_.hidden) TakeFileSystems();
    for (std::string& problem : reader_.Problems()) Problem(std::move(problem));
    sample_.took_seconds = BootSeconds() - sample_.uptime_seconds;
    return std::move(sample_);
  }

 private:
  bool Begin(ProbePart part) const { return !begin_ || begin_(part); }

  void Problem(std::string text) {
    if (sample_.problems.size() < kMaxProblems) sample_.problems.push_back(std::move(text));
  }
  void Problem(const absl::Status& status) { Problem(std::string(status.message())); }

  // A file below procfs; empty, with a problem noted, if it cannot be read.
  std::optional<std::string> Proc(absl::string_view name, size_t limit = kSmallFile) {
    const bool sysctl = absl::ConsumePrefix(&name, "sys/");
    absl::StatusOr<std::string> text = (sysctl ? sysctl_ : proc_).Read(name, limit);
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
    if (init->second.comm != "systemd") return;
    const std::string root = absl::StrCat(paths_.procfs, "/1/root");
    sample_.systemd = SystemdVersion(root);
    if (sample_.systemd.empty()) Problem(absl::StrCat("no version of systemd below ", root));
  }

  void ReadStats() {
    std::vector<std::string> problems;
    if (!ReadProcessStats(proc_, kMaxProcesses, {1, question_.listener}, stats_, problems)) {
      sample_.processes_cut = true;
      sample_.shims_unknown = true;
    }
    for (std::string& problem : problems) Problem(std::move(problem));
    CheckListener();
    if (stats_.empty()) Problem(absl::StrCat("no process can be seen in ", paths_.procfs));
  }

  // Its pid may be another's by now, who is not to be blamed.
  void CheckListener() {
    const auto listener = stats_.find(question_.listener);
    const uint64_t start = question_.listener_start_ticks;
    const bool there =
        listener != stats_.end() && (start == 0 || listener->second.start_ticks == start);
    if (!there) question_.listener = 0;
    if (question_.listener > 1) identifier_.SetListener(question_.listener);
    sample_.listener = question_.listener;
  }

  // Where the runtime is in sight, so is what it runs, whatever namespace this is.
  bool IsHostHidden() {
    if (!SeesOwnContainerOnly(proc_)) return false;
    return std::none_of(stats_.begin(), stats_.end(), [this](const auto& entry) {
      const Role role = identifier_.Of(entry.first).role;
      return role == Role::kRuntime || role == Role::kShim;
    });
  }

  void TakeProcesses() {
    ReadStats();
    if (before_ != nullptr) sample_.turn = (before_->turn + 1) % kTurns;
    sample_.hidden = IsHostHidden();
    if (sample_.hidden) {
      // First, since it is why the rest is missing.
      sample_.problems.insert(sample_.problems.begin(),
                              "the host's processes and mounts are out of sight: plegd has a PID "
                              "namespace of its own (hostPID)");
      return;
    }
    sample_.roles_unknown = identifier_.blind();
    if (sample_.roles_unknown) {
      Problem(
          "plegd is in a user namespace of its own, so that no process is proven to be the node's "
          "(--rootless says that this one is the node's)");
    }
    // Always in the same order, so that limits leave out the same ones from look to look.
    const std::vector<const ProcessStat*> oldest_first = OldestFirst(stats_);
    for (const ProcessStat* stat : oldest_first) Consider(*stat);
    SortLookAlikes();
    for (const ProcessStat* stat : oldest_first) ConsiderSilent(*stat);
    if (!Begin(ProbePart::kOwnWords)) {
      reader_.ReadNoWords();
      sample_.shims_unknown = true;
    }
    for (HostProcess& process : sample_.processes) ReadOwnWords(process);
    // A helper of the runtime is none of the plugins that it was taken for.
    std::erase_if(sample_.processes, [this](const HostProcess& process) {
      return process.role == Role::kOther && process.blocked.empty() && process.container.empty() &&
             process.stat.pid != question_.listener;
    });
    std::sort(sample_.processes.begin(), sample_.processes.end(),
              [](const HostProcess& a, const HostProcess& b) { return a.stat.pid < b.stat.pid; });
  }

  bool IsSilent(const std::string& container) const {
    const auto& silent = question_.silent;
    return !container.empty() && std::find(silent.begin(), silent.end(), container) != silent.end();
  }

  // Where one thread may be stuck while the first one sleeps, and that matters. Shims are many:
  // while nothing is silent each has its turn, but for those that were found blocked.
  bool MattersByThreads(const HostProcess& process) const {
    switch (process.role) {
      case Role::kRuntime:
      case Role::kOciRuntime:
      case Role::kCniPlugin:
      case Role::kKubelet:
        return true;
      case Role::kShim: {
        const HostProcess* before = Before(process.stat);
        return before == nullptr || !question_.silent.empty() || !before->blocked.empty() ||
               static_cast<uint32_t>(process.stat.pid) % kTurns == sample_.turn;
      }
      default:
        return false;
    }
  }

  // Has a name, but no proof that it is what the name says.
  void NoteLookAlike(const ProcessStat& stat, const Identity& identity) {
    if (identity.doubt.empty() || identifier_.blind() || stat.pid == 1 || stat.state == 'Z') return;
    if (sample_.look_alikes.size() < kMostLookAlikes) {
      sample_.look_alikes.push_back({stat.pid, stat.comm, identity.doubt, stat.state});
    }
    ++sample_.look_alike_count;
  }

  void SortLookAlikes() {
    std::sort(sample_.look_alikes.begin(), sample_.look_alikes.end(),
              [](const pleg::LookAlike& a, const pleg::LookAlike& b) {
                const bool stuck = pleg::IsStuckState(a.state);
                return stuck != pleg::IsStuckState(b.state) ? stuck : a.pid < b.pid;
              });
    if (sample_.look_alikes.size() > kMaxLookAlikes) sample_.look_alikes.resize(kMaxLookAlikes);
  }

  void Consider(const ProcessStat& stat) {
    if (stat.state == 'Z') ++sample_.zombies[stat.parent];
    if (stat.pid == 1) sample_.init_cpu_ticks = stat.cpu_ticks;
    const Identity& identity = identifier_.Of(stat.pid);
    NoteLookAlike(stat, identity);
    HostProcess process;
    process.stat = stat;
    process.role = identity.role;
    process.of_root = identity.of_root;
    const bool stuck = stat.state == 'D';
    const bool child_of_shim = identifier_.Of(stat.parent).role == Role::kShim;
    const bool listens = stat.pid == question_.listener;
    const bool orphan = stat.parent == 1 && process.role == Role::kOther;
    const bool counts = process.role != Role::kOther || child_of_shim || listens;
    if (!counts && !stuck && !orphan) return;
    const std::string cgroup = identifier_.CgroupsOf(stat.pid);
    if (process.role == Role::kOther || IsInitOfContainer(stat.comm)) {
      process.container = identifier_.ContainerOf(CgroupPath(cgroup));
    }
    const bool blocked =
        stuck && (counts || budget_.Take(process.container, IsSilent(process.container)));
    if (!counts && !blocked && (!orphan || process.container.empty())) return;
    if (child_of_shim && !process.container.empty()) {
      served_.insert({stat.parent, process.container});
    }
    TakeUnit(cgroup, listens, process);
    if (IsSilent(process.container)) TakeGroup("", process.container, cgroup);
    const bool silent = child_of_shim && IsSilent(process.container);
    if (silent) silent_firsts_.emplace(stat.pid, process.container);
    if (MattersByThreads(process) || listens || silent) {
      reader_.ReadThreads(process);
    } else if (blocked) {
      ProcessReader::TakeFirstThread(process);
    }
    const bool tool = process.role == Role::kOciRuntime || process.role == Role::kCniPlugin;
    if (tool || !process.blocked.empty()) reader_.ReadWait(process);
    kept_.insert(stat.pid);
    sample_.processes.push_back(std::move(process));
  }

  // Of a container that does not answer any process may be stuck, in any thread.
  void ConsiderSilent(const ProcessStat& stat) {
    constexpr int kMaxDepth = 16;
    if (silent_firsts_.empty() || kept_.contains(stat.pid)) return;
    int ancestor = stat.parent;
    for (int depth = 0; depth < kMaxDepth; ++depth) {
      const auto first = silent_firsts_.find(ancestor);
      if (first != silent_firsts_.end()) {
        HostProcess process;
        process.stat = stat;
        process.container = first->second;
        reader_.ReadThreads(process);
        if (process.blocked.empty() || !budget_.Take(process.container, true)) return;
        reader_.ReadWait(process);
        sample_.processes.push_back(std::move(process));
        return;
      }
      const auto parent = stats_.find(ancestor);
      if (parent == stats_.end()) return;
      ancestor = parent->second.parent;
    }
  }

  const HostProcess* Before(const ProcessStat& stat) const {
    if (before_ == nullptr) return nullptr;
    const auto& known = before_->processes;
    const auto found =
        std::lower_bound(known.begin(), known.end(), stat.pid,
                         [](const HostProcess& p, int pid) { return p.stat.pid < pid; });
    const bool same = found != known.end() && found->stat.pid == stat.pid &&
                      found->stat.start_ticks == stat.start_ticks && found->stat.comm == stat.comm;
    return same ? &*found : nullptr;
  }

  // What a process would not tell otherwise while it is blocked does not change: it is known from
  // the look before.
  void ReadOwnWords(HostProcess& process) {
    if (!process.of_root) return;
    const HostProcess* before = Before(process.stat);
    if (process.role == Role::kShim) {
      if (before != nullptr) {
        process.bundle = before->bundle;
        process.for_kubelet = before->for_kubelet;
      }
      if (process.bundle.empty()) ReadBundle(process);
      AddContainer(process.bundle);
    } else if (process.role == Role::kRuntime || process.role == Role::kKubelet) {
      if (before != nullptr) process.root = before->root;
      if (!process.root.has_value()) reader_.ReadRoot(process);
    } else if (process.role == Role::kOciRuntime) {
      if (before != nullptr) process.command = before->command;
      if (process.command.empty()) reader_.ReadCommand(process);
    } else if (process.role == Role::kCniPlugin) {
      if (before != nullptr) process.cni = before->cni;
      if (process.cni.command.empty()) ReadCniCall(process);
    }
  }

  // What a shim serves is what the runtime has a directory for, or what it has a process of: that
  // it says so is not enough.
  void ReadBundle(HostProcess& shim) {
    reader_.ReadBundle(shim);
    const bool serves =
        tasks_.contains(shim.bundle) || served_.contains({shim.stat.pid, shim.bundle});
    if (!serves) shim.bundle.clear();
  }

  void ReadCniCall(HostProcess& process) {
    switch (reader_.ReadCniCall(process)) {
      case ProcessReader::CniAnswer::kIsOne:
        break;
      case ProcessReader::CniAnswer::kIsNone:
        process.role = Role::kOther;
        break;
      case ProcessReader::CniAnswer::kUnknown:
        process.guessed = !IsKnownCniPlugin(process.stat.comm);
        break;
    }
  }

  void TakeUnit(absl::string_view cgroup, bool listens, HostProcess& process) {
    const bool kubelet = process.role == Role::kKubelet;
    if (!kubelet && !listens && process.role != Role::kRuntime) return;
    if (identifier_.IsMainOfUnit(process.stat)) process.unit = identifier_.UnitOf(cgroup);
    // Of several runtimes the one behind the socket is meant.
    const bool meant = listens || question_.listener <= 1;
    if (kubelet || meant) TakeGroup(kubelet ? "kubelet" : "runtime", "", cgroup);
  }

  void TakeGroup(absl::string_view of, const std::string& container, absl::string_view cgroup) {
    const std::string path = UnifiedPath(cgroup);
    if (path.empty() || path == "/" || sample_.groups.size() == kMaxGroupPressures) return;
    for (const GroupPressure& group : sample_.groups) {
      if (group.of == of && group.container == container) return;
    }
    // In a hybrid the unified tree is a mount of its own beside those of version 1.
    for (const absl::string_view tree : {"", "/unified"}) {
      GroupPressure group =
          ReadGroupPressure(HostTree(absl::StrCat(paths_.cgroupfs, tree)), path.substr(1));
      if (!group.cpu.has_value() && !group.io.has_value() && !group.memory.has_value()) continue;
      group.of = std::string(of);
      group.container = container;
      sample_.groups.push_back(std::move(group));
      return;
    }
  }

  void AddContainer(std::string id) {
    if (!id.empty() && known_.insert(id).second) sample_.containers.push_back(std::move(id));
  }

  void TakeCgroups() {
    identifier_.SetCgroupTree(paths_.cgroupfs);
    std::vector<std::string> problems;
    CgroupTree tree = ReadCgroupTree(
        paths_.cgroupfs, [this](absl::string_view path) { return identifier_.ContainerOf(path); },
        [this](absl::string_view path) { return identifier_.IsOfUser(path); }, problems);
    for (std::string& problem : problems) Problem(std::move(problem));
    sample_.cgroup_v1 = tree.version_1;
    sample_.frozen = std::move(tree.frozen);
    for (std::string& id : tree.containers) AddContainer(std::move(id));
  }

  // The runtime keeps a directory for each of its tasks, by id.
  void TakeTaskDirectories() {
    for (const std::string& root : question_.directories.task_roots) {
      const absl::StatusOr<std::vector<std::string>> names = HostTree(root).List("", kMaxTasks);
      if (!names.ok()) continue;  // of another runtime
      for (const std::string& name : *names) {
        std::string id = ContainerOfCgroup(name);
        tasks_.insert(id);
        AddContainer(std::move(id));
      }
    }
  }

  void TakeFileSystems() {
    std::vector<Mount> known;
    if (Begin(ProbePart::kMounts)) {
      absl::StatusOr<std::vector<Mount>> mounts = ReadHostMounts(proc_);
      if (mounts.ok()) {
        known = *std::move(mounts);
        TakeMounts(known, question_, sample_);
        // Without the table it is not known which directories may never answer.
        if (Begin(ProbePart::kDirectories)) TakeDirectories(known, question_, sample_);
      } else {
        Problem(mounts.status());
      }
    }
    if (IsRemote(FindMount(known, "/usr/lib"))) return;
    if (Begin(ProbePart::kSystemd)) TakeSystemd();
  }

  const HostPaths& paths_;
  HostQuestion question_;
  const HostSample* const before_;
  const BeginPart& begin_;
  const HostTree proc_;
  const HostTree sysctl_;  // a mount of its own where it is read-only
  ProcessReader reader_;
  HostSample sample_;
  ProcessStats stats_;
  ProcessIdentifier identifier_;
  absl::flat_hash_set<std::string> known_;  // what sample_.containers has
  absl::flat_hash_set<std::string> tasks_;  // what the runtime has a directory for
  absl::flat_hash_set<std::pair<int, std::string>>
      served_;                                           // shims and what they have a process of
  absl::flat_hash_map<int, std::string> silent_firsts_;  // first processes of silent containers
  absl::flat_hash_set<int> kept_;                        // pids of sample_.processes
  BlockedBudget budget_;
};

}  // namespace

HostSample TakeHostSample(const HostPaths& paths, const HostQuestion& question,
                          const HostSample* before, const BeginPart& begin) {
  return Sampler(paths, question, before, begin).Take();
}

}  // namespace runtime::host
