#include "metrics/verdict_gauges.h"

#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "metrics/families.h"
#include "pleg/diagnosis/diagnosis.h"

namespace metrics {
namespace {

void AppendFindings(const pleg::Diagnosis& diagnosis, std::vector<prometheus::MetricFamily>& out) {
  std::array<const pleg::Finding*, pleg::kVerdictCodes> found = {};
  for (const pleg::Finding& finding : diagnosis.findings) {
    found[static_cast<size_t>(finding.code)] = &finding;
  }
  prometheus::MetricFamily family = GaugeFamily(
      "pleg_verdict",
      "1 if that is found at this moment, with how bad it is (page, warn, info or none); else 0, "
      "with none; see docs/verdicts.");
  for (size_t i = 0; i < found.size(); ++i) {
    const auto code = static_cast<pleg::VerdictCode>(i);
    const pleg::Severity severity =
        found[i] == nullptr ? pleg::Severity::kNone : found[i]->severity;
    AddSample(family, found[i] == nullptr ? 0 : 1,
              {{"code", std::string(pleg::VerdictCodeName(code))},
               {"severity", std::string(pleg::SeverityName(severity))}});
  }
  out.push_back(std::move(family));
}

void AppendSigns(const pleg::Diagnosis& diagnosis, std::vector<prometheus::MetricFamily>& out) {
  std::array<bool, pleg::kSignIds> bad = {};
  for (const pleg::Sign& sign : diagnosis.signs) {
    if (sign.state == pleg::SignState::kBad) bad[static_cast<size_t>(sign.id)] = true;
  }
  prometheus::MetricFamily family =
      GaugeFamily("pleg_sign_bad",
                  "1 if that vital sign is bad, 0 if it is good or unknown; see docs/signs.md.");
  for (size_t i = 0; i < bad.size(); ++i) {
    const auto id = static_cast<pleg::SignId>(i);
    AddSample(family, bad[i] ? 1 : 0, {{"sign", std::string(pleg::SignLabel(id))}});
  }
  out.push_back(std::move(family));
}

void AppendStuck(const pleg::Evidence& evidence, std::vector<prometheus::MetricFamily>& out) {
  std::set<std::string> stuck;
  for (const pleg::UnansweredEvidence& row : evidence.unanswered) {
    if (row.object.id.empty() || row.age < absl::Seconds(10)) continue;
    stuck.insert(row.object.id.value());
  }
  out.push_back(Gauge("pleg_stuck_containers",
                      "Containers and sandboxes whose status has been unanswered for 10 s.",
                      static_cast<double>(stuck.size())));
}

void AppendPressure(const pleg::HostEvidence& host, std::vector<prometheus::MetricFamily>& out) {
  prometheus::MetricFamily family = GaugeFamily(
      "pleg_host_pressure_ratio",
      "Share of the last 10 s in which some or all tasks waited for the resource (PSI).");
  auto add = [&family](const char* resource, const std::optional<pleg::Pressure>& pressure) {
    if (!pressure.has_value()) return;
    AddSample(family, pressure->some_avg10 / 100, {{"resource", resource}, {"tasks", "some"}});
    AddSample(family, pressure->full_avg10 / 100, {{"resource", resource}, {"tasks", "all"}});
  };
  add("cpu", host.cpu);
  add("io", host.io);
  add("memory", host.memory);
  if (!family.metric.empty()) out.push_back(std::move(family));
}

void AppendHost(const pleg::HostEvidence& host, std::vector<prometheus::MetricFamily>& out) {
  AppendPressure(host, out);
  double blocked = 0;
  for (const pleg::BlockedGroup& group : host.blocked) blocked += group.count;
  double zombies = 0;
  for (const pleg::ZombieGroup& group : host.zombies) zombies += group.count;
  const absl::Duration oldest =
      host.oci_processes.empty() ? absl::ZeroDuration() : host.oci_processes.front().age;
  out.push_back(Gauge("pleg_host_blocked_processes",
                      "Tasks in uninterruptible sleep at the last look: processes, and threads "
                      "of those that matter to the runtime.",
                      blocked));
  out.push_back(Gauge("pleg_host_zombies", "Zombies at the last look.", zombies));
  out.push_back(Gauge("pleg_host_frozen_cgroups", "Frozen cgroups at the last look.",
                      static_cast<double>(host.frozen.size())));
  out.push_back(Gauge("pleg_host_oldest_oci_process_seconds",
                      "Age of the oldest runc, crun or their like at the last look.",
                      absl::ToDoubleSeconds(oldest)));
  if (host.mountinfo_lines.has_value()) {
    out.push_back(Gauge("pleg_host_mounts", "Mounts of PID 1 at the last look.",
                        static_cast<double>(*host.mountinfo_lines)));
  }
  out.push_back(Gauge("pleg_host_look_age_seconds",
                      "How long ago the last look at the host ended: about ten seconds, five while "
                      "something is wrong; more if looking itself hangs.",
                      absl::ToDoubleSeconds(host.sampled_ago)));
}

}  // namespace

void AppendVerdicts(const node::Assessment& assessment,
                    std::vector<prometheus::MetricFamily>& out) {
  AppendFindings(assessment.diagnosis, out);
  AppendSigns(assessment.diagnosis, out);
  AppendStuck(assessment.evidence, out);
  if (assessment.evidence.host.has_value()) AppendHost(*assessment.evidence.host, out);
}

}  // namespace metrics
