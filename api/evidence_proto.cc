#include "api/evidence_proto.h"

#include "api/evidence_values.h"
#include "api/list_size_proto.h"
#include "pleg/utf8.h"
#include "plegd/v1/evidence.pb.h"

namespace api {
namespace {

namespace v1 = plegd::v1;
using pleg::ToValidUtf8;

void RuntimeToProto(const pleg::RuntimeEvidence& runtime, v1::RuntimeEvidence& out) {
  out.set_endpoint(ToValidUtf8(runtime.endpoint));
  out.set_name(ToValidUtf8(runtime.name));
  out.set_version(ToValidUtf8(runtime.version));
  out.set_api_version(ToValidUtf8(runtime.api_version));
  out.set_connected(runtime.connected);
  out.set_disconnected_reason(ToValidUtf8(runtime.disconnected_reason));
  out.set_connection_seconds(Seconds(runtime.connection_for));
  for (absl::Duration ago : runtime.reconnected_ago) out.add_reconnected_seconds(Seconds(ago));
  out.set_unsupported(runtime.unsupported);
  out.set_unsupported_text(ToValidUtf8(runtime.unsupported_text));
  if (runtime.runtime_ready.has_value()) out.set_runtime_ready(*runtime.runtime_ready);
  out.set_runtime_ready_text(ToValidUtf8(runtime.runtime_ready_text));
  if (runtime.network_ready.has_value()) out.set_network_ready(*runtime.network_ready);
  out.set_network_ready_text(ToValidUtf8(runtime.network_ready_text));
  if (const auto& mute = runtime.mute_for) out.set_mute_seconds(Seconds(*mute));
}

pleg::RuntimeEvidence RuntimeFromProto(const v1::RuntimeEvidence& message) {
  pleg::RuntimeEvidence runtime;
  runtime.endpoint = message.endpoint();
  runtime.name = message.name();
  runtime.version = message.version();
  runtime.api_version = message.api_version();
  runtime.connected = message.connected();
  runtime.disconnected_reason = message.disconnected_reason();
  runtime.connection_for = FromSeconds(message.connection_seconds());
  for (double seconds : message.reconnected_seconds()) {
    runtime.reconnected_ago.push_back(FromSeconds(seconds));
  }
  runtime.unsupported = message.unsupported();
  runtime.unsupported_text = message.unsupported_text();
  if (message.has_runtime_ready()) runtime.runtime_ready = message.runtime_ready();
  runtime.runtime_ready_text = message.runtime_ready_text();
  if (message.has_network_ready()) runtime.network_ready = message.network_ready();
  runtime.network_ready_text = message.network_ready_text();
  runtime.mute_for = OptionalSeconds(message.has_mute_seconds(), message.mute_seconds());
  return runtime;
}

void RelistToProto(const pleg::RelistEvidence& relist, v1::RelistEvidence& out) {
  out.set_period_seconds(Seconds(relist.period));
  out.set_threshold_seconds(Seconds(relist.threshold));
  if (const auto& ago = relist.last_good_ago) out.set_last_good_seconds(Seconds(*ago));
  if (const auto& out_for = relist.listing_for) out.set_listing_for_seconds(Seconds(*out_for));
  for (absl::Duration took : relist.recent) out.add_recent_seconds(Seconds(took));
  if (const auto& median = relist.median_interval) {
    out.set_median_interval_seconds(Seconds(*median));
  }
  out.set_error(ToValidUtf8(relist.error));
}

pleg::RelistEvidence RelistFromProto(const v1::RelistEvidence& message) {
  pleg::RelistEvidence relist;
  if (message.period_seconds() > 0) relist.period = FromSeconds(message.period_seconds());
  if (message.threshold_seconds() > 0) relist.threshold = FromSeconds(message.threshold_seconds());
  relist.last_good_ago =
      OptionalSeconds(message.has_last_good_seconds(), message.last_good_seconds());
  relist.listing_for =
      OptionalSeconds(message.has_listing_for_seconds(), message.listing_for_seconds());
  for (double seconds : message.recent_seconds()) relist.recent.push_back(FromSeconds(seconds));
  relist.median_interval =
      OptionalSeconds(message.has_median_interval_seconds(), message.median_interval_seconds());
  relist.error = message.error();
  return relist;
}

void MethodToProto(const pleg::MethodEvidence& method, v1::MethodEvidence& out) {
  out.set_method(ToValidUtf8(method.method));
  if (const auto& ago = method.answered_ago) out.set_answered_seconds(Seconds(*ago));
  out.set_last_duration_seconds(Seconds(method.last_duration));
  if (const auto& median = method.median_recent) out.set_median_recent_seconds(Seconds(*median));
  if (const auto& median = method.median_hour) out.set_median_hour_seconds(Seconds(*median));
  if (method.failing.has_value()) {
    out.mutable_failing()->set_since_seconds(Seconds(method.failing->since));
    out.mutable_failing()->set_code(ToValidUtf8(method.failing->code));
    out.mutable_failing()->set_text(ToValidUtf8(method.failing->text));
    out.mutable_failing()->set_in_a_row(method.failing->in_a_row);
    if (const auto& answered = method.failing->answered) {
      out.mutable_failing()->set_answered(*answered);
    }
  }
  out.set_error_rows(method.error_rows);
}

pleg::MethodEvidence MethodFromProto(const v1::MethodEvidence& message) {
  pleg::MethodEvidence method;
  method.method = message.method();
  method.answered_ago = OptionalSeconds(message.has_answered_seconds(), message.answered_seconds());
  method.last_duration = FromSeconds(message.last_duration_seconds());
  method.median_recent =
      OptionalSeconds(message.has_median_recent_seconds(), message.median_recent_seconds());
  method.median_hour =
      OptionalSeconds(message.has_median_hour_seconds(), message.median_hour_seconds());
  if (message.has_failing()) {
    const v1::FailureEvidence& failing = message.failing();
    method.failing = {FromSeconds(failing.since_seconds()), failing.code(), failing.text(),
                      failing.in_a_row(), std::nullopt};
    if (failing.has_answered()) method.failing->answered = failing.answered();
  }
  method.error_rows = message.error_rows();
  return method;
}

void CallsToProto(const pleg::Evidence& evidence, v1::Evidence& out) {
  for (const pleg::UnansweredEvidence& call : evidence.unanswered) {
    v1::UnansweredEvidence& to = *out.add_unanswered();
    to.set_method(ToValidUtf8(call.method));
    ObjectToProto(call.object, *to.mutable_object());
    to.set_age_seconds(Seconds(call.age));
    to.set_attempts(call.attempts);
    to.set_pod_pending(call.pod_pending);
  }
  for (const pleg::RunningEvidence& call : evidence.running) {
    v1::RunningEvidence& to = *out.add_running();
    to.set_method(ToValidUtf8(call.method));
    ObjectToProto(call.object, *to.mutable_object());
    to.set_age_seconds(Seconds(call.age));
  }
}

void ObjectsToProto(const pleg::Evidence& evidence, v1::Evidence& out) {
  for (const pleg::FailingEvidence& row : evidence.failing) {
    v1::FailingEvidence& to = *out.add_failing();
    to.set_method(ToValidUtf8(row.method));
    ObjectToProto(row.object, *to.mutable_object());
    to.set_since_seconds(Seconds(row.since));
    to.set_in_a_row(row.in_a_row);
    to.set_code(ToValidUtf8(row.code));
    to.set_text(ToValidUtf8(row.text));
    to.set_last_duration_seconds(Seconds(row.last_duration));
    to.set_pod_pending(row.pod_pending);
  }
  for (const pleg::LastingEvidence& lasting : evidence.lasting) {
    v1::LastingEvidence& to = *out.add_lasting();
    to.set_state(std::string(pleg::LastingName(lasting.lasting)));
    to.set_total(lasting.total);
    for (const pleg::LastingObject& object : lasting.worst) {
      v1::LastingObject& worst = *to.add_worst();
      ObjectToProto(object.object, *worst.mutable_object());
      worst.set_age_seconds(Seconds(object.age));
      worst.set_count(object.count);
    }
  }
  if (evidence.clock_step.has_value()) {
    out.mutable_clock_step()->set_ago_seconds(Seconds(evidence.clock_step->ago));
    out.mutable_clock_step()->set_by_seconds(absl::ToDoubleSeconds(evidence.clock_step->by));
  }
}

void ObjectsFromProto(const v1::Evidence& message, pleg::Evidence& evidence) {
  for (const v1::FailingEvidence& row : message.failing()) {
    evidence.failing.push_back({row.method(), ObjectFromProto(row.object()),
                                FromSeconds(row.since_seconds()), row.in_a_row(), row.code(),
                                row.text(), FromSeconds(row.last_duration_seconds()),
                                row.pod_pending()});
  }
  for (const v1::LastingEvidence& from : message.lasting()) {
    pleg::LastingEvidence& lasting = evidence.lasting.emplace_back();
    for (pleg::Lasting kind : pleg::kLastings) {
      if (pleg::LastingName(kind) == from.state()) lasting.lasting = kind;
    }
    lasting.total = from.total();
    for (const v1::LastingObject& object : from.worst()) {
      lasting.worst.push_back(
          {ObjectFromProto(object.object()), FromSeconds(object.age_seconds()), object.count()});
    }
  }
  if (message.has_clock_step()) {
    const double by = message.clock_step().by_seconds();
    evidence.clock_step = {FromSeconds(message.clock_step().ago_seconds()),
                           by < 0 ? -FromSeconds(-by) : FromSeconds(by)};
  }
}

void CallsFromProto(const v1::Evidence& message, pleg::Evidence& evidence) {
  for (const v1::UnansweredEvidence& call : message.unanswered()) {
    evidence.unanswered.push_back({call.method(), ObjectFromProto(call.object()),
                                   FromSeconds(call.age_seconds()), call.attempts(),
                                   call.pod_pending()});
  }
  for (const v1::RunningEvidence& call : message.running()) {
    evidence.running.push_back(
        {call.method(), ObjectFromProto(call.object()), FromSeconds(call.age_seconds())});
  }
}

void CountsToProto(const pleg::CountEvidence& counts, v1::CountEvidence& out) {
  out.set_pods(counts.pods);
  out.set_pods_pending(counts.pods_pending);
  out.set_sandboxes_ready(counts.sandboxes_ready);
  out.set_sandboxes_notready(counts.sandboxes_notready);
  out.set_created(counts.created);
  out.set_running(counts.running);
  out.set_exited(counts.exited);
  out.set_unknown(counts.unknown);
  out.set_exited_of_one_pod(counts.exited_of_one_pod);
  ObjectToProto(counts.most_exited_pod, *out.mutable_most_exited_pod());
  if (const auto& oldest = counts.oldest_exited) out.set_oldest_exited_seconds(Seconds(*oldest));
  out.set_changed_pods_per_minute(counts.changed_pods_per_minute);
  out.set_changed_pods_lately(counts.changed_pods_lately);
}

pleg::CountEvidence CountsFromProto(const v1::CountEvidence& message) {
  pleg::CountEvidence counts;
  counts.pods = message.pods();
  counts.pods_pending = message.pods_pending();
  counts.sandboxes_ready = message.sandboxes_ready();
  counts.sandboxes_notready = message.sandboxes_notready();
  counts.created = message.created();
  counts.running = message.running();
  counts.exited = message.exited();
  counts.unknown = message.unknown();
  counts.exited_of_one_pod = message.exited_of_one_pod();
  counts.most_exited_pod = ObjectFromProto(message.most_exited_pod());
  counts.oldest_exited =
      OptionalSeconds(message.has_oldest_exited_seconds(), message.oldest_exited_seconds());
  counts.changed_pods_per_minute = message.changed_pods_per_minute();
  counts.changed_pods_lately = message.changed_pods_lately();
  return counts;
}

absl::Duration OrInfinite(bool has, double seconds) {
  return has ? FromSeconds(seconds) : absl::InfiniteDuration();
}

pleg::GenerationReport TwinFromProto(const v1::KubeletTwin& message) {
  pleg::GenerationReport evidence;
  for (pleg::KubeletGeneration generation : pleg::kKubeletGenerations) {
    if (pleg::KubeletGenerationName(generation) == message.generation()) {
      evidence.generation = generation;
    }
  }
  pleg::TwinReport& twin = evidence.report;
  twin.healthy = message.healthy();
  twin.condition = message.condition();
  twin.to_not_ready =
      OrInfinite(message.has_seconds_to_not_ready(), message.seconds_to_not_ready());
  twin.lasting = message.lasting();
  if (message.has_flapping_period_seconds()) {
    twin.flapping = {FromSeconds(message.flapping_period_seconds()),
                     FromSeconds(message.flapping_unhealthy_seconds())};
  }
  twin.silent = message.silent();
  twin.lag.best =
      OrInfinite(message.has_event_lag_best_seconds(), message.event_lag_best_seconds());
  twin.lag.median =
      OrInfinite(message.has_event_lag_median_seconds(), message.event_lag_median_seconds());
  twin.lag.worst =
      OrInfinite(message.has_event_lag_worst_seconds(), message.event_lag_worst_seconds());
  twin.restart_cost =
      OrInfinite(message.has_restart_cost_seconds(), message.restart_cost_seconds());
  twin.latent_pods = message.latent_pods();
  for (pleg::KubeletStage stage : {pleg::KubeletStage::kListing, pleg::KubeletStage::kInspecting,
                                   pleg::KubeletStage::kPausing}) {
    if (pleg::KubeletStageName(stage) == message.stage()) twin.stage = stage;
  }
  twin.stage_for = FromSeconds(message.stage_seconds());
  twin.older_than_observed = message.older_than_observed();
  return evidence;
}

void KubeletToProto(const pleg::KubeletEvidence& kubelet, v1::KubeletEvidence& out) {
  out.set_asked_seconds(Seconds(kubelet.asked_ago));
  if (const auto& ago = kubelet.last_seen_ago) out.set_last_seen_seconds(Seconds(*ago));
  out.set_never_relisted(kubelet.never_relisted);
  out.set_evented(kubelet.evented);
  out.set_version(ToValidUtf8(kubelet.version));
  if (kubelet.healthz_ok.has_value()) out.set_healthz_ok(*kubelet.healthz_ok);
  out.set_healthz_text(ToValidUtf8(kubelet.healthz_text));
  out.set_error(ToValidUtf8(kubelet.error));
  if (const auto& mean = kubelet.relist_mean) out.set_relist_mean_seconds(Seconds(*mean));
  out.set_discarded_events(kubelet.discarded_events);
  for (const pleg::KubeletOperation& operation : kubelet.operations) {
    v1::KubeletOperation& to = *out.add_operations();
    to.set_name(ToValidUtf8(operation.name));
    to.set_count(operation.count);
    to.set_errors(operation.errors);
    to.set_mean_seconds(Seconds(operation.mean));
  }
}

pleg::KubeletEvidence KubeletFromProto(const v1::KubeletEvidence& message) {
  pleg::KubeletEvidence kubelet;
  kubelet.asked_ago = FromSeconds(message.asked_seconds());
  kubelet.last_seen_ago =
      OptionalSeconds(message.has_last_seen_seconds(), message.last_seen_seconds());
  kubelet.never_relisted = message.never_relisted();
  kubelet.evented = message.evented();
  kubelet.version = message.version();
  if (message.has_healthz_ok()) kubelet.healthz_ok = message.healthz_ok();
  kubelet.healthz_text = message.healthz_text();
  kubelet.error = message.error();
  kubelet.relist_mean =
      OptionalSeconds(message.has_relist_mean_seconds(), message.relist_mean_seconds());
  kubelet.discarded_events = message.discarded_events();
  for (const v1::KubeletOperation& operation : message.operations()) {
    kubelet.operations.push_back({operation.name(), operation.count(), operation.errors(),
                                  FromSeconds(operation.mean_seconds())});
  }
  return kubelet;
}

}  // namespace

void TargetToProto(const pleg::ObjectRef& object, v1::CallTarget& out) {
  out.set_id(ToValidUtf8(object.id.value()));
  out.set_pod_uid(ToValidUtf8(object.pod_uid.value()));
  out.set_pod_namespace(ToValidUtf8(object.pod_namespace));
  out.set_pod_name(ToValidUtf8(object.pod_name));
  out.set_container(ToValidUtf8(object.container));
}

void ObjectToProto(const pleg::ObjectRef& object, v1::Object& out) {
  TargetToProto(object, *out.mutable_target());
  out.set_image(ToValidUtf8(object.image));
}

void TwinToProto(const pleg::GenerationReport& evidence, v1::KubeletTwin& out) {
  const pleg::TwinReport& twin = evidence.report;
  out.set_generation(std::string(pleg::KubeletGenerationName(evidence.generation)));
  out.set_healthy(twin.healthy);
  out.set_condition(ToValidUtf8(twin.condition));
  if (IsFinite(twin.to_not_ready)) out.set_seconds_to_not_ready(Seconds(twin.to_not_ready));
  out.set_lasting(twin.lasting);
  if (twin.flapping.has_value()) {
    out.set_flapping_period_seconds(Seconds(twin.flapping->period));
    out.set_flapping_unhealthy_seconds(Seconds(twin.flapping->unhealthy_for));
  }
  out.set_silent(twin.silent);
  if (IsFinite(twin.lag.best)) out.set_event_lag_best_seconds(Seconds(twin.lag.best));
  if (IsFinite(twin.lag.median)) out.set_event_lag_median_seconds(Seconds(twin.lag.median));
  if (IsFinite(twin.lag.worst)) out.set_event_lag_worst_seconds(Seconds(twin.lag.worst));
  if (IsFinite(twin.restart_cost)) out.set_restart_cost_seconds(Seconds(twin.restart_cost));
  out.set_latent_pods(static_cast<uint32_t>(twin.latent_pods));
  out.set_stage(std::string(pleg::KubeletStageName(twin.stage)));
  out.set_stage_seconds(Seconds(twin.stage_for));
  out.set_older_than_observed(twin.older_than_observed);
}

pleg::ObjectRef ObjectFromProto(const v1::Object& message) {
  const v1::CallTarget& target = message.target();
  return {pleg::ContainerId(target.id()),
          pleg::PodUid(target.pod_uid()),
          target.pod_namespace(),
          target.pod_name(),
          target.container(),
          message.image()};
}

void EvidenceToProto(const pleg::Evidence& evidence, v1::Evidence& out) {
  if (HasTimestamp(evidence.recorded_at)) {
    SetTimestamp(evidence.recorded_at, *out.mutable_recorded_at());
  }
  out.set_observed_for_seconds(Seconds(evidence.observed_for));
  out.mutable_self()->set_version(ToValidUtf8(evidence.self.version));
  out.mutable_self()->set_node(ToValidUtf8(evidence.self.node));
  out.mutable_self()->set_loop_lag_seconds(Seconds(evidence.self.loop_lag));
  out.mutable_self()->set_scheduling_delay_seconds(Seconds(evidence.self.scheduling_delay));
  RuntimeToProto(evidence.runtime, *out.mutable_runtime());
  RelistToProto(evidence.relist, *out.mutable_relist());
  for (const pleg::MethodEvidence& method : evidence.methods) {
    MethodToProto(method, *out.add_methods());
  }
  CallsToProto(evidence, out);
  ObjectsToProto(evidence, out);
  CountsToProto(evidence.counts, *out.mutable_counts());
  for (const pleg::ListSizeEvidence& list : evidence.list_sizes) {
    ListSizeToProto(list, *out.add_list_sizes());
  }
  out.set_predicted_status_phase_seconds(Seconds(evidence.predicted_status_phase));
  for (const pleg::GenerationReport& twin : evidence.twins) TwinToProto(twin, *out.add_twins());
  if (evidence.host.has_value()) HostEvidenceToProto(*evidence.host, *out.mutable_host());
  if (evidence.kubelet.has_value()) KubeletToProto(*evidence.kubelet, *out.mutable_kubelet());
}

pleg::Evidence EvidenceFromProto(const v1::Evidence& message) {
  pleg::Evidence evidence;
  if (message.has_recorded_at()) evidence.recorded_at = FromTimestamp(message.recorded_at());
  evidence.observed_for = FromSeconds(message.observed_for_seconds());
  evidence.self = {message.self().version(), FromSeconds(message.self().loop_lag_seconds()),
                   FromSeconds(message.self().scheduling_delay_seconds()), message.self().node()};
  evidence.runtime = RuntimeFromProto(message.runtime());
  if (message.has_relist()) evidence.relist = RelistFromProto(message.relist());
  for (const v1::MethodEvidence& method : message.methods()) {
    evidence.methods.push_back(MethodFromProto(method));
  }
  CallsFromProto(message, evidence);
  ObjectsFromProto(message, evidence);
  evidence.counts = CountsFromProto(message.counts());
  for (const v1::ListSizeEvidence& list : message.list_sizes()) {
    evidence.list_sizes.push_back(ListSizeFromProto(list));
  }
  evidence.predicted_status_phase = FromSeconds(message.predicted_status_phase_seconds());
  for (const v1::KubeletTwin& twin : message.twins()) {
    evidence.twins.push_back(TwinFromProto(twin));
  }
  if (message.has_host()) evidence.host = HostEvidenceFromProto(message.host());
  if (message.has_kubelet()) evidence.kubelet = KubeletFromProto(message.kubelet());
  return evidence;
}

}  // namespace api
