// The core's thread: an executor on the machine's clock.
//
//   EventLoop loop;  loop.Start();  loop.Post([] { … });  loop.Stop();

#ifndef PLEGD_RUNTIME_EVENT_LOOP_H_
#define PLEGD_RUNTIME_EVENT_LOOP_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "pleg/executor.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace runtime {

// One named thread that runs tasks and timers on SystemClock's monotonic time. Neither starves the
// other: a turn runs the tasks queued at its start, then the timers due. It turns at least once a
// second, idle or not. A timer may run later than its time, by up to a twentieth of what it waits
// for and 100 ms, if another one is due by then: waking up once for both halves the cost.
// Thread-safe; Start and Stop are called by the owner's thread, once each.
class EventLoop : public pleg::Executor {
 public:
  // `thread_name` is cut to the kernel's 15 characters.
  explicit EventLoop(const std::string& thread_name = "pleg-core");
  ~EventLoop() override;  // stops
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Tasks posted before wait for it.
  void Start();
  // Waits for the running task, if any; all others and all timers are destroyed unrun, as is what
  // is posted later. Never called on the loop's own thread.
  void Stop();

  // Stop has begun: a task that takes long should end.
  bool Stopping() const { return stopping_; }

  void Post(Task task) override;
  void PostQuietly(Task task) override;
  TimerId PostAt(pleg::MonoTime when, Task task) override;
  void Cancel(TimerId id) override;

  // When the last task ended or the loop last found nothing to do: older than a few seconds means
  // that a task blocks the core.
  pleg::MonoTime LastTurn() const;
  // Tasks queued but not begun; timers and quiet ones do not count.
  size_t QueueDepth() const;

 private:
  using TimerKey = std::pair<pleg::MonoTime, TimerId>;
  struct Timer {
    Task task;
    pleg::MonoTime latest;  // when it would rather run alone than wait for another
  };

  void Run();
  // The queued tasks; waits for one, for a timer that is due or for the heartbeat.
  std::deque<Task> WaitForTasks();
  // When to wake for timers, or for the heartbeat.
  pleg::MonoTime NextWakeLocked(pleg::MonoTime heartbeat) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RunTasks(std::deque<Task> tasks);
  void RunTimers(pleg::MonoTime due);
  TimerId NewestTimer();
  // The first timer that is due and not newer than `newest`.
  std::optional<Task> TakeTimer(pleg::MonoTime due, TimerId newest);
  void Tick();

  const std::string thread_name_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int64_t> last_turn_nanos_;
  std::atomic<size_t> depth_ = 0;

  pleg::Mutex mu_;
  std::condition_variable_any wake_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mu_);
  std::deque<Task> quiet_ ABSL_GUARDED_BY(mu_);
  std::map<TimerKey, Timer> timers_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<TimerId, pleg::MonoTime> timer_times_ ABSL_GUARDED_BY(mu_);
  pleg::MonoTime sleeps_until_ ABSL_GUARDED_BY(mu_);  // past while awake
  TimerId last_timer_ ABSL_GUARDED_BY(mu_) = 0;

  std::jthread thread_;
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_EVENT_LOOP_H_
