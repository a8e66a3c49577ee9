#include "api/evidence_values.h"

#include <cmath>
#include <cstdint>

#include "absl/time/civil_time.h"

namespace api {

double Seconds(absl::Duration duration) {
  if (!IsFinite(duration)) return duration > absl::ZeroDuration() ? 1e12 : 0;
  constexpr double kMicros = 1e6;
  return std::round(absl::ToDoubleSeconds(duration) * kMicros) / kMicros;
}

absl::Duration FromSeconds(double seconds) {
  if (!(seconds > 0)) return absl::ZeroDuration();
  // Whole microseconds, as they were written.
  if (seconds > 1e12) return absl::InfiniteDuration();
  const double whole = std::floor(seconds);
  return absl::Seconds(static_cast<int64_t>(whole)) +
         absl::Microseconds(static_cast<int64_t>(std::llround((seconds - whole) * 1e6)));
}

bool HasTimestamp(absl::Time time) {
  static const absl::Time begin = absl::FromCivil(absl::CivilYear(1), absl::UTCTimeZone());
  static const absl::Time end = absl::FromCivil(absl::CivilYear(10000), absl::UTCTimeZone());
  return time >= begin && time < end;
}

void SetTimestamp(absl::Time time, google::protobuf::Timestamp& out) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  out.set_seconds(seconds);
  const int64_t micros = absl::ToInt64Microseconds(time - absl::FromUnixSeconds(seconds));
  out.set_nanos(static_cast<int32_t>(micros * 1000));
}

absl::Time FromTimestamp(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

}  // namespace api
