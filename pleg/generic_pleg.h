// The Generic PLEG (pkg/kubelet/pleg/generic.go, Kubernetes 1.36): relists the runtime, diffs its
// pods against what was last reported, inspects the pods that changed, writes the cache, sends
// events.
//
//   GenericPleg pleg(options, {runtime, clock, executor, cache, hub, observer, log});
//   pleg.Start();
//
// Unlike the kubelet's, the list stage and the inspect stage are separate: lists go on every period
// while inspections run. An inspection belongs to the listing it started from: it publishes that
// listing's diff and advances the record to that listing. There is at most one per pod; a change
// seen meanwhile leads to another inspection afterwards; removal of the pod discards the answer.

#ifndef PLEGD_PLEG_GENERIC_PLEG_H_
#define PLEGD_PLEG_GENERIC_PLEG_H_

#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "pleg/event_hub.h"
#include "pleg/executor.h"
#include "pleg/health.h"
#include "pleg/ids.h"
#include "pleg/log.h"
#include "pleg/mono_time.h"
#include "pleg/observer.h"
#include "pleg/pod_cache.h"
#include "pleg/pods_view.h"
#include "pleg/runtime_service.h"

namespace pleg {

struct PlegOptions {
  // Pause between the end of a list stage and the start of the next relist.
  absl::Duration relist_period = absl::Seconds(1);
  // Healthy() fails when the last good relist began longer ago.
  absl::Duration relist_threshold = absl::Minutes(3);
  // How pods are inspected, see InspectorOptions; the defaults are serial, as the kubelet.
  size_t inspect_window = 1;
  size_t inspect_calls_per_pod = 1;
  absl::Duration inspect_slow_after = absl::InfiniteDuration();
  size_t inspect_max_slow_calls = 64;
  size_t inspect_large_pod_bytes = std::numeric_limits<size_t>::max();
  size_t inspect_slow_start_calls = 0;
  // A pod whose inspection failed and that has not changed since is tried again after this,
  // doubling up to the limit, with a fifth of jitter; on every relist with zero, as the kubelet.
  absl::Duration retry_backoff = absl::ZeroDuration();
  absl::Duration retry_backoff_limit = absl::Seconds(60);
  // On-demand relists that may wait (the kubelet: 200); more are dropped and counted.
  size_t relist_request_capacity = 200;
};

// What a GenericPleg works with. Everything outlives it.
struct PlegDeps {
  RuntimeService& runtime;
  const Clock& clock;
  Executor& executor;
  PodCache& cache;
  EventHub& hub;
  PlegObserver& observer;
  Log& log;
};

// Healthy, Snapshot, Pods, RequestRelist and RequestReinspect are thread-safe; the rest, the
// constructor's end and the destructor included, is confined to the executor's thread.
class GenericPleg {
 public:
  GenericPleg(PlegOptions options, PlegDeps deps);
  ~GenericPleg();
  GenericPleg(const GenericPleg&) = delete;
  GenericPleg& operator=(const GenericPleg&) = delete;

  // Begins with a relist at once. Nothing if running.
  void Start();
  // No further relist, event or cache write, also not of what is under way. May be started again;
  // the records stay.
  void Stop();

  // Relists now instead of at the end of the period, unless a list is out: the runtime has come
  // back.
  void RelistNow();

  // `callback` runs on the executor's thread each time a relist of everything has been sent: this
  // process and the connection are awake then, so that more work costs less. Set before Start.
  void OnRelistSent(std::function<void()> callback);

  // Lists one pod again, soon, unless a global relist begins after this moment anyway. One waiting
  // request per pod is enough: further ones are merged. Detects no removal, as the kubelet's.
  void RequestRelist(const PodUid& uid);
  // Inspects the pod in the next relist of it even if nothing changed; answered by a PodSync event.
  void RequestReinspect(const PodUid& uid);

  // The containers that ran in the last listing.
  std::vector<std::shared_ptr<const ContainerInfo>> RunningContainers() const;

  // The kubelet's verdict at this moment, with its text.
  Verdict Healthy() const;
  // Never null.
  std::shared_ptr<const PlegSnapshot> Snapshot() const;
  // As last published: by every relist, when inspections have ended, and by PublishPods. Never
  // null.
  std::shared_ptr<const PodsView> Pods() const;
  // Brings Pods() up to date; costs nothing unless a pod has changed since. To be called now and
  // then: inspections that are stuck leave it behind.
  void PublishPods();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_GENERIC_PLEG_H_
