// A CRI message from JSON as crictl and people write it: names of fields in either case, 64-bit
// numbers as strings, enums by name, times as people read them.
//
//   cri::PodSandbox sandbox;
//   absl::Status read = ReadMessage(text, JsonText::Pointer("/items/0"), {}, sandbox);

#ifndef PLEGD_RUNTIME_SIM_JSON_MESSAGE_H_
#define PLEGD_RUNTIME_SIM_JSON_MESSAGE_H_

#include <google/protobuf/message.h>

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "runtime/sim/json_text.h"

namespace sim {

struct JsonMessageOptions {
  // Fields and names of enums that this version of the CRI does not have: left out, or an error.
  bool ignore_unknown = false;
  // Fields that are somebody else's.
  std::set<std::string> except = {};
  // What a time of "-1h" is told from.
  absl::Time origin = absl::UnixEpoch();
};

// Adds what the object at `at` says to `message`; null says nothing. kInvalidArgument names file,
// line and field.
//
// Times (the fields that end in "_at", in nanoseconds since 1970) may be numbers, strings of
// digits, RFC 3339, or a duration before the origin ("-1h30m"). Go's zero time is 0.
absl::Status ReadMessage(const JsonText& text, const JsonText::Pointer& at,
                         const JsonMessageOptions& options, google::protobuf::Message& message);

// The field of that name, in either case; null if there is none.
const google::protobuf::FieldDescriptor* FindField(const google::protobuf::Message& message,
                                                   const std::string& name);

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_JSON_MESSAGE_H_
