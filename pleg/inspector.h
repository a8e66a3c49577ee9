// Asks the runtime for the statuses of pods, several pods at a time, and makes PodStatus of them
// (pkg/kubelet/kuberuntime/kuberuntime_manager.go, GetPodStatus).
//
//   uint64_t id = inspector.Inspect(pod, timestamp, trust, [](Inspector::Result result) { … });
//
// One pod that does not answer holds up no other: an inspection with a call that takes long leaves
// the window, so that another pod gets its place, and ends whenever it ends. How many such calls
// may be open is bounded; near the bound only pods that answered last time are begun.

#ifndef PLEGD_PLEG_INSPECTOR_H_
#define PLEGD_PLEG_INSPECTOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pleg/executor.h"
#include "pleg/mono_time.h"
#include "pleg/pod_status.h"
#include "pleg/runtime_service.h"

namespace pleg {

struct InspectorOptions {
  // Pods inspected at a time, those set aside not counted; at least 1.
  size_t window = 1;
  // Calls of one pod at a time; at least 1. Whatever it is, results are as if they were made one
  // after another: sandboxes newest first, then containers.
  size_t calls_per_pod = 1;
  // An inspection with a call that is out for longer is set aside; sooner, down to 20 ms, where
  // calls usually take less than an eighth of that. Never with the default, as the kubelet.
  absl::Duration slow_after = absl::InfiniteDuration();
  // With so many calls of set-aside inspections out, only trusted pods are begun; with twice as
  // many none.
  size_t max_slow_calls = 64;
  // A pod with more bytes in the lists is large: its statuses are about as large as its items. One
  // such pod is inspected at a time, one call after another, apart from those set aside, so that
  // the replies that are out together are bounded.
  size_t large_pod_bytes = std::numeric_limits<size_t>::max();
  // Until this many calls have been answered quickly, the window is at most `slow_start_window`.
  size_t slow_start_calls = 0;
  size_t slow_start_window = 4;
};

// How a pod's last inspection went. Trusted pods are begun before the others.
enum class Trust : uint8_t { kAnswered, kNew, kFailed };

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

  // All outlive the inspector.
  Inspector(RuntimeService& runtime, Executor& executor, const Clock& clock,
            InspectorOptions options);
  ~Inspector();
  Inspector(const Inspector&) = delete;
  Inspector& operator=(const Inspector&) = delete;

  // `timestamp` becomes PodStatus::timestamp. `done` runs once, later, unless the inspection is
  // discarded before. Returns its id, never 0.
  uint64_t Inspect(std::shared_ptr<const Pod> pod, MonoTime timestamp, Trust trust, Done done);
  // Told once of each inspection that is set aside.
  void OnSetAside(absl::AnyInvocable<void(uint64_t id)> callback);

  // Puts a newer observation of the pod in the place of one that still waits; false if it has
  // begun.
  bool Replace(uint64_t id, std::shared_ptr<const Pod> pod, MonoTime timestamp);
  // True while it waits for its turn.
  bool Waiting(uint64_t id) const;
  // Its `done` will not run. Calls that are out stay out and count until they are answered.
  void Discard(uint64_t id);
  void DiscardAll();

  // Begun and not ended, those set aside included.
  size_t running() const { return in_window_ + set_aside_; }
  size_t set_aside() const { return set_aside_; }
  // Calls of inspections that are set aside.
  size_t slow_calls() const { return slow_calls_; }

 private:
  class Inspection;
  friend class Inspection;

  void StartWaiting();
  // The next to begin, removed from the queue; 0 if none may begin now.
  uint64_t TakeNext();
  size_t Window() const;
  bool IsLarge(const Pod& pod) const;
  absl::Duration SlowAfter() const;
  void OnCallEnd(const Inspection& inspection, absl::Duration took);
  void SetAside(Inspection& inspection);
  void Finish(Inspection& inspection, absl::StatusOr<std::shared_ptr<const PodStatus>> status);

  RuntimeService& runtime_;
  Executor& executor_;
  const Clock& clock_;
  const InspectorOptions options_;
  absl::AnyInvocable<void(uint64_t)> on_set_aside_;
  uint64_t next_id_ = 1;
  size_t in_window_ = 0;
  size_t large_in_window_ = 0;
  size_t set_aside_ = 0;
  size_t slow_calls_ = 0;
  size_t quick_calls_ = 0;
  double mean_call_seconds_ = 0;  // of calls answered quickly; exponentially weighted
  std::array<std::deque<uint64_t>, 3> waiting_;  // by Trust; pods that are not large
  std::deque<uint64_t> waiting_large_;
  absl::flat_hash_map<uint64_t, std::shared_ptr<Inspection>> inspections_;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_INSPECTOR_H_
