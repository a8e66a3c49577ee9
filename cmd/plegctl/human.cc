#include "cmd/plegctl/human.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cmd/plegctl/text.h"
#include "pleg/go_duration.h"

namespace plegctl {
namespace {

constexpr size_t kShortId = 13;

std::string TwoUnits(int64_t large, absl::string_view large_unit, int64_t small,
                     absl::string_view small_unit) {
  if (small == 0) return absl::StrCat(large, large_unit);
  return absl::StrCat(large, large_unit, small, small_unit);
}

}  // namespace

absl::Duration Seconds(double seconds) {
  return seconds > 0 ? absl::Seconds(seconds) : absl::ZeroDuration();
}

std::string HumanDuration(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return "forever";
  if (duration <= absl::ZeroDuration()) return "0s";
  if (duration < absl::Milliseconds(1)) return "<1ms";
  if (duration < absl::Seconds(1)) {
    return absl::StrCat(absl::ToInt64Milliseconds(duration), "ms");
  }
  if (duration < absl::Seconds(10)) {
    const int64_t tenths = absl::ToInt64Milliseconds(duration) / 100;
    return tenths % 10 == 0 ? absl::StrCat(tenths / 10, "s")
                            : absl::StrCat(tenths / 10, ".", tenths % 10, "s");
  }
  const int64_t seconds = absl::ToInt64Seconds(duration);
  if (seconds < 60) return absl::StrCat(seconds, "s");
  const int64_t minutes = seconds / 60;
  if (minutes < 60) return TwoUnits(minutes, "m", seconds % 60, "s");
  const int64_t hours = minutes / 60;
  if (hours < 24) return TwoUnits(hours, "h", minutes % 60, "m");
  return TwoUnits(hours / 24, "d", hours % 24, "h");
}

std::string ShowDuration(absl::Duration duration, const Terminal& terminal) {
  if (!terminal.exact || duration == absl::InfiniteDuration()) return HumanDuration(duration);
  return pleg::FormatGoDuration(absl::Trunc(duration, absl::Microseconds(1)));
}

std::string ShowSeconds(double seconds, const Terminal& terminal) {
  return ShowDuration(Seconds(seconds), terminal);
}

std::string HumanBytes(uint64_t bytes) {
  constexpr absl::string_view kUnits[] = {"B", "KiB", "MiB", "GiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  if (unit == 0 || value >= 10) return absl::StrFormat("%.0f %s", value, kUnits[unit]);
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string Count(uint64_t count, absl::string_view singular, absl::string_view plural) {
  if (count == 1) return absl::StrCat("1 ", singular);
  return plural.empty() ? absl::StrCat(count, " ", singular, "s")
                        : absl::StrCat(count, " ", plural);
}

std::string HumanPercent(double ratio) {
  if (!std::isfinite(ratio) || ratio < 0) return "?";
  if (ratio > 0 && ratio < 0.001) return "<0.1%";
  if (ratio < 0.1) return absl::StrFormat("%.1f%%", ratio * 100);
  return absl::StrFormat("%.0f%%", std::min(ratio, 1e6) * 100);
}

absl::Time ToTime(const google::protobuf::Timestamp& stamp) {
  return absl::FromUnixSeconds(stamp.seconds()) + absl::Nanoseconds(stamp.nanos());
}

std::string Ago(const google::protobuf::Timestamp& then, const google::protobuf::Timestamp& now,
                const Terminal& terminal) {
  if (then.seconds() == 0) return "";
  return ShowDuration(std::max(ToTime(now) - ToTime(then), absl::ZeroDuration()), terminal);
}

std::string WallTime(const google::protobuf::Timestamp& stamp, const Terminal& terminal) {
  if (stamp.seconds() == 0) return "";
  return absl::FormatTime(terminal.exact ? "%Y-%m-%dT%H:%M:%E3SZ" : "%Y-%m-%dT%H:%M:%SZ",
                          ToTime(stamp), absl::UTCTimeZone());
}

std::string ShortId(absl::string_view id, const Terminal& terminal) {
  if (terminal.full_ids) return Visible(id, terminal);
  return std::string(Cut(Visible(id.substr(0, 4 * kShortId), terminal), kShortId));
}

std::string TargetName(const plegd::v1::CallTarget& target, const Terminal& terminal) {
  if (target.pod_name().empty()) return ShortId(target.id(), terminal);
  std::string name = absl::StrCat(Visible(target.pod_namespace(), terminal, 63), "/",
                                  Visible(target.pod_name(), terminal, 253));
  if (!target.container().empty()) {
    absl::StrAppend(&name, " (", Visible(target.container(), terminal, 63), ")");
  }
  return name;
}

}  // namespace plegctl
