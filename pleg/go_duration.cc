#include "pleg/go_duration.h"

#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/numeric/int128.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace pleg {
namespace {

constexpr uint64_t kMicro = 1000;
constexpr uint64_t kMilli = 1000 * kMicro;
constexpr uint64_t kSecond = 1000 * kMilli;

// `value` / `unit` with its fraction, trailing zeros removed.
std::string Decimal(uint64_t value, uint64_t unit) {
  std::string text = absl::StrCat(value / unit);
  uint64_t rest = value % unit;
  if (rest == 0) return text;
  text += '.';
  while (rest != 0) {
    unit /= 10;
    text += static_cast<char>('0' + rest / unit);
    rest %= unit;
  }
  return text;
}

struct Unit {
  absl::string_view name;
  uint64_t nanos;
};

// Longer names first: "ms" is not "m".
constexpr Unit kUnits[] = {
    {"ns", 1},      {"us", kMicro}, {"\u00b5s", kMicro}, {"\u03bcs", kMicro},
    {"ms", kMilli}, {"s", kSecond}, {"m", 60 * kSecond}, {"h", 3600 * kSecond},
};

const Unit* TakeUnit(absl::string_view& rest) {
  for (const Unit& unit : kUnits) {
    if (!absl::StartsWith(rest, unit.name)) continue;
    rest.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

size_t CountDigits(absl::string_view text) {
  size_t n = 0;
  while (n < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[n]))) ++n;
  return n;
}

// As Go computes it, rounding included: the digits that fit int64, times the unit, in doubles.
uint64_t FractionNanos(absl::string_view digits, uint64_t unit) {
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  uint64_t value = 0;
  double scale = 1;
  for (char c : digits) {
    if (value > (kLimit - 1) / 10) break;
    const uint64_t next = value * 10 + static_cast<uint64_t>(c - '0');
    if (next > kLimit) break;
    value = next;
    scale *= 10;
  }
  return static_cast<uint64_t>(static_cast<double>(value) * (static_cast<double>(unit) / scale));
}

// Reads one "decimal unit" off `rest` and adds it to `total`; false if there is none or it is too
// big.
bool TakeTerm(absl::string_view& rest, absl::uint128& total) {
  constexpr absl::uint128 kLimit = absl::uint128{1} << 63;
  const size_t whole_digits = CountDigits(rest);
  absl::uint128 whole = 0;
  for (char c : rest.substr(0, whole_digits)) {
    whole = whole * 10 + static_cast<unsigned>(c - '0');
    if (whole > kLimit) return false;
  }
  rest.remove_prefix(whole_digits);
  absl::string_view fraction;
  if (!rest.empty() && rest[0] == '.') {
    rest.remove_prefix(1);
    fraction = rest.substr(0, CountDigits(rest));
    rest.remove_prefix(fraction.size());
  }
  if (whole_digits + fraction.size() == 0) return false;
  const Unit* unit = TakeUnit(rest);
  if (unit == nullptr) return false;
  total += whole * unit->nanos + FractionNanos(fraction, unit->nanos);
  return total <= kLimit;
}

}  // namespace

std::string FormatGoDuration(absl::Duration duration) {
  const int64_t nanos = absl::ToInt64Nanoseconds(duration);
  if (nanos == 0) return "0s";
  const uint64_t abs = nanos < 0 ? 0 - static_cast<uint64_t>(nanos) : static_cast<uint64_t>(nanos);
  const absl::string_view sign = nanos < 0 ? "-" : "";
  if (abs < kMicro) return absl::StrCat(sign, abs, "ns");
  if (abs < kMilli) return absl::StrCat(sign, Decimal(abs, kMicro), "\u00b5s");
  if (abs < kSecond) return absl::StrCat(sign, Decimal(abs, kMilli), "ms");
  const uint64_t minutes = abs / (60 * kSecond);
  const std::string seconds = Decimal(abs % (60 * kSecond), kSecond) + "s";
  if (minutes == 0) return absl::StrCat(sign, seconds);
  if (minutes < 60) return absl::StrCat(sign, minutes, "m", seconds);
  return absl::StrCat(sign, minutes / 60, "h", minutes % 60, "m", seconds);
}

absl::StatusOr<absl::Duration> ParseGoDuration(absl::string_view text) {
  const absl::Status invalid = absl::InvalidArgumentError(absl::StrCat(
      "invalid duration \"", text, "\": want a number with a unit, e.g. 1s, 2m, 1m30s, 500ms"));
  absl::string_view rest = text;
  const bool negative = absl::StartsWith(rest, "-");
  if (negative || absl::StartsWith(rest, "+")) rest.remove_prefix(1);
  if (rest == "0") return absl::ZeroDuration();
  if (rest.empty()) return invalid;
  absl::uint128 total = 0;
  while (!rest.empty()) {
    if (!TakeTerm(rest, total)) return invalid;
  }
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (total > kMax + (negative ? 1u : 0u)) return invalid;
  const auto nanos = static_cast<uint64_t>(total);
  return absl::Nanoseconds(negative ? static_cast<int64_t>(0 - nanos)
                                    : static_cast<int64_t>(nanos));
}

}  // namespace pleg
