#include "api/evidence_proto.h"
#include "api/evidence_values.h"
#include "pleg/utf8.h"
#include "plegd/v1/evidence.pb.h"

namespace api {
namespace {

namespace v1 = plegd::v1;
using pleg::ToValidUtf8;

void PressureToProto(const pleg::Pressure& pressure, v1::Pressure& out) {
  out.set_some_avg10(pressure.some_avg10);
  out.set_full_avg10(pressure.full_avg10);
}

pleg::Pressure PressureFromProto(const v1::Pressure& message) {
  return {message.some_avg10(), message.full_avg10()};
}

void CgroupToProto(const pleg::CgroupPressure& cgroup, v1::CgroupPressure& out) {
  out.set_of(ToValidUtf8(cgroup.of));
  ObjectToProto(cgroup.object, *out.mutable_object());
  if (cgroup.cpu.has_value()) PressureToProto(*cgroup.cpu, *out.mutable_cpu());
  if (cgroup.io.has_value()) PressureToProto(*cgroup.io, *out.mutable_io());
  if (cgroup.memory.has_value()) PressureToProto(*cgroup.memory, *out.mutable_memory());
}

pleg::CgroupPressure CgroupFromProto(const v1::CgroupPressure& message) {
  pleg::CgroupPressure cgroup;
  cgroup.of = message.of();
  cgroup.object = ObjectFromProto(message.object());
  if (message.has_cpu()) cgroup.cpu = PressureFromProto(message.cpu());
  if (message.has_io()) cgroup.io = PressureFromProto(message.io());
  if (message.has_memory()) cgroup.memory = PressureFromProto(message.memory());
  return cgroup;
}

void ProcessToProto(const pleg::ProcessEvidence& process, v1::HostProcess& out) {
  out.set_pid(process.pid);
  out.set_parent_pid(process.parent_pid);
  out.set_name(ToValidUtf8(process.name));
  out.set_parent(ToValidUtf8(process.parent));
  out.set_action(ToValidUtf8(process.action));
  out.set_state(ToValidUtf8(absl::string_view(&process.state, 1)));
  out.set_age_seconds(Seconds(process.age));
  out.set_state_seconds(Seconds(process.state_for));
  out.set_wait_function(ToValidUtf8(process.wait_function));
  for (const std::string& frame : process.stack) out.add_stack(ToValidUtf8(frame));
  out.set_container_id(ToValidUtf8(process.container_id.value()));
  out.set_unit(ToValidUtf8(process.unit));
  out.set_pod_namespace(ToValidUtf8(process.pod_namespace));
  out.set_pod_name(ToValidUtf8(process.pod_name));
  out.set_blocked_thread(process.blocked_thread);
  out.set_blocked_threads(process.blocked_threads);
  out.set_guessed(process.guessed);
  out.set_start_ticks(process.start_ticks);
}

pleg::ProcessEvidence ProcessFromProto(const v1::HostProcess& message) {
  pleg::ProcessEvidence process;
  process.pid = message.pid();
  process.parent_pid = message.parent_pid();
  process.name = message.name();
  process.parent = message.parent();
  process.action = message.action();
  process.state = message.state().empty() ? '?' : message.state().front();
  process.age = FromSeconds(message.age_seconds());
  process.state_for = FromSeconds(message.state_seconds());
  process.wait_function = message.wait_function();
  process.stack.assign(message.stack().begin(), message.stack().end());
  process.container_id = pleg::ContainerId(message.container_id());
  process.unit = message.unit();
  process.pod_namespace = message.pod_namespace();
  process.pod_name = message.pod_name();
  process.blocked_thread = message.blocked_thread();
  process.blocked_threads = message.blocked_threads();
  process.guessed = message.guessed();
  process.start_ticks = message.start_ticks();
  return process;
}

void TasksToProto(const pleg::HostEvidence& host, v1::HostEvidence& out) {
  for (const pleg::BlockedGroup& group : host.blocked) {
    v1::BlockedGroup& to = *out.add_blocked();
    to.set_wait_function(ToValidUtf8(group.wait_function));
    to.set_count(group.count);
    to.set_oldest_seconds(Seconds(group.oldest));
    to.set_example_pid(group.example_pid);
    to.set_example_name(ToValidUtf8(group.example_name));
    to.set_example_container(ToValidUtf8(group.example_container.value()));
  }
  for (const pleg::ZombieGroup& group : host.zombies) {
    v1::ZombieGroup& to = *out.add_zombies();
    to.set_parent_pid(group.parent_pid);
    to.set_parent(ToValidUtf8(group.parent));
    to.set_count(group.count);
  }
  for (const pleg::ProcessEvidence& process : host.oci_processes) {
    ProcessToProto(process, *out.add_oci_processes());
  }
  for (const pleg::ProcessEvidence& process : host.cni_processes) {
    ProcessToProto(process, *out.add_cni_processes());
  }
  for (const pleg::LookAlike& process : host.look_alikes) {
    v1::LookAlike& to = *out.add_look_alikes();
    to.set_pid(process.pid);
    to.set_name(ToValidUtf8(process.name));
    to.set_reason(ToValidUtf8(process.reason));
    to.set_state(ToValidUtf8(absl::string_view(&process.state, 1)));
  }
  out.set_look_alike_count(host.look_alike_count);
  out.set_roles_unknown(host.roles_unknown);
  if (host.dbus.has_value()) ProcessToProto(*host.dbus, *out.mutable_dbus());
  if (host.runtime_process.has_value()) {
    ProcessToProto(*host.runtime_process, *out.mutable_runtime_process());
  }
  if (host.kubelet_process.has_value()) {
    ProcessToProto(*host.kubelet_process, *out.mutable_kubelet_process());
  }
}

void TasksFromProto(const v1::HostEvidence& message, pleg::HostEvidence& host) {
  for (const v1::BlockedGroup& group : message.blocked()) {
    host.blocked.push_back({group.wait_function(), group.count(),
                            FromSeconds(group.oldest_seconds()), group.example_pid(),
                            group.example_name(), pleg::ContainerId(group.example_container())});
  }
  for (const v1::ZombieGroup& group : message.zombies()) {
    host.zombies.push_back({group.parent_pid(), group.parent(), group.count()});
  }
  for (const v1::HostProcess& process : message.oci_processes()) {
    host.oci_processes.push_back(ProcessFromProto(process));
  }
  for (const v1::HostProcess& process : message.cni_processes()) {
    host.cni_processes.push_back(ProcessFromProto(process));
  }
  for (const v1::LookAlike& process : message.look_alikes()) {
    host.look_alikes.push_back({process.pid(), process.name(), process.reason(),
                                process.state().empty() ? '?' : process.state().front()});
  }
  host.look_alike_count = message.look_alike_count();
  host.roles_unknown = message.roles_unknown();
  if (message.has_dbus()) host.dbus = ProcessFromProto(message.dbus());
  if (message.has_runtime_process()) {
    host.runtime_process = ProcessFromProto(message.runtime_process());
  }
  if (message.has_kubelet_process()) {
    host.kubelet_process = ProcessFromProto(message.kubelet_process());
  }
}

void StorageToProto(const pleg::HostEvidence& host, v1::HostEvidence& out) {
  for (const pleg::DiskEvidence& disk : host.disks) {
    v1::Disk& to = *out.add_disks();
    to.set_device(ToValidUtf8(disk.device));
    to.set_holds(ToValidUtf8(disk.holds));
    to.set_utilization_percent(disk.utilization_percent);
    to.set_await_seconds(Seconds(disk.await));
    to.set_in_flight(disk.in_flight);
    to.set_answers_none_seconds(Seconds(disk.answers_none_for));
  }
  for (const pleg::FuseConnection& fuse : host.fuse) {
    v1::FuseConnection& to = *out.add_fuse();
    to.set_id(ToValidUtf8(fuse.id));
    to.set_mount_point(ToValidUtf8(fuse.mount_point));
    to.set_waiting(fuse.waiting);
    to.set_waiting_seconds(Seconds(fuse.waiting_for));
  }
  for (const pleg::NfsMount& mount : host.nfs) {
    v1::NfsMount& to = *out.add_nfs();
    to.set_mount_point(ToValidUtf8(mount.mount_point));
    to.set_source(ToValidUtf8(mount.source));
  }
}

void StorageFromProto(const v1::HostEvidence& message, pleg::HostEvidence& host) {
  for (const v1::Disk& disk : message.disks()) {
    host.disks.push_back({disk.device(), disk.holds(), disk.utilization_percent(),
                          FromSeconds(disk.await_seconds()), disk.in_flight(),
                          FromSeconds(disk.answers_none_seconds())});
  }
  for (const v1::FuseConnection& fuse : message.fuse()) {
    host.fuse.push_back(
        {fuse.id(), fuse.mount_point(), fuse.waiting(), FromSeconds(fuse.waiting_seconds())});
  }
  for (const v1::NfsMount& mount : message.nfs()) {
    host.nfs.push_back({mount.mount_point(), mount.source()});
  }
}

void ContainersToProto(const pleg::HostEvidence& host, v1::HostEvidence& out) {
  for (const pleg::FrozenCgroup& cgroup : host.frozen) {
    v1::FrozenCgroup& to = *out.add_frozen();
    ObjectToProto(cgroup.object, *to.mutable_object());
    to.set_path(ToValidUtf8(cgroup.path));
    to.set_v1(cgroup.v1);
    to.set_frozen_seconds(Seconds(cgroup.frozen_for));
  }
  for (const pleg::ShimEvidence& shim : host.shims) {
    v1::Shim& to = *out.add_shims();
    ObjectToProto(shim.object, *to.mutable_object());
    to.set_listed_state(ToValidUtf8(shim.listed_state));
    to.set_sandbox_id(ToValidUtf8(shim.sandbox.value()));
    if (shim.shim.has_value()) ProcessToProto(*shim.shim, *to.mutable_shim());
    to.set_shim_missing(shim.shim_missing);
    if (shim.container_alive.has_value()) to.set_container_alive(*shim.container_alive);
    to.set_container_pid(shim.container_pid);
    to.set_container_start_ticks(shim.container_start_ticks);
    to.set_disagree_seconds(Seconds(shim.disagree_for));
  }
}

void ContainersFromProto(const v1::HostEvidence& message, pleg::HostEvidence& host) {
  for (const v1::FrozenCgroup& cgroup : message.frozen()) {
    host.frozen.push_back({ObjectFromProto(cgroup.object()), cgroup.path(), cgroup.v1(),
                           FromSeconds(cgroup.frozen_seconds())});
  }
  for (const v1::Shim& from : message.shims()) {
    pleg::ShimEvidence& shim = host.shims.emplace_back();
    shim.object = ObjectFromProto(from.object());
    shim.listed_state = from.listed_state();
    shim.sandbox = pleg::ContainerId(from.sandbox_id());
    if (from.has_shim()) shim.shim = ProcessFromProto(from.shim());
    shim.shim_missing = from.shim_missing();
    if (from.has_container_alive()) shim.container_alive = from.container_alive();
    shim.container_pid = from.container_pid();
    shim.container_start_ticks = from.container_start_ticks();
    shim.disagree_for = FromSeconds(from.disagree_seconds());
  }
}

}  // namespace

void HostEvidenceToProto(const pleg::HostEvidence& host, v1::HostEvidence& out) {
  out.set_sampled_seconds(Seconds(host.sampled_ago));
  if (host.cpu.has_value()) PressureToProto(*host.cpu, *out.mutable_cpu());
  if (host.io.has_value()) PressureToProto(*host.io, *out.mutable_io());
  if (host.memory.has_value()) PressureToProto(*host.memory, *out.mutable_memory());
  for (const pleg::CgroupPressure& cgroup : host.cgroup_pressure) {
    CgroupToProto(cgroup, *out.add_cgroup_pressure());
  }
  if (const auto& percent = host.memory_available_percent) {
    out.set_memory_available_percent(*percent);
  }
  StorageToProto(host, out);
  TasksToProto(host, out);
  if (host.pid1_cpu_percent.has_value()) out.set_pid1_cpu_percent(*host.pid1_cpu_percent);
  if (host.mountinfo_lines.has_value()) out.set_mountinfo_lines(*host.mountinfo_lines);
  ContainersToProto(host, out);
  for (const pleg::Headroom& headroom : host.headroom) {
    v1::Headroom& to = *out.add_headroom();
    to.set_resource(ToValidUtf8(headroom.resource));
    to.set_used_percent(headroom.used_percent);
  }
  for (const std::string& line : host.kernel_log) out.add_kernel_log(ToValidUtf8(line));
  out.set_kernel_version(ToValidUtf8(host.kernel_version));
  out.set_systemd_version(ToValidUtf8(host.systemd_version));
  for (const pleg::ProbeProblem& problem : host.problems) {
    v1::ProbeProblem& to = *out.add_problems();
    to.set_probe(ToValidUtf8(problem.probe));
    to.set_text(ToValidUtf8(problem.text));
    to.set_hangs(problem.hangs);
    to.set_hangs_seconds(Seconds(problem.hangs_for));
  }
}

pleg::HostEvidence HostEvidenceFromProto(const v1::HostEvidence& message) {
  pleg::HostEvidence host;
  host.sampled_ago = FromSeconds(message.sampled_seconds());
  if (message.has_cpu()) host.cpu = PressureFromProto(message.cpu());
  if (message.has_io()) host.io = PressureFromProto(message.io());
  if (message.has_memory()) host.memory = PressureFromProto(message.memory());
  for (const v1::CgroupPressure& cgroup : message.cgroup_pressure()) {
    host.cgroup_pressure.push_back(CgroupFromProto(cgroup));
  }
  if (message.has_memory_available_percent()) {
    host.memory_available_percent = message.memory_available_percent();
  }
  StorageFromProto(message, host);
  TasksFromProto(message, host);
  if (message.has_pid1_cpu_percent()) host.pid1_cpu_percent = message.pid1_cpu_percent();
  if (message.has_mountinfo_lines()) host.mountinfo_lines = message.mountinfo_lines();
  ContainersFromProto(message, host);
  for (const v1::Headroom& headroom : message.headroom()) {
    host.headroom.push_back({headroom.resource(), headroom.used_percent()});
  }
  host.kernel_log.assign(message.kernel_log().begin(), message.kernel_log().end());
  host.kernel_version = message.kernel_version();
  host.systemd_version = message.systemd_version();
  for (const v1::ProbeProblem& problem : message.problems()) {
    host.problems.push_back(
        {problem.probe(), problem.text(), problem.hangs(), FromSeconds(problem.hangs_seconds())});
  }
  return host;
}

std::string SerializeHostEvidence(const pleg::HostEvidence& host) {
  plegd::v1::HostEvidence message;
  HostEvidenceToProto(host, message);
  return message.SerializeAsString();
}

absl::StatusOr<pleg::HostEvidence> ParseHostEvidence(absl::string_view bytes) {
  plegd::v1::HostEvidence message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("these bytes are no host evidence");
  }
  return HostEvidenceFromProto(message);
}

}  // namespace api
