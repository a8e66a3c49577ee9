// The names of the kubelet 1.11 (pkg/kubelet/metrics/metrics.go of that release), which dashboards
// and articles of its time use: microseconds, in summaries. docs/metrics.md tells in what the
// values differ.

#ifndef PLEGD_METRICS_LEGACY_NAMES_H_
#define PLEGD_METRICS_LEGACY_NAMES_H_

#include <array>
#include <cstddef>
#include <vector>

#include "metrics/labels.h"
#include "metrics/name_set.h"
#include "prometheus/counter.h"
#include "prometheus/registry.h"
#include "prometheus/summary.h"

namespace metrics {

// Thread-safe.
class LegacyNames : public NameSet {
 public:
  LegacyNames();

  void OnRelistInterval(absl::Duration interval) override;
  void OnRelistEnd(absl::Duration duration) override;
  // Unknown to that kubelet, like all that it does not name.
  void OnPodRelistEnd(absl::Duration) override {}
  void OnEventsDiscarded(size_t) override {}
  void OnCallEnd(size_t method, absl::StatusCode code, absl::Duration duration) override;
  std::vector<prometheus::MetricFamily> Collect(const pleg::PlegSnapshot& pleg) const override;

 private:
  struct Operation {
    prometheus::Counter* total = nullptr;
    prometheus::Counter* errors = nullptr;
    prometheus::Summary* latency = nullptr;
  };

  void BuildOperations();

  prometheus::Registry registry_;
  prometheus::Summary* relist_latency_ = nullptr;
  prometheus::Summary* relist_interval_ = nullptr;
  std::array<Operation, kMethods.size()> operations_;
};

}  // namespace metrics

#endif  // PLEGD_METRICS_LEGACY_NAMES_H_
