// A slow, endless round of ContainerStatus over all running containers. Its answers are thrown
// away; what counts is the ledger: a container whose status hangs is found before it changes, which
// is when it would begin to hurt the kubelet.
//
//   StatusSweep sweep(options, runtime, executor, clock, [&] { return records.Running(); });
//   sweep.Start();  …  sweep.Beside();  // whenever a relist has been sent

#ifndef PLEGD_PLEG_STATUS_SWEEP_H_
#define PLEGD_PLEG_STATUS_SWEEP_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "pleg/executor.h"
#include "pleg/ids.h"
#include "pleg/model.h"
#include "pleg/mono_time.h"
#include "pleg/runtime_service.h"

namespace pleg {

struct StatusSweepOptions {
  absl::Duration period = absl::Milliseconds(500);  // between two calls, on the average …
  size_t at_once = 2;                               // … and so many may go out together
  // Without anything to go beside for so long, calls go out alone.
  absl::Duration patience = absl::Milliseconds(1500);
  // Calls that may be out; a container that hangs has one of them until it is answered.
  size_t max_open = 8;
  // The round pauses so long when calls have become twice as slow as they usually are.
  absl::Duration pause = absl::Seconds(30);
};

// Confined to the core's thread.
class StatusSweep {
 public:
  using Targets = std::vector<std::shared_ptr<const ContainerInfo>>;

  // `running` is asked once a round. All outlive the sweep.
  StatusSweep(StatusSweepOptions options, RuntimeService& runtime, Executor& executor,
              const Clock& clock, std::function<Targets()> running);
  ~StatusSweep();
  StatusSweep(const StatusSweep&) = delete;
  StatusSweep& operator=(const StatusSweep&) = delete;

  void Start();
  // This process and the connection are awake: sends the calls that are due.
  void Beside();
  // No further call; answers of those that are out are ignored.
  void Stop();

  size_t open() const { return open_.size(); }
  bool paused() const { return clock_.Now() < resume_at_; }

 private:
  void Arm();
  void SendNext();
  void OnAnswer(const ContainerId& id, absl::Duration took);
  // Whether calls have become twice as slow as they usually are.
  bool SlowedDown() const;

  const StatusSweepOptions options_;
  RuntimeService& runtime_;
  Executor& executor_;
  const Clock& clock_;
  const std::function<Targets()> running_;
  Executor::TimerId timer_ = 0;
  MonoTime paid_until_;  // calls up to this moment have been sent
  Targets round_;
  size_t at_ = 0;
  absl::flat_hash_set<ContainerId> open_;
  std::deque<absl::Duration> usual_;   // of the last answers, oldest first
  std::deque<absl::Duration> recent_;  // the newest of them
  MonoTime resume_at_;
  std::shared_ptr<bool> alive_;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_STATUS_SWEEP_H_
