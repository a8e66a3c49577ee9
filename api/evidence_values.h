// Durations and times as the messages have them. Private to the room.

#ifndef PLEGD_API_EVIDENCE_VALUES_H_
#define PLEGD_API_EVIDENCE_VALUES_H_

#include <optional>

#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"

namespace api {

// Infinite is not to be had in JSON: callers leave it out; here it is as long as a duration can be.
double Seconds(absl::Duration duration);
// Not a number and negative are 0; infinite stays so.
absl::Duration FromSeconds(double seconds);
inline bool IsFinite(absl::Duration duration) {
  return duration != absl::InfiniteDuration() && duration != -absl::InfiniteDuration();
}

// Of a field with presence, by its has_ and its value.
inline std::optional<absl::Duration> OptionalSeconds(bool has, double seconds) {
  return has ? std::optional<absl::Duration>(FromSeconds(seconds)) : std::nullopt;
}

// Whether the schema has the moment: the years 1 to 9999.
bool HasTimestamp(absl::Time time);
// Of such a moment, to the microsecond.
void SetTimestamp(absl::Time time, google::protobuf::Timestamp& out);
absl::Time FromTimestamp(const google::protobuf::Timestamp& timestamp);

}  // namespace api

#endif  // PLEGD_API_EVIDENCE_VALUES_H_
