// What to do about the runtime, as exact commands for this node. Private to the diagnosis.

#ifndef PLEGD_PLEG_DIAGNOSIS_ADVICE_H_
#define PLEGD_PLEG_DIAGNOSIS_ADVICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "pleg/diagnosis/facts.h"
#include "pleg/diagnosis/rule.h"

namespace pleg {

// The command that sends a signal to this process and to no other one that has its pid by then:
// "grep -Eq '\)\s.(\s[-0-9]+){18}\s83012\s' /proc/4711/stat && kill -CONT 4711". By the process's
// name if its start is not known; empty if that is not known either, or without a pid.
std::string Signal(absl::string_view signal, const ProcessEvidence& process);
// The condition in front of it; empty if there is none.
std::string StillRuns(int64_t pid, uint64_t start_ticks);

// How a stopped process is made to go on. A debugger's stop outlasts SIGCONT: it is the debugger
// that has to let go.
struct Remedy {
  std::string advice;  // "Let its shim go on: …", with the command
  std::vector<Action> actions;
};
Remedy Proceed(const ProcessEvidence& stopped, absl::string_view whom = "it");

// An object's id as a word of a command; empty if it is none, or longer than any that a runtime
// makes.
std::string IdWord(const ContainerId& id);
// "crictl ARGUMENTS", with -r ENDPOINT unless crictl finds this runtime by itself.
std::string Crictl(const Facts& facts, absl::string_view arguments);

// "kubectl -n NAMESPACE VERB pod NAME"; empty for a name that Kubernetes cannot have.
std::string KubectlPod(absl::string_view verb, const ObjectRef& pod);

// The command that shows the runtime's log; empty if its unit is not known.
std::string LogCommand(const Facts& facts);
void LookAtLog(const Facts& facts, absl::string_view why, Draft& draft);
// `what`, such as "Its log says why it ends", with that command behind it.
std::string LogSays(const Facts& facts, absl::string_view what);
// The command that has the runtime write down its goroutines, which a restart destroys. Empty if
// what serves the socket is no runtime that is known to do so.
std::string GoroutineDump(const Facts& facts);
void KeepGoroutines(const Facts& facts, Draft& draft);
// There is a way to restart it, and not with a kubelet that would not come back.
bool MayRestartRuntime(const Facts& facts);
// Disruptive, with what it costs. `when` it is right: of last resort, if not said.
void RestartRuntime(
    const Facts& facts, Draft& draft,
    absl::string_view when = "If nothing else helps, and after the goroutines are kept");
// Whether a kubelet that is restarted now comes back; why it does not.
std::string WhyNotRestartKubelet(const Facts& facts);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_ADVICE_H_
