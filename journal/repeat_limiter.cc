#include "journal/repeat_limiter.h"

#include <algorithm>
#include <iterator>

namespace journal {

RepeatLimiter::RepeatLimiter(absl::Duration period, size_t capacity)
    : period_(period), capacity_(std::max<size_t>(capacity, 1)) {}

RepeatLimiter::Verdict RepeatLimiter::Admit(absl::string_view message, absl::string_view object,
                                            pleg::MonoTime now) {
  Key key(message, object);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    if (entries_.size() == capacity_) {
      by_key_.erase(entries_.front().key);
      entries_.pop_front();
    }
    entries_.push_back({key, now});
    by_key_.emplace(std::move(key), std::prev(entries_.end()));
    return {true, 0};
  }
  Entry& entry = *found->second;
  if (now - entry.admitted_at < period_) {
    ++entry.suppressed;
    return {false, 0};
  }
  entry.admitted_at = now;
  entries_.splice(entries_.end(), entries_, found->second);
  return {true, std::exchange(entry.suppressed, 0)};
}

}  // namespace journal
