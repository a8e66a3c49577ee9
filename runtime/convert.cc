#include "runtime/convert.h"

#include <google/protobuf/map.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

namespace runtime {
namespace {

using StringMap = google::protobuf::Map<std::string, std::string>;

std::string ValueOf(const StringMap& map, absl::string_view key) {
  const auto found = map.find(std::string(key));
  return found == map.end() ? std::string() : found->second;
}

std::vector<std::pair<std::string, std::string>> Sorted(const StringMap& map) {
  std::vector<std::pair<std::string, std::string>> sorted(map.begin(), map.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// A moment that may be unset.
absl::Time OptionalTime(int64_t nanos) {
  return nanos == 0 ? absl::InfinitePast() : absl::FromUnixNanos(nanos);
}

const std::string& PreferredImageId(const std::string& image_id, const std::string& image_ref) {
  return image_id.empty() ? image_ref : image_id;
}

// a * b / divisor, towards zero or up, cut to int64. `divisor` is positive.
int64_t MulDiv(int64_t a, int64_t b, int64_t divisor, bool round_up) {
  const absl::int128 product = absl::int128(a) * b;
  absl::int128 quotient = product / divisor;
  if (round_up && product > 0 && product % divisor != 0) ++quotient;
  constexpr absl::int128 kMax = std::numeric_limits<int64_t>::max();
  constexpr absl::int128 kMin = std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(std::clamp(quotient, kMin, kMax));
}

std::string PropagationName(int propagation) {
  switch (propagation) {
    case v1::PROPAGATION_PRIVATE:
      return "private";
    case v1::PROPAGATION_HOST_TO_CONTAINER:
      return "host-to-container";
    case v1::PROPAGATION_BIDIRECTIONAL:
      return "bidirectional";
    default:
      return "unknown";
  }
}

// "SIGTERM"; the number of a signal without a name; empty for the runtime's default.
std::string SignalName(v1::Signal signal) {
  if (signal == v1::SIGNAL_RUNTIME_DEFAULT) return "";
  if (!v1::Signal_IsValid(signal)) return absl::StrCat(static_cast<int>(signal));
  return std::string(absl::StripPrefix(v1::Signal_Name(signal), "SIGNAL_"));
}

pleg::Mount ToMount(const v1::Mount& mount) {
  return {.container_path = mount.container_path(),
          .host_path = mount.host_path(),
          .read_only = mount.readonly(),
          .selinux_relabel = mount.selinux_relabel(),
          .recursive_read_only = mount.recursive_read_only(),
          .propagation = PropagationName(mount.propagation())};
}

std::optional<pleg::ContainerUser> ToUser(const v1::ContainerStatus& status) {
  if (!status.has_user() || !status.user().has_linux()) return std::nullopt;
  const v1::LinuxContainerUser& user = status.user().linux();
  return pleg::ContainerUser{.uid = user.uid(),
                             .gid = user.gid(),
                             .supplemental_groups = {user.supplemental_groups().begin(),
                                                     user.supplemental_groups().end()}};
}

absl::Status Missing(absl::string_view what) { return absl::InternalError(what); }

}  // namespace

pleg::ContainerState ToContainerState(int state) {
  switch (state) {
    case v1::CONTAINER_CREATED:
      return pleg::ContainerState::kCreated;
    case v1::CONTAINER_RUNNING:
      return pleg::ContainerState::kRunning;
    case v1::CONTAINER_EXITED:
      return pleg::ContainerState::kExited;
    default:
      return pleg::ContainerState::kUnknown;
  }
}

pleg::SandboxState ToSandboxState(int state) {
  switch (state) {
    case v1::SANDBOX_READY:
      return pleg::SandboxState::kReady;
    case v1::SANDBOX_NOTREADY:
      return pleg::SandboxState::kNotReady;
    default:
      return pleg::SandboxState::kUnknown;
  }
}

pleg::SandboxInfo ToSandboxInfo(const v1::PodSandbox& sandbox) {
  return {.id = pleg::ContainerId(sandbox.id()),
          .pod_uid = pleg::PodUid(sandbox.metadata().uid()),
          .pod_name = sandbox.metadata().name(),
          .pod_namespace = sandbox.metadata().namespace_(),
          .attempt = sandbox.metadata().attempt(),
          .created_at = absl::FromUnixNanos(sandbox.created_at())};
}

pleg::ContainerInfo ToContainerInfo(const v1::Container& container) {
  return {.id = pleg::ContainerId(container.id()),
          .sandbox_id = pleg::ContainerId(container.pod_sandbox_id()),
          .pod_uid = pleg::PodUid(ValueOf(container.labels(), kPodUidLabel)),
          .pod_name = ValueOf(container.labels(), kPodNameLabel),
          .pod_namespace = ValueOf(container.labels(), kPodNamespaceLabel),
          .name = container.metadata().name(),
          .attempt = container.metadata().attempt(),
          .created_at = absl::FromUnixNanos(container.created_at()),
          .image = container.image().image(),
          .image_id = PreferredImageId(container.image_id(), container.image_ref()),
          .image_ref = container.image_ref(),
          .hash = ParseHash(ValueOf(container.annotations(), kHashAnnotation))};
}

absl::Status VerifySandboxStatus(const v1::PodSandboxStatus& status) {
  if (status.id().empty()) return Missing("status.Id is not set");
  if (!status.has_metadata()) return Missing("status.Metadata is not set");
  const v1::PodSandboxMetadata& metadata = status.metadata();
  if (metadata.name().empty() || metadata.namespace_().empty() || metadata.uid().empty()) {
    return Missing(
        absl::StrCat("metadata.Name, metadata.Namespace or metadata.Uid is not in metadata \"",
                     metadata.ShortDebugString(), "\""));
  }
  if (status.created_at() == 0) return Missing("status.CreatedAt is not set");
  return absl::OkStatus();
}

absl::Status VerifyContainerStatus(const v1::ContainerStatus& status) {
  if (status.id().empty()) return Missing("status.Id is not set");
  if (!status.has_metadata()) return Missing("status.Metadata is not set");
  if (status.metadata().name().empty()) {
    return Missing(absl::StrCat("metadata.Name is not in metadata \"",
                                status.metadata().ShortDebugString(), "\""));
  }
  if (status.created_at() == 0) return Missing("status.CreatedAt is not set");
  if (status.image().image().empty()) return Missing("status.Image is not set");
  if (status.image_ref().empty()) return Missing("status.ImageRef is not set");
  return absl::OkStatus();
}

pleg::SandboxStatus ToSandboxStatus(const v1::PodSandboxStatus& status) {
  pleg::SandboxStatus result{
      .id = pleg::ContainerId(status.id()),
      .pod_uid = pleg::PodUid(status.metadata().uid()),
      .pod_name = status.metadata().name(),
      .pod_namespace = status.metadata().namespace_(),
      .attempt = status.metadata().attempt(),
      .state = ToSandboxState(status.state()),
      .created_at = absl::FromUnixNanos(status.created_at()),
      .primary_ip = status.network().ip(),
      .additional_ips = {},
      .host_network = status.linux().namespaces().options().network() == v1::NODE,
      .runtime_handler = status.runtime_handler(),
      .labels = Sorted(status.labels())};
  for (const v1::PodIP& ip : status.network().additional_ips()) {
    result.additional_ips.push_back(ip.ip());
  }
  return result;
}

pleg::ContainerStatus ToContainerStatus(const v1::ContainerStatus& status,
                                        const pleg::ContainerId& sandbox_id) {
  pleg::ContainerStatus result;
  result.id = pleg::ContainerId(status.id());
  result.sandbox_id = sandbox_id;
  result.name = ValueOf(status.labels(), kContainerNameLabel);
  result.state = ToContainerState(status.state());
  result.created_at = absl::FromUnixNanos(status.created_at());
  if (result.state != pleg::ContainerState::kCreated) {
    result.started_at = OptionalTime(status.started_at());
  }
  if (result.state == pleg::ContainerState::kExited) {
    result.finished_at = OptionalTime(status.finished_at());
    result.exit_code = status.exit_code();
    result.reason = status.reason();
    result.message = status.message();
  }
  result.image = status.image().image();
  result.image_id = PreferredImageId(status.image_id(), status.image_ref());
  result.image_ref = status.image_ref();
  result.image_runtime_handler = status.image().runtime_handler();
  result.hash = ParseHash(ValueOf(status.annotations(), kHashAnnotation));
  result.restart_count = ParseRestartCount(ValueOf(status.annotations(), kRestartCountAnnotation));
  for (const v1::Mount& mount : status.mounts()) result.mounts.push_back(ToMount(mount));
  if (status.has_resources()) result.resources = ToContainerResources(status.resources());
  result.user = ToUser(status);
  result.stop_signal = SignalName(status.stop_signal());
  return result;
}

std::optional<pleg::ContainerResources> ToContainerResources(
    const v1::ContainerResources& resources) {
  constexpr int64_t kMinShares = 2;
  constexpr int64_t kSharesPerCpu = 1024;
  constexpr int64_t kMillisPerCpu = 1000;
  const v1::LinuxContainerResources& cgroup = resources.linux();
  pleg::ContainerResources result;
  if (cgroup.cpu_period() > 0 && cgroup.cpu_quota() > 0) {
    const int64_t limit = MulDiv(cgroup.cpu_quota(), kMillisPerCpu, cgroup.cpu_period(), false);
    if (limit > 0) result.cpu_limit_millis = limit;
  }
  if (cgroup.cpu_shares() >= kMinShares) {
    result.cpu_request_millis = MulDiv(cgroup.cpu_shares(), kMillisPerCpu, kSharesPerCpu, true);
  }
  if (cgroup.memory_limit_in_bytes() > 0) {
    result.memory_limit_bytes = cgroup.memory_limit_in_bytes();
  }
  if (result == pleg::ContainerResources()) return std::nullopt;
  return result;
}

uint64_t ParseHash(absl::string_view text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, 16);
  return error == std::errc() && stop == end ? value : 0;
}

int32_t ParseRestartCount(absl::string_view text) {
  if (absl::StartsWith(text, "+") && !absl::StartsWith(text, "+-")) text.remove_prefix(1);
  int32_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, 10);
  return error == std::errc() && stop == end ? value : 0;
}

}  // namespace runtime
