// What a diagnosis finds: which of a fixed set of things is wrong, with whom, since when, how sure,
// why, and what to do about it. Texts are one line of printable UTF-8 each, safe for a terminal.

#ifndef PLEGD_PLEG_DIAGNOSIS_VERDICT_H_
#define PLEGD_PLEG_DIAGNOSIS_VERDICT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/diagnosis/host_evidence.h"
#include "pleg/diagnosis/sign.h"

namespace pleg {

// docs/verdicts/ has a page for each. The names are stable: alerts and scripts match them.
enum class VerdictCode : uint8_t {
  kHealthy,
  kStarting,
  kRuntimeDown,
  kRuntimeRestarting,
  kRuntimeHung,
  kRuntimeErrors,
  kCriUnsupported,
  kMessageTooLarge,
  kMessageTooLargeSoon,
  kNodeIoStarved,
  kNodeCpuStarved,
  kNodeMemoryStarved,
  kFrozenCgroup,
  kCniStuck,
  kSystemdOverloaded,
  kMountExplosion,
  kListLockConvoy,
  kContainerStuck,
  kSandboxStuck,
  kLagsSilently,  // SILENT_LAG
  kShimUnresponsive,
  kStateStale,
  kLatentHang,
  kTooManyChanges,
  kTooManyDead,
  kKubeletSide,
  kWarning,
  kUnexplained,
};
inline constexpr size_t kVerdictCodes = static_cast<size_t>(VerdictCode::kUnexplained) + 1;

// "LIST_LOCK_CONVOY".
absl::string_view VerdictCodeName(VerdictCode code);
std::optional<VerdictCode> ParseVerdictCode(absl::string_view name);
// "docs/verdicts/LIST_LOCK_CONVOY.md".
std::string VerdictPage(VerdictCode code);

// How much of what the verdict predicts was observed. High: act on it. Medium: look at what is
// against it first. Low: a guess from what little could be seen.
enum class Confidence : uint8_t { kLow, kMedium, kHigh };
absl::string_view ConfidenceName(Confidence confidence);

// A thing to do. plegd never does it.
struct Action {
  std::string text;
  std::string command;      // for a root shell on the node; empty if there is none
  bool disruptive = false;  // it ends or interrupts something that works
};

// Of a sentence, in bytes: room for a guarded command of 80.
inline constexpr size_t kMaxSentence = 360;
// Of a brief: what is wrong, whole.
inline constexpr size_t kMaxBrief = 200;

// One thing that is wrong (or that nothing is).
struct Finding {
  VerdictCode code = VerdictCode::kUnexplained;
  std::string sentence;  // alone tells what is wrong, what it means and what to do
  std::string brief;     // what is wrong, for a line that has no room for more
  Severity severity = Severity::kPage;
  // Who is to blame is known, and will not change by asking again in a few seconds.
  bool settled = false;
  // The bad signs that it explains, or names if nothing explains them.
  std::vector<SignId> signs;
  std::optional<absl::Duration> since = {};  // an age
  Confidence confidence = Confidence::kMedium;
  std::vector<std::string> supports;
  std::vector<std::string> contradicts;
  std::vector<ObjectRef> culprits;  // worst first
  std::vector<Action> actions;      // the safe ones first
};

enum class Subject : uint8_t { kDisk, kCpu, kMemory, kSystemd, kKubelet, kRuntime };
inline constexpr Subject kSubjects[] = {Subject::kDisk,    Subject::kCpu,     Subject::kMemory,
                                        Subject::kSystemd, Subject::kKubelet, Subject::kRuntime};
absl::string_view SubjectName(Subject subject);

enum class Fitness : uint8_t { kFine, kNotFine, kUnknown };
absl::string_view FitnessName(Fitness fitness);

// Whether a suspect is to be ruled out, and by which figure.
struct Exclusion {
  Subject subject = Subject::kDisk;
  Fitness fitness = Fitness::kUnknown;
  std::string figure;     // "io full 0.3 %, sda1 12 % busy"; why it is unknown
  std::string threshold;  // "40 %, 90 %"; empty if unknown
};

// Worth knowing beside the verdict, and never one: known-bad versions, what no probe could read.
struct Hint {
  std::string text;
  std::string source;  // where it is from; may be empty
};

// The node's Ready condition, as far as it follows from the runtime's answers and from what the
// kubelet says of itself.
enum class Readiness : uint8_t { kUnknown, kReady, kNotReady };
// "unknown", "ready", "not ready".
absl::string_view ReadinessName(Readiness readiness);

struct Diagnosis {
  std::vector<Finding> findings;  // best explanation first; never empty
  // What is so now, in one short sentence without a period: "PLEG is healthy", "the node is
  // NotReady: …".
  std::string headline;
  // What comes of it if nothing changes: "a kubelet goes NotReady in 57s"; empty if nothing does.
  std::string forecast;
  Readiness readiness = Readiness::kUnknown;
  bool starting = false;    // plegd has not seen enough to judge
  std::vector<Sign> signs;  // all of them, in the order of SignId; several of one may be bad
  std::vector<Exclusion> exclusions;
  std::vector<Hint> hints;
  // Whatever was found: what is asked for in every incident, such as the oldest runc.
  std::vector<std::string> particulars;
  absl::Time recorded_at = absl::InfinitePast();  // the evidence's
  std::string node;                               // the evidence's; empty if not known
  // How old what it says of the host is, if that is too old to be told as of now: more than 15 s.
  std::optional<absl::Duration> host_seen_ago = {};
};

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_VERDICT_H_
