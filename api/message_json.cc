#include "api/message_json.h"

#include "google/protobuf/message.h"
#include "google/protobuf/util/json_util.h"

namespace api {

std::string MessageJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  // All strings are UTF-8 and all times in range: there is nothing left to fail.
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) json = "{}";
  json += '\n';
  return json;
}

}  // namespace api
