#include "runtime/status_poller.h"

#include <utility>

#include "absl/time/time.h"
#include "runtime/cri_methods.h"

namespace runtime {
namespace {

constexpr absl::Duration kListIsHung = absl::Seconds(5);
constexpr absl::Duration kAgain = absl::Seconds(1);

bool IsList(absl::string_view method) {
  return method == kListPodSandbox.name || method == kListContainers.name;
}

}  // namespace

StatusPoller::StatusPoller(CriRuntime& runtime, pleg::Executor& executor, const pleg::Clock& clock,
                           pleg::RuntimeState& state, Listener listener)
    : runtime_(runtime),
      executor_(executor),
      clock_(clock),
      state_(state),
      listener_(std::move(listener)) {}

StatusPoller::~StatusPoller() { Stop(); }

void StatusPoller::Start() {
  PollNow();
  Arm();
}

void StatusPoller::Stop() {
  executor_.Cancel(std::exchange(timer_, 0));
  executor_.Cancel(std::exchange(again_, 0));
}

void StatusPoller::Arm() {
  timer_ = executor_.PostAt(clock_.Now() + pleg::RuntimeState::kStatusPeriod,
                            [this, alive = std::weak_ptr<bool>(alive_)] {
                              if (alive.expired()) return;
                              PollNow();
                              ProbeVersionBesideHungList();
                              Arm();
                            });
}

void StatusPoller::PollNow() {
  if (std::exchange(status_out_, true)) return;
  runtime_.GetConditions([this, alive = std::weak_ptr<bool>(alive_)](
                             const absl::StatusOr<pleg::RuntimeConditions>& conditions) {
    if (!alive.expired()) OnConditions(conditions);
  });
}

void StatusPoller::OnConditions(const absl::StatusOr<pleg::RuntimeConditions>& conditions) {
  status_out_ = false;
  const bool failed_before = std::exchange(failed_, !conditions.ok());
  if (failed_ && !failed_before && timer_ != 0) AskAgain();
  if (conditions.ok()) state_.OnStatus(*conditions, clock_.Now());
  if (listener_) listener_(conditions);
}

void StatusPoller::AskAgain() {
  executor_.Cancel(again_);
  again_ = executor_.PostAt(clock_.Now() + kAgain, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    again_ = 0;
    PollNow();
  });
}

void StatusPoller::ProbeVersionBesideHungList() {
  if (version_out_) return;
  const pleg::CallSnapshot calls = runtime_.Snapshot();
  bool hung = false;
  for (const pleg::RunningCall& call : calls.running) {
    hung |= IsList(call.method) && calls.taken_at - call.started_at > kListIsHung;
  }
  if (!hung) return;
  version_out_ = true;
  runtime_.Handshake([this, alive = std::weak_ptr<bool>(alive_)](const auto&) {
    if (!alive.expired()) version_out_ = false;
  });
}

}  // namespace runtime
