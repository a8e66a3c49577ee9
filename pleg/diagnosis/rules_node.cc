// The node as a whole: its disk, CPU and memory, systemd, mounts.

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/owner.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/text.h"
#include "pleg/diagnosis/waits.h"

namespace pleg {
namespace {

using Strain = Facts::Strain;

Draft Starved(const Facts& facts, VerdictCode code, Strain strain) {
  const bool severe = strain == Strain::kSevere;
  const bool hurts = severe && (facts.outlook.breaks() || !facts.silent.empty());
  Draft draft(code, hurts ? Tier::kBlocksPleg : Tier::kHurtsPods,
              severe ? Confidence::kHigh : Confidence::kMedium);
  draft.OfHost().RestsOn(Basis::kNode);
  return draft;
}

std::string SlowText(const Facts& facts) {
  if (facts.slowdown < kSlowdown) return "";
  return absl::StrCat("every call takes at least ", WholeNumber(facts.slowdown),
                      " times what it usually does");
}

std::string LagText(const Facts& facts) {
  if (!facts.own_lag) return "";
  const SelfEvidence& self = facts.e.self;
  return absl::StrCat("plegd's own timer is ", FormatLatency(self.loop_lag), " late, it waited ",
                      FormatLatency(self.scheduling_delay), " for a CPU");
}

// What speaks for and against any kind of starvation.
void Symptoms(const Facts& facts, Strain strain, Draft& draft) {
  draft.For(SlowText(facts)).For(LagText(facts));
  if (strain == Strain::kSevere) return;
  for (const MethodEvidence& method : facts.e.methods) {
    if (!method.answered_ago.has_value() || method.last_duration >= absl::Milliseconds(100))
      continue;
    draft.Against(absl::StrCat(Shorten(Printable(method.method), 40), " was answered in ",
                               FormatLatency(method.last_duration),
                               ": the runtime gets what it needs"));
    return;
  }
}

std::string PressureText(absl::string_view name, const std::optional<Pressure>& pressure) {
  if (!pressure.has_value()) return "";
  return absl::StrCat("pressure of ", name, " over 10 s: some ",
                      FormatPercent(pressure->some_avg10), ", full ",
                      FormatPercent(pressure->full_avg10));
}

// Node and runtime as they wait for one resource: at least one of the two is over the limit.
struct Waits {
  Waits(const Facts& facts, const std::optional<Pressure>& node,
        std::optional<Pressure> CgroupPressure::*resource, double Pressure::*share, double limit)
      : percent(node.has_value() ? (*node).*share : 0), of("The node") {
    if (facts.runtime_cgroup == nullptr || !(facts.runtime_cgroup->*resource).has_value()) return;
    own = *(facts.runtime_cgroup->*resource);
    limited = percent < limit && (*own).*share >= limit;
    if (!limited) return;
    percent = (*own).*share;
    of = absl::StrCat("The cgroup of ", facts.runtime.title);
  }

  double percent;
  std::string of;                    // "The node"
  std::optional<Pressure> own = {};  // the runtime's
  bool limited = false;              // it lacks what the node has
};

// A disk that answers as quickly keeps nobody waiting, however busy it is: of one that serves
// requests side by side, as NVMe does, utilization says little.
constexpr absl::Duration kQuickDisk = absl::Milliseconds(20);

const DiskEvidence* BusiestDisk(const HostEvidence& host) {
  const auto busiest = std::max_element(
      host.disks.begin(), host.disks.end(),
      [](const DiskEvidence& a, const DiskEvidence& b) { return a.await < b.await; });
  return busiest == host.disks.end() ? nullptr : &*busiest;
}

bool IsMute(const DiskEvidence& disk) { return disk.answers_none_for > absl::ZeroDuration(); }

std::string DiskText(const DiskEvidence& disk) {
  return absl::StrCat(
      "disk ", disk.device, " (", disk.holds, "): ", FormatPercent(disk.utilization_percent),
      " busy, ",
      IsMute(disk) ? absl::StrCat("no request answered for ", FormatAge(disk.answers_none_for))
                   : absl::StrCat("a request takes ", FormatLatency(disk.await)),
      ", ", disk.in_flight, " in flight");
}

// The first half of the sentence; `percent` of the time tasks waited.
std::string WhichDisk(const DiskEvidence* disk, double percent) {
  if (disk == nullptr || disk->await < kQuickDisk) {
    return absl::StrCat("The disks cannot keep up: tasks waited for them ", FormatPercent(percent),
                        " of the time");
  }
  const std::string device = Shorten(Printable(disk->device), 24);
  if (IsMute(*disk)) {
    return absl::StrCat("The disk ", device, " has answered no request for ",
                        FormatAge(disk->answers_none_for));
  }
  return absl::StrCat("The disk ", device, " cannot keep up: a request takes ",
                      FormatLatency(disk->await));
}

void BlockedTexts(const HostEvidence& host, Draft& draft) {
  for (size_t i = 0; i < host.blocked.size() && i < 3; ++i) {
    const BlockedGroup& group = host.blocked[i];
    draft.For(absl::StrCat(group.count, " tasks in D in ", FunctionName(group.wait_function),
                           ", the oldest for ", FormatAge(group.oldest), ", e.g. ",
                           group.example_name, " (pid ", group.example_pid, ")"));
  }
}

bool DbusStopped(const HostEvidence& host) { return host.dbus.has_value() && host.dbus->stopped(); }

}  // namespace

std::optional<Ranked> NodeMemoryStarved(const Facts& facts) {
  if (!IsFelt(facts, facts.memory)) return std::nullopt;
  const HostEvidence& host = *facts.host;
  const Waits waits(facts, host.memory, &CgroupPressure::memory, &Pressure::full_avg10,
                    kMemoryFull);
  Draft draft = Starved(facts, VerdictCode::kNodeMemoryStarved, facts.memory);
  draft
      .Say(absl::StrCat(waits.of, " is short of memory: tasks waited for it ",
                        FormatPercent(waits.percent), " of the time"),
           facts.outlook.text,
           waits.limited ? "Lift the limit of its unit"
                         : "Move the largest pods away, then reserve memory for the system")
      .For(PressureText("memory", host.memory))
      .For(PressureText("memory in the runtime's cgroup", waits.own));
  if (host.memory_available_percent.has_value()) {
    draft.For(
        absl::StrCat(FormatPercent(*host.memory_available_percent), " of memory is available"));
    if (*host.memory_available_percent > 25) {
      draft.Doubt("plenty is available: the limit of one cgroup rather than the node's");
    }
  }
  if (facts.io != Strain::kNone) {
    draft.For("the disk is busy as well: with so little memory it reads programs again and again");
  }
  Symptoms(facts, facts.memory, draft);
  draft.Do("See who uses it", "systemd-cgtop -m -n 1 --depth=4")
      .Do("From where kubectl works: keep new pods away", "kubectl cordon NODE");
  return draft.Done();
}

std::optional<Ranked> NodeIoStarved(const Facts& facts) {
  if (!DiskIsFelt(facts)) return std::nullopt;
  const HostEvidence& host = *facts.host;
  const Waits waits(facts, host.io, &CgroupPressure::io, &Pressure::full_avg10, kIoFull);
  Draft draft = Starved(facts, VerdictCode::kNodeIoStarved, facts.io);
  const DiskEvidence* disk = BusiestDisk(host);
  const bool mute = disk != nullptr && IsMute(*disk);
  draft
      .Say(WhichDisk(disk, waits.percent), facts.outlook.text,
           mute ? "See the kernel's log: dmesg -T | tail -50"
                : "Find who writes (iotop), or lift the volume's IOPS limit")
      .For(PressureText("io", host.io))
      .For(PressureText("io in the runtime's cgroup", waits.own))
      .For(disk == nullptr ? "" : DiskText(*disk));
  BlockedTexts(host, draft);
  Symptoms(facts, facts.io, draft);
  if (facts.memory != Strain::kNone) draft.Doubt("memory is short as well, which makes disks busy");
  if (disk != nullptr && disk->await < kQuickDisk) {
    draft.Doubt("the disks of runtime and kubelet answer quickly: another one is slow");
  }
  if (mute) draft.Do("See what the kernel says of it", "dmesg -T | tail -50");
  draft.Do("See who reads and writes", "iotop -boP -n 3 -d 2")
      .Do("From where kubectl works: keep new pods away", "kubectl cordon NODE");
  return draft.Done();
}

std::optional<Ranked> NodeCpuStarved(const Facts& facts) {
  const bool blind = facts.host == nullptr || !facts.host->cpu.has_value();
  const bool suffers = !facts.silent.empty() || facts.slowdown >= kSlowdown;
  const bool guess = facts.own_lag && blind && suffers;
  if (!IsFelt(facts, facts.cpu) && !guess) return std::nullopt;
  if (guess) {
    Draft draft(VerdictCode::kNodeCpuStarved, Tier::kHurtsPods, Confidence::kLow);
    draft.RestsOn(Basis::kNode)
        .Say(
            "plegd itself gets the CPU too late, so the node lacks CPU, or memory, or plegd's "
            "limit is "
            "low",
            facts.outlook.text, "Compare with top; all ages below are in doubt")
        .For(LagText(facts))
        .For(SlowText(facts))
        .Against("the pressure of the node's CPUs could not be read")
        .Do("See what the node waits for",
            "cat /proc/pressure/cpu /proc/pressure/memory /proc/loadavg");
    return draft.Done();
  }
  const HostEvidence& host = *facts.host;
  const Waits waits(facts, host.cpu, &CgroupPressure::cpu, &Pressure::some_avg10, kCpuSome);
  Draft draft = Starved(facts, VerdictCode::kNodeCpuStarved, facts.cpu);
  draft
      .Say(absl::StrCat(waits.of, " is short of CPU: tasks waited for one ",
                        FormatPercent(waits.percent), " of the time"),
           facts.outlook.text,
           waits.limited ? "Lift the limit of its unit (CPUQuota)"
                         : "Move pods away, and reserve CPU for runtime and kubelet")
      .For(PressureText("cpu", host.cpu))
      .For(PressureText("cpu in the runtime's cgroup", waits.own));
  Symptoms(facts, facts.cpu, draft);
  draft.Do("See who uses it", "top -b -n 1 -o %CPU | head -30")
      .Do("From where kubectl works: keep new pods away", "kubectl cordon NODE");
  return draft.Done();
}

std::optional<Ranked> SystemdOverloaded(const Facts& facts) {
  if (facts.host == nullptr) return std::nullopt;
  const HostEvidence& host = *facts.host;
  const bool busy = host.pid1_cpu_percent.has_value() && *host.pid1_cpu_percent >= kPid1Busy;
  const bool stopped = DbusStopped(host);
  const std::vector<const ProcessEvidence*> waiting = OldOci(host);
  const size_t old = waiting.size();
  if (!stopped && !(busy && old > 0)) return std::nullopt;
  const bool blocks = old > 0 && !facts.silent.empty();
  Draft draft(VerdictCode::kSystemdOverloaded, blocks ? Tier::kBlocksPleg : Tier::kHurtsPods,
              old > 0 ? Confidence::kHigh : Confidence::kMedium);
  draft.OfHost();
  if (old > 0) draft.Since(waiting.front()->age);
  const Remedy remedy = stopped ? Proceed(*host.dbus) : Remedy{};
  draft.Say(stopped ? absl::StrCat("The D-Bus daemon is stopped, so runc cannot reach systemd; ",
                                   old == 0 ? "none waits yet" : absl::StrCat(old, " of them wait"))
                    : absl::StrCat("systemd is busy (", FormatPercent(*host.pid1_cpu_percent),
                                   " of a CPU) and ", old, " runc or crun processes wait for it"),
            facts.outlook.text,
            stopped ? remedy.advice
                    : "Remove what keeps it busy: leaked mounts, exec probes, failed scopes");
  if (stopped) {
    draft.For(absl::StrCat("dbus: ", ProcessName(*host.dbus), ProcessState(*host.dbus)));
    for (const Action& action : remedy.actions) draft.Do(action);
  }
  if (busy)
    draft.For(absl::StrCat("PID 1 uses ", FormatPercent(*host.pid1_cpu_percent), " of a CPU"));
  if (old > 0) {
    draft.For(absl::StrCat(old, " runc or crun processes are older than ",
                           FormatAge(kOldOciProcess), ", the oldest ",
                           FormatAge(waiting.front()->age)));
    draft.For(StuckProcess(facts, *waiting.front()).detail);
  } else {
    draft.Against("no runc or crun waits");
  }
  if (host.mountinfo_lines.has_value()) {
    draft.For(
        absl::StrCat(*host.mountinfo_lines, " lines of mountinfo, which it parses on each change"));
  }
  draft.Do("See what it is doing", "systemctl list-jobs; systemctl list-units --failed | head -20")
      .Do("Count its mounts", "wc -l /proc/1/mountinfo")
      .DoDisruptive("Let systemd start over without a reboot; units run on",
                    "systemctl daemon-reexec");
  return draft.Done();
}

std::optional<Ranked> MountExplosion(const Facts& facts) {
  if (facts.host == nullptr || !facts.host->mountinfo_lines.has_value()) return std::nullopt;
  const uint64_t lines = *facts.host->mountinfo_lines;
  const uint64_t many = ManyMounts(facts);
  const uint64_t far_too_many = TooManyMounts(facts);
  if (lines < many) return std::nullopt;
  const bool too_many = lines >= far_too_many;
  Draft draft(VerdictCode::kMountExplosion, too_many ? Tier::kHurtsPods : Tier::kThreatens,
              too_many ? Confidence::kHigh : Confidence::kMedium);
  draft.OfHost()
      .Say(absl::StrCat("The node has ", lines, " mounts"),
           "runc and systemd parse them all at each start, which takes seconds",
           "Find the leak: which path repeats")
      .For(absl::StrCat("mountinfo has ", lines, " lines; many from ", many, ", too many from ",
                        far_too_many))
      .Do("See which mounts repeat",
          "awk '{print $5}' /proc/1/mountinfo | sed 's/[0-9a-f-]\\{12,\\}/*/g' | sort | uniq -c"
          " | sort -rn | head");
  if (facts.host->pid1_cpu_percent.has_value()) {
    draft.For(
        absl::StrCat("PID 1 uses ", FormatPercent(*facts.host->pid1_cpu_percent), " of a CPU"));
  }
  if (OldOci(*facts.host).empty()) draft.Against("no runc or crun is slow yet");
  return draft.Done();
}

}  // namespace pleg
