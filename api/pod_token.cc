#include "api/pod_token.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace api {
namespace {

constexpr size_t kBootIdBytes = 36;
constexpr size_t kMaxQuoted = 80;

bool IsBootId(absl::string_view text) {
  return text.size() == kBootIdBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f') ||
                  c == '-';
         });
}

// As PodToken writes it: digits without a leading zero.
bool ParseStamp(absl::string_view text, int64_t& nanos) {
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  return !text.empty() && digits && (text[0] != '0' || text.size() == 1) &&
         absl::SimpleAtoi(text, &nanos);
}

}  // namespace

std::string PodToken(absl::string_view boot_id, pleg::MonoTime observed_at) {
  return absl::StrCat(boot_id, ".", observed_at.nanos());
}

absl::StatusOr<pleg::MonoTime> ParsePodToken(absl::string_view token, absl::string_view boot_id,
                                             pleg::MonoTime now) {
  const size_t dot = token.find('.');
  const absl::string_view boot = token.substr(0, dot);
  int64_t nanos = 0;
  const bool well_formed =
      dot != absl::string_view::npos && IsBootId(boot) && ParseStamp(token.substr(dot + 1), nanos);
  const pleg::MonoTime observed_at = pleg::MonoTime::FromNanos(nanos);
  if (!well_formed || (boot == boot_id && observed_at > now)) {
    return absl::InvalidArgumentError(absl::StrCat("newer_than \"",
                                                   absl::CHexEscape(token.substr(0, kMaxQuoted)),
                                                   "\" is no token of a pod that plegd issued"));
  }
  return boot == boot_id ? observed_at : pleg::MonoTime();
}

}  // namespace api
