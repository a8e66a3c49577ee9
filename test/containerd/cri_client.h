// A CRI client for tests: any unary method by name, with any messages of the right field numbers.
//
//   CriClient client("unix:///run/containerd/containerd.sock");
//   auto reply = client.Call<runtime::v1::VersionResponse>("Version",
//   runtime::v1::VersionRequest());
//
// It is separate from the daemon's own transport on purpose: what the daemon says is compared with
// what this client was told.

#ifndef PLEGD_TEST_CONTAINERD_CRI_CLIENT_H_
#define PLEGD_TEST_CONTAINERD_CRI_CLIENT_H_

#include <google/protobuf/message_lite.h>
#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace plegd_testing {

// Thread-safe.
class CriClient {
 public:
  // `endpoint` as the kubelet writes it: unix:///path. Connects with the first call.
  explicit CriClient(const std::string& endpoint);

  // Blocks until the server answers on the socket. Between calls nothing drives the connection, so
  // calls repeated until one succeeds would take far longer.
  bool WaitForConnected(absl::Duration timeout = absl::Seconds(30)) const;

  // Blocks. A method of the RuntimeService by its bare name, of another service by its whole path
  // (/runtime.v1.ImageService/ImageStatus). The server's status code, or INTERNAL if the reply is
  // no such message.
  template <typename Response>
  absl::StatusOr<Response> Call(absl::string_view method,
                                const google::protobuf::MessageLite& request,
                                absl::Duration timeout = absl::Seconds(30)) const {
    absl::StatusOr<std::string> reply = CallRaw(method, request.SerializeAsString(), timeout);
    if (!reply.ok()) return reply.status();
    Response response;
    if (response.ParseFromString(*reply)) return response;
    return absl::InternalError(
        absl::StrCat(method, ": the reply is not a ", response.GetTypeName()));
  }

 private:
  absl::StatusOr<std::string> CallRaw(absl::string_view method, const std::string& request,
                                      absl::Duration timeout) const;

  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_CONTAINERD_CRI_CLIENT_H_
