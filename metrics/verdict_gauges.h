// The metrics of the verdict engine: what is wrong by code, and what the host probe sees.
//
//   AppendVerdicts(*node.Assess(), families);

#ifndef PLEGD_METRICS_VERDICT_GAUGES_H_
#define PLEGD_METRICS_VERDICT_GAUGES_H_

#include <vector>

#include "node/assessment.h"
#include "prometheus/metric_family.h"

namespace metrics {

// One series for each code, found or not, so that an alert needs no absence: its label `severity`
// is that of what was found. What the host did not
// tell has none.
void AppendVerdicts(const node::Assessment& assessment, std::vector<prometheus::MetricFamily>& out);

}  // namespace metrics

#endif  // PLEGD_METRICS_VERDICT_GAUGES_H_
