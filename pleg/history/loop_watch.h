// How late the core's loop runs what is due: once a second it queues a task, and looks how long
// that waits.
//
//   LoopWatch watch(loop, clock);   loop.Post([&] { watch.Start(); });   …   watch.Worst()
//
// A loop that is stuck is seen while it is, not only afterwards.

#ifndef PLEGD_PLEG_HISTORY_LOOP_WATCH_H_
#define PLEGD_PLEG_HISTORY_LOOP_WATCH_H_

#include <array>
#include <cstddef>
#include <memory>
#include <optional>

#include "absl/time/time.h"
#include "pleg/executor.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace pleg {

// Worst is thread-safe; the rest is confined to the executor's thread.
class LoopWatch {
 public:
  static constexpr absl::Duration kPeriod = absl::Seconds(1);
  // So many of the last samples count.
  static constexpr size_t kSamples = 60;
  // A timer may run this late by design; only what is beyond is lag.
  static constexpr absl::Duration kTimerSlack = absl::Milliseconds(250);

  // Both outlive this.
  LoopWatch(Executor& executor, const Clock& clock);
  ~LoopWatch();
  LoopWatch(const LoopWatch&) = delete;
  LoopWatch& operator=(const LoopWatch&) = delete;

  void Start();
  void Stop();

  // The worst of the last minute, what is late right now included.
  absl::Duration Worst() const;

 private:
  void Probe();
  void OnProbe();

  Executor& executor_;
  const Clock& clock_;
  Executor::TimerId timer_ = 0;
  std::shared_ptr<bool> alive_;

  mutable Mutex mu_;
  std::array<absl::Duration, kSamples> samples_ ABSL_GUARDED_BY(mu_) = {};
  size_t next_ ABSL_GUARDED_BY(mu_) = 0;
  std::optional<MonoTime> due_ ABSL_GUARDED_BY(mu_);     // the next probe is to be queued
  std::optional<MonoTime> queued_ ABSL_GUARDED_BY(mu_);  // it has been, and waits
};

}  // namespace pleg

#endif  // PLEGD_PLEG_HISTORY_LOOP_WATCH_H_
