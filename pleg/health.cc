#include "pleg/health.h"

#include "absl/strings/str_cat.h"
#include "pleg/go_duration.h"

namespace pleg {

void Health::RecordRelist(MonoTime started_at, absl::Time started_at_wall) {
  if (started_at.nanos() < last_nanos_.load(std::memory_order_relaxed)) return;
  last_wall_nanos_.store(absl::ToUnixNanos(started_at_wall), std::memory_order_relaxed);
  last_nanos_.store(started_at.nanos(), std::memory_order_release);
}

Verdict Health::Check(MonoTime now) const {
  const std::optional<MonoTime> last = last_relist();
  if (!last.has_value()) return {false, "pleg has yet to be successful"};
  const absl::Duration elapsed = now - *last;
  if (elapsed <= threshold_) return {true, ""};
  return {false, absl::StrCat("pleg was last seen active ", FormatGoDuration(elapsed),
                              " ago; threshold is ", FormatGoDuration(threshold_))};
}

std::optional<MonoTime> Health::last_relist() const {
  const int64_t nanos = last_nanos_.load(std::memory_order_acquire);
  if (nanos == kNever) return std::nullopt;
  return MonoTime::FromNanos(nanos);
}

std::optional<absl::Time> Health::last_relist_wall() const {
  if (!last_relist().has_value()) return std::nullopt;
  return absl::FromUnixNanos(last_wall_nanos_.load(std::memory_order_relaxed));
}

}  // namespace pleg
