#include "runtime/grpc_status.h"

#include <array>
#include <cstdint>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "pleg/call_stats.h"
#include "pleg/utf8.h"

namespace runtime {
namespace {

// The server's raw text, as a payload of the absl::Status.
constexpr absl::string_view kMessagePayload = "plegd.io/grpc-message";

// Present: nobody answered.
constexpr absl::string_view kUnansweredPayload = "plegd.io/unanswered";

// Go's names (google.golang.org/grpc/codes), by code.
constexpr std::array<absl::string_view, 17> kGoNames = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

// What gRPC's C core says when there is no connection or it breaks.
constexpr std::array<absl::string_view, 9> kBrokenConnectionTexts = {
    "Socket closed",
    "failed to connect to all addresses",
    "Broken pipe",
    "Connection reset by peer",
    "GOAWAY received",
    "Endpoint read failed",
    "empty address list",
    "Transport closed",
    "Delayed close due to in-progress write"};

// What it says of a call that it cancels because its memory quota is used up.
constexpr absl::string_view kBuffersFull = "Buffers full";
// For a person, who does not know whose buffers.
constexpr absl::string_view kOwnBuffersFull = "plegd's buffers for replies are full";

absl::StatusCode ToAbslCode(grpc::StatusCode code) {
  const auto number = static_cast<size_t>(code);
  return number < kGoNames.size() ? static_cast<absl::StatusCode>(code)
                                  : absl::StatusCode::kUnknown;
}

std::string LimitsText(size_t max_reply_bytes) {
  return absl::StrCat(" (plegd receives up to ", max_reply_bytes, " bytes, the kubelet up to ",
                      pleg::kKubeletMaxReplyBytes, ")");
}

}  // namespace

std::string CallSubject::Describe() const {
  if (kind.empty()) return std::string(method);
  return absl::StrCat(method, " of ", kind, " ", pleg::ToValidUtf8(target));
}

std::string TextOf(const grpc::Status& status) {
  const bool full = status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
                    status.error_message() == kBuffersFull;
  return full ? std::string(kOwnBuffersFull) : pleg::ToValidUtf8(status.error_message());
}

absl::Status MapStatus(const grpc::Status& status, const CallSubject& subject) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = TextOf(status);
  std::string message =
      absl::StrCat(subject.Describe(), " failed: ", text.empty() ? "no text" : text);
  if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
    absl::StrAppend(&message, LimitsText(subject.max_reply_bytes));
  }
  absl::Status mapped(ToAbslCode(status.error_code()), message);
  mapped.SetPayload(kMessagePayload, absl::Cord(text));
  return mapped;
}

bool IsAnswer(const grpc::Status& status, bool deadline_passed, bool connected) {
  switch (status.error_code()) {
    case grpc::StatusCode::CANCELLED:
      return connected && !deadline_passed;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return !deadline_passed;
    case grpc::StatusCode::UNAVAILABLE:
      if (!connected) return false;
      for (absl::string_view text : kBrokenConnectionTexts) {
        if (absl::StrContains(status.error_message(), text)) return false;
      }
      return true;
    default:
      return true;
  }
}

void MarkUnanswered(absl::Status& status) {
  if (!status.ok()) status.SetPayload(kUnansweredPayload, absl::Cord());
}

bool WasAnswered(const absl::Status& status) {
  return !status.GetPayload(kUnansweredPayload).has_value();
}

std::string ExplainBrokenConnection(const absl::Status& status) {
  const absl::string_view text = status.message();
  if (absl::StrContains(text, "http1.x")) {
    return "an HTTP/1 server listens there, no container runtime";
  }
  if (absl::StrContains(text, "SETTINGS")) {
    return "it accepts connections but does not speak: no container runtime, or one that hangs";
  }
  return absl::StrCat("it accepts connections but no gRPC: ", text);
}

bool IsOutOfBuffers(const absl::Status& status) {
  return absl::IsResourceExhausted(status) && absl::StrContains(status.message(), kOwnBuffersFull);
}

bool IsGone(const absl::Status& status) { return absl::IsNotFound(status); }

std::string GoErrorText(const absl::Status& status) {
  if (status.ok()) return "";
  const absl::optional<absl::Cord> text = status.GetPayload(kMessagePayload);
  if (!text.has_value()) return std::string(status.message());
  std::string description(*text);
  if (absl::IsDeadlineExceeded(status) && description == "Deadline Exceeded") {
    description = "context deadline exceeded";
  }
  return absl::StrCat("rpc error: code = ", kGoNames[static_cast<size_t>(status.code())],
                      " desc = ", description);
}

}  // namespace runtime
