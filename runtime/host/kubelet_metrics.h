// What a kubelet's /metrics says of its PLEG (pkg/kubelet/metrics/metrics.go).

#ifndef PLEGD_RUNTIME_HOST_KUBELET_METRICS_H_
#define PLEGD_RUNTIME_HOST_KUBELET_METRICS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace runtime::host {

struct KubeletMetrics {
  // kubelet_pleg_last_seen_seconds: Unix time; 0 before the first relist, absent before Kubernetes
  // 1.18.
  std::optional<double> last_seen;
  // kubelet_evented_pleg_connection_success_count: event streams it has opened.
  double event_streams = 0;
  std::string version;  // git_version of kubernetes_build_info: "v1.31.4"; empty if it has none
};

// Reads the text format; lines that are none of these, or malformed, are left out.
KubeletMetrics ParseKubeletMetrics(absl::string_view text);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_KUBELET_METRICS_H_
