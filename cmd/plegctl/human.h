// Quantities and names as people read them.

#ifndef PLEGD_CMD_PLEGCTL_HUMAN_H_
#define PLEGD_CMD_PLEGCTL_HUMAN_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cmd/plegctl/terminal.h"
#include "google/protobuf/timestamp.pb.h"
#include "plegd/v1/calls.pb.h"

namespace plegctl {

// Seconds of the API as a duration: what is no duration (NaN, negative) is zero.
absl::Duration Seconds(double seconds);

// The two largest units, rounded down: 12ms, 1.4s, 19s, 2m41s, 3h5m, 3d4h. "forever" if infinite.
std::string HumanDuration(absl::Duration duration);
// That, or with `exact` the duration to the microsecond as Go prints it.
std::string ShowDuration(absl::Duration duration, const Terminal& terminal);
std::string ShowSeconds(double seconds, const Terminal& terminal);

// 131 KiB, 16 MiB.
std::string HumanBytes(uint64_t bytes);
// "1 pod", "2 pods".
std::string Count(uint64_t count, absl::string_view singular, absl::string_view plural = "");
// 0.8%, 12%.
std::string HumanPercent(double ratio);

// How long ago, at most until `now`. Empty if the stamp is unset.
std::string Ago(const google::protobuf::Timestamp& then, const google::protobuf::Timestamp& now,
                const Terminal& terminal);
absl::Time ToTime(const google::protobuf::Timestamp& stamp);
// RFC 3339 in UTC; with milliseconds if `exact`.
std::string WallTime(const google::protobuf::Timestamp& stamp, const Terminal& terminal);

// An id's first 13 characters, as crictl prints them; all of it with --no-trunc. Visible.
std::string ShortId(absl::string_view id, const Terminal& terminal);
// "default/web-0 (app)"; a short id where no listing names the pod; empty for calls of no object.
// Visible.
std::string TargetName(const plegd::v1::CallTarget& target, const Terminal& terminal);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_HUMAN_H_
