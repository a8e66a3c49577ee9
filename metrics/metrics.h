// plegd's metrics: told of what happens as an observer, asked for what is true at a scrape.
//
//   metrics::Metrics metrics({}, clock);   // the core's and the transport's observer
//   metrics.Watch(node);
//   std::string text = metrics.Render();   // Content-Type metrics::kContentType
//
// Counters and histograms advance when something ends. Ages, health and counts under way are
// computed in Render, from snapshots and the clock: they move while a call hangs and nothing ends.

#ifndef PLEGD_METRICS_METRICS_H_
#define PLEGD_METRICS_METRICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "metrics/labels.h"
#include "metrics/live_gauges.h"
#include "metrics/name_set.h"
#include "metrics/process.h"
#include "node/node_view.h"
#include "pleg/call_stats.h"
#include "pleg/mono_time.h"
#include "pleg/observer.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace metrics {

inline constexpr absl::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

struct MetricsOptions {
  std::string revision{};
  // Expose besides our own names those of today's kubelet, and those of 1.11.
  bool kubelet_names = false;
  bool legacy_names = false;
  // Where procfs is; for tests.
  std::string proc_dir = "/proc";
};

// Thread-safe: observers run on the core's and the completion thread, scrapes on any. Observers
// take no lock but that of one histogram and allocate nothing, except for a method's first answer
// with a new code.
class Metrics : public pleg::PlegObserver, public pleg::CallObserver {
 public:
  // `clock` outlives the object.
  Metrics(const MetricsOptions& options, const pleg::Clock& clock);
  ~Metrics() override;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // What scrapes read. Both before the first scrape; the node outlives the last. Without them those
  // gauges and counters are 0. `totals` is thread-safe and does not block.
  void Watch(const node::NodeView& node) { live_.Watch(node); }
  void Count(Writer writer, std::function<WriterTotals()> totals) {
    live_.Count(writer, std::move(totals));
  }

  // Everything in the text format 0.0.4, sorted by name and labels. Does not block; milliseconds.
  std::string Render() const;

  void OnRelistInterval(absl::Duration interval) override;
  void OnRelistEnd(const pleg::RelistRecord& relist) override;
  void OnPodRelistEnd(absl::Duration duration) override;
  void OnInspectionEnd(pleg::InspectionResult result, absl::Duration duration) override;
  void OnEvent(pleg::EventType type) override;
  void OnEventsDiscarded(size_t count) override;
  void OnRelistRequestDropped() override;

  void OnCallEnd(const pleg::CallRecord& call) override;
  void OnInvalidItem(absl::string_view method, absl::string_view reason) override;

 private:
  // Known methods, then one for all others.
  static constexpr size_t kMethodSlots = kMethods.size() + 1;
  // The event types that are sent; kContainerChanged never is.
  static constexpr size_t kEventTypes = 4;
  enum Phase : size_t { kListSandboxes, kListContainers, kDiff, kInspect, kPhases };

  struct MethodMetrics {
    std::array<std::atomic<prometheus::Counter*>, kCodes> calls{};
    std::array<std::atomic<prometheus::Counter*>, kInvalidReasons.size()> invalid{};
    std::atomic<prometheus::Histogram*> duration{nullptr};
    std::atomic<prometheus::Histogram*> response_bytes{nullptr};
  };

  void BuildRelistMetrics();
  void BuildCallMetrics();
  prometheus::Counter& CallCounter(size_t method, size_t code);
  prometheus::Counter& InvalidCounter(size_t method, size_t reason);
  prometheus::Histogram& CallDuration(size_t method);
  prometheus::Histogram& ResponseBytes(size_t method);

  prometheus::Registry registry_;
  LiveGauges live_;
  ProcessMetrics process_;
  std::vector<std::unique_ptr<NameSet>> name_sets_;  // those that are on; never changes

  prometheus::Histogram* relist_duration_ = nullptr;
  prometheus::Histogram* relist_interval_ = nullptr;
  prometheus::Histogram* pod_relist_duration_ = nullptr;
  std::array<prometheus::Histogram*, kPhases> phases_{};
  std::array<prometheus::Counter*, kEventTypes> events_{};
  std::array<prometheus::Counter*, pleg::kInspectionResults> inspections_{};
  prometheus::Counter* events_discarded_ = nullptr;
  prometheus::Counter* relist_requests_dropped_ = nullptr;

  prometheus::Family<prometheus::Counter>* calls_ = nullptr;
  prometheus::Family<prometheus::Counter>* invalid_items_ = nullptr;
  prometheus::Family<prometheus::Histogram>* call_durations_ = nullptr;
  prometheus::Family<prometheus::Histogram>* response_bytes_ = nullptr;
  std::array<MethodMetrics, kMethodSlots> methods_;
};

}  // namespace metrics

#endif  // PLEGD_METRICS_METRICS_H_
