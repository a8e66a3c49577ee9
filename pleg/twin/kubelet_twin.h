// The kubelet twin: a model of the kubelet's serial PLEG loop (pkg/kubelet/pleg/generic.go) under
// the latencies that plegd measures. It answers what plegd's own relist cannot, since plegd does
// not wait where the kubelet does: when does the node become NotReady, does it flap, how late are
// the events of all other pods, what would a restart of the kubelet cost.
//
//   TwinReport report = PredictKubelet(KubeletModel::Of(KubeletGeneration::kOnce), input);
//
// The model: both lists, then the pods that changed or that failed before, one after another, then
// a pause. A call without an answer costs the kubelet's time-out. What is unanswered now is taken
// to stay so. The kubelet's own position in its loop is not observed: it is taken to have begun the
// relist that met the first unanswered call when plegd met it, which is off by one relist period at
// most.

#ifndef PLEGD_PLEG_TWIN_KUBELET_TWIN_H_
#define PLEGD_PLEG_TWIN_KUBELET_TWIN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/mono_time.h"
#include "pleg/runtime_state.h"

namespace pleg {

// What differs between kubelets so that it matters here (kubernetes/kubernetes#124297).
enum class KubeletGeneration : uint8_t {
  kTwice,  // up to 1.31: a pod that failed is inspected twice in every further relist
  kOnce,   // 1.32 and later: once
};
inline constexpr KubeletGeneration kKubeletGenerations[] = {KubeletGeneration::kTwice,
                                                            KubeletGeneration::kOnce};
// "<=1.31", ">=1.32".
absl::string_view KubeletGenerationName(KubeletGeneration generation);

// A kubelet. The constants are the kubelet's own defaults.
struct KubeletModel {
  KubeletGeneration generation = KubeletGeneration::kOnce;
  // Before 1.36 every inspection began with two filtered lists, which cost the runtime as much as
  // unfiltered ones (kubernetes/kubernetes#137363).
  bool lists_per_inspection = true;
  absl::Duration request_timeout = absl::Minutes(2);  // runtimeRequestTimeout
  absl::Duration relist_period = absl::Seconds(1);
  absl::Duration relist_threshold = absl::Minutes(3);

  // A kubelet of which no more than the generation is known.
  static KubeletModel Of(KubeletGeneration generation);
  // Of "1.31", "v1.31.4" or "1.32.0-rc.1". kInvalidArgument names the text.
  static absl::StatusOr<KubeletModel> OfVersion(absl::string_view version);
};

// One of the two lists of everything.
struct TwinList {
  absl::Duration last = {};  // how long the last one that ended took
  bool failed = false;       // and whether it ended with an error
  std::optional<MonoTime> unanswered_since =
      {};  // start of the silence, be it short; empty if none
};

// A pod that the kubelet would inspect.
struct TwinPod {
  // Start of the listing that showed the change, or of the first inspection that failed.
  MonoTime since;
  absl::Duration cost = {};                       // of its statuses that answer, one after another
  std::optional<MonoTime> unanswered_since = {};  // of its status call that has been silent longest
  bool failed = false;                            // its last inspection ended with an error
};

struct TwinInput {
  MonoTime now;
  MonoTime started_at;                       // when plegd's observation began
  std::optional<MonoTime> last_relist = {};  // start of plegd's last relist whose lists succeeded
  std::optional<MonoTime> last_status_ok = {};  // last Status call that said RuntimeReady
  bool status_failing = false;  // the Status calls since then failed or are unanswered
  std::optional<RuntimeConditions> conditions = {};  // of the last Status that was answered
  TwinList sandboxes = {};
  TwinList containers = {};
  std::vector<TwinPod> pods = {};    // in no particular order
  size_t all_pods = 0;               // on the node
  absl::Duration all_statuses = {};  // of every status that answers, of all pods, one after another
  size_t silent_pods = 0;            // pods with an unanswered status, among `pods` or not
};

// How late the event of a change is that comes at the worst moment: after the lists of a relist
// began. Compared to a kubelet that has nothing to wait for. Infinite while the lists do not
// succeed.
struct EventLag {
  absl::Duration best = {};    // its pod is inspected first; the length of the relist it missed
  absl::Duration median = {};  // over the orders that the kubelet leaves to chance
  absl::Duration worst = {};   // last
};

// The node turns NotReady and Ready again and again.
struct Flapping {
  absl::Duration period = {};
  absl::Duration unhealthy_for = {};  // of each period
};

enum class KubeletStage : uint8_t { kListing, kInspecting, kPausing };
inline constexpr KubeletStage kKubeletStages[] = {KubeletStage::kListing, KubeletStage::kInspecting,
                                                  KubeletStage::kPausing};
absl::string_view KubeletStageName(KubeletStage stage);

struct TwinReport {
  bool healthy = true;
  // The runtime errors in the node's Ready condition as this kubelet would post them; empty when
  // healthy: "PLEG is not healthy: pleg was last seen active 3m7.6s ago; threshold is 3m0s".
  std::string condition;
  // Until it is not healthy; zero when it is not, infinite if it stays so.
  absl::Duration to_not_ready = absl::InfiniteDuration();
  bool lasting = false;                   // not healthy for good once it is; else see `flapping`
  std::optional<Flapping> flapping = {};  // what it settles to
  bool silent = false;  // stays Ready, while events are late by kSilentLag or more
  EventLag lag = {};
  absl::Duration status_phase = {};  // of a relist that began now: its inspections
  absl::Duration restart_cost = {};  // the first relist of a kubelet that were restarted now
  // Unanswered but unchanged: they cost nothing yet. None while the lists fail.
  size_t latent_pods = 0;
  KubeletStage stage = KubeletStage::kPausing;
  absl::Duration stage_for = {};  // it has been in that stage
  // plegd has seen no good relist: the trouble is older than plegd, the node may be further on.
  bool older_than_observed = false;
};

// A report, and of which kubelets.
struct GenerationReport {
  KubeletGeneration generation = KubeletGeneration::kOnce;
  TwinReport report;
};

// Events this late are more than a slow relist.
inline constexpr absl::Duration kSilentLag = absl::Seconds(10);
// A call is taken for unanswered when it has been silent for so long, and for twice what it took
// last.
inline constexpr absl::Duration kPatience = absl::Seconds(1);

// Pure and deterministic; costs O(pods).
TwinReport PredictKubelet(const KubeletModel& kubelet, const TwinInput& input);

}  // namespace pleg

#endif  // PLEGD_PLEG_TWIN_KUBELET_TWIN_H_
