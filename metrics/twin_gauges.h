// The metrics of the kubelet twin: what a kubelet on this node goes through.
//
//   AppendTwin(node.Assess()->twins, families);

#ifndef PLEGD_METRICS_TWIN_GAUGES_H_
#define PLEGD_METRICS_TWIN_GAUGES_H_

#include <vector>

#include "pleg/twin/twin_feed.h"
#include "prometheus/metric_family.h"

namespace metrics {

// Nothing without a report.
void AppendTwin(const std::vector<pleg::GenerationReport>& twins,
                std::vector<prometheus::MetricFamily>& out);

}  // namespace metrics

#endif  // PLEGD_METRICS_TWIN_GAUGES_H_
