#include "test/golden/history_runtime.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"

namespace golden {
namespace {

namespace cri = ::runtime::v1;

template <typename Map>
std::string At(const Map& map, const std::string& key) {
  auto it = map.find(key);
  return it == map.end() ? std::string() : it->second;
}

pleg::SandboxState ToState(cri::PodSandboxState state) {
  if (state == cri::SANDBOX_READY) return pleg::SandboxState::kReady;
  if (state == cri::SANDBOX_NOTREADY) return pleg::SandboxState::kNotReady;
  return pleg::SandboxState::kUnknown;
}

pleg::ContainerState ToState(cri::ContainerState state) {
  if (state == cri::CONTAINER_CREATED) return pleg::ContainerState::kCreated;
  if (state == cri::CONTAINER_RUNNING) return pleg::ContainerState::kRunning;
  if (state == cri::CONTAINER_EXITED) return pleg::ContainerState::kExited;
  return pleg::ContainerState::kUnknown;
}

template <typename Message>
uint64_t Hash(const Message& message) {
  uint64_t hash = 0;
  const std::string text = At(message.annotations(), "io.kubernetes.container.hash");
  return absl::SimpleHexAtoi(text, &hash) ? hash : 0;
}

pleg::SandboxInfo ToInfo(const cri::PodSandbox& item) {
  pleg::SandboxInfo info;
  info.id = pleg::ContainerId(item.id());
  info.pod_uid = pleg::PodUid(item.metadata().uid());
  info.pod_name = item.metadata().name();
  info.pod_namespace = item.metadata().namespace_();
  info.attempt = item.metadata().attempt();
  info.created_at = absl::FromUnixNanos(item.created_at());
  return info;
}

pleg::ContainerInfo ToInfo(const cri::Container& item) {
  pleg::ContainerInfo info;
  info.id = pleg::ContainerId(item.id());
  info.sandbox_id = pleg::ContainerId(item.pod_sandbox_id());
  info.pod_uid = pleg::PodUid(At(item.labels(), "io.kubernetes.pod.uid"));
  info.pod_name = At(item.labels(), "io.kubernetes.pod.name");
  info.pod_namespace = At(item.labels(), "io.kubernetes.pod.namespace");
  info.name = item.metadata().name();
  info.attempt = item.metadata().attempt();
  info.created_at = absl::FromUnixNanos(item.created_at());
  info.image = item.image().image();
  info.image_ref = item.image_ref();
  info.image_id = item.image_id().empty() ? item.image_ref() : item.image_id();
  info.hash = Hash(item);
  return info;
}

pleg::SandboxStatus ToStatus(const cri::PodSandboxStatus& s) {
  pleg::SandboxStatus status;
  status.id = pleg::ContainerId(s.id());
  status.pod_uid = pleg::PodUid(s.metadata().uid());
  status.pod_name = s.metadata().name();
  status.pod_namespace = s.metadata().namespace_();
  status.attempt = s.metadata().attempt();
  status.state = ToState(s.state());
  status.created_at = absl::FromUnixNanos(s.created_at());
  status.primary_ip = s.network().ip();
  for (const cri::PodIP& ip : s.network().additional_ips()) {
    status.additional_ips.push_back(ip.ip());
  }
  return status;
}

pleg::ContainerStatus ToStatus(const cri::ContainerStatus& s, const pleg::ContainerId& sandbox) {
  pleg::ContainerStatus status;
  status.id = pleg::ContainerId(s.id());
  status.sandbox_id = sandbox;
  status.name = At(s.labels(), "io.kubernetes.container.name");
  status.state = ToState(s.state());
  status.created_at = absl::FromUnixNanos(s.created_at());
  if (status.state != pleg::ContainerState::kCreated && s.started_at() != 0) {
    status.started_at = absl::FromUnixNanos(s.started_at());
  }
  if (status.state == pleg::ContainerState::kExited) {
    if (s.finished_at() != 0) status.finished_at = absl::FromUnixNanos(s.finished_at());
    status.exit_code = s.exit_code();
    status.reason = s.reason();
    status.message = s.message();
  }
  status.image = s.image().image();
  status.image_ref = s.image_ref();
  status.image_id = s.image_id().empty() ? s.image_ref() : s.image_id();
  status.hash = Hash(s);
  int32_t restarts = 0;
  const std::string count = At(s.annotations(), "io.kubernetes.container.restartCount");
  status.restart_count = absl::SimpleAtoi(count, &restarts) ? restarts : 0;
  return status;
}

}  // namespace

void HistoryRuntime::Apply(const Step& step) {
  state_.Apply(step);
  lists_ = 0;
  asked_.clear();
}

std::map<std::string, uint32_t> HistoryRuntime::Inspections() const {
  std::map<std::string, uint32_t> inspections;
  for (const auto& [pod, objects] : asked_) {
    for (const auto& [id, count] : objects) inspections[pod] = std::max(inspections[pod], count);
  }
  return inspections;
}

void HistoryRuntime::List(std::optional<pleg::PodUid> pod, ListCallback done) {
  ++lists_;
  executor_.Post(
      [this, pod = std::move(pod), started_at = clock_.Now(), done = std::move(done)]() mutable {
        const auto sandboxes = state_.ListPodSandbox();
        if (!sandboxes.ok()) return done(sandboxes.status());
        const auto containers = state_.ListContainers();
        if (!containers.ok()) return done(containers.status());
        pleg::Listing listing;
        listing.started_at = started_at;
        for (const cri::PodSandbox& item : sandboxes->items()) {
          auto info = std::make_shared<const pleg::SandboxInfo>(ToInfo(item));
          if (!pod || info->pod_uid == *pod)
            listing.sandboxes.push_back({info, ToState(item.state())});
        }
        for (const cri::Container& item : containers->containers()) {
          auto info = std::make_shared<const pleg::ContainerInfo>(ToInfo(item));
          if (!pod || info->pod_uid == *pod)
            listing.containers.push_back({info, ToState(item.state())});
        }
        done(std::move(listing));
      });
}

void HistoryRuntime::GetSandboxStatus(const pleg::SandboxInfo& sandbox,
                                      SandboxStatusCallback done) {
  ++asked_[sandbox.pod_uid.value()][sandbox.id.value()];
  executor_.Post([this, id = sandbox.id.value(), done = std::move(done)]() mutable {
    const auto response = state_.PodSandboxStatus(id);
    if (!response.ok()) return done(response.status());
    done(std::make_shared<const pleg::SandboxStatus>(ToStatus(response->status())));
  });
}

void HistoryRuntime::GetContainerStatus(const pleg::ContainerInfo& container,
                                        ContainerStatusCallback done) {
  ++asked_[container.pod_uid.value()][container.id.value()];
  executor_.Post([this, id = container.id.value(), sandbox = container.sandbox_id,
                  done = std::move(done)]() mutable {
    const auto response = state_.ContainerStatus(id);
    if (!response.ok()) return done(response.status());
    done(std::make_shared<const pleg::ContainerStatus>(ToStatus(response->status(), sandbox)));
  });
}

}  // namespace golden
