// A clock that several threads may read while the test moves it.

#ifndef PLEGD_JOURNAL_TESTING_MANUAL_CLOCK_H_
#define PLEGD_JOURNAL_TESTING_MANUAL_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "pleg/mono_time.h"

namespace journal::testing {

// Thread-safe.
class ManualClock : public pleg::Clock {
 public:
  pleg::MonoTime Now() const override { return pleg::MonoTime::FromNanos(nanos_); }
  absl::Time WallNow() const override {
    return absl::FromUnixSeconds(1'700'000'000) + absl::Nanoseconds(nanos_.load());
  }
  void Advance(absl::Duration duration) { nanos_ += absl::ToInt64Nanoseconds(duration); }

 private:
  std::atomic<int64_t> nanos_{0};
};

}  // namespace journal::testing

#endif  // PLEGD_JOURNAL_TESTING_MANUAL_CLOCK_H_
