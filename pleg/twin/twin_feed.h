// What the kubelet twin is fed: plegd's own observations, brought into the twin's terms.
//
//   std::vector<GenerationReport> reports = PredictKubelets(kubelets, facts);
//
// All facts are snapshots, ages are computed here, at the time of reading: it waits for nobody,
// whatever the runtime or the core does.

#ifndef PLEGD_PLEG_TWIN_TWIN_FEED_H_
#define PLEGD_PLEG_TWIN_TWIN_FEED_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/call_stats.h"
#include "pleg/history/call_history.h"
#include "pleg/observer.h"
#include "pleg/pods_view.h"
#include "pleg/runtime_state.h"
#include "pleg/twin/kubelet_twin.h"

namespace pleg {

struct TwinFacts {
  MonoTime now;
  MonoTime started_at;  // of plegd
  std::shared_ptr<const PlegSnapshot> core = std::make_shared<const PlegSnapshot>();
  std::shared_ptr<const PodsView> pods = std::make_shared<const PodsView>();
  CallSnapshot calls = {};
  // The last of each that ended; empty before the first.
  std::optional<CallHistory::Ended> last_sandbox_list = {};
  std::optional<CallHistory::Ended> last_container_list = {};
  std::optional<CallHistory::Ended> last_status = {};
  absl::Duration sandbox_status = {};    // what one PodSandboxStatus usually takes
  absl::Duration container_status = {};  // and one ContainerStatus
  std::optional<MonoTime> last_status_ok = {};
  std::optional<RuntimeConditions> conditions = {};
};

// Pure. Costs O(objects of the node).
TwinInput MakeTwinInput(const TwinFacts& facts);

// The kubelets that a version means: "auto" is one of each generation. kInvalidArgument names a
// text that is neither.
absl::StatusOr<std::vector<KubeletModel>> KubeletModels(absl::string_view version,
                                                        absl::Duration request_timeout);

// One report of each kubelet, in order. Pure. Costs O(objects of the node) at worst.
std::vector<GenerationReport> PredictKubelets(const std::vector<KubeletModel>& kubelets,
                                              const TwinFacts& facts);

}  // namespace pleg

#endif  // PLEGD_PLEG_TWIN_TWIN_FEED_H_
