#include "api/node_messages.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/civil_time.h"
#include "pleg/utf8.h"

namespace api {
namespace {

using pleg::ToValidUtf8;

double Seconds(absl::Duration duration) { return std::max(absl::ToDoubleSeconds(duration), 0.0); }

bool IsFinite(absl::Duration duration) { return duration != absl::InfiniteDuration(); }

}  // namespace

TargetNames::TargetNames(const pleg::PodsView& view) {
  for (const auto& pod : view.listed) {
    for (const pleg::ListedSandbox& s : pod->sandboxes) {
      owners_.emplace(s.info->id.value(), Owner{pod.get(), nullptr});
    }
    for (const pleg::ListedContainer& c : pod->containers) {
      owners_.emplace(c.info->id.value(), Owner{pod.get(), c.info.get()});
    }
  }
}

void TargetNames::Fill(absl::string_view id, plegd::v1::CallTarget& out) const {
  out.set_id(ToValidUtf8(id));
  const auto owner = owners_.find(id);
  if (owner == owners_.end()) return;
  out.set_pod_uid(ToValidUtf8(owner->second.pod->uid.value()));
  out.set_pod_namespace(ToValidUtf8(owner->second.pod->pod_namespace));
  out.set_pod_name(ToValidUtf8(owner->second.pod->name));
  if (owner->second.container != nullptr) {
    out.set_container(ToValidUtf8(owner->second.container->name));
  }
}

void TimeToProto(absl::Time time, google::protobuf::Timestamp& out) {
  static const absl::Time begin = absl::FromCivil(absl::CivilYear(1), absl::UTCTimeZone());
  static const absl::Time end = absl::FromCivil(absl::CivilYear(10000), absl::UTCTimeZone());
  if (time < begin || time >= end) return;
  const int64_t seconds = absl::ToUnixSeconds(time);
  const int64_t micros = absl::ToInt64Microseconds(time - absl::FromUnixSeconds(seconds));
  out.set_seconds(seconds);
  out.set_nanos(static_cast<int32_t>(micros * 1000));
}

void RunningToProto(const pleg::RunningCall& call, const TargetNames& names, pleg::MonoTime now,
                    plegd::v1::RunningCall& out) {
  out.set_method(std::string(call.method));
  names.Fill(call.target, *out.mutable_target());
  out.set_age_seconds(Seconds(now - call.started_at));
  out.set_remaining_seconds(Seconds(call.deadline - now));
}

void UnansweredToProto(const pleg::UnansweredTarget& row, const TargetNames& names,
                       pleg::MonoTime now, plegd::v1::UnansweredTarget& out) {
  out.set_method(std::string(row.method));
  names.Fill(row.target, *out.mutable_target());
  out.set_age_seconds(Seconds(now - row.since));
  out.set_attempts(row.attempts);
  if (row.hanging_since.has_value()) out.set_hanging_seconds(Seconds(now - *row.hanging_since));
}

void MethodToProto(const pleg::CallHistory::Method& method, const TargetNames& names,
                   const WallClock& clock, plegd::v1::MethodHistory& out) {
  out.set_method(std::string(method.name));
  out.set_ended(method.ended);
  out.set_failed(method.failed);
  out.set_median_seconds(Seconds(method.median));
  for (const pleg::CallHistory::Ended& call : method.slowest) {
    plegd::v1::EndedCall& ended = *out.add_slowest();
    names.Fill(call.target, *ended.mutable_target());
    TimeToProto(clock.At(call.ended_at), *ended.mutable_ended_at());
    ended.set_duration_seconds(Seconds(call.duration));
    ended.set_code(absl::StatusCodeToString(call.code));
  }
}

void RelistToProto(const pleg::RelistRing::Entry& entry, const WallClock& clock,
                   plegd::v1::Relist& out) {
  TimeToProto(clock.At(entry.started_at), *out.mutable_started_at());
  out.set_total_seconds(Seconds(entry.total));
  out.set_list_sandboxes_seconds(Seconds(entry.list_sandboxes));
  out.set_list_containers_seconds(Seconds(entry.list_containers));
  out.set_diff_seconds(Seconds(entry.diff));
  out.set_inspect_seconds(Seconds(entry.inspect));
  out.set_sandboxes(entry.sandboxes);
  out.set_containers(entry.containers);
  out.set_changed_pods(entry.changed_pods);
  out.set_list_sandboxes_bytes(entry.list_sandboxes_bytes);
  out.set_list_containers_bytes(entry.list_containers_bytes);
  if (entry.error != nullptr) out.set_error(ToValidUtf8(*entry.error));
}

void CountsToProto(const pleg::PlegSnapshot& core, plegd::v1::Counts& out) {
  auto count = [](size_t value) { return static_cast<uint32_t>(value); };
  out.set_pods(count(core.pods_ready + core.pods_notready + core.pods_no_sandbox));
  out.set_pods_ready(count(core.pods_ready));
  out.set_pods_notready(count(core.pods_notready));
  out.set_pods_without_sandbox(count(core.pods_no_sandbox));
  out.set_sandboxes(count(core.sandboxes));
  out.set_containers(count(core.containers_created + core.containers_running +
                           core.containers_exited + core.containers_unknown));
  out.set_containers_created(count(core.containers_created));
  out.set_containers_running(count(core.containers_running));
  out.set_containers_exited(count(core.containers_exited));
  out.set_containers_unknown(count(core.containers_unknown));
  out.set_inspections_running(count(core.inspections_running));
  out.set_pods_pending(count(core.pods_pending));
}

void TwinToProto(const pleg::GenerationReport& generation, plegd::v1::KubeletTwin& out) {
  const pleg::TwinReport& twin = generation.report;
  out.set_generation(std::string(pleg::KubeletGenerationName(generation.generation)));
  out.set_healthy(twin.healthy);
  out.set_condition(ToValidUtf8(twin.condition));
  if (IsFinite(twin.to_not_ready)) out.set_seconds_to_not_ready(Seconds(twin.to_not_ready));
  out.set_lasting(twin.lasting);
  if (twin.flapping.has_value()) {
    out.set_flapping_period_seconds(Seconds(twin.flapping->period));
    out.set_flapping_unhealthy_seconds(Seconds(twin.flapping->unhealthy_for));
  }
  out.set_silent(twin.silent);
  if (IsFinite(twin.lag.best)) {
    out.set_event_lag_best_seconds(Seconds(twin.lag.best));
    out.set_event_lag_median_seconds(Seconds(twin.lag.median));
    out.set_event_lag_worst_seconds(Seconds(twin.lag.worst));
  }
  if (IsFinite(twin.restart_cost)) out.set_restart_cost_seconds(Seconds(twin.restart_cost));
  out.set_latent_pods(static_cast<uint32_t>(twin.latent_pods));
  out.set_stage(std::string(pleg::KubeletStageName(twin.stage)));
  out.set_stage_seconds(Seconds(twin.stage_for));
  out.set_older_than_observed(twin.older_than_observed);
}

}  // namespace api
