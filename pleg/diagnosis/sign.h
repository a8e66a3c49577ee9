// Vital signs: what plegd watches over. A sign is one measured fact with its value, limit, since
// when it has been so, source and meaning. docs/signs.md lists them all.
//
//   for (const Sign& sign : diagnosis.signs) { if (sign.state == SignState::kBad) … }
//
// HEALTHY is said only if no sign is bad. A bad sign belongs to a finding; one that no rule
// explains makes a finding of its own, which names it. What is unknown excludes nothing.

#ifndef PLEGD_PLEG_DIAGNOSIS_SIGN_H_
#define PLEGD_PLEG_DIAGNOSIS_SIGN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/diagnosis/host_evidence.h"

namespace pleg {

// In the order of the table, by theme.
enum class SignId : uint8_t {
  // The runtime's socket, its calls without a target, and its conditions.
  kConnection,
  kListener,
  kCriVersion,
  kRuntimeRestarts,
  kRelist,
  kListPodSandboxSilent,
  kListPodSandboxErrors,
  kListPodSandboxSlow,
  kListPodSandboxSize,
  kListContainersSilent,
  kListContainersErrors,
  kListContainersSlow,
  kListContainersSize,
  kStatusSilent,
  kStatusErrors,
  kStatusSlow,
  kVersionSilent,
  kVersionErrors,
  kRuntimeReady,
  kNetworkReady,
  // Statuses of objects.
  kSandboxStatusSilent,
  kSandboxStatusErrors,
  kSandboxStatusSlow,
  kSandboxStatusMute,
  kContainerStatusSilent,
  kContainerStatusErrors,
  kContainerStatusSlow,
  kContainerStatusMute,
  // Objects in states that do not last.
  kCreatedContainers,
  kUnknownObjects,
  kNotReadySandboxes,
  kExitedContainers,
  kReadyTwice,
  kRunningTwice,
  kAttemptOrder,
  kPodsWithoutUid,
  kPodsNotInspected,
  kRunningWithoutProcess,
  kExitedWithProcess,
  // The kubelet: as it has to be by the runtime's answers, and as it is where it is asked.
  kNodeReady,
  kEventLag,
  kRestartCost,
  kInspections,
  kKubeletProcess,
  kKubeletMetrics,
  kKubeletRelist,
  kKubeletHealthz,
  kKubeletOperationErrors,
  kKubeletOperationsSlow,
  kKubeletEvents,
  kEventedPleg,
  // The host.
  kCpuPressure,
  kIoPressure,
  kMemoryPressure,
  kMemoryAvailable,
  kDiskAnswers,
  kDiskBytes,
  kDiskInodes,
  kPids,
  kSystemd,
  kMounts,
  kBlockedTasks,
  kFrozenCgroups,
  kShims,
  kLeakedShims,
  kOciProcesses,
  kCniProcesses,
  kFuseRequests,
  kWallClock,
  // plegd itself.
  kPlegdLate,
  kPlegdStarved,
  kHostProbe,
};
inline constexpr size_t kSignIds = static_cast<size_t>(SignId::kHostProbe) + 1;

// "list_containers_silent": stable, the label of pleg_sign_bad.
absl::string_view SignLabel(SignId id);
std::optional<SignId> ParseSignLabel(absl::string_view label);

enum class SignState : uint8_t { kGood, kBad, kUnknown };
// "good", "bad", "unknown".
absl::string_view SignStateName(SignState state);

// Why a sign is not known.
enum class Ignorance : uint8_t {
  kNone,
  kByChoice,    // plegd was told not to look, or not told where
  kNotAllowed,  // it may not
  kTooOld,      // it looked, too long ago
  kNotYet,      // it has not seen one yet
};
// "", "by choice", "not allowed", "too old", "not yet".
absl::string_view IgnoranceName(Ignorance why);

// Whom it hurts. Exit codes and alerts follow it.
enum class Severity : uint8_t {
  kNone,  // nobody: nothing is wrong
  kInfo,  // nobody: worth knowing
  kWarn,  // nobody yet
  kPage,  // pods, or the node
};
// "none", "info", "warn", "page".
absl::string_view SeverityName(Severity severity);

// One row of a diagnosis. Texts are one line of printable UTF-8.
struct Sign {
  SignId id = SignId::kConnection;
  SignState state = SignState::kUnknown;
  Ignorance why = Ignorance::kNotYet;        // of one that is unknown; else kNone
  std::string value = {};                    // "ListContainers takes 15s"; why it is unknown
  std::optional<absl::Duration> since = {};  // an age: it has been bad for so long
  ObjectRef object = {};                     // that it is of; empty for one of the node
  Severity severity = Severity::kPage;       // if nothing explains it
  std::string command = {};  // where to look, if that is more than the meaning tells
  std::string cure = {};  // what ends it if nobody needs its object: disruptive; empty if nothing
  bool held = false;      // it has become good too short a time ago to be believed
};

// What is the same of a sign at all times.
struct SignMeaning {
  absl::string_view theme;    // "calls", "statuses", "objects", "kubelet", "host", "plegd"
  absl::string_view source;   // "ListContainers", "/proc/pressure/io", "kubelet /metrics"
  absl::string_view limit;    // what is bad: "5s and 10 times the usual"
  absl::string_view meaning;  // what follows if it is bad
  absl::string_view look;     // what to do if nothing explains it
  absl::string_view command;  // the same, for a root shell on the node; empty if there is none
  Severity severity = Severity::kPage;  // if nothing explains it
  // It counts as bad once it has been so for `hold`, and as good once it has been so for `release`.
  absl::Duration hold = {};
  absl::Duration release = {};
};
const SignMeaning& MeaningOf(SignId id);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_SIGN_H_
