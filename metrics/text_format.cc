#include "metrics/text_format.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "pleg/utf8.h"
#include "prometheus/client_metric.h"
#include "prometheus/metric_type.h"

namespace metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  // Whole numbers stay readable instead of becoming 1.7e+09.
  constexpr double kReadable = 1e15;
  if (value == std::trunc(value) && std::abs(value) < kReadable) {
    return absl::StrCat(static_cast<int64_t>(value));
  }
  std::array<char, 32> digits;  // the longest shortest double has 24
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 std::chars_format::general);
  return std::string(digits.data(), end.ptr);
}

std::string HelpText(const std::string& help) {
  return absl::StrReplaceAll(pleg::ToValidUtf8(help), {{"\\", "\\\\"}, {"\n", "\\n"}});
}

std::string LabelText(const std::string& value) {
  return absl::StrReplaceAll(pleg::ToValidUtf8(value),
                             {{"\\", "\\\\"}, {"\n", "\\n"}, {"\"", "\\\""}});
}

absl::string_view TypeText(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Histogram:
      return "histogram";
    case MetricType::Summary:
      return "summary";
    default:
      return "untyped";
  }
}

// The series of one family.
class FamilyWriter {
 public:
  FamilyWriter(const prometheus::MetricFamily& family, std::string& out)
      : family_(family), out_(out) {}

  void Write() {
    absl::StrAppend(&out_, "# HELP ", family_.name, " ", HelpText(family_.help), "\n# TYPE ",
                    family_.name, " ", TypeText(family_.type), "\n");
    for (const ClientMetric& metric : family_.metric) WriteMetric(metric);
  }

 private:
  void WriteMetric(const ClientMetric& metric) {
    switch (family_.type) {
      case MetricType::Counter:
        return Series(metric, "", metric.counter.value);
      case MetricType::Gauge:
        return Series(metric, "", metric.gauge.value);
      case MetricType::Histogram:
        return WriteHistogram(metric);
      case MetricType::Summary:
        return WriteSummary(metric);
      default:
        return Series(metric, "", metric.untyped.value);
    }
  }

  void WriteHistogram(const ClientMetric& metric) {
    const auto total = static_cast<double>(metric.histogram.sample_count);
    bool has_infinity = false;
    for (const ClientMetric::Bucket& bucket : metric.histogram.bucket) {
      Series(metric, "_bucket", static_cast<double>(bucket.cumulative_count), "le",
             bucket.upper_bound);
      has_infinity = std::isinf(bucket.upper_bound);
    }
    if (!has_infinity) Series(metric, "_bucket", total, "le", HUGE_VAL);
    Series(metric, "_sum", metric.histogram.sample_sum);
    Series(metric, "_count", total);
  }

  void WriteSummary(const ClientMetric& metric) {
    for (const ClientMetric::Quantile& quantile : metric.summary.quantile) {
      Series(metric, "", quantile.value, "quantile", quantile.quantile);
    }
    Series(metric, "_sum", metric.summary.sample_sum);
    Series(metric, "_count", static_cast<double>(metric.summary.sample_count));
  }

  void Series(const ClientMetric& metric, absl::string_view suffix, double value,
              absl::string_view bound_name = "", double bound = 0) {
    absl::StrAppend(&out_, family_.name, suffix);
    absl::string_view separator = "{";
    for (const ClientMetric::Label& label : metric.label) {
      absl::StrAppend(&out_, separator, label.name, "=\"", LabelText(label.value), "\"");
      separator = ",";
    }
    if (!bound_name.empty()) {
      absl::StrAppend(&out_, separator, bound_name, "=\"", NumberText(bound), "\"");
      separator = ",";
    }
    absl::StrAppend(&out_, separator == "{" ? " " : "} ", NumberText(value), "\n");
  }

  const prometheus::MetricFamily& family_;
  std::string& out_;
};

}  // namespace

std::string WriteText(const std::vector<prometheus::MetricFamily>& families) {
  std::string out;
  for (const prometheus::MetricFamily& family : families) FamilyWriter(family, out).Write();
  return out;
}

}  // namespace metrics
