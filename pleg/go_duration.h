// Durations as Go prints and reads them: "3m0s", "1m30.5s", "250ms".

#ifndef PLEGD_PLEG_GO_DURATION_H_
#define PLEGD_PLEG_GO_DURATION_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace pleg {

// As Go's time.Duration.String(): hours, minutes, seconds with a fraction without trailing zeros,
// leading zero units left out; below a second ms, µs or ns; zero is "0s". Saturates at int64
// nanoseconds, as Go's type does. Truncates to nanoseconds.
std::string FormatGoDuration(absl::Duration duration);

// As Go's time.ParseDuration: [-+](decimal unit)+ with units h, m, s, ms, us, µs, ns; "0" needs no
// unit. kInvalidArgument names the text; also when it does not fit int64 nanoseconds.
absl::StatusOr<absl::Duration> ParseGoDuration(absl::string_view text);

}  // namespace pleg

#endif  // PLEGD_PLEG_GO_DURATION_H_
