// Where the core runs: one thread that owns the records, the cache's writes and the event order.
// Every other thread posts to it.
//
//   executor.Post([&] { generic_pleg.RequestRelist(uid); });

#ifndef PLEGD_PLEG_EXECUTOR_H_
#define PLEGD_PLEG_EXECUTOR_H_

#include <cstdint>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "pleg/mono_time.h"

namespace pleg {

// A single-threaded queue of tasks with timers. Tasks run one at a time, in the order posted; a
// timer's task runs at or after its time. Thread-safe: any method may be called from any thread.
class Executor {
 public:
  using Task = absl::AnyInvocable<void()>;
  // Names one timer; never reused. 0 is no timer.
  using TimerId = uint64_t;

  virtual ~Executor() = default;

  // Queues `task`. Never runs it before returning. After shutdown tasks are destroyed unrun.
  virtual void Post(Task task) = 0;
  // Queues `task` for whenever the thread is awake next, at the latest after a second: what wakes a
  // thread costs more than most tasks. May run after tasks that were posted later.
  virtual void PostQuietly(Task task) { Post(std::move(task)); }
  // Runs `task` at `when`; at once (but not inline) if that is past.
  virtual TimerId PostAt(MonoTime when, Task task) = 0;
  // The timer's task is destroyed unrun, unless it is running or has run. Called on the executor's
  // own thread, it is certain that the task will not run afterwards.
  virtual void Cancel(TimerId id) = 0;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_EXECUTOR_H_
