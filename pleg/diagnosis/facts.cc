#include "pleg/diagnosis/facts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

using Strain = Facts::Strain;

// Of a list, which is the same work each time: it may be answered as late as the last one.
absl::Duration SlowestAnswer(const Facts& facts, const MethodEvidence& list) {
  const absl::Duration usual = list.median_hour.value_or(absl::ZeroDuration());
  const absl::Duration last = list.failing.has_value() ? absl::ZeroDuration() : list.last_duration;
  return std::max(std::min(kSilentFactor * usual, kSilentListAtLast),
                  std::min(2 * last, facts.e.relist.threshold));
}

// A slow node's usual latency does not make silence; neither does a short wait.
bool IsSilent(const Facts& facts, const UnansweredEvidence& call) {
  if (call.age < kSilentAfter) return false;
  for (const FailingEvidence& row : facts.e.failing) {
    // It has been answered time after time, and will be as late as before.
    const bool same = row.method == call.method && row.object.id == call.object.id;
    if (same && call.age < 2 * std::max(row.duration, kSilentAfter)) return false;
  }
  const MethodEvidence* method = facts.Method(call.method);
  if (method == nullptr) return true;
  const absl::Duration usual = method->median_hour.value_or(absl::ZeroDuration());
  return call.age >= (method->is_list() ? SlowestAnswer(facts, *method) : kSilentFactor * usual);
}

void Sort(Facts& facts, const UnansweredEvidence& call) {
  const auto older = [&call](const UnansweredEvidence*& best) {
    if (best == nullptr || call.age > best->age) best = &call;
  };
  if (call.method == "ListPodSandbox") {
    older(facts.silent_sandbox_list);
  } else if (call.method == "ListContainers") {
    older(facts.silent_container_list);
  } else if (call.method == "ContainerStatus") {
    facts.silent_containers.push_back(&call);
  } else if (call.method == "PodSandboxStatus") {
    facts.silent_sandboxes.push_back(&call);
  } else if (call.method == "Version" || call.method == "Status") {
    older(facts.silent_probe);
  } else {
    return;  // a stream of events is silent while there are none
  }
  facts.silent.push_back(&call);
  facts.oldest_silence = std::max(facts.oldest_silence, call.age);
}

void CollectSilence(Facts& facts) {
  for (const UnansweredEvidence& call : facts.e.unanswered) {
    if (IsSilent(facts, call)) Sort(facts, call);
  }
  const auto older = [](const UnansweredEvidence* a, const UnansweredEvidence* b) {
    return a->age > b->age;
  };
  std::stable_sort(facts.silent_containers.begin(), facts.silent_containers.end(), older);
  std::stable_sort(facts.silent_sandboxes.begin(), facts.silent_sandboxes.end(), older);
  std::stable_sort(facts.silent.begin(), facts.silent.end(), older);
}

bool HasNoUid(const Facts& facts, const ObjectRef& object) {
  for (const LastingEvidence& lasting : facts.e.lasting) {
    if (lasting.lasting != Lasting::kNoUid) continue;
    return std::any_of(lasting.worst.begin(), lasting.worst.end(),
                       [&object](const auto& other) { return other.object.id == object.id; });
  }
  return false;
}

// No container has a sandbox's id: to be told so is no contradiction.
bool IsNoSuchKind(const FailingEvidence& row) {
  return row.code == "NOT_FOUND" && row.object.container.empty() && row.method == "ContainerStatus";
}

void CollectFailing(Facts& facts) {
  // A first one may be of an object that waits for something else this once.
  constexpr uint32_t kLateTwice = 2;
  for (const FailingEvidence& row : facts.e.failing) {
    const auto is_it = [&row](const UnansweredEvidence* call) {
      return call->method == row.method && call->object.id == row.object.id;
    };
    if (std::any_of(facts.silent.begin(), facts.silent.end(), is_it)) continue;
    if (row.only_late()) {
      if (row.in_a_row >= kLateTwice) facts.late.push_back(&row);
    } else if (row.since >= kFailsAfter && !HasNoUid(facts, row.object) && !IsNoSuchKind(row)) {
      // Without a UID every reader refuses it: that is a sign of its own.
      facts.failing.push_back(&row);
    }
  }
}

double Slowdown(const Evidence& evidence) {
  constexpr absl::Duration kLately = absl::Seconds(10);
  constexpr absl::Duration kLeastUsual = absl::Milliseconds(1);
  constexpr absl::Duration kMostUsual = absl::Milliseconds(200);  // whatever the last hour was like
  double least = 0;
  for (const MethodEvidence& method : evidence.methods) {
    if (!method.median_recent.has_value() || !method.median_hour.has_value()) continue;
    if (!method.answered_ago.has_value() || *method.answered_ago > kLately) continue;
    const absl::Duration now = std::max(*method.median_recent, method.last_duration);
    if (now < absl::Milliseconds(100)) return 1;
    const absl::Duration usual = std::clamp(*method.median_hour, kLeastUsual, kMostUsual);
    const double ratio = absl::FDivDuration(now, usual);
    least = least == 0 ? ratio : std::min(least, ratio);
  }
  return least == 0 ? 1 : std::max(least, 1.0);
}

absl::Duration CostOf(const Facts& facts, absl::string_view method) {
  const MethodEvidence* const found = facts.Method(method);
  if (found == nullptr) return absl::ZeroDuration();
  return std::max(found->median_recent.value_or(absl::ZeroDuration()),
                  found->median_hour.value_or(absl::ZeroDuration()));
}

absl::Duration PodCost(const Facts& facts) {
  const CountEvidence& counts = facts.e.counts;
  if (counts.pods == 0) return absl::ZeroDuration();
  const double containers = 1.0 * counts.created + counts.running + counts.exited + counts.unknown;
  const double sandboxes = 1.0 * counts.sandboxes_ready + counts.sandboxes_notready;
  return (containers * CostOf(facts, "ContainerStatus") +
          sandboxes * CostOf(facts, "PodSandboxStatus")) /
         counts.pods;
}

Strain Judge(bool host_says, bool suffering) {
  if (!host_says) return Strain::kNone;
  return suffering ? Strain::kSevere : Strain::kPossible;
}

bool Selective(const Facts& facts) {
  constexpr size_t kFewObjects = 3;
  constexpr absl::Duration kRecently = absl::Seconds(10);
  constexpr absl::Duration kAtOnce = absl::Seconds(1);
  if (facts.silent.empty()) return false;
  if (facts.silent_containers.size() + facts.silent_sandboxes.size() > kFewObjects) return false;
  const MethodEvidence* answer = facts.AnsweredWithin(std::min(facts.oldest_silence, kRecently));
  return answer != nullptr && answer->last_duration < kAtOnce;
}

const CgroupPressure* RuntimeCgroup(const HostEvidence& host) {
  for (const CgroupPressure& cgroup : host.cgroup_pressure) {
    if (cgroup.of == "runtime") return &cgroup;
  }
  return nullptr;
}

// The runtime's own cgroup tells whether the node's pressure reaches it, and of limits of its own.
bool IsPressed(const std::optional<Pressure>& node, const std::optional<Pressure>& own,
               double Pressure::*share, double limit) {
  const bool pressed = node.has_value() && (*node).*share >= limit;
  if (!own.has_value()) return pressed;
  return (*own).*share >= limit || (pressed && (*own).*share >= limit / 2);
}

bool DiskSaturated(const HostEvidence& host) {
  return std::any_of(host.disks.begin(), host.disks.end(), [](const DiskEvidence& disk) {
    return disk.utilization_percent >= kDiskBusy && disk.await >= kDiskAwait;
  });
}

void JudgeStrain(Facts& facts) {
  facts.own_lag = facts.e.self.worst_delay() >= kOwnLag;
  facts.slowdown = Slowdown(facts.e);
  if (facts.host == nullptr) return;
  const HostEvidence& host = *facts.host;
  facts.runtime_cgroup = RuntimeCgroup(host);
  const bool slow = facts.slowdown >= kSlowdown;
  const bool broad = facts.silent.size() > 2 || (facts.lists_silent() && facts.silent_probe) ||
                     (facts.own_lag && !facts.relists_well());
  const bool suffering = slow || (broad && !facts.selective);
  static const CgroupPressure kNone;
  const CgroupPressure& own = facts.runtime_cgroup == nullptr ? kNone : *facts.runtime_cgroup;
  facts.cpu = Judge(IsPressed(host.cpu, own.cpu, &Pressure::some_avg10, kCpuSome), suffering);
  facts.memory =
      Judge(IsPressed(host.memory, own.memory, &Pressure::full_avg10, kMemoryFull), suffering);
  // A list may wait for a lock that is held during a write, while what needs no lock is answered.
  const bool list_waits = broad && facts.lists_silent();
  facts.io =
      Judge(IsPressed(host.io, own.io, &Pressure::full_avg10, kIoFull) || DiskSaturated(host),
            suffering || list_waits);
}

std::string Late(absl::Duration lag) {
  return absl::StrCat("events of all pods are up to ", FormatAge(lag), " late");
}

std::string OutlookText(const Outlook& outlook) {
  if (outlook.not_ready)
    return outlook.flapping ? "the node flaps, now NotReady" : "node is NotReady";
  if (outlook.flapping && outlook.any_silent) {
    return absl::StrCat("a kubelet up to 1.31 makes the node flap, a later one stays Ready but ",
                        Late(outlook.lag));
  }
  if (outlook.flapping) {
    return absl::StrCat("the node starts to flap in ", FormatAge(outlook.to_not_ready));
  }
  if (outlook.to_not_ready != absl::InfiniteDuration()) {
    return absl::StrCat("node NotReady in ", FormatAge(outlook.to_not_ready));
  }
  if (outlook.any_silent) return absl::StrCat("node stays Ready, but ", Late(outlook.lag));
  return "node stays Ready";
}

// Without a model of the kubelet: the age of the last good relist is the kubelet's, too.
void GuessOutlook(const Evidence& evidence, Outlook& outlook) {
  const RelistEvidence& relist = evidence.relist;
  if (!relist.last_good_ago.has_value() || *relist.last_good_ago < kSilentAfter) return;
  outlook.known = true;
  outlook.to_not_ready = std::max(relist.threshold - *relist.last_good_ago, absl::ZeroDuration());
  outlook.not_ready = outlook.to_not_ready == absl::ZeroDuration();
}

Outlook MakeOutlook(const Evidence& evidence) {
  Outlook outlook;
  outlook.known = !evidence.twins.empty();
  outlook.all_silent = outlook.known;
  bool older = false;
  for (const GenerationReport& twin : evidence.twins) {
    const TwinReport& report = twin.report;
    outlook.not_ready |= !report.healthy;
    outlook.to_not_ready = std::min(outlook.to_not_ready, report.to_not_ready);
    outlook.flapping |= report.flapping.has_value();
    outlook.any_silent |= report.silent;
    outlook.all_silent &= report.silent;
    if (report.silent && report.lag.worst != absl::InfiniteDuration()) {
      outlook.lag = std::max(outlook.lag, report.lag.worst);
    }
    outlook.restart_cost = std::max(outlook.restart_cost, report.restart_cost);
    older |= report.older_than_observed;
  }
  if (!outlook.known) GuessOutlook(evidence, outlook);
  if (outlook.known) outlook.text = OutlookText(outlook);
  if (older && outlook.breaks() && !outlook.not_ready) {
    absl::StrAppend(&outlook.text, " if it is not already");
  }
  return outlook;
}

// What a kubelet of the model would wait for the real one has passed.
bool KubeletGoesOn(const Facts& facts) {
  if (facts.lists_silent()) return false;
  size_t pending = 0;
  for (const UnansweredEvidence* call : facts.silent) {
    if (!call->pod_pending) continue;
    ++pending;
    if (!facts.KubeletPasses(*call)) return false;
  }
  return pending > 0;
}

Outlook OutlookOfWhoGoesOn(const Facts& facts) {
  Outlook outlook;
  outlook.known = true;
  outlook.restart_cost = facts.outlook.restart_cost;
  outlook.text = absl::StrCat("the kubelet relists all the same, in ",
                              FormatLatency(*facts.e.kubelet->relist_mean));
  return outlook;
}

}  // namespace

Facts::Facts(const Evidence& evidence)
    : e(evidence),
      last_host(evidence.host.has_value() ? &*evidence.host : nullptr),
      host(last_host != nullptr && last_host->sampled_ago <= kForgottenSample ? last_host
                                                                              : nullptr),
      runtime(IdentifyRuntime(evidence)),
      outlook(MakeOutlook(evidence)) {
  CollectSilence(*this);
  CollectFailing(*this);
  if (KubeletGoesOn(*this)) outlook = OutlookOfWhoGoesOn(*this);
  selective = Selective(*this);
  crowd = e.predicted_status_phase >= kCrowded && e.counts.pods_pending >= kCrowd;
  pod_cost = PodCost(*this);
  JudgeStrain(*this);
}

bool Facts::relists_in_time() const {
  const RelistEvidence& relist = e.relist;
  if (!relist.last_good_ago.has_value()) return false;
  // A relist that took long is as good as any once it has ended.
  const bool list_fails = std::any_of(e.methods.begin(), e.methods.end(), [](const auto& method) {
    return method.failing.has_value() && method.is_list();
  });
  const bool last_was_good = !list_fails && !relist.recent.empty();
  const absl::Duration last = last_was_good ? relist.recent.front() : absl::ZeroDuration();
  // The one that runs may take as long, and a half.
  const absl::Duration expected = std::min(last * 3 / 2, relist.threshold);
  return *relist.last_good_ago - last <=
         std::max({absl::Seconds(10), 5 * relist.period, expected + relist.period});
}

bool Facts::troubled() const {
  const bool fails = std::any_of(e.methods.begin(), e.methods.end(), [](const auto& method) {
    return method.failing.has_value() && method.failing->since >= kSilentAfter;
  });
  const bool relists_late = e.relist.last_good_ago.has_value() && !relists_in_time();
  return fails || !silent.empty() || !failing.empty() || !late.empty() || relists_late ||
         (!e.runtime.connected && e.runtime.connection_for >= kSilentAfter) ||
         e.runtime.runtime_ready == false || e.runtime.network_ready == false;
}

bool Facts::KubeletPasses(const UnansweredEvidence& call) const {
  constexpr absl::Duration kSlack = absl::Seconds(2);  // both notice a change within a period
  if (!e.kubelet.has_value() || e.kubelet->never_relisted || e.kubelet->evented) return false;
  const KubeletEvidence& kubelet = *e.kubelet;
  return kubelet.relist_mean.has_value() && *kubelet.relist_mean < kSilentAfter &&
         kubelet.last_seen_ago.has_value() && *kubelet.last_seen_ago + kSlack < call.age;
}

const MethodEvidence* Facts::Method(absl::string_view name) const {
  for (const MethodEvidence& method : e.methods) {
    if (method.method == name) return &method;
  }
  return nullptr;
}

const MethodEvidence* Facts::AnsweredWithin(absl::Duration age) const {
  const MethodEvidence* latest = nullptr;
  for (const MethodEvidence& method : e.methods) {
    if (!method.answered_ago.has_value() || *method.answered_ago >= age) continue;
    if (latest == nullptr || *method.answered_ago < *latest->answered_ago) latest = &method;
  }
  return latest;
}

}  // namespace pleg
