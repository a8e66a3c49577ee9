#include "metrics/twin_gauges.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "metrics/families.h"

namespace metrics {
namespace {

// A gauge with one series for each generation.
template <typename Value>
prometheus::MetricFamily ByGeneration(const std::vector<pleg::GenerationReport>& twins,
                                      std::string name, std::string help, const Value& value) {
  prometheus::MetricFamily family = GaugeFamily(std::move(name), std::move(help));
  for (const pleg::GenerationReport& twin : twins) {
    AddSample(family, value(twin.report),
              {{"generation", std::string(pleg::KubeletGenerationName(twin.generation))}});
  }
  return family;
}

}  // namespace

void AppendTwin(const std::vector<pleg::GenerationReport>& twins,
                std::vector<prometheus::MetricFamily>& out) {
  if (twins.empty()) return;
  out.push_back(ByGeneration(twins, "pleg_kubelet_twin_healthy",
                             "1 if a kubelet of that generation would say at this moment that the "
                             "runtime is up and PLEG is healthy, else 0.",
                             [](const pleg::TwinReport& twin) { return twin.healthy ? 1 : 0; }));
  out.push_back(ByGeneration(
      twins, "pleg_kubelet_twin_seconds_to_not_ready",
      "Seconds until the kubelet would report the node NotReady if nothing changes; 0 while it "
      "does, +Inf if it would not.",
      [](const pleg::TwinReport& twin) { return absl::ToDoubleSeconds(twin.to_not_ready); }));
  out.push_back(ByGeneration(
      twins, "pleg_kubelet_twin_event_lag_seconds",
      "How late the kubelet would see a change that comes right after its lists, at best: if it "
      "inspects that pod first; +Inf while its lists do not succeed.",
      [](const pleg::TwinReport& twin) { return absl::ToDoubleSeconds(twin.lag.best); }));
  absl::Duration restart;
  absl::Duration phase;
  for (const pleg::GenerationReport& twin : twins) {
    restart = std::max(restart, twin.report.restart_cost);
    phase = std::max(phase, twin.report.status_phase);
  }
  out.push_back(Gauge("pleg_kubelet_twin_restart_cost_seconds",
                      "How long the first relist of a kubelet would take that is restarted now; "
                      "+Inf if it would not succeed.",
                      absl::ToDoubleSeconds(restart)));
  out.push_back(Gauge("pleg_predicted_status_phase_seconds",
                      "How long the kubelet's inspections, one after another, would take in a "
                      "relist that begins now.",
                      absl::ToDoubleSeconds(phase)));
}

}  // namespace metrics
