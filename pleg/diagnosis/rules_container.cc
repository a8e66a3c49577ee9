// What is wrong with a container or sandbox that the host shows and CRI may not.

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/measures.h"
#include "pleg/diagnosis/owner.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/since.h"
#include "pleg/diagnosis/text.h"
#include "pleg/diagnosis/waits.h"

namespace pleg {
namespace {

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
    if (!IsUnresponsive(*shim.shim)) continue;
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
    if (other.shim->pid == worst.shim->pid || IsUnresponsive(*other.shim))
      draft.Blame(other.object);
  }
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

// What does not go on until the plugin returns.
absl::string_view Hinders(const ProcessEvidence& plugin) {
  if (plugin.action == "ADD") return "the pod does not start";
  if (plugin.action == "DEL") return "the pod does not end";
  // Of no pod: whether the network as a whole is well, and what it may clean up.
  if (plugin.action == "STATUS" || plugin.action == "GC") return "the node turns NotReady";
  return "its pod neither starts nor stops";
}

bool IsSurelyStuck(const ProcessEvidence& cni) { return cni.age >= kOldCniProcess && !cni.guessed; }

// An ADD that is killed leaks its address: not by advice, while it may return, or be no plugin.
Owner CniOwner(const Facts& facts, const ProcessEvidence& cni, bool sure) {
  Owner owner = StuckProcess(facts, cni);
  if (sure || cni.stopped()) return owner;
  const absl::string_view reason = WaitOf(cni.wait_function, cni.stack).reason;
  owner.advice = reason.empty() ? "" : absl::StrCat("It waits for ", reason);
  owner.actions.erase(std::remove_if(owner.actions.begin(), owner.actions.end(),
                                     [](const Action& action) { return action.disruptive; }),
                      owner.actions.end());
  return owner;
}

void DoubtPlugin(const ProcessEvidence& cni, Draft& draft) {
  if (cni.guessed) {
    draft.Against("its environment cannot be read: it may be another helper of the runtime's");
  }
  if (cni.age < kOldCniProcess) draft.Against("plugins take seconds at times: it may still return");
}

// The kubelet's own Status waits for it, too: it takes a runtime for dead 30 s later.
std::string NotReadyByStatus(const Facts& facts) {
  constexpr absl::Duration kRuntimeStateTooOld = absl::Seconds(30);
  return facts.silent_probe->age >= kRuntimeStateTooOld ? "node is NotReady"
                                                        : "the node turns NotReady";
}

// The condition's own words: "NetworkReady=false reason:… message:…", as the kubelet writes it.
absl::string_view MessageOf(absl::string_view condition) {
  constexpr absl::string_view kMessage = " message:";
  const size_t at = condition.find(kMessage);
  if (at == absl::string_view::npos || at + kMessage.size() == condition.size()) return condition;
  return condition.substr(at + kMessage.size());
}

std::optional<Ranked> NetworkNotReady(const Facts& facts) {
  const RuntimeEvidence& runtime = facts.e.runtime;
  if (!runtime.connected || runtime.network_ready != false) return std::nullopt;
  Draft draft(VerdictCode::kCniStuck, Tier::kBlocksPleg, Confidence::kMedium);
  const bool restart = MayRestartRuntime(facts);
  draft
      .Say(absl::StrCat(facts.runtime.title, " has no pod network: ",
                        Innermost(MessageOf(runtime.network_ready_text), 110)),
           "the node is NotReady, new pods do not start",
           absl::StrCat("See whether the network plugin has written its configuration, usually to "
                        "/etc/cni/net.d",
                        restart ? "; if it has, restart the runtime" : ""))
      .For(absl::StrCat("Status says ", runtime.network_ready_text))
      .For("plegd does not look at the configuration itself");
  if (facts.host != nullptr) {
    draft.Against("no CNI plugin process hangs: it may not be installed yet");
  }
  draft
      .Do("See whether its configuration and its programs are there",
          "ls -l /etc/cni/net.d /opt/cni/bin")
      .Do("See where the runtime looks for them, and what it says of the last time that it did",
          absl::StrCat(Crictl(facts, "info"), " | grep -iE 'ConfDir|lastCNILoadStatus'"))
      .Do("If there is no configuration: see whether the network plugin's pod runs, which writes "
          "it",
          Crictl(facts, "--timeout 10s ps -a | grep -iE 'cni|calico|cilium|flannel|node'"));
  RestartRuntime(
      facts, draft,
      "If the configuration is there and this does not pass in a minute (a directory that "
      "was made anew is no longer watched)");
  return draft.Done();
}

}  // namespace

namespace {

// Version 1 freezes tasks in the kernel's refrigerator, where no signal reaches them.
absl::string_view WhatFrozenMeans(const FrozenCgroup& cgroup) {
  return cgroup.v1 ? "it can be neither stopped nor entered"
                   : "nothing in it runs; exec and SIGTERM hang, SIGKILL works";
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
  const ProcessEvidence* freezer = FreezerOf(*facts.host, *longest);
  const Owner owner = freezer == nullptr ? Frozen(*longest) : FrozenBy(facts, *freezer, *longest);
  const std::string name =
      longest->object.id.empty()
          ? absl::StrCat("cgroup ", Shorten(Printable(longest->path), 90, true))
          : ObjectName(longest->object);
  const Since since = SinceLooked(facts, longest->frozen_for);
  // Who freezes it and waits is held up itself: by systemd, which comes first then.
  Draft draft(VerdictCode::kFrozenCgroup, TierOf(facts, longest->object.id),
              freezer == nullptr ? Confidence::kHigh : Confidence::kMedium);
  draft.OfHost()
      .Since(since.age)
      .Say(absl::StrCat(name, " has been frozen ", since.text,
                        freezer == nullptr ? "" : absl::StrCat(" by ", ProcessName(*freezer)),
                        count > 1 ? absl::StrCat(", and ", count - 1, " more") : ""),
           Meaning(facts, longest->object.id, WhatFrozenMeans(*longest)),
           freezer == nullptr ? "Thaw it as shown below, unless somebody paused it" : owner.advice)
      .For(owner.detail)
      .Against(freezer == nullptr
                   ? "somebody may have paused it on purpose (ctr task pause, a checkpoint)"
                   : "a thaw alone helps neither: that process waits for something else, such as "
                     "systemd")
      .Blame(longest->object);
  for (const FrozenCgroup& other : facts.host->frozen) {
    if (&other != longest && other.frozen_for >= kOldFreeze) draft.Blame(other.object);
  }
  for (const Action& action : owner.actions) draft.Do(action);
  return draft.Done();
}

std::optional<Ranked> CniStuck(const Facts& facts) {
  const ProcessEvidence* of_status = PluginOfStatus(facts);
  const ProcessEvidence* cni = of_status != nullptr ? of_status : OldestCni(facts);
  if (cni == nullptr) return NetworkNotReady(facts);
  const ObjectRef object = SandboxOf(facts, *cni);
  const bool sure = of_status != nullptr || IsSurelyStuck(*cni);
  const Owner owner = CniOwner(facts, *cni, sure);
  const bool network_down = facts.e.runtime.network_ready == false;
  Draft draft(
      VerdictCode::kCniStuck,
      network_down || of_status != nullptr ? Tier::kBlocksPleg : TierOf(facts, cni->container_id),
      sure ? Confidence::kHigh : Confidence::kMedium);
  draft.OfHost()
      .Since(cni->age)
      .Say(
          absl::StrCat("The network plugin ", ProcessName(*cni),
                       object.id.empty() ? "" : absl::StrCat(" for ", ObjectName(object)),
                       " has not returned for ", FormatAge(cni->age),
                       of_status == nullptr ? "" : ", and Status waits for it"),
          of_status == nullptr ? Meaning(facts, object.id, Hinders(*cni)) : NotReadyByStatus(facts),
          absl::StrCat("See what it waits for: its daemon or IPAM",
                       owner.advice.empty() ? "" : ". ", owner.advice))
      .For(owner.detail)
      .For(facts.host->cni_processes.size() > 1
               ? absl::StrCat(facts.host->cni_processes.size(), " CNI plugins run")
               : "");
  if (of_status != nullptr) {
    draft.For(absl::StrCat("Status unanswered for ", FormatAge(facts.silent_probe->age)));
  } else {
    DoubtPlugin(*cni, draft);
  }
  if (network_down) {
    draft.For(absl::StrCat("NetworkReady=false: ", facts.e.runtime.network_ready_text));
  }
  if (!object.id.empty()) draft.Blame(object);
  draft.Do("See whether the network plugin's own pod is well",
           Crictl(facts, "--timeout 10s ps -a | grep -iE 'cni|calico|cilium|flannel|aws-node'"));
  for (const Action& action : owner.actions) draft.Do(action);
  return draft.Done();
}

namespace {

bool IsListedAsOver(const ShimEvidence& shim) {
  return shim.listed_state == "exited" || shim.listed_state == "notready";
}

std::string WhatShimMeans(const ShimEvidence& shim) {
  if (IsListedAsOver(shim))
    return "the runtime has given it up; what it serves is reaped by nobody";
  if (!IsContainerdShim(*shim.shim)) return "its exit is not seen, its output is not read";
  return "its exit is not seen; a stop or update of it blocks lists";
}

// Of last resort. In state D a signal stays pending: the shim would die as soon as it is well, and
// its pod with it. Without its conmon, CRI-O's container would run on unwatched.
void EndStoppedShim(const Facts& facts, const ShimEvidence& shim, Draft& draft) {
  if (!shim.shim->stopped()) return;
  if (std::optional<Action> end = EndShim(*shim.shim)) {
    draft.Do(*std::move(end));
    return;
  }
  const std::string id = ShellWord(shim.object.id.value());
  if (facts.runtime.kind != RuntimeKind::kCrio || id.empty()) return;
  const bool sandbox = shim.object.container.empty();
  draft.DoDisruptive(absl::StrCat("If it does not go on: stop the ", sandbox ? "pod" : "container"),
                     Crictl(facts, absl::StrCat(sandbox ? "stopp " : "stop ", id)));
}

}  // namespace

std::optional<Ranked> ShimUnresponsive(const Facts& facts) {
  if (facts.host == nullptr) return std::nullopt;
  const ShimEvidence* worst = WorstShim(*facts.host);
  if (worst == nullptr) return std::nullopt;
  const ProcessEvidence& process = *worst->shim;
  const bool stopped = process.state != 'D';
  const Owner owner = stopped ? StoppedShim(process) : StuckProcess(facts, process);
  const Since since = SinceLooked(facts, process.state_for);
  Draft draft(VerdictCode::kShimUnresponsive, TierOf(facts, worst->object.id),
              stopped ? Confidence::kHigh : Confidence::kMedium);
  draft.OfHost()
      .Since(since.age)
      .Say(absl::StrCat("The shim of ", ObjectName(worst->object), ", pid ", process.pid,
                        process.state == 't' ? ", has been held by a debugger "
                        : stopped            ? ", has been stopped "
                                             : ", has been blocked in the kernel ",
                        since.text),
           Meaning(facts, worst->object.id, WhatShimMeans(*worst)), owner.advice)
      .For(stopped ? owner.detail : absl::StrCat("shim ", owner.detail));
  BlameAllOf(*facts.host, *worst, draft);
  if (IsListedAsOver(*worst)) {
    draft.For(absl::StrCat("listed as ", worst->listed_state));
  } else if (!IsSilent(facts, worst->object.id) && IsContainerdShim(process)) {
    draft.Against("its status is answered: the runtime has not asked the shim yet");
  }
  for (const Action& action : owner.actions) draft.Do(action);
  EndStoppedShim(facts, *worst, draft);
  return draft.Done();
}

namespace {

// It runs on in the volumes that its successor is about to use, and to delete its pod does not end
// it: for the runtime it is over.
void StaleAlive(const Facts& facts, const ShimEvidence& shim, Draft& draft) {
  const std::string pid = shim.container_pid > 1 ? absl::StrCat(" ", shim.container_pid) : "";
  draft.Say(absl::StrCat(facts.runtime.title, " says that ", ObjectName(shim.object),
                         " exited, but its process", pid, " is alive"),
            "Kubernetes may start it a second time",
            absl::StrCat("End process", pid, " before its successor starts, then delete the pod"));
  const std::string id = ShellWord(shim.object.id.value());
  if (id.empty() || pid.empty()) return;
  draft.Do("See what of it is alive", absl::StrCat("grep -ls ", id, " /proc/[0-9]*/cgroup"));
  const std::string guard = StillRuns(shim.container_pid, shim.container_start_ticks);
  draft.DoDisruptive("End it, if that number is still this container's process",
                     absl::StrCat("grep -q ", id, " /proc/", shim.container_pid, "/cgroup && ",
                                  guard, guard.empty() ? "" : " && ", "kill -KILL", pid));
}

// From then on it is no exit whose event is merely late.
constexpr absl::Duration kStaleForLong = absl::Minutes(1);

bool IsStopped(const ShimEvidence& shim) { return shim.shim.has_value() && shim.shim->stopped(); }

std::string CureOfDead(const Facts& facts, const ShimEvidence& shim) {
  if (IsStopped(shim)) return Proceed(*shim.shim, "its shim").advice;
  const bool restart = MayRestartRuntime(facts);
  const std::string cure =
      !restart ? "Only a restart of the runtime is known to help"
               : absl::StrCat("Restart the runtime: ", facts.runtime.restarts.front().command);
  return shim.disagree_for < kStaleForLong
             ? absl::StrCat("Ask again in a minute. If it is so still: r", cure.substr(1))
             : cure;
}

// To delete its pod does not help: the runtime is to stop what is not there, and reports have such
// pods Terminating for days. A runtime that starts looks which of its containers are alive.
void StaleDead(const Facts& facts, const ShimEvidence& shim, Draft& draft) {
  draft.Say(absl::StrCat(facts.runtime.title, " says that ", ObjectName(shim.object),
                         " is running, but it has had no live process ",
                         SinceLooked(facts, shim.disagree_for).text),
            "Kubernetes does not restart it, and its pod may not end when it is deleted",
            CureOfDead(facts, shim));
  draft.Do("See what Kubernetes makes of its pod", KubectlPod("describe", shim.object));
}

// The kubelet tries to end pods, and cannot.
void StopsFail(const Facts& facts, Draft& draft) {
  if (!facts.e.kubelet.has_value()) return;
  for (const KubeletOperation& operation : facts.e.kubelet->operations) {
    if (!absl::StartsWith(operation.name, "stop_") || operation.errors == 0) continue;
    draft.For(absl::StrCat("the kubelet's own ", operation.name, ": ", operation.errors, " of ",
                           operation.count, " failed"));
  }
}

void CureDead(const Facts& facts, const ShimEvidence& shim, Draft& draft) {
  StopsFail(facts, draft);
  KeepGoroutines(facts, draft);
  if (IsStopped(shim)) return;
  RestartRuntime(facts, draft,
                 "It then finds out what is dead, and the kubelet goes on with the pod");
}

void DeletePod(const ObjectRef& object, Draft& draft) {
  draft.DoDisruptive("Delete its pod, so that it is made anew, from where kubectl works",
                     KubectlPod("delete", object));
}

}  // namespace

std::optional<Ranked> StateStale(const Facts& facts) {
  if (facts.host == nullptr) return std::nullopt;
  const ShimEvidence* worst = nullptr;
  for (const ShimEvidence& shim : facts.host->shims) {
    if (!Contradicts(shim)) continue;
    if (worst == nullptr || shim.disagree_for > worst->disagree_for) worst = &shim;
  }
  if (worst == nullptr) return std::nullopt;
  const bool alive = *worst->container_alive;
  const bool stopped = IsStopped(*worst);
  Draft draft(VerdictCode::kStateStale, Tier::kHurtsPods, Confidence::kHigh);
  draft.OfHost().Since(worst->disagree_for).Blame(worst->object);
  for (const ShimEvidence& other : facts.host->shims) {
    if (&other != worst && Contradicts(other)) draft.Blame(other.object);
  }
  alive ? StaleAlive(facts, *worst, draft) : StaleDead(facts, *worst, draft);
  draft.For(absl::StrCat("listed as ", worst->listed_state, ", process",
                         worst->container_pid > 0 ? absl::StrCat(" ", worst->container_pid) : "",
                         alive ? " lives" : " is gone", ", for ", FormatAge(worst->disagree_for)));
  if (worst->shim.has_value()) {
    draft.For(absl::StrCat("shim ", ProcessName(*worst->shim), ProcessState(*worst->shim)));
  }
  if (worst->shim_missing) draft.For("it has no shim any more");
  if (stopped) {
    for (Action& action : Proceed(*worst->shim, "its shim").actions) {
      draft.Do(alive ? absl::StrCat(action.text, ": it then reaps what ends")
                     : absl::StrCat(action.text, ": it then reports what happened"),
               std::move(action.command));
    }
  }
  if (alive) {
    KeepGoroutines(facts, draft);
    DeletePod(worst->object, draft);
  } else {
    CureDead(facts, *worst, draft);
  }
  return draft.Done();
}

}  // namespace pleg
