// Monotonic time for ages, health and cache stamps. absl::Time is wall time and only for display
// and the wire: a wall clock that jumps must change nothing here.
//
//   MonoTime start = clock.Now();  absl::Duration age = clock.Now() - start;

#ifndef PLEGD_PLEG_MONO_TIME_H_
#define PLEGD_PLEG_MONO_TIME_H_

#include <cstdint>
#include <limits>
#include <ostream>

#include "absl/time/time.h"

namespace pleg {

// A point on the monotonic clock; nanoseconds since an arbitrary start. Thread-compatible.
class MonoTime {
 public:
  constexpr MonoTime() = default;  // the start of the clock, before everything that happened
  static constexpr MonoTime FromNanos(int64_t nanos) { return MonoTime(nanos); }
  static constexpr MonoTime Max() { return MonoTime(std::numeric_limits<int64_t>::max()); }

  constexpr int64_t nanos() const { return nanos_; }

  friend constexpr bool operator==(MonoTime, MonoTime) = default;
  friend constexpr auto operator<=>(MonoTime, MonoTime) = default;
  friend absl::Duration operator-(MonoTime a, MonoTime b) {
    return absl::Nanoseconds(a.nanos_) - absl::Nanoseconds(b.nanos_);
  }
  // Saturates at Max() and at the least value.
  friend MonoTime operator+(MonoTime t, absl::Duration d) {
    return MonoTime(absl::ToInt64Nanoseconds(absl::Nanoseconds(t.nanos_) + d));
  }
  friend std::ostream& operator<<(std::ostream& os, MonoTime t) { return os << t.nanos_ << "ns"; }

 private:
  explicit constexpr MonoTime(int64_t nanos) : nanos_(nanos) {}
  int64_t nanos_ = 0;
};

// The one source of time. Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime Now() const = 0;
  virtual absl::Time WallNow() const = 0;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_MONO_TIME_H_
