// What a kubelet's /metrics says of its PLEG (pkg/kubelet/metrics/metrics.go).

#ifndef PLEGD_RUNTIME_HOST_KUBELET_METRICS_H_
#define PLEGD_RUNTIME_HOST_KUBELET_METRICS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace runtime::host {

// Of one kind of operation, since the kubelet's start.
struct OperationCounters {
  double count = 0;
  double seconds = 0;  // all of them took
  double errors = 0;
};

struct KubeletMetrics {
  // kubelet_pleg_last_seen_seconds: Unix time; 0 before the first relist, absent before Kubernetes
  // 1.18.
  std::optional<double> last_seen;
  // kubelet_evented_pleg_connection_success_count: event streams it has opened.
  double event_streams = 0;
  OperationCounters relists;    // kubelet_pleg_relist_duration_seconds
  double discarded_events = 0;  // kubelet_pleg_discard_events
  // kubelet_runtime_operations_*: by operation_type; at most kMaxOperations.
  std::map<std::string, OperationCounters> operations;
  std::string version;  // git_version of kubernetes_build_info: "v1.31.4"; empty if it has none
};

inline constexpr size_t kMaxOperations = 100;

// Reads the text format; lines that are none of these, or malformed, are left out.
KubeletMetrics ParseKubeletMetrics(absl::string_view text);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_KUBELET_METRICS_H_
