#include "metrics/labels.h"

#include <algorithm>
#include <array>

namespace metrics {
namespace {

constexpr std::array<absl::string_view, kCodes> kCodeNames = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

}  // namespace

size_t CodeIndex(absl::StatusCode code) {
  const auto number = static_cast<int>(code);
  if (number < 0 || number >= static_cast<int>(kCodes)) {
    return static_cast<size_t>(absl::StatusCode::kUnknown);
  }
  return static_cast<size_t>(number);
}

absl::string_view CodeName(absl::StatusCode code) { return kCodeNames[CodeIndex(code)]; }

size_t InvalidReasonIndex(absl::string_view reason) {
  return std::min(IndexOf(kInvalidReasons, reason), kInvalidReasons.size() - 1);
}

}  // namespace metrics
