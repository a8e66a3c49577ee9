// The machine's clocks.
//
//   SystemClock clock;  pleg::MonoTime start = clock.Now();

#ifndef PLEGD_RUNTIME_SYSTEM_CLOCK_H_
#define PLEGD_RUNTIME_SYSTEM_CLOCK_H_

#include <chrono>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pleg/mono_time.h"

namespace runtime {

// Now is CLOCK_MONOTONIC, WallNow the wall clock. Thread-safe.
class SystemClock : public pleg::Clock {
 public:
  pleg::MonoTime Now() const override { return MonoNow(); }
  absl::Time WallNow() const override { return absl::Now(); }

  static pleg::MonoTime MonoNow() {
    const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
    return pleg::MonoTime::FromNanos(
        std::chrono::duration_cast<std::chrono::nanoseconds>(since_start).count());
  }
  // The same moment for the standard library's waits.
  static std::chrono::steady_clock::time_point ToSteady(pleg::MonoTime time) {
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(time.nanos()));
  }
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_SYSTEM_CLOCK_H_
