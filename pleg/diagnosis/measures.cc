#include "pleg/diagnosis/measures.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>

namespace pleg {
namespace {

using Strain = Facts::Strain;

constexpr absl::Duration kDisagree = absl::Seconds(10);
constexpr absl::Duration kShimBlocked = absl::Seconds(10);
constexpr double kNearLimit = 0.8;
constexpr double kHalf = 0.5;
constexpr absl::Duration kForecast = absl::Hours(24);
// Rows of errors in 5 minutes: once may be a restart, twice a coincidence.
constexpr uint32_t kManyErrorRows = 3;
// Status is asked for every 5 s, and again after an error: two rows are four calls.
constexpr uint32_t kManyStatusRows = 2;
constexpr absl::Duration kErrorWindow = absl::Minutes(5);
// Objects; as many that are silent have something in common.
constexpr size_t kMany = 4;
constexpr absl::Duration kOldRelist = absl::Minutes(1);
constexpr absl::Duration kEventedOld = absl::Minutes(6);  // it relists every 5
constexpr absl::Duration kEventedThreshold = absl::Minutes(10);

constexpr absl::Duration kJustSlow = absl::Seconds(1);   // of one that runs
constexpr absl::Duration kSlowAgain = absl::Seconds(5);  // of another one than the slowest

absl::Duration RunsFor(const Facts& facts, const MethodEvidence& list) {
  for (const UnansweredEvidence& call : facts.e.unanswered) {
    if (call.method == list.method) return call.age;
  }
  return absl::ZeroDuration();
}

bool IsSilentList(const Facts& facts, const MethodEvidence& list) {
  return std::any_of(facts.silent.begin(), facts.silent.end(),
                     [&list](const auto* call) { return call->method == list.method; });
}

bool Unavailable(const Facts& facts) {
  const MethodEvidence* list = facts.Method("ListPodSandbox");
  if (list == nullptr || !list->failing.has_value()) return false;
  return list->failing->code == "UNAVAILABLE" && !list->failing->of_runtime() &&
         list->failing->since >= kGone && facts.AnsweredWithin(list->failing->since) == nullptr;
}

// The runtime's process is younger than one of the connections that count.
bool StartedWithinLoop(const Facts& facts) {
  if (facts.host == nullptr || !facts.host->runtime_process.has_value()) return false;
  const absl::Duration age = facts.host->runtime_process->age;
  const auto& ago = facts.e.runtime.reconnected_ago;
  return std::any_of(ago.begin(), ago.end(), [age](absl::Duration connected) {
    return connected <= kLoopWindow && age <= connected;
  });
}

// An exec asks systemd for no cgroup, and a run in the foreground (of a build) ends with its
// container.
bool MayWaitForSystemd(const ProcessEvidence& oci) {
  return oci.age >= kOldOciProcess && oci.state != 'Z' && oci.action != "exec" &&
         oci.action != "run";
}

}  // namespace

int Reconnects(const RuntimeEvidence& runtime) {
  return static_cast<int>(std::count_if(runtime.reconnected_ago.begin(),
                                        runtime.reconnected_ago.end(),
                                        [](absl::Duration ago) { return ago <= kLoopWindow; }));
}

bool Fails(const MethodEvidence& method) {
  if (!method.failing.has_value() || method.failing->since < kSilentAfter) return false;
  return method.failing->in_a_row != 1 || method.last_duration >= kSilentAfter;
}

bool FailsNowAndThen(const Facts& facts, const MethodEvidence& method) {
  const auto& back = facts.e.runtime.reconnected_ago;
  const bool restarted = !back.empty() && back.front() <= kErrorWindow;
  return method.error_rows >=
         (method.method == "Status" && !restarted ? kManyStatusRows : kManyErrorRows);
}

std::optional<Mute> MuteFor(const Facts& facts, absl::string_view method) {
  if (facts.lists_silent()) return std::nullopt;
  const auto& silent =
      method == "PodSandboxStatus" ? facts.silent_sandboxes : facts.silent_containers;
  const MethodEvidence* known = facts.Method(method);
  const absl::Duration answered = known == nullptr
                                      ? absl::InfiniteDuration()
                                      : known->answered_ago.value_or(absl::InfiniteDuration());
  // Of those that were out when it fell silent some were still answered.
  const auto since = std::find_if(silent.begin(), silent.end(),
                                  [answered](const auto* call) { return call->age < answered; });
  const auto objects = static_cast<size_t>(silent.end() - since);
  if (objects < kMany) return std::nullopt;
  return Mute{std::min(silent.front()->age, answered), objects};
}

bool IsGone(const Facts& facts) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  return (!runtime.connected && runtime.connection_for >= kGone) || Unavailable(facts);
}

bool LosesConnectionsItself(const Facts& facts) {
  const auto& lists = facts.e.list_sizes;
  const bool gives_up = std::any_of(lists.begin(), lists.end(), [](const ListSizeEvidence& list) {
    return list.excess.has_value() && !list.excess->by_runtime;
  });
  if (!gives_up || StartedWithinLoop(facts)) return false;
  return !IsGone(facts) || facts.e.runtime.mute_for.has_value();
}

bool Loops(const Facts& facts) {
  if (LosesConnectionsItself(facts)) return false;
  const RuntimeEvidence& runtime = facts.e.runtime;
  const int reconnects = Reconnects(runtime);
  if (IsGone(facts)) return reconnects >= kLoop - 1;
  if (reconnects < kLoop) return false;
  const auto last = static_cast<size_t>(reconnects - 1);
  const absl::Duration interval =
      (runtime.reconnected_ago[last] - runtime.reconnected_ago[0]) / static_cast<int64_t>(last);
  return runtime.reconnected_ago[0] < std::max(kJustNow, 2 * interval);
}

bool IsFelt(const Facts& facts, Strain strain) {
  return strain == Strain::kSevere ||
         (strain == Strain::kPossible && !facts.silent.empty() && !facts.selective);
}

bool DiskIsFelt(const Facts& facts) {
  return IsFelt(facts, facts.io) || (facts.io != Strain::kNone && facts.selective);
}

std::vector<const ProcessEvidence*> OldOci(const HostEvidence& host) {
  std::vector<const ProcessEvidence*> old;
  for (const ProcessEvidence& oci : host.oci_processes) {
    if (MayWaitForSystemd(oci)) old.push_back(&oci);
  }
  return old;
}

bool IsShortLived(const ProcessEvidence& oci) {
  static constexpr absl::string_view kShort[] = {"create", "start", "delete", "kill",
                                                 "update", "pause", "resume"};
  return std::find(std::begin(kShort), std::end(kShort), oci.action) != std::end(kShort);
}

ObjectRef ObjectOf(const Facts& facts, const ContainerId& id) {
  ObjectRef found;
  const auto look = [&](const ObjectRef& object) {
    if (found.id.empty() && !id.empty() && object.id == id) found = object;
  };
  for (const UnansweredEvidence& call : facts.e.unanswered) look(call.object);
  for (const FailingEvidence& row : facts.e.failing) look(row.object);
  for (const LastingEvidence& lasting : facts.e.lasting) {
    for (const LastingObject& row : lasting.worst) look(row.object);
  }
  if (facts.host != nullptr) {
    for (const ShimEvidence& shim : facts.host->shims) look(shim.object);
  }
  found.id = id;
  return found;
}

const ProcessEvidence* OldestCni(const Facts& facts) {
  if (facts.host == nullptr || facts.host->cni_processes.empty()) return nullptr;
  const auto& processes = facts.host->cni_processes;
  const auto oldest = std::max_element(
      processes.begin(), processes.end(),
      [](const ProcessEvidence& a, const ProcessEvidence& b) { return a.age < b.age; });
  return oldest->age >= kSlowCniProcess ? &*oldest : nullptr;
}

bool IsUnresponsive(const ProcessEvidence& shim) {
  return (shim.stopped() && shim.state_for >= kSilentAfter) ||
         (shim.state == 'D' && shim.state_for >= kShimBlocked);
}

bool Contradicts(const ShimEvidence& shim) {
  if (!shim.container_alive.has_value() || shim.disagree_for < kDisagree) return false;
  const std::string& state = shim.listed_state;
  return *shim.container_alive ? state == "exited" : state == "running" || state == "ready";
}

uint64_t ManyMounts(const Facts& facts) {
  return std::max(kManyMounts, kMountsPerPod * facts.e.counts.pods);
}

uint64_t TooManyMounts(const Facts& facts) {
  return std::max(kTooManyMounts, 2 * kMountsPerPod * facts.e.counts.pods);
}

double Share(const ListSizeEvidence& list) {
  if (list.limit_bytes == 0) return 0;
  return static_cast<double>(list.bytes) / static_cast<double>(list.limit_bytes);
}

absl::Duration UntilFull(const ListSizeEvidence& list) {
  if (!(list.slope_bytes_per_hour > 0) || list.bytes >= list.limit_bytes) {
    return absl::InfiniteDuration();
  }
  const auto left = static_cast<double>(list.limit_bytes - list.bytes);
  return absl::Hours(1) * (left / list.slope_bytes_per_hour);
}

bool IsLarge(const ListSizeEvidence& list) {
  return Share(list) >= kNearLimit || (Share(list) >= kHalf && UntilFull(list) <= kForecast);
}

const ListSizeEvidence* SizeOf(const Facts& facts, absl::string_view method) {
  for (const ListSizeEvidence& list : facts.e.list_sizes) {
    if (list.method == method) return &list;
  }
  return nullptr;
}

// One that was late alone, such as one that waited for a lock that is free now, is no slow list.
bool IsSlowList(const Facts& facts, const MethodEvidence& method) {
  const bool answered = method.answered_ago.has_value() && !method.failing.has_value();
  if (!method.is_list() || !answered || IsSilentList(facts, method)) return false;
  const std::vector<absl::Duration>& relists = facts.e.relist.recent;
  const absl::Duration before = relists.size() > 1 ? relists[1] : absl::ZeroDuration();
  const absl::Duration last = method.last_duration;
  const bool again = std::min(last, before) >= kSlowAgain && std::max(last, before) >= kSlowList;
  const bool still = last >= kSlowList && RunsFor(facts, method) >= kJustSlow;
  const bool lately = last >= kSlowAgain && method.median_recent >= kSlowList;
  return again || still || (lately && relists.size() != 1);
}

namespace {

std::optional<absl::Duration> SlowSince(const RelistEvidence& relist) {
  if (!relist.last_good_ago.has_value()) return std::nullopt;
  absl::Duration since = *relist.last_good_ago;
  for (size_t i = 1; i < relist.recent.size() && relist.recent[i] >= kSlowAgain; ++i) {
    since += relist.recent[i] + relist.period;
  }
  return since;
}

}  // namespace

SlowList FindSlowList(const Facts& facts) {
  SlowList slowest;
  absl::Duration lists;
  for (const MethodEvidence& method : facts.e.methods) {
    if (!method.is_list()) continue;
    lists += method.last_duration;
    if (!IsSlowList(facts, method) || method.last_duration <= slowest.takes) continue;
    slowest.method = &method;
    slowest.takes = method.last_duration;
  }
  if (slowest.method == nullptr) return slowest;
  slowest.events_late = 2 * lists;
  slowest.since = SlowSince(facts.e.relist);
  return slowest;
}

PodNeeds NeedOf(const KubeletOperation& operation) {
  static constexpr absl::string_view kStarts[] = {"run_podsandbox", "create_container",
                                                  "start_container"};
  static constexpr absl::string_view kEnds[] = {"stop_podsandbox", "stop_container",
                                                "remove_podsandbox", "remove_container"};
  const auto is = [&operation](absl::string_view name) { return operation.name == name; };
  if (std::any_of(std::begin(kStarts), std::end(kStarts), is)) return PodNeeds::kToStart;
  if (std::any_of(std::begin(kEnds), std::end(kEnds), is)) return PodNeeds::kToEnd;
  return PodNeeds::kNothing;
}

bool FailsOften(const KubeletOperation& operation) {
  constexpr uint64_t kManyFailures = 3;  // between two looks
  return operation.errors >= kManyFailures && 2 * operation.errors >= operation.count;
}

const LastingEvidence* FindLasting(const Facts& facts, Lasting lasting) {
  for (const LastingEvidence& evidence : facts.e.lasting) {
    if (evidence.lasting == lasting) return &evidence;
  }
  return nullptr;
}

NotReadySandboxes FindNotReady(const Facts& facts) {
  const CountEvidence& counts = facts.e.counts;
  const LastingEvidence* evidence = FindLasting(facts, Lasting::kNotReady);
  NotReadySandboxes found;
  if (evidence != nullptr && !evidence->worst.empty()) found.most = &evidence->worst.front();
  found.of_one = found.most != nullptr && found.most->count >= kManyNotReadyOfOne;
  found.many = counts.sandboxes_notready >= kManyNotReady || found.of_one;
  const uint32_t dead = counts.exited + counts.unknown + counts.created;
  found.empty = counts.sandboxes_notready - std::min(counts.sandboxes_notready, dead);
  return found;
}

KubeletAge JudgeKubeletAge(const Facts& facts) {
  KubeletAge age;
  if (!facts.e.kubelet.has_value()) return age;
  const KubeletEvidence& kubelet = *facts.e.kubelet;
  const absl::Duration threshold = kubelet.evented ? kEventedThreshold : facts.e.relist.threshold;
  const HostEvidence* const host = facts.fresh_host();
  // The gauge is 0 until the lists of the first relist have been answered.
  const bool starting = host != nullptr && host->kubelet_process.has_value() &&
                        host->kubelet_process->age < kOldRelist;
  age.never = kubelet.never_relisted && !starting;
  age.late = !kubelet.never_relisted &&
             kubelet.last_seen_ago > (kubelet.evented ? kEventedOld : kOldRelist);
  age.over = age.never || (age.late && *kubelet.last_seen_ago > threshold);
  return age;
}

}  // namespace pleg
