#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pleg/diagnosis/surroundings.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

constexpr size_t kMaxFigure = 160;

// Collects figures of one subject; without any it is unknown.
class Judge {
 public:
  explicit Judge(Subject subject) { exclusion_.subject = subject; }

  Judge& Add(bool fine, absl::string_view figure, absl::string_view threshold) {
    figures_.push_back(Printable(figure));
    if (!threshold.empty()) thresholds_.push_back(std::string(threshold));
    fine_ &= fine;
    return *this;
  }

  Exclusion Done(absl::string_view why_unknown) {
    if (figures_.empty()) {
      exclusion_.figure = Shorten(Printable(why_unknown), kMaxFigure);
      return exclusion_;
    }
    exclusion_.fitness = fine_ ? Fitness::kFine : Fitness::kNotFine;
    exclusion_.figure = Shorten(absl::StrJoin(figures_, ", "), kMaxFigure);
    exclusion_.threshold = absl::StrJoin(thresholds_, ", ");
    return exclusion_;
  }

 private:
  Exclusion exclusion_;
  std::vector<std::string> figures_;
  std::vector<std::string> thresholds_;
  bool fine_ = true;
};

// Why the host's figures are missing.
std::string WhyUnknown(const Facts& facts) {
  if (facts.last_host == nullptr) return "the host was not looked at";
  const std::vector<ProbeProblem>& problems = facts.last_host->problems;
  const std::string problem =
      problems.empty() ? ""
                       : absl::StrCat(": ", problems.front().probe, ": ", problems.front().text);
  if (!facts.host_is_past()) return absl::StrCat("not read", problem);
  return absl::StrCat("last looked at ", FormatAge(facts.last_host->sampled_ago), " ago", problem);
}

// A full disk is as good as none, however fast it is.
void AddHeadroom(const HostEvidence& host, Judge& judge) {
  for (const Headroom& headroom : host.headroom) {
    if (headroom.resource == "pids" || !(headroom.used_percent >= kDiskFull)) continue;
    judge.Add(false,
              absl::StrCat(headroom.resource, " ", FormatPercent(headroom.used_percent), " used"),
              FormatPercent(kDiskFull));
  }
}

std::string DiskFigure(const DiskEvidence& disk) {
  if (disk.answers_none_for > absl::ZeroDuration()) {
    return absl::StrCat(disk.device, " has answered nothing for ",
                        FormatAge(disk.answers_none_for));
  }
  return absl::StrCat(disk.device, " ", FormatPercent(disk.utilization_percent), " busy, ",
                      FormatLatency(disk.await), " a request");
}

Exclusion Disk(const Facts& facts) {
  Judge judge(Subject::kDisk);
  if (const HostEvidence* host = facts.fresh_host()) {
    AddHeadroom(*host, judge);
    if (host->io.has_value()) {
      const double full = host->io->full_avg10;
      judge.Add(full < kIoFull, absl::StrCat("io full ", FormatPercent(full)),
                FormatPercent(kIoFull));
    }
    for (const DiskEvidence& disk : host->disks) {
      judge.Add(disk.utilization_percent < kDiskBusy || disk.await < kDiskAwait, DiskFigure(disk),
                absl::StrCat(FormatPercent(kDiskBusy), " and ", FormatLatency(kDiskAwait)));
    }
  }
  return judge.Done(WhyUnknown(facts));
}

Exclusion Cpu(const Facts& facts) {
  Judge judge(Subject::kCpu);
  const HostEvidence* const host = facts.fresh_host();
  const bool known = host != nullptr && host->cpu.has_value();
  if (known) {
    const double some = host->cpu->some_avg10;
    judge.Add(some < kCpuSome, absl::StrCat("cpu some ", FormatPercent(some)),
              FormatPercent(kCpuSome));
  }
  if (facts.own_lag || known) {
    judge.Add(!facts.own_lag,
              absl::StrCat("plegd's own delay ", FormatLatency(facts.e.self.worst_delay())),
              FormatLatency(kOwnLag));
  }
  return judge.Done(WhyUnknown(facts));
}

Exclusion Memory(const Facts& facts) {
  Judge judge(Subject::kMemory);
  const HostEvidence* const host = facts.fresh_host();
  if (host != nullptr && host->memory.has_value()) {
    const double full = host->memory->full_avg10;
    judge.Add(full < kMemoryFull, absl::StrCat("memory full ", FormatPercent(full)),
              FormatPercent(kMemoryFull));
  }
  if (host != nullptr && host->memory_available_percent.has_value()) {
    constexpr double kLittle = 5;
    const double available = *host->memory_available_percent;
    judge.Add(available >= kLittle, absl::StrCat(FormatPercent(available), " available"),
              absl::StrCat("at least ", FormatPercent(kLittle)));
  }
  return judge.Done(WhyUnknown(facts));
}

Exclusion Systemd(const Facts& facts) {
  Judge judge(Subject::kSystemd);
  if (facts.fresh_host() == nullptr) return judge.Done(WhyUnknown(facts));
  const HostEvidence& host = *facts.fresh_host();
  if (host.pid1_cpu_percent.has_value()) {
    judge.Add(*host.pid1_cpu_percent < kPid1Busy,
              absl::StrCat("PID 1 uses ", FormatPercent(*host.pid1_cpu_percent), " of a CPU"),
              FormatPercent(kPid1Busy));
  }
  if (host.mountinfo_lines.has_value()) {
    judge.Add(*host.mountinfo_lines < kTooManyMounts,
              absl::StrCat(*host.mountinfo_lines, " mounts"), absl::StrCat(kTooManyMounts));
  }
  if (host.dbus.has_value()) {
    judge.Add(!host.dbus->stuck(),
              absl::StrCat("dbus in state ", absl::string_view(&host.dbus->state, 1)), "");
  }
  return judge.Done(WhyUnknown(facts));
}

// What is said of an answer that is too old to be told as of now.
std::string Then(absl::Duration ago) {
  return ago > kPastSample ? absl::StrCat(" (asked ", FormatAge(ago), " ago)") : "";
}

Exclusion Kubelet(const Facts& facts) {
  Judge judge(Subject::kKubelet);
  if (!facts.e.kubelet.has_value()) {
    return judge.Done("the kubelet was not asked (--kubelet.metrics-url)");
  }
  const KubeletEvidence& kubelet = *facts.e.kubelet;
  if (kubelet.never_relisted) judge.Add(false, "it has never relisted", "");
  if (kubelet.last_seen_ago.has_value() && !kubelet.never_relisted) {
    const absl::Duration limit = kubelet.evented ? absl::Minutes(10) : facts.e.relist.threshold;
    judge.Add(*kubelet.last_seen_ago <= limit,
              absl::StrCat("relisted ", FormatAge(*kubelet.last_seen_ago), " ago",
                           Then(kubelet.asked_ago)),
              FormatAge(limit));
  }
  if (kubelet.relist_mean.has_value()) {
    judge.Add(true,
              absl::StrCat("its relists take ", FormatLatency(*kubelet.relist_mean),
                           Then(kubelet.asked_ago)),
              "");
  }
  if (kubelet.healthz_ok.has_value()) {
    judge.Add(
        *kubelet.healthz_ok,
        absl::StrCat(*kubelet.healthz_ok ? "healthz ok" : "healthz fails", Then(kubelet.asked_ago)),
        "");
  }
  return judge.Done(kubelet.error.empty() ? "it told nothing" : kubelet.error);
}

Exclusion Runtime(const Facts& facts) {
  Judge judge(Subject::kRuntime);
  const RuntimeEvidence& runtime = facts.e.runtime;
  if (!runtime.connected) {
    judge.Add(false,
              absl::StrCat("not connected", runtime.disconnected_reason.empty() ? "" : ": ",
                           runtime.disconnected_reason),
              "");
  } else if (!facts.silent.empty()) {
    const UnansweredEvidence& oldest = *facts.silent.front();
    judge.Add(false, absl::StrCat(oldest.method, " unanswered for ", FormatAge(oldest.age)),
              FormatAge(kSilentAfter));
  } else if (facts.e.relist.last_good_ago.has_value()) {
    const absl::Duration age = *facts.e.relist.last_good_ago;
    const absl::Duration limit = std::max(absl::Seconds(10), 5 * facts.e.relist.period);
    judge.Add(age <= limit, absl::StrCat("lists answered ", FormatAge(age), " ago"),
              FormatAge(limit));
  }
  if (runtime.unsupported) judge.Add(false, "no CRI v1", "");
  return judge.Done("no list has been answered yet");
}

}  // namespace

std::vector<Exclusion> Exclusions(const Facts& facts) {
  return {Disk(facts), Cpu(facts), Memory(facts), Systemd(facts), Kubelet(facts), Runtime(facts)};
}

}  // namespace pleg
