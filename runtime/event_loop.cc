#include "runtime/event_loop.h"

#include <pthread.h>

#include <algorithm>
#include <iterator>

#include "absl/time/time.h"
#include "runtime/system_clock.h"

namespace runtime {
namespace {

constexpr absl::Duration kHeartbeat = absl::Seconds(1);
constexpr size_t kMaxThreadName = 15;
constexpr int64_t kSlackShare = 20;
constexpr absl::Duration kMaxSlack = absl::Milliseconds(100);

}  // namespace

EventLoop::EventLoop(const std::string& thread_name)
    : thread_name_(thread_name.substr(0, kMaxThreadName)),
      last_turn_nanos_(SystemClock::MonoNow().nanos()) {}

EventLoop::~EventLoop() { Stop(); }

void EventLoop::Start() {
  thread_ = std::jthread([this] { Run(); });
}

void EventLoop::Stop() {
  {
    pleg::MutexLock lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  // Destroyed without the lock: a task's captures may post from their destructors.
  std::deque<Task> tasks, quiet;
  std::map<TimerKey, Timer> timers;
  {
    pleg::MutexLock lock(mu_);
    tasks.swap(tasks_);
    quiet.swap(quiet_);
    timers.swap(timers_);
    timer_times_.clear();
  }
}

void EventLoop::Post(Task task) {
  {
    pleg::MutexLock lock(mu_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
    ++depth_;
  }
  wake_.notify_one();
}

void EventLoop::PostQuietly(Task task) {
  pleg::MutexLock lock(mu_);
  if (!stopping_) quiet_.push_back(std::move(task));
}

pleg::Executor::TimerId EventLoop::PostAt(pleg::MonoTime when, Task task) {
  const absl::Duration wait = when - SystemClock::MonoNow();
  const absl::Duration slack = std::clamp(wait / kSlackShare, absl::ZeroDuration(), kMaxSlack);
  TimerId id = 0;
  bool wake = false;
  {
    pleg::MutexLock lock(mu_);
    id = ++last_timer_;
    if (stopping_) return id;
    timers_.emplace(TimerKey(when, id), Timer{std::move(task), when + slack});
    timer_times_.emplace(id, when);
    wake = when + slack < sleeps_until_;
  }
  if (wake) wake_.notify_one();
  return id;
}

void EventLoop::Cancel(TimerId id) {
  Task dropped;
  pleg::MutexLock lock(mu_);
  const auto time = timer_times_.find(id);
  if (time == timer_times_.end()) return;
  const auto timer = timers_.find(TimerKey(time->second, id));
  dropped = std::move(timer->second.task);
  timers_.erase(timer);
  timer_times_.erase(time);
}

pleg::MonoTime EventLoop::LastTurn() const {
  return pleg::MonoTime::FromNanos(last_turn_nanos_.load(std::memory_order_relaxed));
}

size_t EventLoop::QueueDepth() const { return depth_.load(std::memory_order_relaxed); }

void EventLoop::Run() {
  pthread_setname_np(pthread_self(), thread_name_.c_str());
  while (!stopping_) {
    RunTasks(WaitForTasks());
    RunTimers(SystemClock::MonoNow());
  }
}

std::deque<EventLoop::Task> EventLoop::WaitForTasks() {
  Tick();
  std::deque<Task> taken;
  pleg::MutexLock lock(mu_);
  if (tasks_.empty() && quiet_.empty() && !stopping_) {
    sleeps_until_ = NextWakeLocked(SystemClock::MonoNow() + kHeartbeat);
    wake_.wait_until(mu_, SystemClock::ToSteady(sleeps_until_));
    sleeps_until_ = pleg::MonoTime();
  }
  taken.swap(quiet_);
  depth_ += taken.size();
  std::move(tasks_.begin(), tasks_.end(), std::back_inserter(taken));
  tasks_.clear();
  return taken;
}

pleg::MonoTime EventLoop::NextWakeLocked(pleg::MonoTime heartbeat) const {
  // The last timer that is due before any of those up to it has waited long enough.
  pleg::MonoTime wake = heartbeat;
  pleg::MonoTime latest = pleg::MonoTime::Max();
  for (const auto& [key, timer] : timers_) {
    if (key.first > std::min(latest, heartbeat)) break;
    latest = std::min(latest, timer.latest);
    wake = key.first;
  }
  return wake;
}

void EventLoop::RunTasks(std::deque<Task> tasks) {
  while (!tasks.empty() && !stopping_) {
    Task task = std::move(tasks.front());
    tasks.pop_front();
    --depth_;
    task();
    Tick();
  }
}

void EventLoop::RunTimers(pleg::MonoTime due) {
  // Timers set from now on wait for the next turn, or one that re-arms itself would never end this
  // one.
  const TimerId newest = NewestTimer();
  while (!stopping_) {
    std::optional<Task> task = TakeTimer(due, newest);
    if (!task.has_value()) return;
    (*task)();
    Tick();
  }
}

pleg::Executor::TimerId EventLoop::NewestTimer() {
  pleg::MutexLock lock(mu_);
  return last_timer_;
}

std::optional<EventLoop::Task> EventLoop::TakeTimer(pleg::MonoTime due, TimerId newest) {
  pleg::MutexLock lock(mu_);
  auto timer = timers_.begin();
  while (timer != timers_.end() && timer->first.second > newest) ++timer;
  if (timer == timers_.end() || timer->first.first > due) return std::nullopt;
  Task task = std::move(timer->second.task);
  timer_times_.erase(timer->first.second);
  timers_.erase(timer);
  return task;
}

void EventLoop::Tick() {
  last_turn_nanos_.store(SystemClock::MonoNow().nanos(), std::memory_order_relaxed);
}

}  // namespace runtime
