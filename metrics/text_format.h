// Prometheus' text format 0.0.4, written exactly.
//
//   std::string text = WriteText(registry.Collect());
//
// In place of prometheus::TextSerializer, which rounds numbers to 16 digits: a bucket limit such as
// 119.20928955078125 would become another `le` than every other exporter of that histogram has, and
// whatever aggregates by it would see two series.

#ifndef PLEGD_METRICS_TEXT_FORMAT_H_
#define PLEGD_METRICS_TEXT_FORMAT_H_

#include <string>
#include <vector>

#include "prometheus/metric_family.h"

namespace metrics {

// Families and series in the order given. Numbers are the shortest that read back the same. Label
// values and help texts may hold anything: they are escaped, and what is not UTF-8 becomes U+FFFD,
// because one such byte would make Prometheus refuse the whole scrape. Thread-safe.
std::string WriteText(const std::vector<prometheus::MetricFamily>& families);

}  // namespace metrics

#endif  // PLEGD_METRICS_TEXT_FORMAT_H_
