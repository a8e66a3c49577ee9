// Who holds a container or sandbox, and how it is made to let go, as exact commands for this node.
// Private to the diagnosis.

#ifndef PLEGD_PLEG_DIAGNOSIS_OWNER_H_
#define PLEGD_PLEG_DIAGNOSIS_OWNER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pleg/diagnosis/facts.h"
#include "pleg/diagnosis/rule.h"

namespace pleg {

// What holds a container or sandbox, as far as the host's probe saw it.
struct Owner {
  std::string text;    // "runc update (pid 4711)"; empty if nothing was found
  std::string detail;  // a line of evidence
  std::string advice;  // for the sentence: "End it: …", with the command
  std::vector<Action> actions;
  bool certain = false;  // it cannot go on by itself: stopped, frozen
  // It had begun so long before the last look at the host, whenever plegd did.
  std::optional<absl::Duration> age = {};
  bool found() const { return !text.empty(); }
};
Owner FindOwner(const Facts& facts, const ObjectRef& object);
// The safe ways to find it where the host's probe did not.
void FindByHand(const ObjectRef& object, Draft& draft);

// For a process that does not go on: how to look, and what helps with what it waits for.
Owner StuckProcess(const Facts& facts, const ProcessEvidence& process);
// Of a process that is stopped.
Owner StoppedShim(const ProcessEvidence& shim);
Owner Frozen(const FrozenCgroup& cgroup);
// An OCI runtime that may have frozen this cgroup to change it, and has not thawed it; or null.
const ProcessEvidence* FreezerOf(const HostEvidence& host, const FrozenCgroup& cgroup);
// That runtime as the owner: without a thaw its end leaves the cgroup frozen.
Owner FrozenBy(const Facts& facts, const ProcessEvidence& freezer, const FrozenCgroup& cgroup);

// An OCI runtime that has worked for this container for long enough to be suspected of holding its
// lock. An exec holds none, and may be somebody's shell.
bool MayHoldLock(const ProcessEvidence& oci);
// A shim of containerd's, which serves a pod: unlike CRI-O's conmon it is asked by the runtime.
bool IsContainerdShim(const ProcessEvidence& process);
// Disruptive; nothing for what is no shim of containerd's.
std::optional<Action> EndShim(const ProcessEvidence& shim);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_OWNER_H_
