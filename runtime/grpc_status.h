// What a gRPC status of the runtime means: the one place that maps it, the one that says what
// counts as an answer, and the one that decides what NotFound means.

#ifndef PLEGD_RUNTIME_GRPC_STATUS_H_
#define PLEGD_RUNTIME_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace runtime {

// Which call on which object a status belongs to.
struct CallSubject {
  absl::string_view method;       // "ContainerStatus"
  absl::string_view kind = {};    // "container", "sandbox", or empty for calls on no object
  absl::string_view target = {};  // its id
  size_t max_reply_bytes = 0;

  // "ContainerStatus of container 0f3c"
  std::string Describe() const;
};

// The server's words with invalid UTF-8 replaced by U+FFFD; where our own gRPC gave the call up for
// want of room, words that say so.
std::string TextOf(const grpc::Status& status);

// The same code; the message is "<call on object> failed: <TextOf>". Codes without a name are
// kUnknown. A reply over a limit names the limits.
absl::Status MapStatus(const grpc::Status& status, const CallSubject& subject);

// Whether the runtime itself sent this status, of a call that we have not cancelled.
// DEADLINE_EXCEEDED counts if our own deadline is still ahead; so does CANCELLED if we are still
// connected, as a runtime whose own context has ended says; UNAVAILABLE counts if we are still
// connected and the text is none of gRPC's own for a broken connection. `connected` is the
// channel's state right after the call.
bool IsAnswer(const grpc::Status& status, bool deadline_passed, bool connected);

// Remembers in a status of MapStatus that nobody answered.
void MarkUnanswered(absl::Status& status);
// Whether the runtime itself sent it; so says every status that has not been marked.
bool WasAnswered(const absl::Status& status);

// For a person: why there is no connection, from the failure of a call that was therefore not made.
std::string ExplainBrokenConnection(const absl::Status& status);

// Whether our own gRPC gave the call up, in the middle of a message that its quota had no room for.
bool IsOutOfBuffers(const absl::Status& status);

// NotFound for an object asked for by its id means that it is gone; the runtime may have removed it
// after listing it, and that is no failure.
bool IsGone(const absl::Status& status);

// The text that Go prints for such a status, "rpc error: code = NotFound desc = …", with the
// server's own words; for any other status its message. Expiry of our deadline reads as Go's does.
std::string GoErrorText(const absl::Status& status);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_GRPC_STATUS_H_
