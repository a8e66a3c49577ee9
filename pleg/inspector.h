// Asks the runtime for the statuses of pods, some pods at a time, and makes PodStatus of them
// (pkg/kubelet/kuberuntime/kuberuntime_manager.go, GetPodStatus).
//
//   uint64_t id = inspector.Inspect(pod, timestamp, [](Inspector::Result result) { … });

#ifndef PLEGD_PLEG_INSPECTOR_H_
#define PLEGD_PLEG_INSPECTOR_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pleg/mono_time.h"
#include "pleg/pod_status.h"
#include "pleg/runtime_service.h"

namespace pleg {

// Confined to the core's thread.
class Inspector {
 public:
  struct Result {
    // The status, or the error of the first of its calls, in the kubelet's order, that failed.
    // kNotFound of a call is no error: the object is left out.
    absl::StatusOr<std::shared_ptr<const PodStatus>> status;
    absl::Duration took;  // from its first call to its last answer
  };
  using Done = absl::AnyInvocable<void(Result)>;

  // At most `window` pods (at least 1) are inspected at a time, further ones wait in order. Both
  // outlive the inspector.
  Inspector(RuntimeService& runtime, const Clock& clock, size_t window);
  ~Inspector();
  Inspector(const Inspector&) = delete;
  Inspector& operator=(const Inspector&) = delete;

  // `timestamp` becomes PodStatus::timestamp. `done` runs once, later, unless the inspection is
  // discarded before. Returns its id, never 0.
  uint64_t Inspect(std::shared_ptr<const Pod> pod, MonoTime timestamp, Done done);

  // Puts a newer observation of the pod in the place of one that still waits; false if it has
  // begun.
  bool Replace(uint64_t id, std::shared_ptr<const Pod> pod, MonoTime timestamp);
  // True while it waits for its turn.
  bool Waiting(uint64_t id) const;
  // Its `done` will not run. Calls that are out stay out and keep its place until they are
  // answered.
  void Discard(uint64_t id);
  void DiscardAll();

  size_t running() const { return running_; }

 private:
  class Inspection;
  friend class Inspection;

  void StartWaiting();
  void Finish(Inspection& inspection, absl::StatusOr<std::shared_ptr<const PodStatus>> status);

  RuntimeService& runtime_;
  const Clock& clock_;
  const size_t window_;
  uint64_t next_id_ = 1;
  size_t running_ = 0;
  std::deque<uint64_t> waiting_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<Inspection>> inspections_;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_INSPECTOR_H_
