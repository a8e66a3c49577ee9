#include "runtime/state_line.h"

#include <utility>

namespace runtime {

bool StateLine::Enter(absl::string_view state, pleg::MonoTime now) {
  if (state == state_) return false;
  state_ = std::string(state);
  entered_at_ = now;
  return Tell(now);
}

bool StateLine::Settle(pleg::MonoTime now) { return state_ != told_state_ && Tell(now); }

bool StateLine::Tell(pleg::MonoTime now) {
  while (!told_at_.empty() && now - told_at_.front() >= kMutePeriod) told_at_.pop_front();
  if (told_at_.size() >= kBurst) {
    ++muted_;
    return false;
  }
  told_at_.push_back(now);
  lasted_ = number_ == 0 ? absl::ZeroDuration() : entered_at_ - told_entered_at_;
  told_entered_at_ = entered_at_;
  told_state_ = state_;
  skipped_ = std::exchange(muted_, 0);
  ++number_;
  return true;
}

}  // namespace runtime
