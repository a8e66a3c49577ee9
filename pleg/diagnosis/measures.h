// What a rule and a sign both ask of the facts: judged here, once. Private to the diagnosis.

#ifndef PLEGD_PLEG_DIAGNOSIS_MEASURES_H_
#define PLEGD_PLEG_DIAGNOSIS_MEASURES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/diagnosis/facts.h"

namespace pleg {

// containerd loads its shims for up to a quarter of a minute before it serves.
inline constexpr absl::Duration kJustNow = absl::Minutes(1);
// systemd gives a unit up after five starts in ten seconds; a loop below that rate shows in
// minutes.
inline constexpr absl::Duration kLoopWindow = absl::Minutes(10);
inline constexpr int kLoop = 3;
// plegd connects anew every half second: what is away for two tries is gone.
inline constexpr absl::Duration kGone = absl::Seconds(1);

// Of one list: the kubelet's whole relist is meant to take a second, and is late from ten on.
inline constexpr absl::Duration kSlowList = absl::Seconds(10);

// A finished pod leaves one; a pod whose sandbox cannot be made leaves five a minute, which the
// kubelet collects every minute.
inline constexpr uint32_t kManyNotReady = 500;
inline constexpr uint32_t kManyNotReadyOfOne = 20;

// Connections made anew in kLoopWindow.
int Reconnects(const RuntimeEvidence& runtime);
// Nobody serves the socket, or whoever does is not reached.
bool IsGone(const Facts& facts);
// plegd gives up a list that is too large, and gRPC may close the connection with it ("Buffers
// full"): connections that come and go say nothing of the runtime then, unless its process is
// younger than they are, or nobody listens.
bool LosesConnectionsItself(const Facts& facts);
// The runtime ends again and again, and has not stayed for longer than it usually does.
bool Loops(const Facts& facts);

// It has ended with errors for long enough, and more than once or late: one that fails now and then
// does not.
bool Fails(const MethodEvidence& method);
// It fails now and then, and is answered well between.
bool FailsNowAndThen(const Facts& facts, const MethodEvidence& method);
// No call of a method was answered since many were sent: then it is the runtime, and not those
// objects. Absent if that is not so, or while a list is silent, too,
// which says more.
struct Mute {
  absl::Duration age = {};  // since its last answer, or the first of these calls
  size_t objects = 0;       // asked for since, all of them silent
};
std::optional<Mute> MuteFor(const Facts& facts, absl::string_view method);

// A busy node whose runtime and whose plegd get what they need does not starve.
bool IsFelt(const Facts& facts, Facts::Strain strain);
// One object alone may wait for the disk: for what it reads, or with a lock held during a write.
bool DiskIsFelt(const Facts& facts);

// The runc and crun that have asked systemd for a cgroup and not ended; oldest first.
std::vector<const ProcessEvidence*> OldOci(const HostEvidence& host);
// What the kubelet's runtimes call and wait for. "init" is a container, "run" and "exec" last as
// long as what they start: a build, a shell.
bool IsShortLived(const ProcessEvidence& oci);
// By whatever part of the evidence knows its names; the id alone if none does.
ObjectRef ObjectOf(const Facts& facts, const ContainerId& id);
// Null if none has run for kSlowCniProcess.
const ProcessEvidence* OldestCni(const Facts& facts);
// Of a shim's process: stopped, or blocked in the kernel, for so long that it is no coincidence.
bool IsUnresponsive(const ProcessEvidence& shim);
// What the runtime lists and what its process is are two things, for long.
bool Contradicts(const ShimEvidence& shim);

// From where the node has many mounts, and from where too many.
uint64_t ManyMounts(const Facts& facts);
uint64_t TooManyMounts(const Facts& facts);

// A list's share of what the kubelet can receive; 0 if its limit is not known.
double Share(const ListSizeEvidence& list);
// Until it is full, at the pace that was observed; infinite if it does not grow.
absl::Duration UntilFull(const ListSizeEvidence& list);
// It is too large, or soon will be.
bool IsLarge(const ListSizeEvidence& list);
const ListSizeEvidence* SizeOf(const Facts& facts, absl::string_view method);

// What one list takes, and has taken before: so long that every relist of a kubelet is late.
struct SlowList {
  const MethodEvidence* method = nullptr;  // null if none is slow
  absl::Duration takes = {};
  absl::Duration events_late = {};  // by both lists of two relists: the one missed, and the next
  // Every relist since then was as slow. As far back as they are remembered.
  std::optional<absl::Duration> since = {};
};
SlowList FindSlowList(const Facts& facts);
// Of this list alone.
bool IsSlowList(const Facts& facts, const MethodEvidence& method);

// What a pod suffers if an operation of the kubelet fails.
enum class PodNeeds : uint8_t { kNothing, kToStart, kToEnd };
// By the kubelet's name of it. Pulls, commands, probes and looks do not count: those fail for the
// pod's own reasons, or for another one that has a sign of its own.
PodNeeds NeedOf(const KubeletOperation& operation);
// So often that it is more than a pod's own mistake.
bool FailsOften(const KubeletOperation& operation);

// 500 sandboxes that are not ready, or 20 of one pod.
struct NotReadySandboxes {
  bool many = false;
  const LastingObject* most = nullptr;  // the pod that has the most; of equals the oldest; or null
  bool of_one = false;                  // that pod has many
  // So many, at least, that have no container any more.
  uint32_t empty = 0;
};
NotReadySandboxes FindNotReady(const Facts& facts);
const LastingEvidence* FindLasting(const Facts& facts, Lasting lasting);

// The kubelet's last relist is so old that it is late, or over its own limit.
struct KubeletAge {
  bool late = false;
  bool over = false;
  bool never = false;  // it has never relisted, and does not start at the moment
};
KubeletAge JudgeKubeletAge(const Facts& facts);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_MEASURES_H_
