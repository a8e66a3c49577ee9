// Further names under which what Metrics observes is exposed, for dashboards that know those names.

#ifndef PLEGD_METRICS_NAME_SET_H_
#define PLEGD_METRICS_NAME_SET_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pleg/observer.h"
#include "prometheus/metric_family.h"

namespace metrics {

// Implementations are thread-safe: told on the core's and the transport's thread, collected on any.
// Durations are not negative.
class NameSet {
 public:
  virtual ~NameSet() = default;

  virtual void OnRelistInterval(absl::Duration interval) = 0;
  virtual void OnRelistEnd(absl::Duration duration) = 0;
  virtual void OnPodRelistEnd(absl::Duration duration) = 0;
  virtual void OnEventsDiscarded(size_t count) = 0;
  // `method`: index into kMethods.
  virtual void OnCallEnd(size_t method, absl::StatusCode code, absl::Duration duration) = 0;

  // `pleg`: what is true at this scrape.
  virtual std::vector<prometheus::MetricFamily> Collect(const pleg::PlegSnapshot& pleg) const = 0;
};

}  // namespace metrics

#endif  // PLEGD_METRICS_NAME_SET_H_
