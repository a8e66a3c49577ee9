// Simulated time and a single-threaded executor on it: tests advance the clock, nothing sleeps.
//
//   SimExecutor exec;  exec.Advance(absl::Seconds(1));

#ifndef PLEGD_PLEG_TESTING_SIM_EXECUTOR_H_
#define PLEGD_PLEG_TESTING_SIM_EXECUTOR_H_

#include <deque>
#include <map>
#include <utility>

#include "absl/time/time.h"
#include "pleg/executor.h"
#include "pleg/mono_time.h"

namespace pleg::testing {

// A clock that moves only when told. Confined to one thread.
class SimClock : public Clock {
 public:
  MonoTime Now() const override { return now_; }
  absl::Time WallNow() const override { return wall_; }

  void Advance(absl::Duration d) {
    now_ = now_ + d;
    wall_ += d;
  }
  // Steps the wall clock only, either way.
  void JumpWall(absl::Duration d) { wall_ += d; }

 private:
  MonoTime now_ = MonoTime::FromNanos(1'000'000'000'000);
  absl::Time wall_ = absl::FromUnixSeconds(1'700'000'000);
};

// Runs tasks only inside Settle and Advance. Confined to one thread.
class SimExecutor : public Executor {
 public:
  void Post(Task task) override { tasks_.push_back(std::move(task)); }
  TimerId PostAt(MonoTime when, Task task) override {
    TimerId id = ++last_timer_;
    timers_.emplace(std::make_pair(when, id), std::move(task));
    return id;
  }
  void Cancel(TimerId id) override {
    for (auto it = timers_.begin(); it != timers_.end(); ++it) {
      if (it->first.second == id) {
        timers_.erase(it);
        return;
      }
    }
  }

  // Runs what is due now until nothing is.
  void Settle() {
    while (RunOne()) {
    }
  }
  // Moves the clock from timer to timer up to now + d, settling at each.
  void Advance(absl::Duration d) {
    const MonoTime end = clock_.Now() + d;
    Settle();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      if (timers_.begin()->first.first > clock_.Now()) {
        clock_.Advance(timers_.begin()->first.first - clock_.Now());
      }
      Settle();
    }
    if (end > clock_.Now()) clock_.Advance(end - clock_.Now());
    Settle();
  }

  SimClock& clock() { return clock_; }
  size_t pending_timers() const { return timers_.size(); }

 private:
  bool RunOne() {
    if (!tasks_.empty()) {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
      return true;
    }
    if (!timers_.empty() && timers_.begin()->first.first <= clock_.Now()) {
      Task task = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      task();
      return true;
    }
    return false;
  }

  SimClock clock_;
  std::deque<Task> tasks_;
  std::map<std::pair<MonoTime, TimerId>, Task> timers_;
  TimerId last_timer_ = 0;
};

}  // namespace pleg::testing

#endif  // PLEGD_PLEG_TESTING_SIM_EXECUTOR_H_
