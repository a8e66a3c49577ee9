#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pleg/diagnosis/surroundings.h"
#include "pleg/diagnosis/text.h"
#include "pleg/diagnosis/waits.h"

namespace pleg {
namespace {

constexpr uint32_t kManyBlocked = 5;
constexpr absl::Duration kBlockedForLong = absl::Seconds(10);
constexpr absl::Duration kHung = absl::Minutes(2);  // as the kernel's own hung-task detector
constexpr size_t kMaxConcern = 110;

// What the kubelet's runtimes call and wait for. "init" is a container, "run" and "exec" last as
// long as what they start: a build, a shell.
constexpr std::array<absl::string_view, 7> kShortActions = {"create", "start", "delete", "kill",
                                                            "update", "pause", "resume"};

class List {
 public:
  void Add(absl::string_view text, absl::string_view what, std::string command) {
    concerns_.push_back(
        {Shorten(Printable(text), kMaxConcern), {std::string(what), std::move(command), false}});
  }
  std::vector<Concern> Take() { return std::move(concerns_); }

 private:
  std::vector<Concern> concerns_;
};

std::string Stack(int64_t pid) { return pid > 1 ? absl::StrCat("cat /proc/", pid, "/stack") : ""; }

void OfKubelet(const Facts& facts, List& list) {
  const std::string status =
      facts.runtime.kubelet_unit.empty()
          ? ""
          : absl::StrCat("systemctl status --no-pager ",
                         absl::StrJoin(facts.runtime.kubelet_unit.names, " "));
  const bool asked = facts.e.kubelet.has_value();
  const bool told = asked && facts.e.kubelet->last_seen_ago.has_value();
  if (KubeletIsMissing(facts) && !told) {
    list.Add("no kubelet process is in sight", "See whether the kubelet runs", status);
  } else if (asked && IsRefused(facts.e.kubelet->error)) {
    list.Add("nothing listens where the kubelet was to be asked for its metrics",
             "Check --kubelet.metrics-url, and see whether the kubelet runs", status);
  }
  constexpr absl::Duration kLate = absl::Minutes(1);
  if (!told || facts.e.kubelet->evented || *facts.e.kubelet->last_seen_ago <= kLate) return;
  const std::string busy = WhyKubeletIsBusy(facts);
  if (busy.empty()) return;
  list.Add(absl::StrCat("the kubelet relisted ", FormatAge(*facts.e.kubelet->last_seen_ago),
                        " ago: ", busy),
           "See which pods change so often", "kubectl get events -A --sort-by=.lastTimestamp");
}

void OfDisk(const HostEvidence& host, List& list) {
  for (const Headroom& headroom : host.headroom) {
    if (!(headroom.used_percent >= kDiskFull)) continue;
    const bool inodes = absl::StrContains(headroom.resource, "inodes");
    list.Add(absl::StrCat(headroom.resource, " ", FormatPercent(headroom.used_percent), " used"),
             "See what is full",
             headroom.resource == "pids" ? "ps -eo user= | sort | uniq -c | sort -rn | head"
             : inodes                    ? "df -i"
                                         : "df -h");
  }
}

void OfProcesses(const HostEvidence& host, List& list) {
  for (const ProcessEvidence& process : host.oci_processes) {
    const bool short_lived = std::find(kShortActions.begin(), kShortActions.end(),
                                       process.action) != kShortActions.end();
    if (!short_lived || process.age < kOldOciProcess) continue;
    list.Add(absl::StrCat(ProcessName(process), " has not ended for ", FormatAge(process.age)),
             "See where it waits in the kernel", Stack(process.pid));
    return;  // the oldest
  }
}

void OfTasks(const HostEvidence& host, List& list) {
  for (const BlockedGroup& group : host.blocked) {
    const absl::string_view reason = WaitReason(group.wait_function);
    const bool many = group.count >= kManyBlocked && group.oldest >= kBlockedForLong;
    if (!many && (reason.empty() || group.oldest < kHung)) continue;
    list.Add(absl::StrCat(group.count, group.count == 1 ? " task" : " tasks", " in D in ",
                          FunctionName(group.wait_function), " for ", FormatAge(group.oldest),
                          reason.empty() ? "" : absl::StrCat(": ", reason)),
             "See where one of them waits in the kernel", Stack(group.example_pid));
    return;  // the largest
  }
  if (host.blocked.empty()) return;
  for (const std::string& line : host.kernel_log) {
    if (!absl::StrContains(line, "blocked for more than")) continue;
    list.Add(absl::StrCat("the kernel says: ", line), "Read its stack in the kernel's log",
             "dmesg -T | grep -A 20 'blocked for more than'");
    return;  // the latest
  }
}

}  // namespace

std::vector<Concern> Concerns(const Facts& facts) {
  List list;
  if (const HostEvidence* const host = facts.fresh_host()) OfDisk(*host, list);
  OfKubelet(facts, list);
  if (const HostEvidence* const host = facts.fresh_host()) {
    OfProcesses(*host, list);
    OfTasks(*host, list);
  }
  return list.Take();
}

}  // namespace pleg
