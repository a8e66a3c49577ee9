// What is wrong with a container or sandbox that the host shows and CRI may not.

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/owner.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

constexpr absl::Duration kDisagree = absl::Seconds(10);
constexpr absl::Duration kShimBlocked = absl::Seconds(10);

bool IsSilent(const Facts& facts, const ContainerId& id) {
  return std::any_of(
      facts.silent.begin(), facts.silent.end(),
      [&id](const UnansweredEvidence* call) { return !id.empty() && call->object.id == id; });
}

// The node suffers through this object, not only its own pod.
Tier TierOf(const Facts& facts, const ContainerId& id) {
  return IsSilent(facts, id) && facts.outlook.breaks() ? Tier::kBlocksPleg : Tier::kHurtsPods;
}

std::string Meaning(const Facts& facts, const ContainerId& id, absl::string_view otherwise) {
  return IsSilent(facts, id) && !facts.outlook.text.empty() ? facts.outlook.text
                                                            : std::string(otherwise);
}

const ShimEvidence* WorstShim(const HostEvidence& host) {
  const ShimEvidence* worst = nullptr;
  for (const ShimEvidence& shim : host.shims) {
    if (!shim.shim.has_value()) continue;
    const bool stopped = shim.shim->stopped() && shim.shim->state_for >= kSilentAfter;
    const bool blocked = shim.shim->state == 'D' && shim.shim->state_for >= kShimBlocked;
    if (!stopped && !blocked) continue;
    // One shim serves a sandbox and its containers: the container says more.
    const bool more = worst != nullptr && shim.shim->state_for == worst->shim->state_for &&
                      worst->object.container.empty() && !shim.object.container.empty();
    if (worst == nullptr || more || shim.shim->state_for > worst->shim->state_for) worst = &shim;
  }
  return worst;
}

void BlameAllOf(const HostEvidence& host, const ShimEvidence& worst, Draft& draft) {
  draft.Blame(worst.object);
  for (const ShimEvidence& other : host.shims) {
    if (&other == &worst || !other.shim.has_value()) continue;
    if (other.shim->pid == worst.shim->pid) draft.Blame(other.object);
  }
}

bool Contradicts(const ShimEvidence& shim) {
  if (!shim.container_alive.has_value() || shim.disagree_for < kDisagree) return false;
  const std::string& state = shim.listed_state;
  return *shim.container_alive ? state == "exited" : state == "running" || state == "ready";
}

const ProcessEvidence* OldestCni(const Facts& facts) {
  if (facts.host == nullptr || facts.host->cni_processes.empty()) return nullptr;
  const auto& processes = facts.host->cni_processes;
  const auto oldest = std::max_element(
      processes.begin(), processes.end(),
      [](const ProcessEvidence& a, const ProcessEvidence& b) { return a.age < b.age; });
  return oldest->age >= kSlowCniProcess ? &*oldest : nullptr;
}

// The sandbox that a network plugin works for.
ObjectRef SandboxOf(const Facts& facts, const ProcessEvidence& plugin) {
  for (const UnansweredEvidence& call : facts.e.unanswered) {
    if (!plugin.container_id.empty() && call.object.id == plugin.container_id) return call.object;
  }
  ObjectRef object;
  object.id = plugin.container_id;
  object.pod_namespace = plugin.pod_namespace;
  object.pod_name = plugin.pod_name;
  return object;
}

// What the pod cannot do until its plugin returns.
absl::string_view Hinders(const ProcessEvidence& plugin) {
  if (plugin.action == "ADD") return "the pod does not start";
  if (plugin.action == "DEL") return "the pod does not end";
  return "its pod neither starts nor stops";
}

std::optional<Ranked> NetworkNotReady(const Facts& facts) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  if (!runtime.connected || runtime.network_ready != false) return std::nullopt;
  Draft draft(VerdictCode::kCniStuck, Tier::kBlocksPleg, Confidence::kMedium);
  draft
      .Say(absl::StrCat(facts.runtime.title, " has no pod network: ",
                        Shorten(Printable(runtime.network_ready_text), 90)),
           "the node is NotReady, new pods do not start",
           "See whether the network plugin's pod runs and wrote /etc/cni/net.d")
      .For(absl::StrCat("NetworkReady=false: ", runtime.network_ready_text))
      .Against("no CNI plugin process hangs: it may not be installed yet")
      .Do("See its configuration", "ls -l /etc/cni/net.d /opt/cni/bin")
      .Do("See whether its pod runs",
          Crictl(facts, "--timeout 10s ps | grep -iE 'cni|calico|cilium|flannel|node'"));
  return draft.Done();
}

}  // namespace

std::optional<Ranked> FrozenCgroupFound(const Facts& facts) {
  if (facts.host == nullptr) return std::nullopt;
  const FrozenCgroup* longest = nullptr;
  size_t count = 0;
  for (const FrozenCgroup& cgroup : facts.host->frozen) {
    if (cgroup.frozen_for < kOldFreeze) continue;
    ++count;
    const bool worse =
        longest == nullptr ||
        (IsSilent(facts, cgroup.object.id) && !IsSilent(facts, longest->object.id)) ||
        (IsSilent(facts, cgroup.object.id) == IsSilent(facts, longest->object.id) &&
         cgroup.frozen_for > longest->frozen_for);
    if (worse) longest = &cgroup;
  }
  if (longest == nullptr) return std::nullopt;
  const Owner owner = Frozen(*longest);
  const std::string name =
      longest->object.id.empty()
          ? absl::StrCat("cgroup ", Shorten(Printable(longest->path), 90, true))
          : ObjectName(longest->object);
  Draft draft(VerdictCode::kFrozenCgroup, TierOf(facts, longest->object.id), Confidence::kHigh);
  draft.OfHost()
      .Since(longest->frozen_for)
      .Say(absl::StrCat(name, " is frozen for ", FormatAge(longest->frozen_for),
                        count > 1 ? absl::StrCat(", and ", count - 1, " more") : ""),
           Meaning(facts, longest->object.id, "it can be neither stopped nor entered"),
           "Thaw it as shown below, unless somebody paused it")
      .For(owner.detail)
      .Against("somebody may have paused it on purpose (ctr task pause, a checkpoint)")
      .Blame(longest->object);
  for (const Action& action : owner.actions) draft.Do(action);
  return draft.Done();
}

std::optional<Ranked> CniStuck(const Facts& facts) {
  const ProcessEvidence* cni = OldestCni(facts);
  if (cni == nullptr) return NetworkNotReady(facts);
  const ObjectRef object = SandboxOf(facts, *cni);
  const Owner owner = StuckProcess(facts, *cni);
  const bool network_down = facts.e.runtime.network_ready == false;
  Draft draft(VerdictCode::kCniStuck,
              network_down ? Tier::kBlocksPleg : TierOf(facts, cni->container_id),
              cni->age >= kOldCniProcess ? Confidence::kHigh : Confidence::kMedium);
  draft.OfHost()
      .Since(cni->age)
      .Say(absl::StrCat("The network plugin ", ProcessName(*cni),
                        object.id.empty() ? "" : absl::StrCat(" for ", ObjectName(object)),
                        " has not returned for ", FormatAge(cni->age)),
           Meaning(facts, object.id, Hinders(*cni)),
           absl::StrCat("See what it waits for: its daemon or IPAM. ", owner.advice))
      .For(owner.detail)
      .For(facts.host->cni_processes.size() > 1
               ? absl::StrCat(facts.host->cni_processes.size(), " CNI plugins run")
               : "");
  if (cni->age < kOldCniProcess)
    draft.Against("plugins take seconds at times: it may still return");
  if (network_down) {
    draft.For(absl::StrCat("NetworkReady=false: ", facts.e.runtime.network_ready_text));
  }
  if (!object.id.empty()) draft.Blame(object);
  draft.Do("See whether the network plugin's own pod is well",
           Crictl(facts, "--timeout 10s ps -a | grep -iE 'cni|calico|cilium|flannel|aws-node'"));
  for (const Action& action : owner.actions) draft.Do(action);
  return draft.Done();
}

std::optional<Ranked> ShimUnresponsive(const Facts& facts) {
  if (facts.host == nullptr) return std::nullopt;
  const ShimEvidence* worst = WorstShim(*facts.host);
  if (worst == nullptr) return std::nullopt;
  const ProcessEvidence& process = *worst->shim;
  const bool stopped = process.state != 'D';
  const Owner owner = stopped ? StoppedShim(process) : StuckProcess(facts, process);
  Draft draft(VerdictCode::kShimUnresponsive, TierOf(facts, worst->object.id),
              stopped ? Confidence::kHigh : Confidence::kMedium);
  draft.OfHost()
      .Since(process.state_for)
      .Say(absl::StrCat("The shim of ", ObjectName(worst->object), ", pid ", process.pid,
                        stopped ? ", is stopped for " : ", is blocked in the kernel for ",
                        FormatAge(process.state_for)),
           Meaning(facts, worst->object.id,
                   "its exit is not seen; a stop or update of it blocks lists"),
           owner.advice)
      .For(stopped ? owner.detail : absl::StrCat("shim ", owner.detail));
  BlameAllOf(*facts.host, *worst, draft);
  if (!IsSilent(facts, worst->object.id)) {
    draft.Against("its status is answered: the runtime has not asked the shim yet");
  }
  for (const Action& action : owner.actions) draft.Do(action);
  draft.DoDisruptive("If it does not go on: end the shim, which ends its pod's containers",
                     Signal("KILL", process.pid));
  return draft.Done();
}

std::optional<Ranked> StateStale(const Facts& facts) {
  if (facts.host == nullptr) return std::nullopt;
  const ShimEvidence* worst = nullptr;
  for (const ShimEvidence& shim : facts.host->shims) {
    if (!Contradicts(shim)) continue;
    if (worst == nullptr || shim.disagree_for > worst->disagree_for) worst = &shim;
  }
  if (worst == nullptr) return std::nullopt;
  const bool alive = *worst->container_alive;
  Draft draft(VerdictCode::kStateStale, Tier::kHurtsPods, Confidence::kHigh);
  draft.OfHost().Since(worst->disagree_for).Blame(worst->object);
  const bool stopped = worst->shim.has_value() && worst->shim->stopped();
  const std::string proceed = stopped ? Signal("CONT", worst->shim->pid) : "";
  const std::string pid = worst->container_pid > 0 ? absl::StrCat(" ", worst->container_pid) : "";
  draft.Say(alive ? absl::StrCat(facts.runtime.title, " says that ", ObjectName(worst->object),
                                 " exited, but its process", pid, " runs")
                  : absl::StrCat(facts.runtime.title, " says that ", ObjectName(worst->object),
                                 " runs, but it has no live process for ",
                                 FormatAge(worst->disagree_for)),
            alive ? "Kubernetes may start it a second time" : "Kubernetes does not restart it",
            stopped ? absl::StrCat("Let its shim go on: ", proceed) : "Delete its pod");
  draft.For(absl::StrCat("listed as ", worst->listed_state, ", process", pid,
                         alive ? " lives" : " is gone", ", for ", FormatAge(worst->disagree_for)));
  if (worst->shim.has_value()) {
    draft.For(absl::StrCat("shim ", ProcessName(*worst->shim), ProcessState(*worst->shim)));
  }
  if (worst->shim_missing) draft.For("it has no shim any more");
  if (stopped) draft.Do("Let its shim continue: it then reports what happened", proceed);
  KeepGoroutines(facts, draft);
  const std::string pod = ShellWord(worst->object.pod_name);
  const std::string pod_namespace = ShellWord(worst->object.pod_namespace);
  draft.DoDisruptive("Delete its pod, so that it is made anew",
                     pod.empty() || pod_namespace.empty()
                         ? ""
                         : absl::StrCat("kubectl -n ", pod_namespace, " delete pod ", pod));
  return draft.Done();
}

}  // namespace pleg
