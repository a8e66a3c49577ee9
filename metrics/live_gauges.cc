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

}  // namespace

LiveGauges::LiveGauges(std::string revision, const pleg::Clock& clock)
    : revision_(std::move(revision)), clock_(clock) {}

void LiveGauges::Count(Writer writer, std::function<WriterTotals()> totals) {
  totals_[static_cast<size_t>(writer)] = std::move(totals);
}

std::shared_ptr<const pleg::PlegSnapshot> LiveGauges::Core() const {
  return node_ != nullptr ? node_->Core() : std::make_shared<const pleg::PlegSnapshot>();
}

std::vector<prometheus::MetricFamily> LiveGauges::Collect() const {
  Families out;
  CollectHealth(out);
  CollectRuntime(out);
  CollectCore(*Core(), out);
  CollectCalls(node_ != nullptr ? node_->Calls() : pleg::CallSnapshot(), out);
  CollectAssessment(out);
  CollectWriter(Writer::kEventLog, out);
  CollectWriter(Writer::kLog, out);
  return out;
}

void LiveGauges::CollectAssessment(Families& out) const {
  absl::Duration lag;
  if (node_ != nullptr) {
    const std::shared_ptr<const node::Assessment> assessment = node_->Assess();
    AppendTwin(assessment->twins, out);
    AppendVerdicts(*assessment, out);
    lag = assessment->evidence.self.loop_lag;
  }
  out.push_back(Gauge("pleg_loop_lag_seconds",
                      "How late plegd's own loop ran, or runs, what was due: the worst of the last "
                      "minute.",
                      Seconds(lag)));
}

void LiveGauges::CollectWriter(Writer writer, Families& out) const {
  const bool events = writer == Writer::kEventLog;
  const std::string prefix = events ? "pleg_event_log" : "pleg_log";
  const std::string items = events ? "Events" : "Log lines";
  const std::string file = events ? "the event log" : "the log";
  const std::function<WriterTotals()>& source = totals_[static_cast<size_t>(writer)];
  const WriterTotals totals = source ? source() : WriterTotals{};
  out.push_back(Counter(prefix + "_dropped_total",
                        items + " never written because their file did not keep up.",
                        static_cast<double>(totals.dropped)));
  out.push_back(Counter(prefix + "_errors_total", "Failed attempts to open or write " + file + ".",
                        static_cast<double>(totals.errors)));
}

void LiveGauges::CollectHealth(Families& out) const {
  const node::Settings settings = node_ != nullptr ? node_->settings() : node::Settings();
  const bool healthy = node_ != nullptr && node_->Healthy().healthy;
  out.push_back(Gauge("pleg_healthy",
                      "1 if PLEG is healthy by the kubelet's rule at this moment, else 0.",
                      healthy ? 1 : 0));
  out.push_back(Gauge("pleg_health_threshold_seconds",
                      "Age in seconds of the last successful relist at which PLEG is unhealthy.",
                      absl::ToDoubleSeconds(settings.relist_threshold)));
  prometheus::MetricFamily build = GaugeFamily(
      "pleg_build_info", "Always 1; the labels tell the version of plegd and its revision.");
  AddSample(build, 1, {{"revision", revision_}, {"version", settings.version}});
  out.push_back(std::move(build));
}

void LiveGauges::CollectRuntime(Families& out) const {
  const node::RuntimeView runtime = node_ != nullptr ? node_->Runtime() : node::RuntimeView();
  if (runtime.version.ok()) {
    out.push_back(GaugeFamily("pleg_runtime_info",
                              "Always 1; the labels tell what the container runtime says it is."));
    AddSample(out.back(), 1,
              {{"api_version", runtime.version->api_version},
               {"name", runtime.version->name},
               {"version", runtime.version->version}});
  }
  const pleg::RuntimeConditions conditions =
      (node_ != nullptr ? node_->Conditions() : std::nullopt).value_or(pleg::RuntimeConditions());
  out.push_back(Gauge("pleg_runtime_ready",
                      "1 if the runtime's last Status had the condition RuntimeReady, else 0.",
                      IsTrue(conditions.runtime_ready)));
  out.push_back(Gauge("pleg_network_ready",
                      "1 if the runtime's last Status had the condition NetworkReady, else 0.",
                      IsTrue(conditions.network_ready)));
}

void LiveGauges::CollectCore(const pleg::PlegSnapshot& pleg, Families& out) const {
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
