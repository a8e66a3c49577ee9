// The metrics that are true of the moment of the scrape: health, ages of calls that still run,
// counts of the last listing; and what is thought of the node, which is the assessment that
// everybody reads. Nothing is stored; Collect asks and computes.
//
//   LiveGauges live("", clock);   live.Watch(node);   … live.Collect()

#ifndef PLEGD_METRICS_LIVE_GAUGES_H_
#define PLEGD_METRICS_LIVE_GAUGES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/node_view.h"
#include "pleg/call_stats.h"
#include "pleg/mono_time.h"
#include "pleg/observer.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"

namespace metrics {

// Totals of a bounded writer since the start.
struct WriterTotals {
  uint64_t dropped = 0;  // events or lines that never reached the file
  uint64_t errors = 0;   // failed writes
};

// Whose totals they are.
enum class Writer : uint8_t { kEventLog, kLog };
inline constexpr size_t kWriters = 2;

// Collect is thread-safe once all else has been called. Without a node all is zero.
class LiveGauges : public prometheus::Collectable {
 public:
  // `clock` outlives the object.
  LiveGauges(std::string revision, const pleg::Clock& clock);

  // The node outlives the last Collect.
  void Watch(const node::NodeView& node) { node_ = &node; }
  // `totals` is thread-safe and does not block.
  void Count(Writer writer, std::function<WriterTotals()> totals);
  // What the core says of itself now; never null.
  std::shared_ptr<const pleg::PlegSnapshot> Core() const;
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  using Families = std::vector<prometheus::MetricFamily>;

  void CollectHealth(Families& out) const;
  void CollectRuntime(Families& out) const;
  void CollectCore(const pleg::PlegSnapshot& core, Families& out) const;
  void CollectCalls(const pleg::CallSnapshot& calls, Families& out) const;
  void CollectAssessment(Families& out) const;
  void CollectWriter(Writer writer, Families& out) const;

  const std::string revision_;
  const pleg::Clock& clock_;
  const node::NodeView* node_ = nullptr;
  std::array<std::function<WriterTotals()>, kWriters> totals_;  // empty: nothing is written
};

}  // namespace metrics

#endif  // PLEGD_METRICS_LIVE_GAUGES_H_
