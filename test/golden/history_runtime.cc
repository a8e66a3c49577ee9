#include "test/golden/history_runtime.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "pleg/log.h"
#include "runtime/convert.h"

namespace golden {
namespace {

namespace cri = ::runtime::v1;

// The objects of a reply as messages.
std::vector<pleg::ListedSandbox> Convert(const cri::ListPodSandboxResponse& reply) {
  std::vector<pleg::ListedSandbox> listed;
  for (const cri::PodSandbox& item : reply.items()) {
    listed.push_back({std::make_shared<const pleg::SandboxInfo>(runtime::ToSandboxInfo(item)),
                      runtime::ToSandboxState(item.state())});
  }
  return listed;
}

std::vector<pleg::ListedContainer> Convert(const cri::ListContainersResponse& reply) {
  std::vector<pleg::ListedContainer> listed;
  for (const cri::Container& item : reply.containers()) {
    listed.push_back({std::make_shared<const pleg::ContainerInfo>(runtime::ToContainerInfo(item)),
                      runtime::ToContainerState(item.state())});
  }
  return listed;
}

template <typename Listed>
void Filter(std::vector<Listed>& listed, const std::optional<pleg::PodUid>& pod) {
  if (!pod) return;
  std::erase_if(listed, [&](const Listed& l) { return l.info->pod_uid != *pod; });
}

// The message as it comes out of its bytes. One that did not come through fails its verification.
template <typename Message>
Message ThroughTheWire(const Message& message) {
  Message parsed;
  parsed.ParseFromString(message.SerializeAsString());
  return parsed;
}

}  // namespace

HistoryRuntime::HistoryRuntime(pleg::Executor& executor, const pleg::Clock& clock,
                               const History& history, Decoding decoding)
    : executor_(executor),
      clock_(clock),
      decoding_(decoding),
      state_(history),
      sandbox_decoder_(observer_, pleg::NullLog()),
      container_decoder_(observer_, pleg::NullLog()) {}

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
        absl::StatusOr<pleg::Listing> listing = MakeListing(pod);
        if (listing.ok()) listing->started_at = started_at;
        done(std::move(listing));
      });
}

absl::StatusOr<pleg::Listing> HistoryRuntime::MakeListing(const std::optional<pleg::PodUid>& pod) {
  const auto sandboxes = state_.ListPodSandbox();
  if (!sandboxes.ok()) return sandboxes.status();
  const auto containers = state_.ListContainers();
  if (!containers.ok()) return containers.status();
  pleg::Listing listing;
  if (decoding_ == Decoding::kMessages) {
    listing.sandboxes = Convert(*sandboxes);
    listing.containers = Convert(*containers);
  } else {
    auto decoded_sandboxes = sandbox_decoder_.Decode(sandboxes->SerializeAsString(), pod);
    if (!decoded_sandboxes.ok()) return decoded_sandboxes.status();
    auto decoded_containers = container_decoder_.Decode(containers->SerializeAsString(), pod);
    if (!decoded_containers.ok()) return decoded_containers.status();
    listing.sandboxes = *std::move(decoded_sandboxes);
    listing.containers = *std::move(decoded_containers);
  }
  Filter(listing.sandboxes, pod);
  Filter(listing.containers, pod);
  return listing;
}

void HistoryRuntime::GetSandboxStatus(const pleg::SandboxInfo& sandbox,
                                      SandboxStatusCallback done) {
  ++asked_[sandbox.pod_uid.value()][sandbox.id.value()];
  executor_.Post([this, id = sandbox.id.value(), done = std::move(done)]() mutable {
    const auto response = state_.PodSandboxStatus(id);
    if (!response.ok()) return done(response.status());
    const cri::PodSandboxStatus status = ThroughTheWire(response->status());
    if (absl::Status valid = runtime::VerifySandboxStatus(status); !valid.ok()) return done(valid);
    done(std::make_shared<const pleg::SandboxStatus>(runtime::ToSandboxStatus(status)));
  });
}

void HistoryRuntime::GetContainerStatus(const pleg::ContainerInfo& container,
                                        ContainerStatusCallback done) {
  ++asked_[container.pod_uid.value()][container.id.value()];
  executor_.Post([this, id = container.id.value(), sandbox = container.sandbox_id,
                  done = std::move(done)]() mutable {
    const auto response = state_.ContainerStatus(id);
    if (!response.ok()) return done(response.status());
    const cri::ContainerStatus status = ThroughTheWire(response->status());
    if (absl::Status valid = runtime::VerifyContainerStatus(status); !valid.ok()) {
      return done(valid);
    }
    done(
        std::make_shared<const pleg::ContainerStatus>(runtime::ToContainerStatus(status, sandbox)));
  });
}

void HistoryRuntime::ProbeContainer(const pleg::ContainerInfo& container, pleg::Promptness,
                                    ProbeCallback done) {
  GetContainerStatus(container,
                     [this, done = std::move(done)](const auto&) mutable { done(clock_.Now()); });
}

}  // namespace golden
