#include "pleg/inspector.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

namespace pleg {
namespace {

constexpr absl::Duration kLeastSlowAfter = absl::Milliseconds(20);
constexpr double kSlowFactor = 8;
constexpr double kMeanWeight = 0.05;
constexpr size_t kCallsForMean = 20;

}  // namespace

// One pod's calls: its sandboxes, newest first, then its containers. Some are out at a time; none
// is sent after one has failed, and it ends when all that were sent are answered.
class Inspector::Inspection : public std::enable_shared_from_this<Inspection> {
 public:
  Inspection(Inspector* owner, uint64_t id, std::shared_ptr<const Pod> pod, MonoTime timestamp,
             Done done)
      : owner_(owner),
        id_(id),
        pod_(std::move(pod)),
        timestamp_(timestamp),
        done_(std::move(done)) {}

  void Begin(bool large) {
    begun_ = true;
    large_ = large;
    begun_at_ = owner_->clock_.Now();
    calls_.resize(pod_->sandboxes.size() + pod_->containers.size());
    ArmTimer(begun_at_);
    SendOrFinish();
  }

  void Replace(std::shared_ptr<const Pod> pod, MonoTime timestamp) {
    pod_ = std::move(pod);
    timestamp_ = timestamp;
  }

  // The inspector is gone: answers that still come are dropped.
  void Orphan() {
    owner_->executor_.Cancel(timer_);
    owner_ = nullptr;
  }
  void DropDone() { done_ = nullptr; }

  uint64_t id() const { return id_; }
  bool begun() const { return begun_; }
  bool set_aside() const { return set_aside_; }
  bool large() const { return large_; }
  const Pod& pod() const { return *pod_; }
  size_t open() const { return open_; }
  MonoTime begun_at() const { return begun_at_; }
  Done TakeDone() { return std::exchange(done_, nullptr); }
  void MarkSetAside() { set_aside_ = true; }
  void CancelTimer() { owner_->executor_.Cancel(std::exchange(timer_, 0)); }

 private:
  using SandboxReply = absl::StatusOr<std::shared_ptr<const SandboxStatus>>;
  using ContainerReply = absl::StatusOr<std::shared_ptr<const ContainerStatus>>;
  struct Call {
    MonoTime sent_at;
    bool open = false;
    std::variant<std::monostate, SandboxReply, ContainerReply> reply;
  };

  bool MaySend() const {
    const size_t calls = large_ ? 1 : std::max<size_t>(owner_->options_.calls_per_pod, 1);
    return done_ != nullptr && !failed_ && next_ < calls_.size() && open_ < calls;
  }

  void SendOrFinish() {
    while (MaySend()) Send(next_++);
    if (open_ == 0) owner_->Finish(*this, Build());
  }

  void Send(size_t index) {
    calls_[index].sent_at = owner_->clock_.Now();
    calls_[index].open = true;
    ++open_;
    if (set_aside_) ++owner_->slow_calls_;
    auto answer = [self = shared_from_this(), index](auto reply) {
      self->OnReply(index, std::move(reply));
    };
    if (index < pod_->sandboxes.size()) {
      owner_->runtime_.GetSandboxStatus(*pod_->sandboxes[index].info, std::move(answer));
    } else {
      owner_->runtime_.GetContainerStatus(*pod_->containers[index - pod_->sandboxes.size()].info,
                                          std::move(answer));
    }
  }

  template <typename Reply>
  void OnReply(size_t index, Reply reply) {
    if (owner_ == nullptr) return;
    Call& call = calls_[index];
    call.open = false;
    --open_;
    if (!reply.ok() && !absl::IsNotFound(reply.status())) failed_ = true;
    call.reply = std::move(reply);
    owner_->OnCallEnd(*this, owner_->clock_.Now() - call.sent_at);
    SendOrFinish();
    // There may be room below the bound of slow calls now.
    if (owner_ != nullptr && set_aside_) owner_->StartWaiting();
  }

  void ArmTimer(MonoTime oldest) {
    const absl::Duration limit = owner_->SlowAfter();
    if (limit == absl::InfiniteDuration()) return;
    timer_ = owner_->executor_.PostAt(oldest + limit, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->OnTimer();
    });
  }

  void OnTimer() {
    if (owner_ == nullptr) return;
    timer_ = 0;
    MonoTime oldest = MonoTime::Max();
    for (const Call& call : calls_) {
      if (call.open) oldest = std::min(oldest, call.sent_at);
    }
    if (owner_->clock_.Now() - oldest >= owner_->SlowAfter()) {
      owner_->SetAside(*this);
    } else {
      ArmTimer(oldest);
    }
  }

  absl::StatusOr<std::shared_ptr<const PodStatus>> Build() {
    auto status = std::make_shared<PodStatus>();
    status->uid = pod_->uid;
    status->name = pod_->name;
    status->pod_namespace = pod_->pod_namespace;
    status->timestamp = timestamp_;
    for (size_t i = 0; i < next_; ++i) {
      if (auto* sandbox = std::get_if<SandboxReply>(&calls_[i].reply)) {
        if (sandbox->ok()) {
          status->sandbox_statuses.push_back(**sandbox);
        } else if (!absl::IsNotFound(sandbox->status())) {
          return sandbox->status();
        }
      } else if (auto* container = std::get_if<ContainerReply>(&calls_[i].reply)) {
        if (container->ok()) {
          status->container_statuses.push_back(**container);
        } else if (!absl::IsNotFound(container->status())) {
          return container->status();
        }
      }
    }
    std::stable_sort(status->container_statuses.begin(), status->container_statuses.end(),
                     [](const auto& a, const auto& b) { return a->created_at > b->created_at; });
    AddActive(*status);
    return status;
  }

  // Addresses and active containers are those of the newest sandbox, if it is there and ready.
  void AddActive(PodStatus& status) const {
    if (pod_->sandboxes.empty() || status.sandbox_statuses.empty()) return;
    const SandboxStatus& newest = *status.sandbox_statuses.front();
    if (newest.id != pod_->sandboxes.front().info->id) return;
    if (newest.state != SandboxState::kReady) return;
    status.ips = PodIps(newest);
    for (const auto& container : status.container_statuses) {
      if (container->sandbox_id == newest.id) status.active_container_statuses.push_back(container);
    }
  }

  Inspector* owner_;
  const uint64_t id_;
  std::shared_ptr<const Pod> pod_;
  MonoTime timestamp_;
  Done done_;
  bool begun_ = false;
  bool large_ = false;
  bool set_aside_ = false;
  bool failed_ = false;
  MonoTime begun_at_;
  Executor::TimerId timer_ = 0;
  std::vector<Call> calls_;
  size_t next_ = 0;
  size_t open_ = 0;
};

Inspector::Inspector(RuntimeService& runtime, Executor& executor, const Clock& clock,
                     InspectorOptions options)
    : runtime_(runtime), executor_(executor), clock_(clock), options_(options) {}

Inspector::~Inspector() {
  for (auto& [id, inspection] : inspections_) inspection->Orphan();
}

void Inspector::OnSetAside(absl::AnyInvocable<void(uint64_t)> callback) {
  on_set_aside_ = std::move(callback);
}

uint64_t Inspector::Inspect(std::shared_ptr<const Pod> pod, MonoTime timestamp, Trust trust,
                            Done done) {
  const uint64_t id = next_id_++;
  auto& queue = IsLarge(*pod) ? waiting_large_ : waiting_[static_cast<size_t>(trust)];
  inspections_.emplace(
      id, std::make_shared<Inspection>(this, id, std::move(pod), timestamp, std::move(done)));
  queue.push_back(id);
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
  for (auto& queue : waiting_) std::erase(queue, id);
  std::erase(waiting_large_, id);
}

void Inspector::DiscardAll() {
  for (uint64_t id : std::exchange(waiting_large_, {})) inspections_.erase(id);
  for (auto& queue : waiting_) {
    for (uint64_t id : std::exchange(queue, {})) inspections_.erase(id);
  }
  for (auto& [id, inspection] : inspections_) inspection->DropDone();
}

bool Inspector::IsLarge(const Pod& pod) const {
  size_t bytes = 0;
  for (const ListedSandbox& sandbox : pod.sandboxes) bytes += sandbox.bytes;
  for (const ListedContainer& container : pod.containers) bytes += container.bytes;
  return bytes > options_.large_pod_bytes;
}

size_t Inspector::Window() const {
  const size_t window = std::max<size_t>(options_.window, 1);
  if (quick_calls_ >= options_.slow_start_calls) return window;
  return std::min(window, std::max<size_t>(options_.slow_start_window, 1));
}

absl::Duration Inspector::SlowAfter() const {
  if (options_.slow_after == absl::InfiniteDuration()) return options_.slow_after;
  if (quick_calls_ < kCallsForMean) return options_.slow_after;
  // In whole nanoseconds, as the clock: a fraction more would never be reached by a timer.
  const absl::Duration usual =
      absl::Trunc(absl::Seconds(mean_call_seconds_ * kSlowFactor), absl::Nanoseconds(1));
  return std::min(std::max(usual, kLeastSlowAfter), options_.slow_after);
}

uint64_t Inspector::TakeNext() {
  if (in_window_ >= Window() || slow_calls_ >= 2 * options_.max_slow_calls) return 0;
  const bool many_slow = slow_calls_ >= options_.max_slow_calls;
  if (large_in_window_ == 0 && !many_slow && !waiting_large_.empty()) {
    const uint64_t id = waiting_large_.front();
    waiting_large_.pop_front();
    return id;
  }
  const size_t queues = many_slow ? 1 : waiting_.size();
  for (size_t i = 0; i < queues; ++i) {
    if (waiting_[i].empty()) continue;
    const uint64_t id = waiting_[i].front();
    waiting_[i].pop_front();
    return id;
  }
  return 0;
}

void Inspector::StartWaiting() {
  while (const uint64_t id = TakeNext()) {
    const std::shared_ptr<Inspection> next = inspections_.at(id);
    const bool large = IsLarge(next->pod());
    ++in_window_;
    if (large) ++large_in_window_;
    next->Begin(large);
  }
}

void Inspector::OnCallEnd(const Inspection& inspection, absl::Duration took) {
  if (inspection.set_aside()) {
    --slow_calls_;
    return;
  }
  const double seconds = absl::ToDoubleSeconds(took);
  mean_call_seconds_ = quick_calls_ == 0
                           ? seconds
                           : mean_call_seconds_ + (seconds - mean_call_seconds_) * kMeanWeight;
  ++quick_calls_;
}

void Inspector::SetAside(Inspection& inspection) {
  inspection.MarkSetAside();
  --in_window_;
  if (inspection.large()) --large_in_window_;
  ++set_aside_;
  slow_calls_ += inspection.open();
  if (on_set_aside_) on_set_aside_(inspection.id());
  StartWaiting();
}

void Inspector::Finish(Inspection& inspection,
                       absl::StatusOr<std::shared_ptr<const PodStatus>> status) {
  const absl::Duration took = clock_.Now() - inspection.begun_at();
  Done done = inspection.TakeDone();
  inspection.CancelTimer();
  if (inspection.large() && !inspection.set_aside()) --large_in_window_;
  --(inspection.set_aside() ? set_aside_ : in_window_);
  inspections_.erase(inspection.id());
  if (done) done(Result{std::move(status), took});
  StartWaiting();
}

}  // namespace pleg
