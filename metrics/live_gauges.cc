#include "metrics/live_gauges.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "metrics/families.h"
#include "metrics/labels.h"
#include "metrics/twin_gauges.h"
#include "metrics/verdict_gauges.h"

namespace metrics {
namespace {

using PerMethod = std::array<double, kMethods.size() + 1>;

double Seconds(absl::Duration age) { return std::max(absl::ToDoubleSeconds(age), 0.0); }

// One series for each known method, and "other" only when there is something to say of it.
prometheus::MetricFamily MethodGauge(std::string name, std::string help, const PerMethod& values) {
  prometheus::MetricFamily family = GaugeFamily(std::move(name), std::move(help));
  for (size_t i = 0; i < kMethods.size(); ++i) {
    AddSample(family, values[i], {{"method", std::string(kMethods[i])}});
  }
  if (values.back() != 0) AddSample(family, values.back(), {{"method", "other"}});
  return family;
}

prometheus::MetricFamily StateGauge(
    std::string name, std::string help,
    std::initializer_list<std::pair<absl::string_view, size_t>> states) {
  prometheus::MetricFamily family = GaugeFamily(std::move(name), std::move(help));
  for (const auto& [state, count] : states) {
    AddSample(family, static_cast<double>(count), {{"state", std::string(state)}});
  }
  return family;
}

// Unix seconds of the relist's start on the wall clock as it is now, to the millisecond: a wall
// clock that was stepped since does not distort time() minus this value.
double LastRelistTimestamp(const pleg::PlegSnapshot& pleg, const pleg::Clock& clock) {
  if (!pleg.last_relist.has_value()) return 0;
  const absl::Time wall = clock.WallNow() - (clock.Now() - *pleg.last_relist);
  return std::round(absl::ToDoubleSeconds(wall - absl::UnixEpoch()) * 1e3) / 1e3;
}

double IsTrue(const std::optional<pleg::RuntimeCondition>& condition) {
  return condition.has_value() && condition->status ? 1 : 0;
}

void CollectWriter(const std::function<WriterTotals()>& source, const std::string& prefix,
                   const std::string& items, const std::string& file,
                   std::vector<prometheus::MetricFamily>& out) {
  const WriterTotals totals = source ? source() : WriterTotals{};
  out.push_back(Counter(prefix + "_dropped_total",
                        items + " never written because their file did not keep up.",
                        static_cast<double>(totals.dropped)));
  out.push_back(Counter(prefix + "_errors_total", "Failed attempts to open or write " + file + ".",
                        static_cast<double>(totals.errors)));
}

}  // namespace

LiveGauges::LiveGauges(LiveConstants constants, const pleg::Clock& clock)
    : constants_(std::move(constants)),
      clock_(clock),
      sources_(std::make_shared<const LiveSources>()) {}

void LiveGauges::SetSources(LiveSources sources) {
  auto next = std::make_shared<const LiveSources>(std::move(sources));
  pleg::MutexLock lock(mu_);
  sources_.swap(next);
}

std::shared_ptr<const LiveSources> LiveGauges::sources() const {
  pleg::MutexLock lock(mu_);
  return sources_;
}

std::shared_ptr<const pleg::PlegSnapshot> LiveGauges::Pleg() const {
  const std::shared_ptr<const LiveSources> asked = sources();
  std::shared_ptr<const pleg::PlegSnapshot> pleg = asked->pleg ? asked->pleg() : nullptr;
  return pleg != nullptr ? pleg : std::make_shared<const pleg::PlegSnapshot>();
}

std::vector<prometheus::MetricFamily> LiveGauges::Collect() const {
  const std::shared_ptr<const LiveSources> asked = sources();
  Families out;
  CollectHealth(*asked, out);
  CollectRuntime(*asked, out);
  CollectPleg(*Pleg(), out);
  CollectCalls(asked->calls ? asked->calls() : pleg::CallSnapshot(), out);
  if (asked->twins) AppendTwin(asked->twins(), out);
  if (asked->evidence) AppendVerdicts(asked->evidence(), out);
  out.push_back(Gauge("pleg_loop_lag_seconds",
                      "How late plegd's own loop ran, or runs, what was due: the worst of the last "
                      "minute.",
                      asked->loop_lag ? Seconds(asked->loop_lag()) : 0));
  CollectWriter(asked->event_log, "pleg_event_log", "Events", "the event log", out);
  CollectWriter(asked->log, "pleg_log", "Log lines", "the log", out);
  return out;
}

void LiveGauges::CollectHealth(const LiveSources& sources, Families& out) const {
  const bool healthy = sources.verdict && sources.verdict().healthy;
  out.push_back(Gauge("pleg_healthy",
                      "1 if PLEG is healthy by the kubelet's rule at this moment, else 0.",
                      healthy ? 1 : 0));
  out.push_back(Gauge("pleg_health_threshold_seconds",
                      "Age in seconds of the last successful relist at which PLEG is unhealthy.",
                      absl::ToDoubleSeconds(constants_.health_threshold)));
  prometheus::MetricFamily build = GaugeFamily(
      "pleg_build_info", "Always 1; the labels tell the version of plegd and its revision.");
  AddSample(build, 1, {{"revision", constants_.revision}, {"version", constants_.version}});
  out.push_back(std::move(build));
}

void LiveGauges::CollectRuntime(const LiveSources& sources, Families& out) const {
  const std::optional<RuntimeInfo> info =
      sources.runtime_info ? sources.runtime_info() : std::nullopt;
  if (info.has_value()) {
    out.push_back(GaugeFamily("pleg_runtime_info",
                              "Always 1; the labels tell what the container runtime says it is."));
    AddSample(
        out.back(), 1,
        {{"api_version", info->api_version}, {"name", info->name}, {"version", info->version}});
  }
  const pleg::RuntimeConditions conditions =
      (sources.conditions ? sources.conditions() : std::nullopt)
          .value_or(pleg::RuntimeConditions());
  out.push_back(Gauge("pleg_runtime_ready",
                      "1 if the runtime's last Status had the condition RuntimeReady, else 0.",
                      IsTrue(conditions.runtime_ready)));
  out.push_back(Gauge("pleg_network_ready",
                      "1 if the runtime's last Status had the condition NetworkReady, else 0.",
                      IsTrue(conditions.network_ready)));
}

void LiveGauges::CollectPleg(const pleg::PlegSnapshot& pleg, Families& out) const {
  out.push_back(Gauge("pleg_last_relist_timestamp_seconds",
                      "Start of the last relist whose lists succeeded, in seconds since the Unix "
                      "epoch; 0 before the first.",
                      LastRelistTimestamp(pleg, clock_)));
  out.push_back(StateGauge("pleg_pods", "Pods of the last successful listing, by sandbox state.",
                           {{"ready", pleg.pods_ready},
                            {"notready", pleg.pods_notready},
                            {"no_sandbox", pleg.pods_no_sandbox}}));
  out.push_back(StateGauge("pleg_containers",
                           "Containers of the last successful listing, by CRI state; sandboxes "
                           "are not counted.",
                           {{"created", pleg.containers_created},
                            {"running", pleg.containers_running},
                            {"exited", pleg.containers_exited},
                            {"unknown", pleg.containers_unknown}}));
  out.push_back(Gauge("pleg_inspections_in_flight", "Pods that are being inspected.",
                      static_cast<double>(pleg.inspections_running)));
  out.push_back(Gauge("pleg_pods_pending",
                      "Pods with a change that has been listed but not inspected yet.",
                      static_cast<double>(pleg.pods_pending)));
}

void LiveGauges::CollectCalls(const pleg::CallSnapshot& calls, Families& out) const {
  const pleg::MonoTime now = clock_.Now();
  PerMethod in_flight{};
  PerMethod oldest{};
  PerMethod unanswered{};
  PerMethod silent_targets{};
  for (const pleg::RunningCall& call : calls.running) {
    const size_t method = IndexOf(kMethods, call.method);
    in_flight[method] += 1;
    oldest[method] = std::max(oldest[method], Seconds(now - call.started_at));
  }
  for (const pleg::UnansweredTarget& target : calls.unanswered) {
    const size_t method = IndexOf(kMethods, target.method);
    unanswered[method] = std::max(unanswered[method], Seconds(now - target.since));
    if (now - target.since > pleg::kPatience) silent_targets[method] += 1;
  }
  out.push_back(MethodGauge("pleg_cri_calls_in_flight",
                            "Calls to the container runtime that are waiting for an answer.",
                            in_flight));
  out.push_back(MethodGauge("pleg_cri_oldest_call_age_seconds",
                            "Age in seconds of the oldest call that is waiting for an answer; 0 "
                            "if none is.",
                            oldest));
  out.push_back(MethodGauge("pleg_cri_oldest_unanswered_seconds",
                            "Longest unbroken silence about one target in seconds, across "
                            "time-outs and retries; 0 if every target answered.",
                            unanswered));
  out.push_back(MethodGauge("pleg_unanswered_targets",
                            "Containers, sandboxes and lists that have not answered for more than "
                            "a second, across time-outs and retries.",
                            silent_targets));

  prometheus::MetricFamily ratio =
      GaugeFamily("pleg_list_size_limit_ratio",
                  "Size of the last list reply as a share of the 16 MiB that the kubelet accepts.");
  for (absl::string_view method : kListMethods) {
    double bytes = 0;
    for (const auto& size : calls.list_sizes) {
      if (size.method == method) bytes = static_cast<double>(size.bytes);
    }
    AddSample(ratio, bytes / static_cast<double>(pleg::kKubeletMaxReplyBytes),
              {{"method", std::string(method)}});
  }
  out.push_back(std::move(ratio));
}

}  // namespace metrics
