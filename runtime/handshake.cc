#include "runtime/handshake.h"

#include <future>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runtime/byte_buffer.h"
#include "runtime/cri_methods.h"
#include "runtime/grpc_status.h"
#include "runtime/lenient_parse.h"
#include "runtime/transport.h"
#include "runtime/v1/api.pb.h"

namespace runtime {
namespace {

constexpr absl::string_view kSupportedVersion = "0.1.0";
constexpr absl::string_view kCriDisabled =
    "speaks gRPC but not CRI v1 (runtime.v1.RuntimeService): a containerd whose CRI plugin is "
    "disabled, as Docker's package configures it (disabled_plugins in /etc/containerd/config.toml),"
    " or a runtime older than CRI v1";

}  // namespace

std::string VersionRequestBytes() {
  v1::VersionRequest request;
  request.set_version(std::string(kSupportedVersion));
  return request.SerializeAsString();
}

absl::StatusOr<pleg::RuntimeVersion> CheckVersionReply(absl::string_view reply) {
  v1::VersionResponse version;
  if (ParseLenient(reply, version) == ParseResult::kMalformed) {
    return absl::InternalError("Version: malformed reply");
  }
  if (version.version().empty() || version.runtime_name().empty() ||
      version.runtime_version().empty() || version.runtime_api_version().empty()) {
    return absl::InternalError(
        absl::StrCat("Version: not all fields are set in VersionResponse (\"",
                     version.ShortDebugString(), "\")"));
  }
  if (version.version() != kSupportedVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("Version: the runtime's API version \"", version.version(),
                     "\" is not supported, only \"", kSupportedVersion, "\""));
  }
  return pleg::RuntimeVersion{.name = version.runtime_name(),
                              .version = version.runtime_version(),
                              .api_version = version.runtime_api_version()};
}

std::string ExplainHandshakeError(const absl::Status& error) {
  return std::string(absl::IsUnimplemented(error) ? kCriDisabled : error.message());
}

absl::StatusOr<pleg::RuntimeVersion> ProbeVersion(const Endpoint& endpoint,
                                                  absl::Duration timeout) {
  const absl::Status socket = CheckSocket(endpoint.path());
  if (!socket.ok()) return socket;
  const Transport::Options options{.target = endpoint.GrpcTarget()};
  std::promise<absl::StatusOr<pleg::RuntimeVersion>> answer;
  Transport transport(options, nullptr);
  transport.Start(kVersion, VersionRequestBytes(), timeout, [&](Transport::Reply&& reply) {
    const CallSubject subject{.method = kVersion.name, .max_reply_bytes = options.max_reply_bytes};
    answer.set_value(reply.status.ok()
                         ? CheckVersionReply(FlatReply(reply.body).view())
                         : absl::StatusOr<pleg::RuntimeVersion>(MapStatus(reply.status, subject)));
  });
  return answer.get_future().get();
}

}  // namespace runtime
