// What to do, as exact commands for this node: who holds a container, and how it is made to let go.
// Private to the diagnosis.

#ifndef PLEGD_PLEG_DIAGNOSIS_ADVICE_H_
#define PLEGD_PLEG_DIAGNOSIS_ADVICE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "pleg/diagnosis/facts.h"
#include "pleg/diagnosis/rule.h"

namespace pleg {

// What holds a container or sandbox, as far as the host's probe saw it.
struct Owner {
  std::string text;    // "runc update (pid 4711)"; empty if nothing was found
  std::string detail;  // a line of evidence
  std::string advice;  // for the sentence: "end that runc: kill 4711"
  std::vector<Action> actions;
  bool certain = false;  // it cannot go on by itself: stopped, frozen
  bool found() const { return !text.empty(); }
};
Owner FindOwner(const Facts& facts, const ObjectRef& object);

// For a process that does not go on: how to look, and what helps with what it waits for.
Owner StuckProcess(const Facts& facts, const ProcessEvidence& process);
Owner StoppedShim(const ProcessEvidence& shim);
Owner Frozen(const FrozenCgroup& cgroup);

// What a task waits for, by kernel function: "network storage that does not answer"; empty if the
// function says nothing.
absl::string_view WaitReason(absl::string_view function);

// "crictl ARGUMENTS", with -r ENDPOINT unless crictl finds this runtime by itself.
std::string Crictl(const Facts& facts, absl::string_view arguments);

// The command that shows the runtime's log; empty if its unit is not known.
std::string LogCommand(const Facts& facts);
// `what`, such as "Its log says why it ends", with that command behind it.
std::string LogSays(const Facts& facts, absl::string_view what);
// The command that has the runtime write down its goroutines, which a restart destroys. Empty if
// what serves the socket is no runtime that is known to do so.
std::string GoroutineDump(const Facts& facts);
void KeepGoroutines(const Facts& facts, Draft& draft);
// Disruptive: of last resort.
void RestartRuntime(const Facts& facts, Draft& draft);
// Whether a kubelet that is restarted now comes back; why it does not.
std::string WhyNotRestartKubelet(const Facts& facts);

// "kill -CONT 4711"; empty without a pid.
std::string Signal(absl::string_view signal, int64_t pid);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_ADVICE_H_
