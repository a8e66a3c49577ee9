#include "cmd/plegctl/testing/scenarios.h"

#include <cstdint>
#include <limits>

#include "cmd/plegctl/explain.h"
#include "cmd/plegctl/testing/judged.h"
#include "google/protobuf/timestamp.pb.h"

namespace plegctl_testing {
namespace {

using plegctl::Snapshot;
using plegd::v1::CallTarget;
using plegd::v1::KubeletTwin;

constexpr int64_t kNow = 1'795'315'754;  // 2026-11-22T02:49:14Z
constexpr char kCulprit[] = "7421868e4d51cb5d08e9f60124f48ee30553d96c42b27eb25eaae7c731e9d651";

void SetTime(double seconds, google::protobuf::Timestamp& stamp) {
  stamp.set_seconds(static_cast<int64_t>(seconds));
  stamp.set_nanos(static_cast<int32_t>((seconds - static_cast<double>(stamp.seconds())) * 1e9));
}

void AddRelists(Snapshot& snapshot, int count, double newest_age) {
  SetTime(kNow, *snapshot.relists->mutable_time());
  for (int i = 0; i < count; ++i) {
    plegd::v1::Relist& relist = *snapshot.relists->add_relists();
    SetTime(kNow - newest_age - (count - 1 - i), *relist.mutable_started_at());
    relist.set_list_sandboxes_seconds(0.002);
    relist.set_list_containers_seconds(0.004);
    relist.set_diff_seconds(0.0001);
    relist.set_sandboxes(110);
    relist.set_containers(221);
    relist.set_list_sandboxes_bytes(134'000);
    relist.set_list_containers_bytes(312'000);
    const bool changed = i % 7 == 3;
    relist.set_changed_pods(changed ? 1 : 0);
    relist.set_inspect_seconds(changed ? 0.009 : 0);
    relist.set_total_seconds(changed ? 0.0151 : 0.0061);
  }
}

KubeletTwin& AddTwin(Snapshot& snapshot, const char* generation) {
  KubeletTwin& twin = *snapshot.node->add_twins();
  twin.set_generation(generation);
  twin.set_healthy(true);
  twin.set_event_lag_best_seconds(0.007);
  twin.set_event_lag_median_seconds(0.009);
  twin.set_event_lag_worst_seconds(0.013);
  twin.set_restart_cost_seconds(0.42);
  twin.set_stage("pausing");
  twin.set_stage_seconds(0.4);
  return twin;
}

CallTarget Culprit() {
  CallTarget target;
  target.set_id(kCulprit);
  target.set_pod_uid("ecba29db-3fc1-4e7d-ab2a-e9e2b8e73f46");
  target.set_pod_namespace("default");
  target.set_pod_name("web-0");
  target.set_container("app");
  return target;
}

void AddSilence(Snapshot& snapshot, const char* method, const CallTarget& target, double age,
                uint32_t attempts = 1) {
  plegd::v1::UnansweredTarget& unanswered = *snapshot.calls->add_unanswered();
  unanswered.set_method(method);
  *unanswered.mutable_target() = target;
  unanswered.set_age_seconds(age);
  unanswered.set_attempts(attempts);
  const double running = attempts == 1 ? age : age - 121;
  plegd::v1::RunningCall& call = *snapshot.calls->add_running();
  call.set_method(method);
  *call.mutable_target() = target;
  call.set_age_seconds(running);
  call.set_remaining_seconds(120 - running);
}

void AddSize(Snapshot& snapshot, const char* method, uint32_t bytes) {
  plegd::v1::ListSize& size = *snapshot.node->add_list_sizes();
  size.set_method(method);
  size.set_bytes(bytes);
  size.set_kubelet_limit_ratio(bytes / 16777216.0);
}

void AddHistory(Snapshot& snapshot) {
  for (const char* name : {"ContainerStatus", "ListContainers"}) {
    plegd::v1::MethodHistory& method = *snapshot.calls->add_methods();
    method.set_method(name);
    method.set_ended(3587);
    method.set_median_seconds(0.0021);
  }
  plegd::v1::MethodHistory& statuses = *snapshot.calls->mutable_methods(0);
  statuses.set_failed(2);
  plegd::v1::EndedCall& slow = *statuses.add_slowest();
  *slow.mutable_target() = Culprit();
  SetTime(kNow - 1200, *slow.mutable_ended_at());
  slow.set_duration_seconds(120.0008);
  slow.set_code("DEADLINE_EXCEEDED");
  plegd::v1::EndedCall& next = *statuses.add_slowest();
  SetTime(kNow - 100, *next.mutable_ended_at());
  next.set_duration_seconds(0.031);
  next.set_code("OK");
}

// Without twins.
Snapshot Base() {
  Snapshot snapshot;
  plegd::v1::Health& health = snapshot.health.emplace();
  health.set_pleg_healthy(true);
  health.set_node_ready(true);
  health.set_node_ready_reason("KubeletReady");
  health.set_node_ready_message("kubelet is posting ready status");
  health.set_runtime_endpoint("unix:///run/containerd/containerd.sock");
  health.set_runtime("containerd 1.6.20");
  plegd::v1::Node& node = snapshot.node.emplace();
  node.set_version("0.1.0");
  node.set_boot_id("b1c2cc67-8d40-4d09-9813-8de4a86d7cbe");
  node.set_uptime_seconds(3 * 86400 + 4 * 3600);
  SetTime(kNow, *node.mutable_time());
  node.set_runtime_name("containerd");
  node.set_runtime_version("1.6.20");
  node.set_runtime_api_version("v1");
  node.set_runtime_endpoint("unix:///run/containerd/containerd.sock");
  plegd::v1::Counts& counts = *node.mutable_counts();
  counts.set_pods(110);
  counts.set_pods_ready(109);
  counts.set_pods_notready(1);
  counts.set_containers(221);
  counts.set_containers_running(218);
  counts.set_containers_exited(3);
  node.mutable_limits()->set_relist_period_seconds(1);
  node.mutable_limits()->set_relist_threshold_seconds(180);
  node.set_predicted_status_phase_seconds(0.004);
  AddSize(snapshot, "ListPodSandbox", 134'000);
  AddSize(snapshot, "ListContainers", 312'000);
  SetTime(kNow, *snapshot.calls.emplace().mutable_time());
  snapshot.relists.emplace();
  return snapshot;
}

// The runc of a resize that holds the lock.
void JudgeConvoy(Snapshot& snapshot) {
  plegd::v1::Evidence evidence = EvidenceOf(snapshot);
  evidence.mutable_host()->set_sampled_seconds(1);
  plegd::v1::HostProcess& runc = *evidence.mutable_host()->add_oci_processes();
  runc.set_pid(4711);
  runc.set_start_ticks(834711);
  runc.set_name("runc");
  runc.set_action("update");
  runc.set_state("S");
  runc.set_age_seconds(evidence.unanswered(0).age_seconds() + 1);
  runc.set_state_seconds(runc.age_seconds());
  runc.set_container_id(kCulprit);
  runc.set_parent("containerd-shim");
  snapshot.diagnosis = plegctl::DiagnoseEvidence(evidence);
}

void Failing(const char* error, double age, Snapshot& snapshot) {
  for (int i = 0; i < 8; ++i) {
    plegd::v1::Relist& relist = *snapshot.relists->add_relists();
    SetTime(kNow - age * (8 - i) / 8, *relist.mutable_started_at());
    relist.set_total_seconds(0.0003);
    relist.set_error(error);
  }
}

}  // namespace

std::string HostileName() {
  return "web\x1b[31m\x1b]0;title\x07\n\u202egnp\u200b\u0301\x9b"
         "1m\xff日本";
}

Snapshot Healthy() {
  Snapshot snapshot = Base();
  AddTwin(snapshot, "<=1.31");
  AddTwin(snapshot, ">=1.32");
  AddRelists(snapshot, 60, 0.4);
  AddHistory(snapshot);
  Judge(snapshot);
  return snapshot;
}

Snapshot HungStatus() {
  Snapshot snapshot = Base();
  AddRelists(snapshot, 60, 0.6);
  AddSilence(snapshot, "ContainerStatus", Culprit(), 19.3);
  snapshot.node->mutable_counts()->set_inspections_running(1);
  snapshot.node->mutable_counts()->set_pods_pending(1);
  snapshot.node->set_predicted_status_phase_seconds(120);
  KubeletTwin& twice = AddTwin(snapshot, "<=1.31");
  twice.set_seconds_to_not_ready(282.7);
  twice.set_flapping_period_seconds(241);
  twice.set_flapping_unhealthy_seconds(61);
  twice.set_event_lag_worst_seconds(240.1);
  twice.set_stage("inspecting");
  twice.set_stage_seconds(19.3);
  twice.set_restart_cost_seconds(120.4);
  KubeletTwin& once = AddTwin(snapshot, ">=1.32");
  once = twice;
  once.set_generation(">=1.32");
  once.clear_seconds_to_not_ready();
  once.clear_flapping_period_seconds();
  once.clear_flapping_unhealthy_seconds();
  once.set_event_lag_worst_seconds(120.1);
  once.set_silent(true);
  Judge(snapshot);
  return snapshot;
}

Snapshot LatentHang() {
  Snapshot snapshot = Healthy();
  AddSilence(snapshot, "ContainerStatus", Culprit(), 1834, 16);
  snapshot.calls->mutable_running(0)->set_age_seconds(33.2);
  snapshot.calls->mutable_running(0)->set_remaining_seconds(86.8);
  for (KubeletTwin& twin : *snapshot.node->mutable_twins()) {
    twin.set_latent_pods(1);
    twin.set_restart_cost_seconds(120.4);
  }
  Judge(snapshot);
  return snapshot;
}

Snapshot HungList() {
  Snapshot snapshot = Base();
  AddRelists(snapshot, 60, 45.8);
  snapshot.relists->set_listing_for_seconds(44.8);
  AddSilence(snapshot, "ListContainers", CallTarget(), 44.8);
  AddSilence(snapshot, "ContainerStatus", Culprit(), 43.9);
  for (const char* generation : {"<=1.31", ">=1.32"}) {
    KubeletTwin& twin = AddTwin(snapshot, generation);
    twin.set_seconds_to_not_ready(134.2);
    twin.set_lasting(true);
    twin.clear_event_lag_best_seconds();
    twin.clear_event_lag_median_seconds();
    twin.clear_event_lag_worst_seconds();
    twin.clear_restart_cost_seconds();
    twin.set_stage("listing");
    twin.set_stage_seconds(44.8);
  }
  JudgeConvoy(snapshot);
  return snapshot;
}

Snapshot NotReady() {
  Snapshot snapshot = HungList();
  snapshot.relists.emplace();
  AddRelists(snapshot, 60, 187.6);
  snapshot.relists->set_listing_for_seconds(186.6);
  snapshot.calls->Clear();
  SetTime(kNow, *snapshot.calls->mutable_time());
  AddSilence(snapshot, "ListContainers", CallTarget(), 186.6, 2);
  AddSilence(snapshot, "ContainerStatus", Culprit(), 185.7, 2);
  constexpr char kReason[] = "pleg was last seen active 3m7.6s ago; threshold is 3m0s";
  snapshot.health->set_pleg_healthy(false);
  snapshot.health->set_pleg_reason(kReason);
  snapshot.health->set_node_ready(false);
  snapshot.health->set_node_ready_reason("KubeletNotReady");
  snapshot.health->set_node_ready_message(std::string("PLEG is not healthy: ") + kReason);
  for (KubeletTwin& twin : *snapshot.node->mutable_twins()) {
    twin.set_healthy(false);
    twin.set_seconds_to_not_ready(0);
    twin.set_condition(std::string("PLEG is not healthy: ") + kReason);
    twin.set_stage_seconds(66.6);
  }
  JudgeConvoy(snapshot);
  return snapshot;
}

Snapshot RuntimeDown() {
  Snapshot snapshot = Base();
  AddRelists(snapshot, 52, 12.3);
  Failing(
      "ListPodSandbox: UNAVAILABLE: connecting to /run/containerd/containerd.sock: "
      "Connection refused",
      11.3, snapshot);
  for (const char* generation : {"<=1.31", ">=1.32"}) {
    KubeletTwin& twin = AddTwin(snapshot, generation);
    twin.set_seconds_to_not_ready(18.7);
    twin.set_lasting(true);
    twin.clear_event_lag_worst_seconds();
    twin.clear_restart_cost_seconds();
  }
  plegd::v1::Evidence evidence = EvidenceOf(snapshot);
  evidence.mutable_runtime()->set_connected(false);
  evidence.mutable_runtime()->set_connection_seconds(11.3);
  evidence.mutable_runtime()->set_disconnected_reason("connect: connection refused");
  snapshot.diagnosis = plegctl::DiagnoseEvidence(evidence);
  return snapshot;
}

Snapshot NoRuntime() {
  Snapshot snapshot = Base();
  snapshot.health->Clear();
  snapshot.health->set_runtime_endpoint_reason("no socket of a runtime was found");
  snapshot.health->set_pleg_reason("pleg has yet to be successful");
  plegd::v1::Node& node = *snapshot.node;
  node.clear_runtime_name();
  node.clear_runtime_version();
  node.clear_runtime_api_version();
  node.clear_runtime_endpoint();
  node.set_runtime_endpoint_reason("no socket of a runtime was found");
  node.clear_counts();
  node.clear_list_sizes();
  node.set_uptime_seconds(95);
  Judge(snapshot);
  return snapshot;
}

Snapshot JustStarted() {
  Snapshot snapshot = Base();
  snapshot.node->set_uptime_seconds(0.3);
  snapshot.node->clear_counts();
  snapshot.node->clear_list_sizes();
  snapshot.health->set_pleg_healthy(false);
  snapshot.health->set_pleg_reason("pleg has yet to be successful");
  snapshot.relists->set_listing_for_seconds(0.2);
  Judge(snapshot);
  return snapshot;
}

Snapshot StartedOnHungNode() {
  Snapshot snapshot = JustStarted();
  snapshot.node->set_uptime_seconds(20.4);
  snapshot.relists->set_listing_for_seconds(20.1);
  AddSilence(snapshot, "ListContainers", CallTarget(), 20.1);
  for (const char* generation : {"<=1.31", ">=1.32"}) {
    KubeletTwin& twin = AddTwin(snapshot, generation);
    twin.set_seconds_to_not_ready(159.6);
    twin.set_lasting(true);
    twin.set_older_than_observed(true);
    twin.clear_event_lag_worst_seconds();
    twin.clear_restart_cost_seconds();
    twin.set_stage("listing");
    twin.set_stage_seconds(20.1);
  }
  Judge(snapshot);
  return snapshot;
}

Snapshot TooSlow() {
  Snapshot snapshot = Base();
  AddRelists(snapshot, 60, 0.9);
  snapshot.node->mutable_counts()->set_pods_pending(94);
  snapshot.node->mutable_counts()->set_inspections_running(16);
  snapshot.node->set_predicted_status_phase_seconds(205.3);
  for (const char* generation : {"<=1.31", ">=1.32"}) {
    KubeletTwin& twin = AddTwin(snapshot, generation);
    twin.set_seconds_to_not_ready(171.2);
    twin.set_flapping_period_seconds(206.3);
    twin.set_flapping_unhealthy_seconds(26.3);
    twin.set_event_lag_worst_seconds(205.3);
    twin.set_stage("inspecting");
    twin.set_stage_seconds(8.1);
  }
  Judge(snapshot);
  return snapshot;
}

Snapshot NetworkDown() {
  Snapshot snapshot = Healthy();
  snapshot.health->set_node_ready(false);
  snapshot.health->set_node_ready_reason("KubeletNotReady");
  const std::string error =
      "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
      "message:Network plugin returns error: cni plugin not initialized";
  snapshot.health->set_node_ready_message(error);
  snapshot.health->add_network_errors(error);
  for (KubeletTwin& twin : *snapshot.node->mutable_twins()) {
    twin.set_healthy(false);
    twin.set_seconds_to_not_ready(0);
    twin.set_lasting(true);
    twin.set_condition(error);
  }
  plegd::v1::Evidence evidence = EvidenceOf(Healthy());
  evidence.mutable_runtime()->set_network_ready(false);
  evidence.mutable_runtime()->set_network_ready_text(error.substr(error.find("NetworkReady=")));
  snapshot.diagnosis = plegctl::DiagnoseEvidence(evidence);
  return snapshot;
}

Snapshot Half() {
  Snapshot snapshot = Healthy();
  snapshot.calls.reset();
  snapshot.relists.reset();
  snapshot.missing = {{"GetCalls", "no answer within 2s"}, {"GetRelists", "no answer within 2s"}};
  return snapshot;
}

Snapshot Hostile() {
  Snapshot snapshot = HungStatus();
  for (auto& target : *snapshot.calls->mutable_unanswered()) {
    target.mutable_target()->set_pod_name(HostileName());
    target.mutable_target()->set_container(std::string(1 << 20, '\x1b'));
    target.set_age_seconds(std::numeric_limits<double>::infinity());
  }
  for (auto& call : *snapshot.calls->mutable_running()) {
    call.mutable_target()->set_pod_namespace(HostileName());
    call.set_method("\x1b[2J");
    call.set_age_seconds(std::numeric_limits<double>::quiet_NaN());
    call.set_remaining_seconds(-5);
  }
  snapshot.node->set_runtime_name(HostileName());
  snapshot.node->set_version(std::string(1 << 20, '\t'));
  snapshot.node->mutable_twins(0)->set_generation(HostileName());
  snapshot.relists->mutable_relists(59)->set_error(HostileName());
  snapshot.relists->mutable_relists(3)->set_total_seconds(-1e300);
  Judge(snapshot);
  plegd::v1::Diagnosis& diagnosis = *snapshot.diagnosis;
  diagnosis.set_headline(HostileName());
  diagnosis.set_forecast(HostileName());
  diagnosis.mutable_findings(0)->set_brief(HostileName());
  return snapshot;
}

std::vector<Scenario> Scenarios() {
  return {{"healthy", Healthy()},
          {"hung-status", HungStatus()},
          {"latent-hang", LatentHang()},
          {"hung-list", HungList()},
          {"not-ready", NotReady()},
          {"runtime-down", RuntimeDown()},
          {"no-runtime", NoRuntime()},
          {"just-started", JustStarted()},
          {"started-on-hung-node", StartedOnHungNode()},
          {"too-slow", TooSlow()},
          {"network-down", NetworkDown()},
          {"half", Half()},
          {"hostile", Hostile()}};
}

plegd::v1::PodList Pods() {
  plegd::v1::PodList list;
  plegd::v1::PodStatus& dns = *list.add_pods();
  dns.set_uid("1d2c3b4a-0000-4000-8000-000000000001");
  dns.set_namespace_("kube-system");
  dns.set_name("coredns-5d78c9869d-abcde");
  dns.add_ips("10.244.0.3");
  dns.set_age_seconds(0.7);
  plegd::v1::SandboxStatus& sandbox = *dns.add_sandboxes();
  sandbox.set_id("aaaa1111aaaa1111aaaa1111aaaa1111");
  sandbox.set_state("ready");
  SetTime(kNow - 90'000, *sandbox.mutable_created_at());
  (*sandbox.mutable_labels())["k8s-app"] = "kube-dns";
  plegd::v1::ContainerStatus& coredns = *dns.add_containers();
  coredns.set_id("bbbb2222bbbb2222bbbb2222bbbb2222");
  coredns.set_name("coredns");
  coredns.set_state("running");
  SetTime(kNow - 89'990, *coredns.mutable_started_at());
  coredns.set_image("registry.k8s.io/coredns/coredns:v1.11.1");

  plegd::v1::PodStatus& web = *list.add_pods();
  web.set_uid("ecba29db-3fc1-4e7d-ab2a-e9e2b8e73f46");
  web.set_namespace_("default");
  web.set_name("web-0");
  web.set_age_seconds(19.3);
  web.set_pending(true);
  web.set_error("ContainerStatus: DEADLINE_EXCEEDED");
  plegd::v1::SandboxStatus& old = *web.add_sandboxes();
  old.set_id("cccc3333cccc3333cccc3333cccc3333");
  old.set_state("notready");
  old.set_attempt(1);
  SetTime(kNow - 400, *old.mutable_created_at());
  (*old.mutable_labels())["app"] = "web";
  old.set_truncated(true);
  for (int restart = 1; restart >= 0; --restart) {
    plegd::v1::ContainerStatus& app = *web.add_containers();
    app.set_id(restart == 1 ? kCulprit : "dddd4444dddd4444dddd4444dddd4444");
    app.set_name("app");
    app.set_state(restart == 1 ? "running" : "exited");
    app.set_restart_count(restart);
    SetTime(kNow - 300 + 200.0 * restart, *app.mutable_started_at());
    app.set_image("example.com/web:2");
    if (restart == 1) continue;
    app.set_exit_code(137);
    app.set_reason("OOMKilled");
    app.set_truncated(true);
    SetTime(kNow - 150, *app.mutable_finished_at());
  }

  plegd::v1::PodStatus& lost = *list.add_pods();
  lost.set_uid("ecba0000-3fc1-4e7d-ab2a-e9e2b8e73f47");
  lost.set_namespace_("default");
  lost.set_name("web-1");
  return list;
}

}  // namespace plegctl_testing
