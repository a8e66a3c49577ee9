// Waits for what a test cannot bring about itself.

#ifndef PLEGD_RUNTIME_HOST_TESTING_WAIT_UNTIL_H_
#define PLEGD_RUNTIME_HOST_TESTING_WAIT_UNTIL_H_

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace runtime::host {

// Asks again and again; false if it does not come true within 20 s.
template <typename Condition>
bool WaitUntil(Condition condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return true;
}

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_TESTING_WAIT_UNTIL_H_
