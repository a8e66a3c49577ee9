// The calls of plegd.v1.Plegd by their path, with bytes for messages.
//
//   const GrpcMethod* method = FindGrpcMethod("/plegd.v1.Plegd/GetNode");

#ifndef PLEGD_API_GRPC_METHODS_H_
#define PLEGD_API_GRPC_METHODS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/node_api.h"

namespace api {

// Immutable; outlives the program.
struct GrpcMethod {
  absl::string_view path;
  // Answers at once. kInvalidArgument for bytes that are not the request's message. Null: GetPod,
  // which may wait.
  absl::StatusOr<std::string> (*answer)(NodeApi& api, const std::string& request,
                                        const NodeApi::User& user);
};

// Null if there is no such call.
const GrpcMethod* FindGrpcMethod(absl::string_view path);

// Reads a request; kInvalidArgument for bytes that are not its message.
absl::Status ParseRequest(const std::string& bytes, google::protobuf::MessageLite& request);

}  // namespace api

#endif  // PLEGD_API_GRPC_METHODS_H_
