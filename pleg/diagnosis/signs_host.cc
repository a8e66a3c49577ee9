// Signs of the host: what the kernel tells of resources, and the processes that containers need.

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/sign_table.h"
#include "pleg/diagnosis/text.h"
#include "pleg/diagnosis/waits.h"

namespace pleg {
namespace {

constexpr double kLittleMemory = 5;
constexpr absl::Duration kMuteDisk = absl::Seconds(30);
constexpr uint32_t kManyBlocked = 5;
constexpr absl::Duration kBlockedForLong = absl::Seconds(10);
constexpr absl::Duration kHung = absl::Minutes(2);  // as the kernel's own hung-task detector
constexpr absl::Duration kFuseForLong = absl::Minutes(2);
constexpr uint32_t kManyLeaked = 20;  // shims; a removal that failed leaves one
constexpr absl::Duration kBackStep = absl::Seconds(1);
constexpr absl::Duration kAheadStep = absl::Minutes(1);

std::string Stack(int64_t pid) { return pid > 1 ? absl::StrCat("cat /proc/", pid, "/stack") : ""; }

void JudgePressure(std::optional<Pressure> HostEvidence::*resource, double Pressure::*share,
                   absl::string_view name, bool felt, SignJudge& judge) {
  const HostEvidence* host = judge.Host();
  if (host == nullptr) return;
  const auto& pressure = host->*resource;
  if (!pressure.has_value() && !felt) {
    judge.Unknown(Ignorance::kNotAllowed, "no pressure could be read");
    return;
  }
  const double percent = pressure.has_value() ? (*pressure).*share : 0;
  judge.Judge(felt, absl::StrCat("tasks waited for ", name, " ", FormatPercent(percent),
                                 " of the time", felt ? ", and calls are slow" : ""));
}

void JudgeCpu(const Facts& facts, SignJudge& judge) {
  JudgePressure(&HostEvidence::cpu, &Pressure::some_avg10, "a CPU", IsFelt(facts, facts.cpu),
                judge);
}

void JudgeIo(const Facts& facts, SignJudge& judge) {
  JudgePressure(&HostEvidence::io, &Pressure::full_avg10, "the disk", DiskIsFelt(facts), judge);
}

void JudgeMemory(const Facts& facts, SignJudge& judge) {
  JudgePressure(&HostEvidence::memory, &Pressure::full_avg10, "memory", IsFelt(facts, facts.memory),
                judge);
}

void JudgeMemoryAvailable(const Facts& /*facts*/, SignJudge& judge) {
  const HostEvidence* host = judge.FreshHost();
  if (host == nullptr || !host->memory_available_percent.has_value()) return;
  const double available = *host->memory_available_percent;
  judge.Judge(available < kLittleMemory,
              absl::StrCat(FormatPercent(available), " of memory is available"));
}

void JudgeDiskAnswers(const Facts& /*facts*/, SignJudge& judge) {
  const HostEvidence* host = judge.FreshHost();
  if (host == nullptr) return;
  judge.Good("the disks of runtime and kubelet answer");
  for (const DiskEvidence& disk : host->disks) {
    if (disk.answers_none_for < kMuteDisk) continue;
    judge.Bad(absl::StrCat("the disk ", Shorten(Printable(disk.device), 24),
                           " has answered no request for ", FormatAge(disk.answers_none_for)),
              disk.answers_none_for);
  }
}

// Of what is nearly used up a tenth tells whether anything is left.
std::string UsedPercent(double used) {
  const bool nearly = used >= kDiskFull && used < 99.95;
  return nearly ? absl::StrFormat("%.1f %%", used) : FormatPercent(used);
}

// Of the resources whose names begin so, the fullest.
// `why` is said of one that is.
void JudgeHeadroom(absl::string_view prefix, SignJudge& judge, absl::string_view why = "") {
  const HostEvidence* host = judge.FreshHost();
  if (host == nullptr) return;
  const Headroom* fullest = nullptr;
  for (const Headroom& headroom : host->headroom) {
    if (!absl::StartsWith(headroom.resource, prefix)) continue;
    const bool more = fullest == nullptr || headroom.used_percent > fullest->used_percent;
    if (more) fullest = &headroom;
  }
  if (fullest == nullptr) return;
  const bool full = fullest->used_percent >= kDiskFull;
  judge.Judge(full, absl::StrCat(Shorten(Printable(fullest->resource), 80), " ",
                                 UsedPercent(fullest->used_percent), " used",
                                 full && !why.empty() ? absl::StrCat("; ", why) : ""));
}

void JudgeBytes(const Facts& /*facts*/, SignJudge& judge) { JudgeHeadroom("bytes", judge); }
void JudgeInodes(const Facts& /*facts*/, SignJudge& judge) { JudgeHeadroom("inodes", judge); }

// "812 of 1020 shims of containerd serve nothing that is listed, …"; empty if few do.
std::string LeakedShims(const HostEvidence& host) {
  if (!host.shim_count.has_value() || host.shim_count->unlisted < kManyLeaked) return "";
  return absl::StrCat(host.shim_count->unlisted, " of ", host.shim_count->all,
                      " shims of containerd serve nothing that is listed, the oldest is ",
                      FormatAge(host.shim_count->oldest_unlisted), " old");
}

void JudgePids(const Facts& facts, SignJudge& judge) {
  JudgeHeadroom("pids", judge, facts.host == nullptr ? "" : LeakedShims(*facts.host));
}

void JudgeSystemd(const Facts& /*facts*/, SignJudge& judge) {
  const HostEvidence* host = judge.Host();
  if (host == nullptr) return;
  if (host->dbus.has_value() && host->dbus->stopped()) {
    judge.Bad("the D-Bus daemon is stopped", host->dbus->state_for);
    return;
  }
  if (!host->pid1_cpu_percent.has_value()) return;
  const size_t waiting = OldOci(*host).size();
  const bool bad = *host->pid1_cpu_percent >= kPid1Busy && waiting > 0;
  judge.Judge(bad, absl::StrCat("PID 1 uses ", FormatPercent(*host->pid1_cpu_percent), " of a CPU",
                                bad ? absl::StrCat(", and ", waiting, " runc or crun wait") : ""));
}

void JudgeMounts(const Facts& facts, SignJudge& judge) {
  const HostEvidence* host = judge.Host();
  if (host == nullptr || !host->mountinfo_lines.has_value()) return;
  judge.Judge(*host->mountinfo_lines >= ManyMounts(facts),
              absl::StrCat(*host->mountinfo_lines, " mounts"));
}

void JudgeBlocked(const Facts& /*facts*/, SignJudge& judge) {
  const HostEvidence* host = judge.FreshHost();
  if (host == nullptr) return;
  for (const BlockedGroup& group : host->blocked) {
    const absl::string_view reason = WaitReason(group.wait_function);
    const bool many = group.count >= kManyBlocked && group.oldest >= kBlockedForLong;
    if (!many && (reason.empty() || group.oldest < kHung)) continue;
    Sign& sign =
        judge.Bad(absl::StrCat(group.count, group.count == 1 ? " task" : " tasks", " in D in ",
                               FunctionName(group.wait_function), " for ", FormatAge(group.oldest),
                               reason.empty() ? "" : absl::StrCat(": ", reason)),
                  group.oldest);
    sign.command = Stack(group.example_pid);
    return;  // the largest
  }
  judge.Good(host->blocked.empty() ? "no task is in D" : "no task has been in D for long");
  if (host->blocked.empty()) return;
  for (const std::string& line : host->kernel_log) {
    if (!absl::StartsWith(line, "INFO: task ")) continue;
    judge.Bad(absl::StrCat("the kernel says: ", line)).command =
        "dmesg -T | grep -A 20 'blocked for more than'";
    return;  // the latest
  }
}

void JudgeFrozen(const Facts& /*facts*/, SignJudge& judge) {
  const HostEvidence* host = judge.Host();
  if (host == nullptr) return;
  judge.Good("no cgroup is frozen");
  for (const FrozenCgroup& cgroup : host->frozen) {
    if (cgroup.frozen_for < kOldFreeze) continue;
    const std::string name =
        cgroup.object.id.empty()
            ? absl::StrCat("cgroup ", Shorten(Printable(cgroup.path), 90, true))
            : ObjectName(cgroup.object);
    judge.Bad(absl::StrCat(name, " has been frozen for ", FormatAge(cgroup.frozen_for)),
              cgroup.frozen_for, cgroup.object);
  }
}

void JudgeShims(const Facts& /*facts*/, SignJudge& judge) {
  const HostEvidence* host = judge.Host();
  if (host == nullptr) return;
  judge.Good("no shim is stopped or blocked");
  for (const ShimEvidence& shim : host->shims) {
    if (!shim.shim.has_value() || !IsUnresponsive(*shim.shim)) continue;
    judge.Bad(absl::StrCat("the shim of ", ObjectName(shim.object), ", pid ", shim.shim->pid,
                           ProcessState(*shim.shim)),
              shim.shim->state_for, shim.object);
  }
}

void JudgeLeakedShims(const Facts& facts, SignJudge& judge) {
  const HostEvidence* host = judge.FreshHost();
  if (host == nullptr) return;
  if (facts.runtime.kind != RuntimeKind::kContainerd) {
    judge.Unknown(Ignorance::kByChoice, "containerd's alone are counted");
    return;
  }
  if (!host->shim_count.has_value() || !facts.relists_in_time()) return;
  const std::string leaked = LeakedShims(*host);
  if (leaked.empty()) {
    judge.Good(absl::StrCat(host->shim_count->unlisted, " of ", host->shim_count->all,
                            " shims of containerd serve nothing that is listed"));
    return;
  }
  judge.Bad(leaked).command = absl::StrCat(
      "ids=$(", Crictl(facts, "pods -q"),
      ") && ps -eo pid,etimes,args | awk '/[c]ontainerd-shim.*k8s.io/ {for (i = 4; i < "
      "NF; i++) if ($i == \"-id\") print $(i + 1), $1, $2}' | grep -vF \"$ids\"");
}

void JudgeOci(const Facts& facts, SignJudge& judge) {
  const HostEvidence* host = judge.FreshHost();
  if (host == nullptr) return;
  judge.Good(host->oci_processes.empty() ? "no runc or crun runs" : "no runc or crun is old");
  for (const ProcessEvidence& process : host->oci_processes) {
    if (!IsShortLived(process) || process.age < kOldOciProcess) continue;
    Sign& sign =
        judge.Bad(absl::StrCat(ProcessName(process), " has not ended for ", FormatAge(process.age)),
                  process.age, ObjectOf(facts, process.container_id));
    sign.command = Stack(process.pid);
    return;  // the oldest
  }
}

void JudgeCni(const Facts& facts, SignJudge& judge) {
  const HostEvidence* host = judge.Host();
  if (host == nullptr) return;
  const ProcessEvidence* oldest = OldestCni(facts);
  if (oldest == nullptr) {
    judge.Good("no CNI plugin is old");
    return;
  }
  judge
      .Bad(absl::StrCat("the network plugin ", ProcessName(*oldest), " has not returned for ",
                        FormatAge(oldest->age)),
           oldest->age)
      .command = Stack(oldest->pid);
}

void JudgeFuse(const Facts& /*facts*/, SignJudge& judge) {
  const HostEvidence* host = judge.FreshHost();
  if (host == nullptr) return;
  judge.Good("no FUSE request waits for long");
  for (const FuseConnection& fuse : host->fuse) {
    if (fuse.waiting == 0 || fuse.waiting_for < kFuseForLong) continue;
    judge.Bad(absl::StrCat("FUSE requests", fuse.mount_point.empty() ? "" : " at ",
                           Shorten(Printable(fuse.mount_point), 90, true),
                           " have waited at every look for ", FormatAge(fuse.waiting_for), ", ",
                           fuse.waiting, " now"),
              fuse.waiting_for);
    return;
  }
}

void JudgeClock(const Facts& facts, SignJudge& judge) {
  if (!facts.e.clock_step.has_value()) {
    judge.Good("the wall clock was not set in 10 minutes");
    return;
  }
  const ClockStep& step = *facts.e.clock_step;
  const bool back = step.by < absl::ZeroDuration();
  judge.Judge(step.by <= -kBackStep || step.by >= kAheadStep,
              absl::StrCat("the wall clock went ", back ? "back" : "ahead", " by ",
                           FormatAge(absl::AbsDuration(step.by)), " ", FormatAge(step.ago), " ago"),
              step.ago);
}

constexpr absl::string_view kSlow = "calls are slow, or do not return in time";
constexpr absl::Duration kRelease = absl::Seconds(5);
constexpr absl::Duration kAverage = absl::Seconds(15);  // of pressure over 10 s, looked at every 5

constexpr SignRow kRows[] = {
    {SignId::kCpuPressure,
     "cpu_pressure",
     {"host",
      "/proc/pressure/cpu",
      "some 70 %, and calls are slow",
      kSlow,
      "See who uses it",
      "top -b -n 1 -o %CPU | head -30",
      Severity::kPage,
      {},
      kAverage},
     JudgeCpu},
    {SignId::kIoPressure,
     "io_pressure",
     {"host",
      "/proc/pressure/io",
      "full 40 %, or a disk 90 % busy at 200 ms, and calls are slow",
      kSlow,
      "See who reads and writes",
      "iotop -boP -n 3 -d 2",
      Severity::kPage,
      {},
      kAverage},
     JudgeIo},
    {SignId::kMemoryPressure,
     "memory_pressure",
     {"host",
      "/proc/pressure/memory",
      "full 20 %, and calls are slow",
      kSlow,
      "See who uses it",
      "systemd-cgtop -m -n 1 --depth=4",
      Severity::kPage,
      {},
      kAverage},
     JudgeMemory},
    {SignId::kMemoryAvailable,
     "memory_available",
     {"host",
      "/proc/meminfo",
      "5 %",
      "the kubelet evicts pods",
      "See who uses it",
      "systemd-cgtop -m -n 1 --depth=4",
      Severity::kWarn,
      {},
      kAverage},
     JudgeMemoryAvailable},
    {SignId::kDiskAnswers,
     "disk_answers",
     {"host",
      "/proc/diskstats",
      "none for 30s",
      "what writes there hangs",
      "See what the kernel says of it",
      "dmesg -T | tail -50",
      Severity::kPage,
      {},
      kRelease},
     JudgeDiskAnswers},
    {SignId::kDiskBytes,
     "disk_bytes",
     {"host",
      "statfs",
      "95 %",
      "the kubelet evicts pods, and nothing is written when it is full",
      "See what is full",
      "df -h",
      Severity::kWarn,
      {},
      kRelease},
     JudgeBytes},
    {SignId::kDiskInodes,
     "disk_inodes",
     {"host",
      "statfs",
      "95 %",
      "the kubelet evicts pods, and no file is made when it is full",
      "See what is full",
      "df -i",
      Severity::kWarn,
      {},
      kRelease},
     JudgeInodes},
    {SignId::kPids,
     "pids",
     {"host",
      "/proc/loadavg",
      "95 %",
      "no process can start when they are used up",
      "See who has them",
      "ps -eLo user=,comm= | sort | uniq -c | sort -rn | head",
      Severity::kWarn,
      {},
      kRelease},
     JudgePids},
    {SignId::kSystemd,
     "systemd",
     {"host",
      "/proc/1/stat",
      "80 % of a CPU while runc waits, or D-Bus stopped",
      "runc waits for systemd to make a cgroup",
      "See what it is doing",
      "systemctl list-jobs; systemctl list-units --failed | head -20",
      Severity::kPage,
      {},
      kRelease},
     JudgeSystemd},
    {SignId::kMounts,
     "mounts",
     {"host",
      "/proc/1/mountinfo",
      "5000, or 50 a pod",
      "runc and systemd parse them all at each start",
      "See which mounts repeat",
      "wc -l /proc/1/mountinfo",
      Severity::kWarn,
      {},
      kRelease},
     JudgeMounts},
    {SignId::kBlockedTasks,
     "blocked_tasks",
     {"host",
      "/proc/PID/stat",
      "5 in one function for 10s, or one for 2m that waits for storage",
      "what they hold waits with them",
      "See where one of them waits in the kernel",
      "",
      Severity::kWarn,
      {},
      kAverage},
     JudgeBlocked},
    {SignId::kFrozenCgroups,
     "frozen_cgroups",
     {"host",
      "cgroup.freeze",
      "10s",
      "nothing in it runs; exec and SIGTERM hang",
      "See who froze it",
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeFrozen},
    {SignId::kShims,
     "shims",
     {"host",
      "/proc/PID/stat",
      "5s in T, 10s in D",
      "its container's exit is not seen, and a stop or update of it hangs",
      "See who stopped it",
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeShims},
    {SignId::kLeakedShims,
     "leaked_shims",
     {"host",
      "/proc/PID/cwd and the lists",
      "20 that are older than 5m",
      "each keeps some ten pids and some ten MiB for good",
      "See those that no listed sandbox has: id, pid, age in seconds; one without children (ps "
      "--ppid PID) can be ended",
      "",
      Severity::kWarn,
      {},
      kAverage},
     JudgeLeakedShims},
    {SignId::kOciProcesses,
     "oci_processes",
     {"host",
      "/proc/PID/stat",
      "30s, but for run, exec and init",
      "one pod waits for it",
      "See where it waits in the kernel",
      "",
      Severity::kWarn,
      {},
      kRelease},
     JudgeOci},
    {SignId::kCniProcesses,
     "cni_processes",
     {"host",
      "/proc/PID/stat",
      "10s",
      "its pod neither starts nor stops",
      "See where it waits in the kernel",
      "",
      Severity::kPage,
      {},
      kRelease},
     JudgeCni},
    {SignId::kFuseRequests,
     "fuse_requests",
     {"host",
      "/sys/fs/fuse/connections",
      "2m",
      "what reads or writes there hangs",
      "See whose mount it is",
      "mount -t fuse",
      Severity::kWarn,
      {},
      kRelease},
     JudgeFuse},
    {SignId::kWallClock,
     "wall_clock",
     {"host",
      "the clocks",
      "back by 1s, or ahead by 1m, in 10m",
      "ages by the wall clock are wrong, and a kubelet may take an old instance for the current "
      "one",
      "See who set it",
      "timedatectl; journalctl -u chrony -u systemd-timesyncd -n 50 --no-pager",
      Severity::kInfo,
      {},
      kRelease},
     JudgeClock},
};

}  // namespace

absl::Span<const SignRow> HostSigns() { return kRows; }

}  // namespace pleg
