#include "pleg/diagnosis/advice.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "pleg/diagnosis/text.h"

namespace pleg {

// Field 22 of /proc/PID/stat, which is the 20th behind the name (proc(5)). A name can hold
// anything, but not end in the state and 18 numbers: it is followed by ")". Without a space, since
// a line that is broken within quotes would be two patterns.
std::string StillRuns(int64_t pid, uint64_t start_ticks) {
  if (pid <= 1 || start_ticks == 0) return "";
  return absl::StrCat("grep -Eq '\\)\\s.(\\s[-0-9]+){18}\\s", start_ticks, "\\s' /proc/", pid,
                      "/stat");
}

std::string Signal(absl::string_view signal, const ProcessEvidence& process) {
  std::string guard = StillRuns(process.pid, process.start_ticks);
  const std::string name = ShellWord(process.name);
  if (guard.empty() && process.pid > 1 && !name.empty()) {
    guard = absl::StrCat("grep -Fqx ", name, " /proc/", process.pid, "/comm");
  }
  return guard.empty() ? "" : absl::StrCat(guard, " && kill -", signal, " ", process.pid);
}

Remedy Proceed(const ProcessEvidence& stopped, absl::string_view whom) {
  if (stopped.state == 't' && stopped.pid > 1) {
    const std::string look = absl::StrCat("grep TracerPid /proc/", stopped.pid, "/status");
    return {absl::StrCat("A debugger holds ", whom, ": ", look, ", detach or end that"),
            {{"See which debugger holds it, then detach or end that; SIGCONT does not help", look,
              false}}};
  }
  const std::string command = Signal("CONT", stopped);
  return {absl::StrCat("Let ", whom, " go on", command.empty() ? "" : ": ", command),
          {{absl::StrCat("Let ", whom, " continue"), command, false}}};
}

std::string IdWord(const ContainerId& id) {
  constexpr size_t kLongest = 128;  // they are 64 hexadecimal digits
  return id.value().size() > kLongest ? "" : ShellWord(id.value());
}

std::string Crictl(const Facts& facts, absl::string_view arguments) {
  // crictl tries containerd's socket, then CRI-O's. cri-dockerd's is its third, behind the
  // containerd that Docker runs on, which has no CRI or other containers.
  static constexpr absl::string_view kFoundByItself[] = {
      "unix:///run/containerd/containerd.sock", "unix:///var/run/containerd/containerd.sock",
      "unix:///run/crio/crio.sock", "unix:///var/run/crio/crio.sock"};
  const std::string& endpoint = facts.e.runtime.endpoint;
  const bool found = std::count(std::begin(kFoundByItself), std::end(kFoundByItself), endpoint) > 0;
  // The kernel takes no socket's path that is longer than 108 bytes.
  const std::string word = found || endpoint.size() > 128 ? "" : ShellWord(endpoint);
  return absl::StrCat("crictl ", word.empty() ? "" : absl::StrCat("-r ", word, " "), arguments);
}

std::string KubectlPod(absl::string_view verb, const ObjectRef& pod) {
  constexpr size_t kLongestName = 253;  // of Kubernetes
  if (std::max(pod.pod_name.size(), pod.pod_namespace.size()) > kLongestName) return "";
  const std::string name = ShellWord(pod.pod_name);
  const std::string pod_namespace = ShellWord(pod.pod_namespace);
  if (name.empty() || pod_namespace.empty()) return "";
  return absl::StrCat("kubectl -n ", pod_namespace, " ", verb, " pod ", name);
}

std::string LogCommand(const Facts& facts) {
  if (facts.runtime.unit.empty()) return "";
  return absl::StrCat(facts.runtime.unit.Log(), " -n 100 --no-pager");
}

void LookAtLog(const Facts& facts, absl::string_view why, Draft& draft) {
  const std::string command = LogCommand(facts);
  if (!command.empty()) draft.Do(why, command);
}

std::string LogSays(const Facts& facts, absl::string_view what) {
  const std::string command = LogCommand(facts);
  return absl::StrCat(what, command.empty() ? "" : ": ", command);
}

std::string GoroutineDump(const Facts& facts) {
  const std::string& name = facts.runtime.process;
  if (name.empty()) return "";
  // Whoever does not know the signal ends by it.
  if (facts.host != nullptr && facts.host->runtime_process.has_value()) {
    const ProcessEvidence& process = *facts.host->runtime_process;
    return process.name == name ? Signal("USR1", process) : "";
  }
  if (!facts.runtime.own_unit.empty()) {
    return absl::StrCat("systemctl kill -s USR1 --kill-who=main ", facts.runtime.own_unit);
  }
  const std::string socket =
      ShellWord(absl::StripPrefix(facts.e.runtime.endpoint, absl::string_view("unix://")));
  if (socket.empty()) return "";
  return absl::StrCat("kill -USR1 $(ss -xlpH src ", socket, R"( | grep -Po '")", name,
                      R"(",pid=\K\d+'))");
}

void KeepGoroutines(const Facts& facts, Draft& draft) {
  const std::string dump = GoroutineDump(facts);
  if (dump.empty()) return;
  draft.Do(absl::StrCat("Dump ", facts.runtime.process,
                        "'s goroutines first: harmless, and a restart loses them"),
           dump);
}

bool MayRestartRuntime(const Facts& facts) {
  const auto& restarts = facts.runtime.restarts;
  if (restarts.empty() || !facts.runtime.one_unit()) return !restarts.empty();
  // What is silent together with the runtime answers again after its restart.
  const bool all_silent =
      !facts.silent.empty() && facts.AnsweredWithin(facts.oldest_silence) == nullptr;
  return all_silent || WhyNotRestartKubelet(facts).empty();
}

void RestartRuntime(const Facts& facts, Draft& draft, absl::string_view when) {
  const bool one_unit = facts.runtime.one_unit();
  if (!MayRestartRuntime(facts)) return;
  for (const Restart& restart : facts.runtime.restarts) {
    if (!restart.check.empty()) {
      draft.Do(absl::StrCat("See what a restart of ", restart.what, " would stop"), restart.check);
    }
    draft.DoDisruptive(
        absl::StrCat(when, ": restart ", restart.what,
                     one_unit ? ", here together with the kubelet" : "", "; ", restart.cost),
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
    const uint64_t bytes = list.excess.has_value() ? list.excess->bytes : list.bytes;
    if (list.limit_bytes > 0 && bytes >= list.limit_bytes) {
      return "do not restart the kubelet: it cannot receive the list and would never become Ready";
    }
  }
  return "";
}

}  // namespace pleg
