#include "cmd/plegctl/testing/judged.h"

#include "cmd/plegctl/explain.h"

namespace plegctl_testing {

using plegctl::Snapshot;

plegd::v1::Evidence EvidenceOf(const Snapshot& snapshot) {
  plegd::v1::Evidence evidence;
  const plegd::v1::Node& node = *snapshot.node;
  const auto now = static_cast<double>(node.time().seconds());
  evidence.set_observed_for_seconds(node.uptime_seconds());
  plegd::v1::RuntimeEvidence& runtime = *evidence.mutable_runtime();
  runtime.set_endpoint(node.runtime_endpoint());
  runtime.set_name(node.runtime_name());
  runtime.set_version(node.runtime_version());
  runtime.set_connected(!node.runtime_name().empty());
  runtime.set_connection_seconds(node.uptime_seconds());
  plegd::v1::RelistEvidence& relist = *evidence.mutable_relist();
  relist.set_period_seconds(1);
  relist.set_threshold_seconds(180);
  for (const plegd::v1::Relist& done : snapshot.relists->relists()) {
    relist.set_error(done.error());
    if (!done.error().empty()) continue;
    relist.set_last_good_seconds(now - static_cast<double>(done.started_at().seconds()) -
                                 done.started_at().nanos() / 1e9);
    relist.clear_recent_seconds();
    relist.add_recent_seconds(done.total_seconds());
  }
  evidence.mutable_counts()->set_pods(node.counts().pods());
  evidence.mutable_counts()->set_running(node.counts().containers_running());
  evidence.mutable_counts()->set_pods_pending(node.counts().pods_pending());
  for (const char* name : {"Version", "Status", "ListPodSandbox", "ListContainers",
                           "PodSandboxStatus", "ContainerStatus"}) {
    if (!relist.has_last_good_seconds()) break;
    plegd::v1::MethodEvidence& method = *evidence.add_methods();
    method.set_method(name);
    method.set_answered_seconds(0.5);
    method.set_last_duration_seconds(0.004);
    method.set_median_hour_seconds(0.004);
  }
  evidence.set_predicted_status_phase_seconds(node.predicted_status_phase_seconds());
  *evidence.mutable_twins() = node.twins();
  for (const auto& from : snapshot.calls->unanswered()) {
    plegd::v1::UnansweredEvidence& call = *evidence.add_unanswered();
    call.set_method(from.method());
    if (!from.target().id().empty()) *call.mutable_object()->mutable_target() = from.target();
    call.set_age_seconds(from.age_seconds());
    call.set_attempts(from.attempts());
    call.set_pod_pending(node.counts().pods_pending() > 0);
  }
  return evidence;
}

void Judge(Snapshot& snapshot) {
  snapshot.diagnosis = plegctl::DiagnoseEvidence(EvidenceOf(snapshot));
}

}  // namespace plegctl_testing
