#include "pleg/diagnosis/owner.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "pleg/diagnosis/advice.h"
#include "pleg/diagnosis/text.h"
#include "pleg/diagnosis/waits.h"

namespace pleg {
namespace {

std::string Stack(const ProcessEvidence& process) {
  if (process.stack.empty()) return "";
  const size_t shown = std::min<size_t>(process.stack.size(), 6);
  return absl::StrCat(
      "; kernel stack: ",
      absl::StrJoin(process.stack.begin(),
                    process.stack.begin() + static_cast<std::ptrdiff_t>(shown), " < "));
}

bool IsOf(const ContainerId& id, const ObjectRef& object) { return !id.empty() && id == object.id; }

const ShimEvidence* ShimOf(const HostEvidence& host, const ObjectRef& object) {
  for (const ShimEvidence& shim : host.shims) {
    if (IsOf(shim.object.id, object)) return &shim;
  }
  return nullptr;
}

const FrozenCgroup* FrozenOf(const HostEvidence& host, const ObjectRef& object) {
  for (const FrozenCgroup& cgroup : host.frozen) {
    if (cgroup.frozen_for < kSilentAfter) continue;
    if (IsOf(cgroup.object.id, object)) return &cgroup;
  }
  return nullptr;
}

const ProcessEvidence* OldProcessOf(const std::vector<ProcessEvidence>& processes,
                                    const ObjectRef& object) {
  for (const ProcessEvidence& process : processes) {
    if (IsOf(process.container_id, object) && MayHoldLock(process)) return &process;
  }
  return nullptr;
}

// Of the thread that is blocked, if that is known: another one may sleep.
std::string StackFile(const ProcessEvidence& process) {
  return process.blocked_thread > 0
             ? absl::StrCat("/proc/", process.pid, "/task/", process.blocked_thread, "/stack")
             : absl::StrCat("/proc/", process.pid, "/stack");
}

void LookAtStack(const ProcessEvidence& process, Owner& owner) {
  if (process.pid <= 1) return;
  owner.actions.push_back(
      {"See where it waits in the kernel", absl::StrCat("cat ", StackFile(process)), false});
}

bool IsNumber(absl::string_view text) {
  return !text.empty() && text.size() < 20 && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

bool IsOfSilentPod(const Facts& facts, const FuseConnection& fuse) {
  return std::any_of(facts.silent.begin(), facts.silent.end(), [&](const auto* call) {
    const std::string& uid = call->object.pod_uid.value();
    return !uid.empty() && absl::StrContains(fuse.mount_point, absl::StrCat("/pods/", uid, "/"));
  });
}

// The connections that a task in a FUSE request may wait at: those mounted below a silent pod's
// directory, else the only one that has waited for long. Of several others any may be somebody
// else's.
std::vector<const FuseConnection*> BlamedFuse(const Facts& facts) {
  std::vector<const FuseConnection*> waiting;
  std::vector<const FuseConnection*> of_pods;
  for (const FuseConnection& fuse : facts.host->fuse) {
    if (fuse.waiting == 0 || fuse.waiting_for < kSilentAfter || !IsNumber(fuse.id)) continue;
    waiting.push_back(&fuse);
    if (IsOfSilentPod(facts, fuse)) of_pods.push_back(&fuse);
  }
  if (!of_pods.empty()) return of_pods;
  return waiting.size() == 1 ? waiting : std::vector<const FuseConnection*>();
}

// As proc(5) has it in mountinfo.
std::string Escaped(absl::string_view mount_point) {
  return absl::StrReplaceAll(mount_point,
                             {{" ", "\\040"}, {"\t", "\\011"}, {"\n", "\\012"}, {"\\", "\\134"}});
}

// Lines of mountinfo that are mounts of it.
std::string MountsOf(const FuseConnection& fuse) {
  return absl::StrCat("'^[0-9]+ [0-9]+ 0:", fuse.id, " '");
}

// The kernel gives the lowest number that is free, to whoever mounts next. Empty without a mount
// point to know the connection by.
std::string AbortCommand(const FuseConnection& fuse) {
  const std::string mount_point =
      fuse.mount_point.empty() ? "" : ShellWord(absl::StrCat(" ", Escaped(fuse.mount_point), " "));
  if (mount_point.empty()) return "";
  const std::string directory = absl::StrCat("/sys/fs/fuse/connections/", fuse.id);
  return absl::StrCat("grep -E ", MountsOf(fuse), " /proc/1/mountinfo | grep -Fq ", mount_point,
                      " && grep -qv '^0$' ", directory, "/waiting && echo 1 > ", directory,
                      "/abort");
}

// Every request to an aborted connection fails from then on.
void AbortFuse(const Facts& facts, Owner& owner) {
  if (facts.host == nullptr) return;
  const std::vector<const FuseConnection*> blamed = BlamedFuse(facts);
  if (blamed.empty()) {
    owner.actions.push_back({"See which FUSE connections have requests that wait",
                             "grep . /sys/fs/fuse/connections/*/waiting", false});
  }
  for (const FuseConnection* fuse : blamed) {
    const std::string connection = absl::StrCat("FUSE connection ", fuse->id);
    std::string abort = AbortCommand(*fuse);
    if (abort.empty()) {
      owner.actions.push_back(
          {absl::StrCat("See which processes have ", connection, " mounted"),
           absl::StrCat("grep -lE ", MountsOf(*fuse), " /proc/[0-9]*/mountinfo"), false});
      continue;
    }
    owner.actions.push_back(
        {absl::StrCat("Abort ", connection, ", ", Shorten(Printable(fuse->mount_point), 90, true),
                      ": everything that uses it gets an error"),
         std::move(abort), true});
  }
}

// In state D: a signal stays pending until the wait ends, unless the wait is a killable one.
void FreeBlocked(const Facts& facts, const ProcessEvidence& process, Owner& owner) {
  const Wait wait = WaitOf(process.wait_function, process.stack);
  const std::string waits_for =
      wait.reason.empty() ? "" : absl::StrCat("It waits for ", wait.reason, ": repair that");
  const bool may_end = wait.killable && process.pid > 1 && !IsContainerdShim(process);
  if (may_end) {
    const std::string kill = Signal("KILL", process);
    const std::string end = kill.empty() ? "" : absl::StrCat(": ", kill);
    owner.advice = waits_for.empty() ? absl::StrCat("End it, this wait is killable", end)
                                     : absl::StrCat(waits_for, ", or end it", end);
    owner.actions.push_back({"End it: this wait is killable, even in state D", kill, true});
  } else if (!waits_for.empty()) {
    owner.advice = waits_for;
  } else {
    owner.advice =
        wait.killable ? "Free what it waits for" : "It cannot be killed: free what it waits for";
  }
  if (wait.fuse) AbortFuse(facts, owner);
}

void End(const ProcessEvidence& process, Owner& owner) {
  const std::string command = Signal("KILL", process);
  const bool update = process.action == "update";
  owner.advice = command.empty() ? "End it" : absl::StrCat("End it: ", command);
  owner.actions.push_back({update ? "End it: the resize fails, the container runs on"
                                  : "End it: what it was about to do fails and is tried again",
                           command, !update});
}

Owner BlockedTask(const Facts& facts, const BlockedGroup& group) {
  Owner owner;
  const Wait wait = WaitOf(group.wait_function);
  owner.text = absl::StrCat(Shorten(Printable(group.example_name), 24), " (pid ", group.example_pid,
                            ") in D");
  owner.detail =
      absl::StrCat(group.count, " of its tasks in uninterruptible sleep in ",
                   FunctionName(group.wait_function), ", the oldest for ", FormatAge(group.oldest));
  owner.advice = wait.reason.empty() ? absl::StrCat("See /proc/", group.example_pid, "/stack")
                                     : absl::StrCat("It waits for ", wait.reason);
  owner.actions.push_back({"See where its tasks wait in the kernel",
                           absl::StrCat("cat /proc/", group.example_pid, "/stack"), false});
  if (wait.fuse) AbortFuse(facts, owner);
  return owner;
}

// It runs, and no OCI runtime works for it: who does not answer then is the shim itself, most
// likely, or the runtime.
Owner MuteShim(const ProcessEvidence& shim) {
  Owner owner;
  owner.text = absl::StrCat("probably its shim ", ProcessName(shim));
  owner.detail = absl::StrCat("shim ", ProcessName(shim), ", ", FormatAge(shim.age), " old",
                              ProcessState(shim), ", and no OCI runtime works for it");
  owner.advice = "Dump that shim, then end it and with it its pod, as shown below";
  LookAtStack(shim, owner);
  // Shims in other languages than Go end by this signal.
  if (const std::string dump = Signal("USR1", shim); !dump.empty()) {
    owner.actions.push_back(
        {"Have the shim write its goroutines to the runtime's log (only containerd-shim-runc does)",
         absl::StrCat("readlink /proc/", shim.pid, "/exe | grep -q containerd-shim-runc && ", dump),
         false});
  }
  if (std::optional<Action> end = EndShim(shim)) owner.actions.push_back(*std::move(end));
  return owner;
}

Owner MissingShim() {
  Owner owner;
  owner.text = "its shim is gone";
  owner.detail = "no shim process serves it";
  return owner;
}

std::string ThawCommand(const FrozenCgroup& cgroup) {
  const std::string file =
      ShellWord(absl::StrCat(cgroup.path, cgroup.v1 ? "/freezer.state" : "/cgroup.freeze"));
  if (file.empty() || cgroup.path.empty()) return "";
  return absl::StrCat("echo ", cgroup.v1 ? "THAWED" : "0", " > ", file);
}

std::string FrozenDetail(const FrozenCgroup& cgroup) {
  return absl::StrCat("cgroup ", cgroup.path, " has been frozen for ",
                      FormatAge(cgroup.frozen_for));
}

}  // namespace

bool MayHoldLock(const ProcessEvidence& oci) {
  return oci.age >= kSilentAfter && oci.state != 'Z' && oci.action != "exec" && oci.action != "run";
}

bool IsContainerdShim(const ProcessEvidence& process) {
  return absl::StartsWith(process.name, "containerd-shim");
}

std::optional<Action> EndShim(const ProcessEvidence& shim) {
  std::string command = Signal("KILL", shim);
  if (!IsContainerdShim(shim) || command.empty()) return std::nullopt;
  return Action{"If it does not go on: end the shim, which ends its pod's containers",
                std::move(command), true};
}

const ProcessEvidence* FreezerOf(const HostEvidence& host, const FrozenCgroup& cgroup) {
  static constexpr absl::string_view kFreezes[] = {"update", "pause", "checkpoint", ""};
  for (const ProcessEvidence& oci : host.oci_processes) {
    const bool freezes =
        std::find(std::begin(kFreezes), std::end(kFreezes), oci.action) != std::end(kFreezes);
    // Who came after the freeze hangs on it.
    if (freezes && IsOf(oci.container_id, cgroup.object) && MayHoldLock(oci) &&
        oci.age >= cgroup.frozen_for) {
      return &oci;
    }
  }
  return nullptr;
}

Owner Frozen(const FrozenCgroup& cgroup) {
  Owner owner;
  owner.certain = true;
  owner.text = "its cgroup is frozen";
  owner.detail = FrozenDetail(cgroup);
  owner.advice = "Thaw its cgroup";
  owner.actions.push_back(
      {"Thaw it, unless somebody paused it on purpose", ThawCommand(cgroup), false});
  return owner;
}

Owner FrozenBy(const Facts& facts, const ProcessEvidence& freezer, const FrozenCgroup& cgroup) {
  Owner owner = StuckProcess(facts, freezer);
  absl::StrAppend(&owner.text, ", which froze its cgroup");
  owner.detail = absl::StrCat(FrozenDetail(cgroup), " by ", owner.detail);
  if (!freezer.stopped() && freezer.state != 'D') {
    absl::StrAppend(&owner.advice, ", then thaw the cgroup");
  }
  owner.actions.push_back(
      {"Once it has ended: thaw the cgroup, if it is still frozen", ThawCommand(cgroup), false});
  return owner;
}

Owner StoppedShim(const ProcessEvidence& shim) {
  Owner owner;
  owner.certain = true;
  owner.text = absl::StrCat("its shim ", ProcessName(shim),
                            shim.state == 't' ? " is held by a debugger" : " is stopped");
  owner.detail = absl::StrCat("shim ", ProcessName(shim), ProcessState(shim));
  Remedy remedy = Proceed(shim, "its shim");
  owner.advice = std::move(remedy.advice);
  owner.actions = std::move(remedy.actions);
  return owner;
}

Owner StuckProcess(const Facts& facts, const ProcessEvidence& process) {
  Owner owner;
  owner.text = ProcessName(process);
  owner.detail =
      absl::StrCat(ProcessName(process),
                   process.parent.empty() ? "" : absl::StrCat(", child of ", process.parent), ", ",
                   FormatAge(process.age), " old", ProcessState(process), Stack(process));
  if (!IsContainerdShim(process)) owner.age = process.age;
  LookAtStack(process, owner);
  if (process.stopped()) {
    Remedy remedy = Proceed(process);
    owner.certain = true;
    owner.advice = std::move(remedy.advice);
    for (Action& action : remedy.actions) owner.actions.push_back(std::move(action));
  } else if (process.state == 'D') {
    FreeBlocked(facts, process, owner);
  } else {
    End(process, owner);
  }
  return owner;
}

Owner FindOwner(const Facts& facts, const ObjectRef& object) {
  if (facts.host == nullptr) return {};
  const HostEvidence& host = *facts.host;
  if (const FrozenCgroup* frozen = FrozenOf(host, object)) {
    const ProcessEvidence* freezer = FreezerOf(host, *frozen);
    return freezer == nullptr ? Frozen(*frozen) : FrozenBy(facts, *freezer, *frozen);
  }
  const ShimEvidence* evidence = ShimOf(host, object);
  const ProcessEvidence* shim =
      evidence != nullptr && evidence->shim.has_value() ? &*evidence->shim : nullptr;
  if (shim != nullptr && shim->stopped()) return StoppedShim(*shim);
  if (const ProcessEvidence* oci = OldProcessOf(host.oci_processes, object)) {
    return StuckProcess(facts, *oci);
  }
  if (const ProcessEvidence* cni = OldProcessOf(host.cni_processes, object)) {
    return StuckProcess(facts, *cni);
  }
  if (shim != nullptr && shim->state == 'D') return StuckProcess(facts, *shim);
  for (const BlockedGroup& group : host.blocked) {
    if (IsOf(group.example_container, object)) return BlockedTask(facts, group);
  }
  if (shim != nullptr && IsContainerdShim(*shim)) return MuteShim(*shim);
  return evidence != nullptr && evidence->shim_missing ? MissingShim() : Owner{};
}

void FindByHand(const ObjectRef& object, Draft& draft) {
  const std::string& id = object.id.value();
  const bool plain = !id.empty() && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c));
  });
  if (!plain) return;
  // ps reads command lines, which a process in D may hold up; the brackets keep grep from itself.
  draft.Do("Find its runc, and the shim that was started for it",
           absl::StrCat("timeout -s KILL 10 ps -eo pid,ppid,stat,etimes,wchan:32,args | grep '[",
                        id.substr(0, 1), "]", id.substr(1), "'"));
  draft.Do("Find its own processes: the first one's parent is its shim",
           absl::StrCat("ps -o pid,ppid,stat,etimes,wchan:32,comm -p \"$(grep -ls ", id,
                        " /proc/[0-9]*/cgroup | cut -d/ -f3 | paste -sd,)\""));
}

}  // namespace pleg
