#include "api/pod_json.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"
#include "pleg/model.h"
#include "pleg/pod_status.h"
#include "pleg/utf8.h"
#include "pleg/wall_time.h"
#include "plegd/v1/pod.pb.h"

namespace api {
namespace {

using google::protobuf::Timestamp;
using pleg::ToValidUtf8;

// Whether the runtime told the moment, and the schema has it: up to the year 9999.
bool HasTime(absl::Time time) {
  static const absl::Time end = absl::FromCivil(absl::CivilYear(10000), absl::UTCTimeZone());
  return pleg::IsTold(time) && time < end;
}

void SetTime(absl::Time time, Timestamp& out) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  out.set_seconds(seconds);
  out.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

std::string Name(absl::string_view name) { return std::string(name); }

void SandboxToProto(const pleg::SandboxStatus& sandbox, plegd::v1::SandboxStatus& out) {
  out.set_id(ToValidUtf8(sandbox.id.value()));
  out.set_name(ToValidUtf8(sandbox.pod_name));
  out.set_namespace_(ToValidUtf8(sandbox.pod_namespace));
  out.set_uid(ToValidUtf8(sandbox.pod_uid.value()));
  out.set_attempt(sandbox.attempt);
  out.set_state(Name(pleg::SandboxStateName(sandbox.state)));
  if (HasTime(sandbox.created_at)) SetTime(sandbox.created_at, *out.mutable_created_at());
  if (!sandbox.primary_ip.empty()) out.add_ips(ToValidUtf8(sandbox.primary_ip));
  for (const std::string& ip : sandbox.additional_ips) out.add_ips(ToValidUtf8(ip));
  out.set_runtime_handler(ToValidUtf8(sandbox.runtime_handler));
  for (const auto& [key, value] : sandbox.labels) {
    (*out.mutable_labels())[ToValidUtf8(key)] = ToValidUtf8(value);
  }
  out.set_host_network(sandbox.host_network);
  out.set_truncated(sandbox.truncated);
}

void MountToProto(const pleg::Mount& mount, plegd::v1::Mount& out) {
  out.set_container_path(ToValidUtf8(mount.container_path));
  out.set_host_path(ToValidUtf8(mount.host_path));
  out.set_read_only(mount.read_only);
  out.set_propagation(ToValidUtf8(mount.propagation));
  out.set_selinux_relabel(mount.selinux_relabel);
  out.set_recursive_read_only(mount.recursive_read_only);
}

void ResourcesToProto(const pleg::ContainerResources& resources, plegd::v1::ContainerStatus& out) {
  if (const auto& value = resources.cpu_request_millis) out.set_cpu_request_millis(*value);
  if (const auto& value = resources.cpu_limit_millis) out.set_cpu_limit_millis(*value);
  if (const auto& value = resources.memory_limit_bytes) out.set_memory_limit_bytes(*value);
}

void ContainerToProto(const pleg::ContainerStatus& container, plegd::v1::ContainerStatus& out) {
  out.set_id(ToValidUtf8(container.id.value()));
  out.set_name(ToValidUtf8(container.name));
  out.set_sandbox_id(ToValidUtf8(container.sandbox_id.value()));
  out.set_state(Name(pleg::ContainerStateName(container.state)));
  if (HasTime(container.created_at)) SetTime(container.created_at, *out.mutable_created_at());
  if (HasTime(container.started_at)) SetTime(container.started_at, *out.mutable_started_at());
  if (HasTime(container.finished_at)) SetTime(container.finished_at, *out.mutable_finished_at());
  if (container.state == pleg::ContainerState::kExited) out.set_exit_code(container.exit_code);
  out.set_reason(ToValidUtf8(container.reason));
  out.set_message(ToValidUtf8(container.message));
  out.set_image(ToValidUtf8(container.image));
  out.set_image_id(ToValidUtf8(container.image_id));
  out.set_image_ref(ToValidUtf8(container.image_ref));
  out.set_image_runtime_handler(ToValidUtf8(container.image_runtime_handler));
  out.set_hash(container.hash);
  out.set_restart_count(container.restart_count);
  if (container.resources.has_value()) ResourcesToProto(*container.resources, out);
  for (const pleg::Mount& mount : container.mounts) MountToProto(mount, *out.add_mounts());
  out.set_stop_signal(ToValidUtf8(container.stop_signal));
  out.set_truncated(container.truncated);
  if (container.user.has_value()) {
    out.mutable_user()->set_uid(container.user->uid);
    out.mutable_user()->set_gid(container.user->gid);
    for (int64_t group : container.user->supplemental_groups) {
      out.mutable_user()->add_supplemental_groups(group);
    }
  }
}

// An error's text, or at least its code: an error never looks like none.
std::string ErrorText(const absl::Status& error) {
  if (error.ok()) return "";
  if (error.message().empty()) return absl::StatusCodeToString(error.code());
  return ToValidUtf8(error.message());
}

}  // namespace

void PodToProto(const pleg::CachedPod& pod, pleg::MonoTime now, plegd::v1::PodStatus& out) {
  const pleg::PodStatus& status = *pod.status;
  out.set_uid(ToValidUtf8(status.uid.value()));
  out.set_name(ToValidUtf8(status.name));
  out.set_namespace_(ToValidUtf8(status.pod_namespace));
  for (const std::string& ip : status.ips) out.add_ips(ToValidUtf8(ip));
  for (const auto& sandbox : status.sandbox_statuses) {
    SandboxToProto(*sandbox, *out.add_sandboxes());
  }
  for (const auto& container : status.container_statuses) {
    ContainerToProto(*container, *out.add_containers());
  }
  for (const auto& container : status.active_container_statuses) {
    out.add_active_container_ids(ToValidUtf8(container->id.value()));
  }
  out.set_error(ErrorText(pod.error));
  if (pod.observed_at != pleg::MonoTime()) {
    out.set_age_seconds(std::max(absl::ToDoubleSeconds(now - pod.observed_at), 0.0));
  }
  out.set_pending(pod.pending);
}

}  // namespace api
