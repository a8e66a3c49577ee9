#include "pleg/inspector.h"

#include <algorithm>
#include <utility>

namespace pleg {

// One pod's calls, one after another: its sandboxes, newest first, then its containers.
class Inspector::Inspection : public std::enable_shared_from_this<Inspection> {
 public:
  Inspection(Inspector* owner, uint64_t id, std::shared_ptr<const Pod> pod, MonoTime timestamp,
             Done done)
      : owner_(owner),
        id_(id),
        pod_(std::move(pod)),
        timestamp_(timestamp),
        done_(std::move(done)) {}

  void Begin() {
    begun_ = true;
    begun_at_ = owner_->clock_.Now();
    Next();
  }

  void Replace(std::shared_ptr<const Pod> pod, MonoTime timestamp) {
    pod_ = std::move(pod);
    timestamp_ = timestamp;
  }

  // The inspector is gone: answers that still come are dropped.
  void Orphan() { owner_ = nullptr; }
  void DropDone() { done_ = nullptr; }

  uint64_t id() const { return id_; }
  bool begun() const { return begun_; }
  MonoTime begun_at() const { return begun_at_; }
  Done TakeDone() { return std::exchange(done_, nullptr); }

 private:
  void Next() {
    auto self = shared_from_this();
    if (!done_) {
      owner_->Finish(*this, absl::CancelledError("discarded"));
    } else if (next_sandbox_ < pod_->sandboxes.size()) {
      owner_->runtime_.GetSandboxStatus(
          *pod_->sandboxes[next_sandbox_].info,
          [self](absl::StatusOr<std::shared_ptr<const SandboxStatus>> status) {
            self->OnSandbox(std::move(status));
          });
    } else if (next_container_ < pod_->containers.size()) {
      owner_->runtime_.GetContainerStatus(
          *pod_->containers[next_container_].info,
          [self](absl::StatusOr<std::shared_ptr<const ContainerStatus>> status) {
            self->OnContainer(std::move(status));
          });
    } else {
      owner_->Finish(*this, Build());
    }
  }

  void OnSandbox(absl::StatusOr<std::shared_ptr<const SandboxStatus>> status) {
    if (owner_ == nullptr) return;
    const bool newest = next_sandbox_++ == 0;
    if (status.ok()) {
      if (newest && (*status)->state == SandboxState::kReady) active_sandbox_ = *status;
      sandboxes_.push_back(*std::move(status));
    } else if (!absl::IsNotFound(status.status())) {
      owner_->Finish(*this, status.status());
      return;
    }
    Next();
  }

  void OnContainer(absl::StatusOr<std::shared_ptr<const ContainerStatus>> status) {
    if (owner_ == nullptr) return;
    ++next_container_;
    if (status.ok()) {
      containers_.push_back(*std::move(status));
    } else if (!absl::IsNotFound(status.status())) {
      owner_->Finish(*this, status.status());
      return;
    }
    Next();
  }

  std::shared_ptr<const PodStatus> Build() {
    auto status = std::make_shared<PodStatus>();
    status->uid = pod_->uid;
    status->name = pod_->name;
    status->pod_namespace = pod_->pod_namespace;
    status->timestamp = timestamp_;
    status->sandbox_statuses = std::move(sandboxes_);
    status->container_statuses = std::move(containers_);
    std::stable_sort(status->container_statuses.begin(), status->container_statuses.end(),
                     [](const auto& a, const auto& b) { return a->created_at > b->created_at; });
    if (active_sandbox_ != nullptr) {
      status->ips = PodIps(*active_sandbox_);
      for (const auto& container : status->container_statuses) {
        if (container->sandbox_id != active_sandbox_->id) continue;
        status->active_container_statuses.push_back(container);
      }
    }
    return status;
  }

  Inspector* owner_;
  const uint64_t id_;
  std::shared_ptr<const Pod> pod_;
  MonoTime timestamp_;
  Done done_;
  bool begun_ = false;
  MonoTime begun_at_;
  size_t next_sandbox_ = 0;
  size_t next_container_ = 0;
  std::shared_ptr<const SandboxStatus> active_sandbox_;
  std::vector<std::shared_ptr<const SandboxStatus>> sandboxes_;
  std::vector<std::shared_ptr<const ContainerStatus>> containers_;
};

Inspector::Inspector(RuntimeService& runtime, const Clock& clock, size_t window)
    : runtime_(runtime), clock_(clock), window_(std::max<size_t>(window, 1)) {}

Inspector::~Inspector() {
  for (auto& [id, inspection] : inspections_) inspection->Orphan();
}

uint64_t Inspector::Inspect(std::shared_ptr<const Pod> pod, MonoTime timestamp, Done done) {
  const uint64_t id = next_id_++;
  inspections_.emplace(
      id, std::make_shared<Inspection>(this, id, std::move(pod), timestamp, std::move(done)));
  waiting_.push_back(id);
  StartWaiting();
  return id;
}

bool Inspector::Waiting(uint64_t id) const {
  auto it = inspections_.find(id);
  return it != inspections_.end() && !it->second->begun();
}

bool Inspector::Replace(uint64_t id, std::shared_ptr<const Pod> pod, MonoTime timestamp) {
  if (!Waiting(id)) return false;
  inspections_.at(id)->Replace(std::move(pod), timestamp);
  return true;
}

void Inspector::Discard(uint64_t id) {
  auto it = inspections_.find(id);
  if (it == inspections_.end()) return;
  it->second->DropDone();
  if (it->second->begun()) return;
  inspections_.erase(it);
  std::erase(waiting_, id);
}

void Inspector::DiscardAll() {
  for (uint64_t id : std::exchange(waiting_, {})) inspections_.erase(id);
  for (auto& [id, inspection] : inspections_) inspection->DropDone();
}

void Inspector::StartWaiting() {
  while (running_ < window_ && !waiting_.empty()) {
    const std::shared_ptr<Inspection> next = inspections_.at(waiting_.front());
    waiting_.pop_front();
    ++running_;
    next->Begin();
  }
}

void Inspector::Finish(Inspection& inspection,
                       absl::StatusOr<std::shared_ptr<const PodStatus>> status) {
  const absl::Duration took = clock_.Now() - inspection.begun_at();
  Done done = inspection.TakeDone();
  --running_;
  inspections_.erase(inspection.id());
  if (done) done(Result{std::move(status), took});
  StartWaiting();
}

}  // namespace pleg
