#include "pleg/history/loop_watch.h"

#include <algorithm>
#include <utility>

namespace pleg {

LoopWatch::LoopWatch(Executor& executor, const Clock& clock) : executor_(executor), clock_(clock) {}
LoopWatch::~LoopWatch() { Stop(); }

void LoopWatch::Start() {
  if (alive_ != nullptr) return;
  alive_ = std::make_shared<bool>(true);
  Probe();
}

void LoopWatch::Stop() {
  executor_.Cancel(std::exchange(timer_, 0));
  alive_ = nullptr;
  MutexLock lock(mu_);
  due_.reset();
  queued_.reset();
}

absl::Duration LoopWatch::Worst() const {
  const MonoTime now = clock_.Now();
  MutexLock lock(mu_);
  absl::Duration worst = *std::max_element(samples_.begin(), samples_.end());
  if (queued_.has_value()) worst = std::max(worst, now - *queued_);
  if (due_.has_value() && now - *due_ > kTimerSlack) worst = std::max(worst, now - *due_);
  return worst;
}

void LoopWatch::Probe() {
  const MonoTime now = clock_.Now();
  {
    MutexLock lock(mu_);
    if (due_.has_value() && now - *due_ > kTimerSlack) samples_[next_] = now - *due_;
    due_ = now + kPeriod;
    queued_ = now;
  }
  timer_ = executor_.PostAt(now + kPeriod, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) Probe();
  });
  executor_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) OnProbe();
  });
}

void LoopWatch::OnProbe() {
  const MonoTime now = clock_.Now();
  MutexLock lock(mu_);
  if (!queued_.has_value()) return;
  samples_[next_] = std::max(samples_[next_], now - *queued_);
  next_ = (next_ + 1) % kSamples;
  samples_[next_] = absl::ZeroDuration();
  queued_.reset();
}

}  // namespace pleg
