// What a rule is, and the rules there are. Private to the diagnosis.

#ifndef PLEGD_PLEG_DIAGNOSIS_RULE_H_
#define PLEGD_PLEG_DIAGNOSIS_RULE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "pleg/diagnosis/facts.h"
#include "pleg/diagnosis/verdict.h"

namespace pleg {

// Whom it hurts, worst first. The first key of the ranking.
enum class Tier : uint8_t {
  kBlocksPleg,  // the kubelet's PLEG fails, or is about to: the node turns NotReady or flaps
  kHurtsPods,   // the node is Ready, and some pods or all events suffer
  kThreatens,   // nothing hurts yet
  kNothing,
};

// What a finding rests on.
enum class Basis : uint8_t {
  kSeen,    // a state that stays whatever the node has to spare: a stopped process, a refused
            // connection, one silent object among many that answer
  kTiming,  // how long calls take, or do not return: in doubt while the whole node starves
  kNode,    // the node's pressure: no cause beside one that was seen
};

struct Ranked {
  Finding finding;
  Tier tier = Tier::kNothing;
  Basis basis = Basis::kSeen;
  bool yields = false;  // to what was seen and is of its tier; the ranking sets it
  // Deduced from the host's probe: in doubt when its sample is old.
  bool of_host = false;
};

// Which signs the findings of a code explain, if they are bad. explained.cc has the table.
struct Explained {
  std::vector<SignId> whole;       // whatever object they are of
  std::vector<SignId> of_culprit;  // those of the finding's culprits and of their pods
};
const Explained& ExplainedBy(VerdictCode code);
bool Explains(const Finding& finding, const Sign& sign);

// A pure function; empty if what it looks for is not there.
using Rule = std::optional<Ranked> (*)(const Facts&);

// A finding under construction.
class Draft {
 public:
  Draft(VerdictCode code, Tier tier, Confidence confidence) {
    ranked_.finding.code = code;
    ranked_.finding.confidence = confidence;
    ranked_.tier = tier;
  }

  Draft& Since(absl::Duration age);
  Draft& RestsOn(Basis basis);
  Draft& OfHost();
  Draft& Say(absl::string_view what, absl::string_view meaning, absl::string_view advice);
  // For a line that has no room for the sentence; else its first part is cut.
  Draft& Brief(absl::string_view text);
  // Printable is applied to these; empty ones are left out.
  Draft& For(absl::string_view text);
  Draft& Against(absl::string_view text);
  Draft& Blame(const ObjectRef& object);
  Draft& Do(Action action);
  Draft& Do(absl::string_view text, std::string command = "");
  Draft& DoDisruptive(absl::string_view text, std::string command = "");
  // As sure as can be, whatever was thought at first.
  Draft& Sure();
  // One level less sure, and why.
  Draft& Doubt(absl::string_view why);

  // Where the sentence quotes the command of a disruptive action, it is marked there.
  Ranked Done();

 private:
  Ranked ranked_;
};

Confidence Lower(Confidence confidence);

// No longer than a sentence may be: what is wrong is shortened before what to do is.
std::string FitSentence(std::string sentence);

// rules_errors.cc
std::optional<Ranked> CriUnsupported(const Facts& facts);
std::optional<Ranked> RuntimeErrors(const Facts& facts);
// rules_runtime.cc
std::optional<Ranked> RuntimeRestarting(const Facts& facts);
std::optional<Ranked> RuntimeDown(const Facts& facts);
std::optional<Ranked> RuntimeStopped(const Facts& facts);  // RUNTIME_HUNG, beyond doubt
std::optional<Ranked> RuntimeHung(const Facts& facts);
// The network plugin that a silent Status waits for; null if it waits for something else.
const ProcessEvidence* PluginOfStatus(const Facts& facts);
// rules_load.cc
std::optional<Ranked> MessageTooLarge(const Facts& facts);
std::optional<Ranked> MessageTooLargeSoon(const Facts& facts);
std::optional<Ranked> TooManyChanges(const Facts& facts);
std::optional<Ranked> TooManyDead(const Facts& facts);
// rules_lists.cc
std::optional<Ranked> ListsAreSlow(const Facts& facts);  // SILENT_LAG
// rules_node.cc
std::optional<Ranked> NodeMemoryStarved(const Facts& facts);
std::optional<Ranked> NodeIoStarved(const Facts& facts);
std::optional<Ranked> NodeCpuStarved(const Facts& facts);
std::optional<Ranked> SystemdOverloaded(const Facts& facts);
std::optional<Ranked> MountExplosion(const Facts& facts);
// rules_container.cc
std::optional<Ranked> FrozenCgroupFound(const Facts& facts);
std::optional<Ranked> CniStuck(const Facts& facts);
std::optional<Ranked> ShimUnresponsive(const Facts& facts);
std::optional<Ranked> StateStale(const Facts& facts);
// rules_silence.cc
std::optional<Ranked> ListLockConvoy(const Facts& facts);
std::optional<Ranked> ContainerStuck(const Facts& facts);
std::optional<Ranked> SandboxStuck(const Facts& facts);
std::optional<Ranked> SilentLag(const Facts& facts);
std::optional<Ranked> LatentHang(const Facts& facts);
// rules_oci.cc
std::optional<Ranked> OciHangs(const Facts& facts);  // CONTAINER_STUCK
// rules_sandboxes.cc
std::optional<Ranked> SandboxesPileUp(const Facts& facts);  // TOO_MANY_DEAD
// rules_operations.cc
std::optional<Ranked> KubeletOperationsFail(const Facts& facts);  // RUNTIME_ERRORS
// rules_kubelet.cc
std::optional<Ranked> KubeletSide(const Facts& facts);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_RULE_H_
