// Asks the runtime for its Status every five seconds, as the kubelet does (updateRuntimeUp), once
// more a second after a first error, and looks whether a hung runtime still answers Version.
//
//   StatusPoller poller(runtime, executor, clock, state, [](const auto& conditions) { … });
//   poller.Start();

#ifndef PLEGD_RUNTIME_STATUS_POLLER_H_
#define PLEGD_RUNTIME_STATUS_POLLER_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "pleg/executor.h"
#include "pleg/mono_time.h"
#include "pleg/runtime_state.h"
#include "runtime/cri_runtime.h"

namespace runtime {

// Confined to the core's thread. One Status and one Version call at most are out, so that a runtime
// that hangs is not asked again and again.
class StatusPoller {
 public:
  using Listener = std::function<void(const absl::StatusOr<pleg::RuntimeConditions>&)>;

  // All outlive the poller. `listener` is told every outcome, after `state`; may be empty.
  StatusPoller(CriRuntime& runtime, pleg::Executor& executor, const pleg::Clock& clock,
               pleg::RuntimeState& state, Listener listener);
  ~StatusPoller();
  StatusPoller(const StatusPoller&) = delete;
  StatusPoller& operator=(const StatusPoller&) = delete;

  // Asks at once, then every RuntimeState::kStatusPeriod.
  void Start();
  void Stop();
  // Asks now: the runtime has come back.
  void PollNow();

 private:
  void Arm();
  // An error behind a good answer: whether it lasts is known sooner than in five seconds.
  void AskAgain();
  void OnConditions(const absl::StatusOr<pleg::RuntimeConditions>& conditions);
  // Beside a list that does not return, Version tells a lock in the runtime from a runtime that is
  // stuck as a whole.
  void ProbeVersionBesideHungList();

  CriRuntime& runtime_;
  pleg::Executor& executor_;
  const pleg::Clock& clock_;
  pleg::RuntimeState& state_;
  const Listener listener_;
  pleg::Executor::TimerId timer_ = 0;
  pleg::Executor::TimerId again_ = 0;
  bool failed_ = false;
  bool status_out_ = false;
  bool version_out_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_STATUS_POLLER_H_
