// Building metric families by hand, for what is collected at scrape time.
//
//   prometheus::MetricFamily pods = GaugeFamily("pleg_pods", "Pods of the last listing.");
//   AddSample(pods, 3, {{"state", "ready"}});

#ifndef PLEGD_METRICS_FAMILIES_H_
#define PLEGD_METRICS_FAMILIES_H_

#include <string>
#include <vector>

#include "prometheus/client_metric.h"
#include "prometheus/metric_family.h"

namespace metrics {

prometheus::MetricFamily GaugeFamily(std::string name, std::string help);
prometheus::MetricFamily CounterFamily(std::string name, std::string help);

// Adds one series to a gauge or counter family.
void AddSample(prometheus::MetricFamily& family, double value,
               std::vector<prometheus::ClientMetric::Label> labels = {});

// A family of one series without labels.
prometheus::MetricFamily Gauge(std::string name, std::string help, double value);
prometheus::MetricFamily Counter(std::string name, std::string help, double value);

}  // namespace metrics

#endif  // PLEGD_METRICS_FAMILIES_H_
