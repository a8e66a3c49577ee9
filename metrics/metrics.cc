#include "metrics/metrics.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "metrics/kubelet_names.h"
#include "metrics/legacy_names.h"
#include "metrics/text_format.h"
#include "pleg/event.h"
#include "prometheus/metric_family.h"

namespace metrics {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildHistogram;

// Seconds. 30 to 300 are where time-outs and the health threshold lie.
const prometheus::Histogram::BucketBoundaries& DurationBuckets() {
  static const auto* buckets = new prometheus::Histogram::BucketBoundaries{
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
      2.5,   5,      10,    30,   60,    120,  180, 300,  600};
  return *buckets;
}

// From one small status to beyond the kubelet's limit of 16 MiB, in powers of four.
const prometheus::Histogram::BucketBoundaries& ByteBuckets() {
  static const auto* buckets = new prometheus::Histogram::BucketBoundaries{
      256, 1024, 4096, 16384, 65536, 262144.0, 1048576.0, 4194304.0, 16777216.0, 67108864.0};
  return *buckets;
}

constexpr std::array<absl::string_view, 4> kPhaseNames = {"list_sandboxes", "list_containers",
                                                          "diff", "inspect"};
constexpr std::array<absl::string_view, pleg::kInspectionResults> kResultNames = {
    "ok", "error", "gone", "discarded"};
// Codes whose first occurrence matters to an alert; the others appear when they occur.
constexpr std::array<absl::StatusCode, 3> kInitialCodes = {
    absl::StatusCode::kOk, absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kUnavailable};

absl::Duration NotNegative(absl::Duration duration) {
  return std::max(duration, absl::ZeroDuration());
}

void Observe(prometheus::Histogram* histogram, absl::Duration duration) {
  histogram->Observe(absl::ToDoubleSeconds(NotNegative(duration)));
}

std::string MethodName(size_t index) {
  return index < kMethods.size() ? std::string(kMethods[index]) : "other";
}

// The child that `slot` caches; made by `add` when there is none yet. Two threads may both find
// none: Family::Add then gives both the same child.
template <typename Child, typename Add>
Child& Resolve(std::atomic<Child*>& slot, const Add& add) {
  Child* child = slot.load(std::memory_order_acquire);
  if (child == nullptr) {
    child = &add();
    slot.store(child, std::memory_order_release);
  }
  return *child;
}

void Append(std::vector<prometheus::MetricFamily>& to, std::vector<prometheus::MetricFamily> from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

}  // namespace

Metrics::Metrics(const MetricsOptions& options, const pleg::Clock& clock)
    : live_(options.revision, clock), process_(options.proc_dir) {
  BuildRelistMetrics();
  BuildCallMetrics();
  if (options.kubelet_names) name_sets_.push_back(std::make_unique<KubeletNames>());
  if (options.legacy_names) name_sets_.push_back(std::make_unique<LegacyNames>());
}

Metrics::~Metrics() = default;

void Metrics::BuildRelistMetrics() {
  relist_duration_ = &BuildHistogram()
                          .Name("pleg_relist_duration_seconds")
                          .Help(
                              "Duration of a relist in seconds, from the first list call to the "
                              "end of the last inspection; failed ones included.")
                          .Register(registry_)
                          .Add({}, DurationBuckets());
  relist_interval_ = &BuildHistogram()
                          .Name("pleg_relist_interval_seconds")
                          .Help(
                              "Seconds between the starts of the last relist that listed "
                              "successfully and of the next one.")
                          .Register(registry_)
                          .Add({}, DurationBuckets());
  pod_relist_duration_ = &BuildHistogram()
                              .Name("pleg_pod_relist_duration_seconds")
                              .Help("Duration of an on-demand relist of one pod in seconds.")
                              .Register(registry_)
                              .Add({}, DurationBuckets());
  auto& phases = BuildHistogram()
                     .Name("pleg_relist_phase_duration_seconds")
                     .Help("Duration of one phase of a relist in seconds.")
                     .Register(registry_);
  for (size_t i = 0; i < kPhases; ++i) {
    phases_[i] = &phases.Add({{"phase", std::string(kPhaseNames[i])}}, DurationBuckets());
  }
  auto& events = BuildCounter()
                     .Name("pleg_events_total")
                     .Help("Pod lifecycle events sent, by the kubelet's event type.")
                     .Register(registry_);
  for (size_t i = 0; i < kEventTypes; ++i) {
    const auto name = pleg::EventTypeName(static_cast<pleg::EventType>(i));
    events_[i] = &events.Add({{"type", std::string(name)}});
  }
  auto& inspections = BuildCounter()
                          .Name("pleg_inspections_total")
                          .Help("Inspections of pods that ended, by result.")
                          .Register(registry_);
  for (size_t i = 0; i < pleg::kInspectionResults; ++i) {
    inspections_[i] = &inspections.Add({{"result", std::string(kResultNames[i])}});
  }
  events_discarded_ = &BuildCounter()
                           .Name("pleg_events_discarded_total")
                           .Help("Events folded away because a subscriber did not keep up.")
                           .Register(registry_)
                           .Add({});
  relist_requests_dropped_ = &BuildCounter()
                                  .Name("pleg_relist_requests_dropped_total")
                                  .Help(
                                      "Requests for a relist of one pod that found the queue "
                                      "full.")
                                  .Register(registry_)
                                  .Add({});
}

void Metrics::BuildCallMetrics() {
  calls_ = &BuildCounter()
                .Name("pleg_cri_calls_total")
                .Help("Calls to the container runtime that ended, by method and gRPC code.")
                .Register(registry_);
  invalid_items_ =
      &BuildCounter()
           .Name("pleg_cri_invalid_items_total")
           .Help("Items of the runtime's replies that were skipped or repaired, by reason.")
           .Register(registry_);
  call_durations_ = &BuildHistogram()
                         .Name("pleg_cri_call_duration_seconds")
                         .Help("Duration of calls to the container runtime that ended, in seconds.")
                         .Register(registry_);
  response_bytes_ = &BuildHistogram()
                         .Name("pleg_cri_response_bytes")
                         .Help("Size of the container runtime's successful replies in bytes.")
                         .Register(registry_);
  for (size_t i = 0; i < kMethods.size(); ++i) {
    CallDuration(i);
    ResponseBytes(i);
    for (absl::StatusCode code : kInitialCodes) CallCounter(i, CodeIndex(code));
  }
  for (absl::string_view method : kListMethods) {
    for (size_t i = 0; i < kInvalidReasons.size(); ++i) {
      InvalidCounter(IndexOf(kMethods, method), i);
    }
  }
}

std::string Metrics::Render() const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  Append(families, live_.Collect());
  Append(families, process_.Collect());
  if (!name_sets_.empty()) {
    const std::shared_ptr<const pleg::PlegSnapshot> pleg = live_.Core();
    for (const auto& names : name_sets_) Append(families, names->Collect(*pleg));
  }
  std::sort(families.begin(), families.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (auto& family : families) {
    std::sort(family.metric.begin(), family.metric.end(),
              [](const auto& a, const auto& b) { return a.label < b.label; });
  }
  return WriteText(families);
}

void Metrics::OnRelistInterval(absl::Duration interval) {
  Observe(relist_interval_, interval);
  for (const auto& names : name_sets_) names->OnRelistInterval(NotNegative(interval));
}

void Metrics::OnRelistEnd(const pleg::RelistRecord& relist) {
  Observe(relist_duration_, relist.total);
  for (const auto& names : name_sets_) names->OnRelistEnd(NotNegative(relist.total));
  Observe(phases_[kListSandboxes], relist.list_sandboxes);
  // After a failed list the later phases never ran: they have no duration, rather than a zero one.
  if (relist.lists.ok() || relist.list_containers > absl::ZeroDuration()) {
    Observe(phases_[kListContainers], relist.list_containers);
  }
  if (!relist.lists.ok()) return;
  Observe(phases_[kDiff], relist.diff);
  Observe(phases_[kInspect], relist.inspect);
}

void Metrics::OnPodRelistEnd(absl::Duration duration) {
  Observe(pod_relist_duration_, duration);
  for (const auto& names : name_sets_) names->OnPodRelistEnd(NotNegative(duration));
}

void Metrics::OnInspectionEnd(pleg::InspectionResult result, absl::Duration) {
  inspections_[static_cast<size_t>(result)]->Increment();
}

void Metrics::OnEvent(pleg::EventType type) {
  const auto index = static_cast<size_t>(type);
  if (index < kEventTypes) events_[index]->Increment();
}

void Metrics::OnEventsDiscarded(size_t count) {
  events_discarded_->Increment(static_cast<double>(count));
  for (const auto& names : name_sets_) names->OnEventsDiscarded(count);
}

void Metrics::OnRelistRequestDropped() { relist_requests_dropped_->Increment(); }

void Metrics::OnCallEnd(const pleg::CallRecord& call) {
  const size_t method = IndexOf(kMethods, call.method);
  CallCounter(method, CodeIndex(call.code)).Increment();
  Observe(&CallDuration(method), call.duration);
  if (call.code == absl::StatusCode::kOk) {
    ResponseBytes(method).Observe(static_cast<double>(call.response_bytes));
  }
  if (method == kMethods.size()) return;
  for (const auto& names : name_sets_) {
    names->OnCallEnd(method, call.code, NotNegative(call.duration));
  }
}

void Metrics::OnInvalidItem(absl::string_view method, absl::string_view reason) {
  InvalidCounter(IndexOf(kMethods, method), InvalidReasonIndex(reason)).Increment();
}

prometheus::Counter& Metrics::CallCounter(size_t method, size_t code) {
  return Resolve(methods_[method].calls[code], [&]() -> prometheus::Counter& {
    const auto name = CodeName(static_cast<absl::StatusCode>(static_cast<int>(code)));
    return calls_->Add({{"method", MethodName(method)}, {"code", std::string(name)}});
  });
}

prometheus::Counter& Metrics::InvalidCounter(size_t method, size_t reason) {
  return Resolve(methods_[method].invalid[reason], [&]() -> prometheus::Counter& {
    return invalid_items_->Add(
        {{"method", MethodName(method)}, {"reason", std::string(kInvalidReasons[reason])}});
  });
}

prometheus::Histogram& Metrics::CallDuration(size_t method) {
  return Resolve(methods_[method].duration, [&]() -> prometheus::Histogram& {
    return call_durations_->Add({{"method", MethodName(method)}}, DurationBuckets());
  });
}

prometheus::Histogram& Metrics::ResponseBytes(size_t method) {
  return Resolve(methods_[method].response_bytes, [&]() -> prometheus::Histogram& {
    return response_bytes_->Add({{"method", MethodName(method)}}, ByteBuckets());
  });
}

}  // namespace metrics
