#include "metrics/legacy_names.h"

#include <chrono>
#include <string>

namespace metrics {
namespace {

// client_golang's DefObjectives, DefMaxAge and DefAgeBuckets of that time.
const prometheus::Summary::Quantiles& Objectives() {
  static const auto* objectives =
      new prometheus::Summary::Quantiles{{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}};
  return *objectives;
}
constexpr std::chrono::minutes kMaxAge{10};
constexpr int kAgeBuckets = 5;

prometheus::Summary* AddSummary(prometheus::Family<prometheus::Summary>& family,
                                const prometheus::Labels& labels = {}) {
  return &family.Add(labels, Objectives(), kMaxAge, kAgeBuckets);
}

prometheus::Family<prometheus::Summary>& SummaryFamily(prometheus::Registry& registry,
                                                       const std::string& name,
                                                       const std::string& help) {
  return prometheus::BuildSummary().Name(name).Help(help).Register(registry);
}

// In whole microseconds, as SinceInMicroseconds cuts them.
void Observe(prometheus::Summary* summary, absl::Duration duration) {
  summary->Observe(static_cast<double>(absl::ToInt64Microseconds(duration)));
}

}  // namespace

LegacyNames::LegacyNames() {
  relist_latency_ =
      AddSummary(SummaryFamily(registry_, "kubelet_pleg_relist_latency_microseconds",
                               "Latency in microseconds for relisting pods in PLEG."));
  relist_interval_ =
      AddSummary(SummaryFamily(registry_, "kubelet_pleg_relist_interval_microseconds",
                               "Interval in microseconds between relisting in PLEG."));
  BuildOperations();
}

void LegacyNames::BuildOperations() {
  auto& totals = prometheus::BuildCounter()
                     .Name("kubelet_runtime_operations")
                     .Help("Cumulative number of runtime operations by operation type.")
                     .Register(registry_);
  auto& errors = prometheus::BuildCounter()
                     .Name("kubelet_runtime_operations_errors")
                     .Help("Cumulative number of runtime operation errors by operation type.")
                     .Register(registry_);
  auto& latencies = SummaryFamily(
      registry_, "kubelet_runtime_operations_latency_microseconds",
      "Latency in microseconds of runtime operations. Broken down by operation type.");
  for (size_t i = 0; i < kOperationTypes.size(); ++i) {
    const prometheus::Labels labels = {{"operation_type", std::string(kOperationTypes[i])}};
    operations_[i] = {&totals.Add(labels), &errors.Add(labels), AddSummary(latencies, labels)};
  }
}

void LegacyNames::OnRelistInterval(absl::Duration interval) { Observe(relist_interval_, interval); }

void LegacyNames::OnRelistEnd(absl::Duration duration) { Observe(relist_latency_, duration); }

void LegacyNames::OnCallEnd(size_t method, absl::StatusCode code, absl::Duration duration) {
  const Operation& operation = operations_[method];
  operation.total->Increment();
  Observe(operation.latency, duration);
  if (code != absl::StatusCode::kOk) operation.errors->Increment();
}

std::vector<prometheus::MetricFamily> LegacyNames::Collect(const pleg::PlegSnapshot&) const {
  return registry_.Collect();
}

}  // namespace metrics
