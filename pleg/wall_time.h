// Moments that a runtime tells, as far as they can be believed.

#ifndef PLEGD_PLEG_WALL_TIME_H_
#define PLEGD_PLEG_WALL_TIME_H_

#include "absl/time/time.h"

namespace pleg {

// Whether `time` can have been meant. Go's zero time, and what a field that was never set makes of
// it in nanoseconds, lie before 1990; no container runs on a machine with such a clock.
inline bool IsTold(absl::Time time) { return time >= absl::FromUnixSeconds(631152000); }

// The same, and it is not beyond tomorrow by `now`, the wall clock: a clock that is wrong by hours
// is as good as none.
inline bool IsCredible(absl::Time time, absl::Time now) {
  return IsTold(time) && time <= now + absl::Hours(24);
}

}  // namespace pleg

#endif  // PLEGD_PLEG_WALL_TIME_H_
