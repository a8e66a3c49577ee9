// What the kubelet makes of the runtime's Status and of PLEG's verdict: its list of runtime errors
// and the node's Ready condition (pkg/kubelet/runtime.go, pkg/kubelet/nodestatus/setters.go).
//
//   state.OnStatus(conditions, clock.Now());
//   NodeReady ready = state.Ready(pleg.Healthy(), clock.Now());

#ifndef PLEGD_PLEG_RUNTIME_STATE_H_
#define PLEGD_PLEG_RUNTIME_STATE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pleg/health.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace pleg {

// Who the runtime says it is: CRI's Version. Any bytes.
struct RuntimeVersion {
  std::string name;         // "containerd", "cri-o"
  std::string version;      // "1.7.27"
  std::string api_version;  // "v1"

  friend bool operator==(const RuntimeVersion&, const RuntimeVersion&) = default;
};

// CRI RuntimeCondition.
struct RuntimeCondition {
  std::string type;  // "RuntimeReady", "NetworkReady"
  bool status = false;
  std::string reason;
  std::string message;

  // "RuntimeReady=false reason:… message:…", as the kubelet prints it.
  std::string ToString() const;

  friend bool operator==(const RuntimeCondition&, const RuntimeCondition&) = default;
};

// The two conditions of a Status reply that the kubelet looks at; absent ones were not in the
// reply.
struct RuntimeConditions {
  std::optional<RuntimeCondition> runtime_ready;
  std::optional<RuntimeCondition> network_ready;

  friend bool operator==(const RuntimeConditions&, const RuntimeConditions&) = default;
};

// The node's Ready condition as the kubelet would post it, as far as it follows from the runtime.
struct NodeReady {
  bool ready = false;
  std::string reason;   // KubeletReady, KubeletNotReady
  std::string message;  // "kubelet is posting ready status", or the aggregate of the errors
};

// As Kubernetes' utilerrors.Aggregate prints: one distinct message bare, more as "[a, b]", in
// order, without repetitions.
std::string AggregateMessage(const std::vector<std::string>& messages);

// Thread-safe.
class RuntimeState {
 public:
  // How old the last good Status may be (maxWaitForContainerRuntime).
  static constexpr absl::Duration kSyncThreshold = absl::Seconds(30);
  // How often the kubelet asks for Status.
  static constexpr absl::Duration kStatusPeriod = absl::Seconds(5);

  // A Status call that succeeded. A failed one is not told here: it changes nothing but by its
  // absence.
  void OnStatus(RuntimeConditions conditions, MonoTime now);

  // The kubelet's runtime errors in its order: the age of Status, PLEG, the RuntimeReady condition.
  std::vector<std::string> RuntimeErrors(const Verdict& pleg, MonoTime now) const;
  std::vector<std::string> NetworkErrors() const;
  NodeReady Ready(const Verdict& pleg, MonoTime now) const;

  // The last conditions told; empty before the first.
  std::optional<RuntimeConditions> conditions() const;
  // When the last Status was told that said RuntimeReady.
  std::optional<MonoTime> last_sync() const;

 private:
  mutable Mutex mu_;
  std::optional<RuntimeConditions> conditions_ ABSL_GUARDED_BY(mu_);
  // Last Status that said RuntimeReady.
  std::optional<MonoTime> last_sync_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pleg

#endif  // PLEGD_PLEG_RUNTIME_STATE_H_
