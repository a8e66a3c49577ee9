// Where the container runtime listens.
//
//   absl::StatusOr<Endpoint> endpoint = ParseEndpoint("unix:///run/containerd/containerd.sock");
//   absl::Status socket = CheckSocket(endpoint->path());

#ifndef PLEGD_RUNTIME_ENDPOINT_H_
#define PLEGD_RUNTIME_ENDPOINT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace runtime {

// A unix socket by its absolute path. Thread-compatible.
class Endpoint {
 public:
  explicit Endpoint(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  // "unix:///run/x.sock": as the user knows it.
  std::string Url() const;
  // As gRPC wants it.
  std::string GrpcTarget() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;

 private:
  std::string path_;
};

// "unix:///path", "unix:/path" or a bare absolute path, as the kubelet's
// --container-runtime-endpoint (pkg/kubelet/util, GetAddressAndDialer). kInvalidArgument names the
// text; other protocols are refused with the kubelet's words "only support unix socket endpoint".
absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text);

// Whether something accepts connections on that path, in plain words for a person if not. Does not
// block. kNotFound: no such path; kFailedPrecondition: not a socket; kPermissionDenied: to us;
// kUnavailable: nobody accepts.
absl::Status CheckSocket(const std::string& path);

// The sockets of the runtimes in use, in the order they are tried.
std::vector<Endpoint> DefaultEndpoints();

}  // namespace runtime

#endif  // PLEGD_RUNTIME_ENDPOINT_H_
