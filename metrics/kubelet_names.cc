#include "metrics/kubelet_names.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "metrics/families.h"

namespace metrics {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

// client_golang's DefBuckets.
const Buckets& DefaultBuckets() {
  static const auto* buckets = new Buckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
  return *buckets;
}

// client_golang's ExponentialBuckets(.005, 2.5, 14), multiplied in its order: the same doubles.
const Buckets& OperationBuckets() {
  static const auto* buckets = [] {
    auto* limits = new Buckets;
    double limit = 0.005;
    for (int i = 0; i < 14; ++i, limit *= 2.5) limits->push_back(limit);
    return limits;
  }();
  return *buckets;
}

std::string Help(absl::string_view text) { return absl::StrCat("[ALPHA] ", text); }

prometheus::Histogram* AddHistogram(prometheus::Registry& registry, const std::string& name,
                                    absl::string_view help) {
  return &prometheus::BuildHistogram()
              .Name(name)
              .Help(Help(help))
              .Register(registry)
              .Add({}, DefaultBuckets());
}

prometheus::Counter* AddCounter(prometheus::Registry& registry, const std::string& name,
                                absl::string_view help) {
  return &prometheus::BuildCounter().Name(name).Help(Help(help)).Register(registry).Add({});
}

void Observe(prometheus::Histogram* histogram, absl::Duration duration) {
  histogram->Observe(absl::ToDoubleSeconds(duration));
}

// The start of the last good relist as the wall clock told it then, which is what the kubelet
// keeps.
double LastSeen(const pleg::PlegSnapshot& pleg) {
  if (!pleg.last_relist_wall.has_value()) return 0;
  return static_cast<double>(absl::ToUnixSeconds(*pleg.last_relist_wall));
}

prometheus::MetricFamily RunningContainers(const pleg::PlegSnapshot& pleg) {
  prometheus::MetricFamily family =
      GaugeFamily("kubelet_running_containers", Help("Number of containers currently running"));
  const std::pair<const char*, size_t> states[] = {{"created", pleg.containers_created},
                                                   {"exited", pleg.containers_exited},
                                                   {"running", pleg.containers_running},
                                                   {"unknown", pleg.containers_unknown}};
  for (const auto& [state, count] : states) {
    AddSample(family, static_cast<double>(count), {{"container_state", state}});
  }
  return family;
}

}  // namespace

KubeletNames::KubeletNames() {
  BuildPlegMetrics();
  BuildEventedPlegMetrics();
  BuildOperations();
}

void KubeletNames::BuildPlegMetrics() {
  relist_duration_ = AddHistogram(registry_, "kubelet_pleg_relist_duration_seconds",
                                  "Duration in seconds for relisting pods in PLEG.");
  relist_interval_ = AddHistogram(registry_, "kubelet_pleg_relist_interval_seconds",
                                  "Interval in seconds between relisting in PLEG.");
  pod_relist_duration_ = AddHistogram(registry_, "kubelet_pleg_pod_relist_duration_seconds",
                                      "Duration in seconds for relisting a single pod in PLEG.");
  discard_events_ =
      AddCounter(registry_, "kubelet_pleg_discard_events", "The number of discard events in PLEG.");
}

void KubeletNames::BuildEventedPlegMetrics() {
  AddCounter(registry_, "kubelet_evented_pleg_connection_error_count",
             "The number of errors encountered during the establishment of streaming connection "
             "with the CRI runtime.");
  AddCounter(registry_, "kubelet_evented_pleg_connection_success_count",
             "The number of times a streaming client was obtained to receive CRI Events.");
  AddHistogram(registry_, "kubelet_evented_pleg_connection_latency_seconds",
               "The latency of streaming connection with the CRI runtime, measured in seconds.");
}

void KubeletNames::BuildOperations() {
  auto& totals = prometheus::BuildCounter()
                     .Name("kubelet_runtime_operations_total")
                     .Help(Help("Cumulative number of runtime operations by operation type."))
                     .Register(registry_);
  auto& errors = prometheus::BuildCounter()
                     .Name("kubelet_runtime_operations_errors_total")
                     .Help(Help("Cumulative number of runtime operation errors by operation type."))
                     .Register(registry_);
  auto& durations = prometheus::BuildHistogram()
                        .Name("kubelet_runtime_operations_duration_seconds")
                        .Help(Help("Duration in seconds of runtime operations. Broken down by "
                                   "operation type."))
                        .Register(registry_);
  for (size_t i = 0; i < kOperationTypes.size(); ++i) {
    const prometheus::Labels labels = {{"operation_type", std::string(kOperationTypes[i])}};
    operations_[i] = {&totals.Add(labels), &errors.Add(labels),
                      &durations.Add(labels, OperationBuckets())};
  }
}

void KubeletNames::OnRelistInterval(absl::Duration interval) {
  Observe(relist_interval_, interval);
}

void KubeletNames::OnRelistEnd(absl::Duration duration) { Observe(relist_duration_, duration); }

void KubeletNames::OnPodRelistEnd(absl::Duration duration) {
  Observe(pod_relist_duration_, duration);
}

void KubeletNames::OnEventsDiscarded(size_t count) {
  discard_events_->Increment(static_cast<double>(count));
}

void KubeletNames::OnCallEnd(size_t method, absl::StatusCode code, absl::Duration duration) {
  const Operation& operation = operations_[method];
  operation.total->Increment();
  Observe(operation.duration, duration);
  if (code != absl::StatusCode::kOk) operation.errors->Increment();
}

std::vector<prometheus::MetricFamily> KubeletNames::Collect(const pleg::PlegSnapshot& pleg) const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  families.push_back(Gauge("kubelet_pleg_last_seen_seconds",
                           Help("Timestamp in seconds when PLEG was last seen active."),
                           LastSeen(pleg)));
  families.push_back(Gauge("kubelet_running_pods",
                           Help("Number of pods that have a running pod sandbox"),
                           static_cast<double>(pleg.pods_ready)));
  families.push_back(RunningContainers(pleg));
  return families;
}

}  // namespace metrics
