// The names of today's kubelet (pkg/kubelet/metrics/metrics.go): its PLEG's, its counts of pods and
// containers, its runtime operations, with its types, labels, buckets and help texts.
// docs/metrics.md tells in what the values differ.

#ifndef PLEGD_METRICS_KUBELET_NAMES_H_
#define PLEGD_METRICS_KUBELET_NAMES_H_

#include <array>
#include <cstddef>
#include <vector>

#include "metrics/labels.h"
#include "metrics/name_set.h"
#include "prometheus/counter.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace metrics {

// Thread-safe.
class KubeletNames : public NameSet {
 public:
  KubeletNames();

  void OnRelistInterval(absl::Duration interval) override;
  void OnRelistEnd(absl::Duration duration) override;
  void OnPodRelistEnd(absl::Duration duration) override;
  void OnEventsDiscarded(size_t count) override;
  void OnCallEnd(size_t method, absl::StatusCode code, absl::Duration duration) override;
  std::vector<prometheus::MetricFamily> Collect(const pleg::PlegSnapshot& pleg) const override;

 private:
  struct Operation {
    prometheus::Counter* total = nullptr;
    prometheus::Counter* errors = nullptr;
    prometheus::Histogram* duration = nullptr;
  };

  void BuildPlegMetrics();
  // The kubelet registers them also while it takes no events from the runtime: all stay at 0.
  void BuildEventedPlegMetrics();
  void BuildOperations();

  prometheus::Registry registry_;
  prometheus::Histogram* relist_duration_ = nullptr;
  prometheus::Histogram* relist_interval_ = nullptr;
  prometheus::Histogram* pod_relist_duration_ = nullptr;
  prometheus::Counter* discard_events_ = nullptr;
  std::array<Operation, kMethods.size()> operations_;
};

}  // namespace metrics

#endif  // PLEGD_METRICS_KUBELET_NAMES_H_
