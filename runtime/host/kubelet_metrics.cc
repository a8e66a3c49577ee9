#include "runtime/host/kubelet_metrics.h"

#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace runtime::host {
namespace {

constexpr size_t kMaxVersion = 64;

// The value of a series without labels. Timestamps after it are ignored.
std::optional<double> ValueOf(absl::string_view line, absl::string_view name) {
  if (!absl::ConsumePrefix(&line, name) || !absl::ConsumePrefix(&line, " ")) return std::nullopt;
  double value = 0;
  if (!absl::SimpleAtod(line.substr(0, line.find(' ')), &value) || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::string Label(absl::string_view line, absl::string_view name) {
  const size_t at = line.find(name);
  if (at == absl::string_view::npos) return "";
  line.remove_prefix(at + name.size());
  if (!absl::ConsumePrefix(&line, "=\"")) return "";
  const size_t end = line.find('"');
  return end == absl::string_view::npos || end > kMaxVersion ? ""
                                                             : std::string(line.substr(0, end));
}

// The value of a series with labels, of which only the operation counts; null for another series.
double* CounterOf(absl::string_view line, KubeletMetrics& metrics) {
  constexpr absl::string_view kPrefix = "kubelet_runtime_operations_";
  if (!absl::ConsumePrefix(&line, kPrefix)) return nullptr;
  double OperationCounters::*counter = nullptr;
  if (absl::ConsumePrefix(&line, "duration_seconds_count{")) {
    counter = &OperationCounters::count;
  } else if (absl::ConsumePrefix(&line, "duration_seconds_sum{")) {
    counter = &OperationCounters::seconds;
  } else if (absl::ConsumePrefix(&line, "errors_total{")) {
    counter = &OperationCounters::errors;
  }
  const std::string name = counter == nullptr ? "" : Label(line, "operation_type");
  const bool room = metrics.operations.size() < kMaxOperations;
  if (name.empty() || (!room && !metrics.operations.contains(name))) return nullptr;
  return &(metrics.operations[name].*counter);
}

void ReadOperation(absl::string_view line, KubeletMetrics& metrics) {
  double* const counter = CounterOf(line, metrics);
  if (counter == nullptr) return;
  const size_t labels_end = line.rfind('}');
  const std::optional<double> value =
      labels_end == absl::string_view::npos ? std::nullopt : ValueOf(line.substr(labels_end), "}");
  if (value.has_value()) *counter += *value;
}

}  // namespace

KubeletMetrics ParseKubeletMetrics(absl::string_view text) {
  KubeletMetrics metrics;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (const auto seen = ValueOf(line, "kubelet_pleg_last_seen_seconds")) {
      metrics.last_seen = seen;
    } else if (const auto streams =
                   ValueOf(line, "kubelet_evented_pleg_connection_success_count")) {
      metrics.event_streams = *streams;
    } else if (const auto count = ValueOf(line, "kubelet_pleg_relist_duration_seconds_count")) {
      metrics.relists.count = *count;
    } else if (const auto seconds = ValueOf(line, "kubelet_pleg_relist_duration_seconds_sum")) {
      metrics.relists.seconds = *seconds;
    } else if (const auto discarded = ValueOf(line, "kubelet_pleg_discard_events")) {
      metrics.discarded_events = *discarded;
    } else if (absl::StartsWith(line, "kubelet_runtime_operations_")) {
      ReadOperation(line, metrics);
    } else if (absl::StartsWith(line, "kubernetes_build_info{")) {
      metrics.version = Label(line, "git_version");
    }
  }
  return metrics;
}

}  // namespace runtime::host
