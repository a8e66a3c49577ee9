#include "pleg/diagnosis/advice.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

struct Wait {
  absl::string_view part;  // of the kernel function
  absl::string_view reason;
};
constexpr Wait kWaits[] = {
    {"nfs", "network storage (NFS) that does not answer"},
    {"rpc_wait", "network storage (NFS) that does not answer"},
    {"ceph", "network storage (Ceph) that does not answer"},
    {"cifs", "network storage (CIFS) that does not answer"},
    {"smb2", "network storage (CIFS) that does not answer"},
    {"fuse", "a FUSE server that does not answer"},
    {"fanotify", "a security agent that does not answer fanotify"},
    {"refrigerator", "a frozen cgroup"},
    {"cgroup_freeze", "a frozen cgroup"},
    {"do_freezer_trap", "a frozen cgroup"},
    {"zap_pid_ns", "a child in its PID namespace that cannot be reaped"},
    {"jbd2", "the disk (ext4 journal)"},
    {"xfs_", "the disk (XFS)"},
    {"blk_", "the disk"},
    {"io_schedule", "the disk"},
    {"folio_wait", "the disk"},
    {"wait_on_page", "the disk"},
    {"nvidia", "the GPU driver"},
    {"pipe_", "a full or an empty pipe"},
};

absl::string_view WaitOf(const ProcessEvidence& process) {
  absl::string_view reason = WaitReason(process.wait_function);
  for (const std::string& function : process.stack) {
    if (!reason.empty()) break;
    reason = WaitReason(function);
  }
  return reason;
}

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
    if (process.age >= kSilentAfter && IsOf(process.container_id, object)) return &process;
  }
  return nullptr;
}

Owner BlockedTask(const BlockedGroup& group) {
  Owner owner;
  const absl::string_view reason = WaitReason(group.wait_function);
  owner.text = absl::StrCat(Shorten(Printable(group.example_name), 24), " (pid ", group.example_pid,
                            ") in D");
  owner.detail = absl::StrCat(group.count, " of its tasks in uninterruptible sleep in ",
                              group.wait_function, ", the oldest for ", FormatAge(group.oldest));
  owner.advice = reason.empty() ? absl::StrCat("See /proc/", group.example_pid, "/stack")
                                : absl::StrCat("It waits for ", reason);
  owner.actions.push_back({"See where its tasks wait in the kernel",
                           absl::StrCat("cat /proc/", group.example_pid, "/stack"), false});
  return owner;
}

Owner MissingShim() {
  Owner owner;
  owner.text = "its shim is gone";
  owner.detail = "no shim process serves it";
  return owner;
}

}  // namespace

absl::string_view WaitReason(absl::string_view function) {
  for (const Wait& wait : kWaits) {
    if (absl::StrContains(function, wait.part)) return wait.reason;
  }
  return "";
}

std::string Signal(absl::string_view signal, int64_t pid) {
  return pid > 1 ? absl::StrCat("kill -", signal, " ", pid) : "";
}

Owner Frozen(const FrozenCgroup& cgroup) {
  Owner owner;
  owner.certain = true;
  owner.text = "its cgroup is frozen";
  owner.detail = absl::StrCat("cgroup ", cgroup.path, " frozen for ", FormatAge(cgroup.frozen_for));
  const std::string file =
      ShellWord(absl::StrCat(cgroup.path, cgroup.v1 ? "/freezer.state" : "/cgroup.freeze"));
  const std::string thaw = file.empty() || cgroup.path.empty()
                               ? ""
                               : absl::StrCat("echo ", cgroup.v1 ? "THAWED" : "0", " > ", file);
  owner.advice = "Thaw its cgroup";
  owner.actions.push_back({"Thaw it, unless somebody paused it on purpose", thaw, false});
  return owner;
}

Owner StoppedShim(const ProcessEvidence& shim) {
  Owner owner;
  owner.certain = true;
  owner.text = absl::StrCat("its shim ", ProcessName(shim), " is stopped");
  owner.detail = absl::StrCat("shim ", ProcessName(shim), ProcessState(shim));
  const std::string command = Signal("CONT", shim.pid);
  owner.advice =
      command.empty() ? "Let its shim continue" : absl::StrCat("Let it go on: ", command);
  owner.actions.push_back({"Let the shim continue", command, false});
  return owner;
}

Owner StuckProcess(const Facts& facts, const ProcessEvidence& process) {
  Owner owner;
  const absl::string_view reason = WaitOf(process);
  owner.text = ProcessName(process);
  owner.detail =
      absl::StrCat(ProcessName(process),
                   process.parent.empty() ? "" : absl::StrCat(", child of ", process.parent), ", ",
                   FormatAge(process.age), " old", ProcessState(process), Stack(process));
  if (process.pid > 1) {
    owner.actions.push_back({"See where it waits in the kernel",
                             absl::StrCat("cat /proc/", process.pid, "/stack"), false});
  }
  if (process.stopped()) {
    owner.certain = true;
    owner.advice = absl::StrCat("Let it go on: ", Signal("CONT", process.pid));
    owner.actions.push_back({"Let it continue", Signal("CONT", process.pid), false});
  } else if (process.state == 'D') {
    owner.advice = reason.empty() ? "It cannot be killed: free what it waits for"
                                  : absl::StrCat("It waits for ", reason, ": repair that");
    if (absl::StrContains(reason, "FUSE") && facts.host != nullptr) {
      for (const FuseConnection& fuse : facts.host->fuse) {
        const std::string file =
            ShellWord(absl::StrCat("/sys/fs/fuse/connections/", fuse.id, "/abort"));
        if (fuse.waiting == 0 || file.empty() || fuse.id.empty()) continue;
        owner.actions.push_back({"Abort the FUSE connection: its users get an error",
                                 absl::StrCat("echo 1 > ", file), true});
      }
    }
  } else {
    const std::string command = Signal("KILL", process.pid);
    owner.advice = command.empty() ? "End it" : absl::StrCat("End it: ", command);
    owner.actions.push_back({process.action == "update"
                                 ? "End it: the resize fails, the container runs on"
                                 : "End it: what it was about to do fails and is tried again",
                             command, process.action != "update"});
  }
  return owner;
}

Owner FindOwner(const Facts& facts, const ObjectRef& object) {
  if (facts.host == nullptr) return {};
  const HostEvidence& host = *facts.host;
  if (const FrozenCgroup* frozen = FrozenOf(host, object)) return Frozen(*frozen);
  const ShimEvidence* shim = ShimOf(host, object);
  if (shim != nullptr && shim->shim.has_value() && shim->shim->stopped()) {
    return StoppedShim(*shim->shim);
  }
  if (const ProcessEvidence* oci = OldProcessOf(host.oci_processes, object)) {
    return StuckProcess(facts, *oci);
  }
  if (const ProcessEvidence* cni = OldProcessOf(host.cni_processes, object)) {
    return StuckProcess(facts, *cni);
  }
  if (shim != nullptr && shim->shim.has_value() && shim->shim->state == 'D') {
    return StuckProcess(facts, *shim->shim);
  }
  for (const BlockedGroup& group : host.blocked) {
    if (IsOf(group.example_container, object)) return BlockedTask(group);
  }
  if (shim != nullptr && shim->shim_missing) return MissingShim();
  return {};
}

std::string Crictl(const Facts& facts, absl::string_view arguments) {
  // crictl tries containerd's socket, then CRI-O's. cri-dockerd's is its third, behind the
  // containerd that Docker runs on, which has no CRI or other containers.
  static constexpr absl::string_view kFoundByItself[] = {
      "unix:///run/containerd/containerd.sock", "unix:///var/run/containerd/containerd.sock",
      "unix:///run/crio/crio.sock", "unix:///var/run/crio/crio.sock"};
  const std::string& endpoint = facts.e.runtime.endpoint;
  const bool found = std::count(std::begin(kFoundByItself), std::end(kFoundByItself), endpoint) > 0;
  const std::string word = found ? "" : ShellWord(endpoint);
  return absl::StrCat("crictl ", word.empty() ? "" : absl::StrCat("-r ", word, " "), arguments);
}

std::string LogCommand(const Facts& facts) {
  if (facts.runtime.unit.empty()) return "";
  return absl::StrCat(facts.runtime.unit.Log(), " -n 100 --no-pager");
}

std::string LogSays(const Facts& facts, absl::string_view what) {
  const std::string command = LogCommand(facts);
  return absl::StrCat(what, command.empty() ? "" : ": ", command);
}

std::string GoroutineDump(const Facts& facts) {
  const std::string& name = facts.runtime.process;
  if (name.empty()) return "";
  if (facts.host == nullptr || !facts.host->runtime_process.has_value()) {
    return absl::StrCat("kill -USR1 $(pidof ", name, ")");
  }
  // Whoever does not know the signal ends by it.
  const ProcessEvidence& process = *facts.host->runtime_process;
  return process.name == name ? absl::StrCat("kill -USR1 ", process.pid) : "";
}

void KeepGoroutines(const Facts& facts, Draft& draft) {
  const std::string dump = GoroutineDump(facts);
  if (dump.empty()) return;
  draft.Do(absl::StrCat("Keep the goroutines of ", facts.runtime.process,
                        ": a restart destroys them, this does not hurt"),
           dump);
}

void RestartRuntime(const Facts& facts, Draft& draft) {
  const bool one_unit = facts.runtime.one_unit();
  if (one_unit && !WhyNotRestartKubelet(facts).empty()) return;
  for (const Restart& restart : facts.runtime.restarts) {
    if (!restart.check.empty()) {
      draft.Do(absl::StrCat("See what a restart of ", restart.what, " would stop"), restart.check);
    }
    draft.DoDisruptive(
        absl::StrCat("If nothing else helps, and after the goroutines are kept: restart ",
                     restart.what, one_unit ? ", here together with the kubelet" : "", "; ",
                     restart.cost),
        restart.command);
  }
}

std::string WhyNotRestartKubelet(const Facts& facts) {
  const size_t silent = facts.silent_containers.size() + facts.silent_sandboxes.size();
  if (silent > 0) {
    return absl::StrCat(
        "do not restart the kubelet: it would ask for the status of everything and "
        "hang on the ",
        silent, " that ", silent == 1 ? "does" : "do", " not answer");
  }
  if (facts.outlook.restart_cost > facts.e.relist.threshold) {
    return absl::StrCat("do not restart the kubelet: its first relist would take ",
                        facts.outlook.restart_cost == absl::InfiniteDuration()
                            ? std::string("forever")
                            : FormatAge(facts.outlook.restart_cost));
  }
  for (const ListSizeEvidence& list : facts.e.list_sizes) {
    if (list.limit_bytes > 0 && list.bytes >= list.limit_bytes) {
      return "do not restart the kubelet: it cannot receive the list and would never become Ready";
    }
  }
  return "";
}

}  // namespace pleg
