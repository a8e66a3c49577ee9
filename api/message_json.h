// Messages of plegd.v1 as JSON: proto field names, every field without presence printed, 64-bit
// numbers as strings, times in RFC 3339.
//
//   std::string json = MessageJson(api.GetNode());

#ifndef PLEGD_API_MESSAGE_JSON_H_
#define PLEGD_API_MESSAGE_JSON_H_

#include <string>

namespace google::protobuf {
class Message;
}

namespace api {

// Ends in a line feed. All strings of the message are UTF-8.
std::string MessageJson(const google::protobuf::Message& message);

}  // namespace api

#endif  // PLEGD_API_MESSAGE_JSON_H_
