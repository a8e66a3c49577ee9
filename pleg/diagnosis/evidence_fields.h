// The fields of the evidence, each declared once, by the name that records have for it
// (proto/plegd/v1/evidence.proto). A new one is a member, a line here and a line there.
//
//   struct Count { int fields = 0; void operator()(const char* name, auto& value) { ++fields; } …
//   }; VisitFields(evidence.relist, Count());
//
// A visitor is called with a name and what it is of: bool, numbers, char, std::string,
// absl::Duration, absl::Time, identifiers, enumerations, Signed, another struct that has fields,
// and optional and vector of those. Of fields that are there all or not at all it is told by
// visitor.Together(name, optional, visit): they are those that `visit(value, visitor)` visits, and
// `name` is one of them.

#ifndef PLEGD_PLEG_DIAGNOSIS_EVIDENCE_FIELDS_H_
#define PLEGD_PLEG_DIAGNOSIS_EVIDENCE_FIELDS_H_

#include <concepts>
#include <type_traits>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/diagnosis/evidence.h"

namespace pleg {

template <typename T, typename Struct>
concept Is = std::same_as<std::remove_const_t<T>, Struct>;

// Names of a fixed set, as records have them; one that is not known is the first.
inline absl::string_view NameOf(Lasting lasting) { return LastingName(lasting); }
inline absl::string_view NameOf(KubeletStage stage) { return KubeletStageName(stage); }
inline absl::string_view NameOf(KubeletGeneration generation) {
  return KubeletGenerationName(generation);
}
constexpr const auto& AllOf(Lasting /*kind*/) { return kLastings; }
constexpr const auto& AllOf(KubeletStage /*kind*/) { return kKubeletStages; }
constexpr const auto& AllOf(KubeletGeneration /*kind*/) { return kKubeletGenerations; }

// A duration that may be negative; any other is an age, or how long something takes.
template <typename Duration>
struct Signed {
  Duration& value;
};

template <typename Duration>
Signed<Duration> SignedOf(Duration& value) {
  return {value};
}

// What of an object is the target of calls.
template <typename Object>
struct TargetOf {
  Object& object;
};

// Whether a struct that is no optional is left out of records.
inline bool IsNothing(const auto& /*value*/) { return false; }
inline bool IsNothing(const ListMakeup& makeup) { return makeup.items == 0; }

template <typename Object>
void VisitFields(TargetOf<Object> target, auto&& visit) {
  visit("id", target.object.id);
  visit("pod_uid", target.object.pod_uid);
  visit("pod_namespace", target.object.pod_namespace);
  visit("pod_name", target.object.pod_name);
  visit("container", target.object.container);
}

void VisitFields(Is<ObjectRef> auto& object, auto&& visit) {
  visit("target", TargetOf<std::remove_reference_t<decltype(object)>>{object});
  visit("image", object.image);
}

void VisitFields(Is<SelfEvidence> auto& self, auto&& visit) {
  visit("version", self.version);
  visit("loop_lag_seconds", self.loop_lag);
  visit("scheduling_delay_seconds", self.scheduling_delay);
  visit("node", self.node);
}

void VisitFields(Is<RuntimeEvidence> auto& runtime, auto&& visit) {
  visit("endpoint", runtime.endpoint);
  visit("name", runtime.name);
  visit("version", runtime.version);
  visit("api_version", runtime.api_version);
  visit("connected", runtime.connected);
  visit("disconnected_reason", runtime.disconnected_reason);
  visit("connection_seconds", runtime.connection_for);
  visit("mute_seconds", runtime.mute_for);
  visit("reconnected_seconds", runtime.reconnected_ago);
  visit("unsupported", runtime.unsupported);
  visit("unsupported_text", runtime.unsupported_text);
  visit("runtime_ready", runtime.runtime_ready);
  visit("runtime_ready_text", runtime.runtime_ready_text);
  visit("network_ready", runtime.network_ready);
  visit("network_ready_text", runtime.network_ready_text);
}

void VisitFields(Is<RelistEvidence> auto& relist, auto&& visit) {
  visit("period_seconds", relist.period);
  visit("threshold_seconds", relist.threshold);
  visit("last_good_seconds", relist.last_good_ago);
  visit("listing_for_seconds", relist.listing_for);
  visit("recent_seconds", relist.recent);
  visit("median_interval_seconds", relist.median_interval);
  visit("error", relist.error);
}

void VisitFields(Is<MethodEvidence::Failure> auto& failure, auto&& visit) {
  visit("since_seconds", failure.since);
  visit("code", failure.code);
  visit("text", failure.text);
  visit("in_a_row", failure.in_a_row);
  visit("answered", failure.answered);
}

void VisitFields(Is<MethodEvidence::LastError> auto& error, auto&& visit) {
  visit("ago_seconds", error.ago);
  visit("code", error.code);
  visit("text", error.text);
}

void VisitFields(Is<MethodEvidence> auto& method, auto&& visit) {
  visit("method", method.method);
  visit("answered_seconds", method.answered_ago);
  visit("last_duration_seconds", method.last_duration);
  visit("median_recent_seconds", method.median_recent);
  visit("median_hour_seconds", method.median_hour);
  visit("failing", method.failing);
  visit("error_rows", method.error_rows);
  visit("last_error", method.last_error);
}

void VisitFields(Is<UnansweredEvidence> auto& call, auto&& visit) {
  visit("method", call.method);
  visit("object", call.object);
  visit("age_seconds", call.age);
  visit("attempts", call.attempts);
  visit("pod_pending", call.pod_pending);
}

void VisitFields(Is<FailingEvidence> auto& row, auto&& visit) {
  visit("method", row.method);
  visit("object", row.object);
  visit("since_seconds", row.since);
  visit("in_a_row", row.in_a_row);
  visit("code", row.code);
  visit("text", row.text);
  visit("duration_seconds", row.duration);
  visit("pod_pending", row.pod_pending);
}

void VisitFields(Is<RunningEvidence> auto& call, auto&& visit) {
  visit("method", call.method);
  visit("object", call.object);
  visit("age_seconds", call.age);
}

void VisitFields(Is<CountEvidence> auto& counts, auto&& visit) {
  visit("pods", counts.pods);
  visit("pods_pending", counts.pods_pending);
  visit("sandboxes_ready", counts.sandboxes_ready);
  visit("sandboxes_notready", counts.sandboxes_notready);
  visit("created", counts.created);
  visit("running", counts.running);
  visit("exited", counts.exited);
  visit("unknown", counts.unknown);
  visit("exited_of_one_pod", counts.exited_of_one_pod);
  visit("most_exited_pod", counts.most_exited_pod);
  visit("oldest_exited_seconds", counts.oldest_exited);
  visit("changed_pods_per_minute", counts.changed_pods_per_minute);
  visit("changed_pods_lately", counts.changed_pods_lately);
}

void VisitFields(Is<LastingObject> auto& object, auto&& visit) {
  visit("object", object.object);
  visit("age_seconds", object.age);
  visit("count", object.count);
}

void VisitFields(Is<LastingEvidence> auto& lasting, auto&& visit) {
  visit("state", lasting.lasting);
  visit("total", lasting.total);
  visit("worst", lasting.worst);
}

void VisitFields(Is<ClockStep> auto& step, auto&& visit) {
  visit("ago_seconds", step.ago);
  visit("by_seconds", SignedOf(step.by));
}

void VisitFields(Is<ListMakeup> auto& makeup, auto&& visit) {
  visit("items", makeup.items);
  visit("dead", makeup.dead);
  visit("dead_bytes", makeup.dead_bytes);
  visit("label_bytes", makeup.label_bytes);
  visit("pod_uid", makeup.largest_pod.uid);
  visit("pod_namespace", makeup.largest_pod.pod_namespace);
  visit("pod_name", makeup.largest_pod.name);
  visit("pod_items", makeup.largest_pod.items);
  visit("pod_bytes", makeup.largest_pod.bytes);
}

void VisitFields(Is<ListExcessEvidence> auto& excess, auto&& visit) {
  visit("age_seconds", excess.age);
  visit("bytes", excess.bytes);
  visit("given_up", excess.given_up);
  visit("limit_bytes", excess.limit_bytes);
  visit("limit_items", excess.limit_items);
  visit("by_runtime", excess.by_runtime);
  visit("makeup", excess.makeup);
}

void VisitFields(Is<ListSizeEvidence> auto& list, auto&& visit) {
  visit("method", list.method);
  visit("bytes", list.bytes);
  visit("limit_bytes", list.limit_bytes);
  visit("slope_bytes_per_hour", list.slope_bytes_per_hour);
  visit("objects", list.objects);
  visit("makeup", list.makeup);
  visit("excess", list.excess);
}

// Without what it is and may be: a duration that the message may leave out is infinite without it.
void VisitFields(Is<GenerationReport> auto& twin, auto&& visit) {
  auto& report = twin.report;
  visit("generation", twin.generation);
  visit("healthy", report.healthy);
  visit("condition", report.condition);
  visit("seconds_to_not_ready", report.to_not_ready);
  visit("lasting", report.lasting);
  visit.Together("flapping_period_seconds", report.flapping, [](auto& flapping, auto& inner) {
    inner("flapping_period_seconds", flapping.period);
    inner("flapping_unhealthy_seconds", flapping.unhealthy_for);
  });
  visit("silent", report.silent);
  visit("event_lag_best_seconds", report.lag.best);
  visit("event_lag_median_seconds", report.lag.median);
  visit("event_lag_worst_seconds", report.lag.worst);
  visit("restart_cost_seconds", report.restart_cost);
  visit("latent_pods", report.latent_pods);
  visit("stage", report.stage);
  visit("stage_seconds", report.stage_for);
  visit("older_than_observed", report.older_than_observed);
}

void VisitFields(Is<KubeletOperation> auto& operation, auto&& visit) {
  visit("name", operation.name);
  visit("count", operation.count);
  visit("errors", operation.errors);
  visit("mean_seconds", operation.mean);
}

void VisitFields(Is<KubeletEvidence> auto& kubelet, auto&& visit) {
  visit("asked_seconds", kubelet.asked_ago);
  visit("last_seen_seconds", kubelet.last_seen_ago);
  visit("never_relisted", kubelet.never_relisted);
  visit("evented", kubelet.evented);
  visit("version", kubelet.version);
  visit("healthz_ok", kubelet.healthz_ok);
  visit("healthz_text", kubelet.healthz_text);
  visit("error", kubelet.error);
  visit("relist_mean_seconds", kubelet.relist_mean);
  visit("discarded_events", kubelet.discarded_events);
  visit("operations", kubelet.operations);
}

void VisitFields(Is<Pressure> auto& pressure, auto&& visit) {
  visit("some_avg10", pressure.some_avg10);
  visit("full_avg10", pressure.full_avg10);
}

void VisitFields(Is<CgroupPressure> auto& cgroup, auto&& visit) {
  visit("of", cgroup.of);
  visit("object", cgroup.object);
  visit("cpu", cgroup.cpu);
  visit("io", cgroup.io);
  visit("memory", cgroup.memory);
}

void VisitFields(Is<DiskEvidence> auto& disk, auto&& visit) {
  visit("device", disk.device);
  visit("holds", disk.holds);
  visit("utilization_percent", disk.utilization_percent);
  visit("await_seconds", disk.await);
  visit("in_flight", disk.in_flight);
  visit("answers_none_seconds", disk.answers_none_for);
}

void VisitFields(Is<ProcessEvidence> auto& process, auto&& visit) {
  visit("pid", process.pid);
  visit("parent_pid", process.parent_pid);
  visit("start_ticks", process.start_ticks);
  visit("name", process.name);
  visit("parent", process.parent);
  visit("action", process.action);
  visit("state", process.state);
  visit("age_seconds", process.age);
  visit("state_seconds", process.state_for);
  visit("wait_function", process.wait_function);
  visit("stack", process.stack);
  visit("container_id", process.container_id);
  visit("unit", process.unit);
  visit("blocked_thread", process.blocked_thread);
  visit("blocked_threads", process.blocked_threads);
  visit("guessed", process.guessed);
  visit("pod_namespace", process.pod_namespace);
  visit("pod_name", process.pod_name);
}

void VisitFields(Is<BlockedGroup> auto& group, auto&& visit) {
  visit("wait_function", group.wait_function);
  visit("count", group.count);
  visit("oldest_seconds", group.oldest);
  visit("example_pid", group.example_pid);
  visit("example_name", group.example_name);
  visit("example_container", group.example_container);
}

void VisitFields(Is<ZombieGroup> auto& group, auto&& visit) {
  visit("parent_pid", group.parent_pid);
  visit("parent", group.parent);
  visit("count", group.count);
}

void VisitFields(Is<FrozenCgroup> auto& cgroup, auto&& visit) {
  visit("object", cgroup.object);
  visit("path", cgroup.path);
  visit("v1", cgroup.v1);
  visit("frozen_seconds", cgroup.frozen_for);
}

void VisitFields(Is<FuseConnection> auto& fuse, auto&& visit) {
  visit("id", fuse.id);
  visit("mount_point", fuse.mount_point);
  visit("waiting", fuse.waiting);
  visit("waiting_seconds", fuse.waiting_for);
}

void VisitFields(Is<NfsMount> auto& mount, auto&& visit) {
  visit("mount_point", mount.mount_point);
  visit("source", mount.source);
}

void VisitFields(Is<ShimEvidence> auto& shim, auto&& visit) {
  visit("object", shim.object);
  visit("listed_state", shim.listed_state);
  visit("sandbox_id", shim.sandbox);
  visit("shim", shim.shim);
  visit("shim_missing", shim.shim_missing);
  visit("container_alive", shim.container_alive);
  visit("container_pid", shim.container_pid);
  visit("container_start_ticks", shim.container_start_ticks);
  visit("disagree_seconds", shim.disagree_for);
}

void VisitFields(Is<ShimCount> auto& count, auto&& visit) {
  visit("all", count.all);
  visit("unlisted", count.unlisted);
  visit("oldest_unlisted_seconds", count.oldest_unlisted);
}

void VisitFields(Is<LookAlike> auto& process, auto&& visit) {
  visit("pid", process.pid);
  visit("name", process.name);
  visit("reason", process.reason);
  visit("state", process.state);
}

void VisitFields(Is<Headroom> auto& headroom, auto&& visit) {
  visit("resource", headroom.resource);
  visit("used_percent", headroom.used_percent);
}

void VisitFields(Is<ProbeProblem> auto& problem, auto&& visit) {
  visit("probe", problem.probe);
  visit("text", problem.text);
  visit("hangs", problem.hangs);
  visit("hangs_seconds", problem.hangs_for);
}

void VisitFields(Is<HostEvidence> auto& host, auto&& visit) {
  visit("sampled_seconds", host.sampled_ago);
  visit("cpu", host.cpu);
  visit("io", host.io);
  visit("memory", host.memory);
  visit("cgroup_pressure", host.cgroup_pressure);
  visit("memory_available_percent", host.memory_available_percent);
  visit("disks", host.disks);
  visit("blocked", host.blocked);
  visit("zombies", host.zombies);
  visit("oci_processes", host.oci_processes);
  visit("cni_processes", host.cni_processes);
  visit("pid1_cpu_percent", host.pid1_cpu_percent);
  visit("dbus", host.dbus);
  visit("mountinfo_lines", host.mountinfo_lines);
  visit("fuse", host.fuse);
  visit("nfs", host.nfs);
  visit("frozen", host.frozen);
  visit("headroom", host.headroom);
  visit("runtime_process", host.runtime_process);
  visit("kubelet_process", host.kubelet_process);
  visit("shims", host.shims);
  visit("shim_count", host.shim_count);
  visit("look_alikes", host.look_alikes);
  visit("look_alike_count", host.look_alike_count);
  visit("roles_unknown", host.roles_unknown);
  visit("kernel_log", host.kernel_log);
  visit("kernel_version", host.kernel_version);
  visit("systemd_version", host.systemd_version);
  visit("problems", host.problems);
}

void VisitFields(Is<Evidence> auto& evidence, auto&& visit) {
  visit("recorded_at", evidence.recorded_at);
  visit("observed_for_seconds", evidence.observed_for);
  visit("self", evidence.self);
  visit("runtime", evidence.runtime);
  visit("relist", evidence.relist);
  visit("methods", evidence.methods);
  visit("unanswered", evidence.unanswered);
  visit("failing", evidence.failing);
  visit("running", evidence.running);
  visit("counts", evidence.counts);
  visit("lasting", evidence.lasting);
  visit("clock_step", evidence.clock_step);
  visit("list_sizes", evidence.list_sizes);
  visit("predicted_status_phase_seconds", evidence.predicted_status_phase);
  visit("twins", evidence.twins);
  visit("host", evidence.host);
  visit("kubelet", evidence.kubelet);
}

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_EVIDENCE_FIELDS_H_
