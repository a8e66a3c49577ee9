// The metrics that are true of the moment of the scrape: health, ages of calls that still run,
// counts of the last listing. Nothing is stored; Collect asks and computes.

#ifndef PLEGD_METRICS_LIVE_GAUGES_H_
#define PLEGD_METRICS_LIVE_GAUGES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pleg/call_stats.h"
#include "pleg/diagnosis/evidence.h"
#include "pleg/health.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"
#include "pleg/observer.h"
#include "pleg/runtime_state.h"
#include "pleg/twin/twin_feed.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"

namespace metrics {

// Totals of a bounded writer since the start.
struct WriterTotals {
  uint64_t dropped = 0;  // events or lines that never reached the file
  uint64_t errors = 0;   // failed writes
};

// Who the runtime says it is. Any bytes.
struct RuntimeInfo {
  std::string name;
  std::string version;
  std::string api_version;
};

// Each function is thread-safe, does not block, and may be empty.
struct LiveSources {
  std::function<pleg::CallSnapshot()> calls{};
  std::function<std::shared_ptr<const pleg::PlegSnapshot>()> pleg{};
  std::function<pleg::Verdict()> verdict{};
  std::function<WriterTotals()> event_log{};
  std::function<WriterTotals()> log{};
  // Empty while unknown.
  std::function<std::optional<RuntimeInfo>()> runtime_info{};
  // Of the last Status that was answered; empty before the first.
  std::function<std::optional<pleg::RuntimeConditions>()> conditions{};
  // What each kubelet that is modelled goes through.
  std::function<std::vector<pleg::GenerationReport>()> twins{};
  std::function<pleg::Evidence()> evidence{};
  // How late the core's loop runs what is due.
  std::function<absl::Duration()> loop_lag{};
};

// What never changes in a run.
struct LiveConstants {
  absl::Duration health_threshold;
  std::string version;
  std::string revision;
};

// Thread-safe. The functions run without a lock held.
class LiveGauges : public prometheus::Collectable {
 public:
  // `clock` outlives the object.
  LiveGauges(LiveConstants constants, const pleg::Clock& clock);

  void SetSources(LiveSources sources);
  // What the core tells of itself now; never null.
  std::shared_ptr<const pleg::PlegSnapshot> Pleg() const;
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  using Families = std::vector<prometheus::MetricFamily>;

  std::shared_ptr<const LiveSources> sources() const;
  void CollectHealth(const LiveSources& sources, Families& out) const;
  void CollectRuntime(const LiveSources& sources, Families& out) const;
  void CollectPleg(const pleg::PlegSnapshot& pleg, Families& out) const;
  void CollectCalls(const pleg::CallSnapshot& calls, Families& out) const;

  const LiveConstants constants_;
  const pleg::Clock& clock_;
  mutable pleg::Mutex mu_;
  std::shared_ptr<const LiveSources> sources_ ABSL_GUARDED_BY(mu_);  // never null
};

}  // namespace metrics

#endif  // PLEGD_METRICS_LIVE_GAUGES_H_
