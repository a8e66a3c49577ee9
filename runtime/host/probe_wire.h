// Between plegd and the child that looks at the host: frames of a length and so many bytes.

#ifndef PLEGD_RUNTIME_HOST_PROBE_WIRE_H_
#define PLEGD_RUNTIME_HOST_PROBE_WIRE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/host/probe_parts.h"
#include "runtime/host/prober.h"

namespace runtime::host {

// Both block. UNAVAILABLE when the other side has gone; RESOURCE_EXHAUSTED above 64 MiB.
absl::Status SendFrame(int socket, absl::string_view payload);
absl::StatusOr<std::string> ReceiveFrame(int socket);

// What a child sends: a part that it begins with, then the next, at last both others.
enum class ReplyKind : char { kPart = 'p', kEvidence = 'e', kContainers = 'c' };

struct ProbeReply {
  ReplyKind kind = ReplyKind::kPart;
  std::string payload;
  ProbePart part = ProbePart::kNode;  // of that kind
};

absl::Status SendReply(int socket, ReplyKind kind, absl::string_view payload);
absl::Status SendPart(int socket, ProbePart part);
// As ReceiveFrame; INVALID_ARGUMENT for what no child sends.
absl::StatusOr<ProbeReply> ReceiveReply(int socket);

std::string EncodeQuestion(const ProbeQuestion& question);
// Of bytes that EncodeQuestion made; the default question of any others.
ProbeQuestion DecodeQuestion(absl::string_view bytes);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PROBE_WIRE_H_
