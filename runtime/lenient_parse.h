// Parsing a message whose text may not be UTF-8.
//
// libprotobuf refuses a whole message for one byte in one string field; a runtime written in Go
// happily sends such labels. Here the bytes are repaired on the wire, field by field as the
// descriptor tells, and parsed again, so that an odd label costs neither the container nor its
// state.

#ifndef PLEGD_RUNTIME_LENIENT_PARSE_H_
#define PLEGD_RUNTIME_LENIENT_PARSE_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace google::protobuf {
class Descriptor;
class MessageLite;
class Message;
}  // namespace google::protobuf

namespace runtime {

enum class ParseResult : uint8_t {
  kOk,
  kRepaired,   // invalid UTF-8 became U+FFFD
  kMalformed,  // the message's content is unspecified
};

ParseResult ParseLenient(absl::string_view wire, google::protobuf::Message& message);

// The same message with valid text. False if the wire itself is damaged.
bool RepairText(const google::protobuf::Descriptor& descriptor, absl::string_view wire,
                std::string& repaired);

// Protobuf writes a line to stderr for every text that is not UTF-8, as often as a runtime sends
// it. Discards the library's log for the whole process; errors are reported by who parses.
// Thread-safe.
void DiscardProtobufLog();

}  // namespace runtime

#endif  // PLEGD_RUNTIME_LENIENT_PARSE_H_
