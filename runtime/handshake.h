// Who the runtime says it is: CRI's Version.

#ifndef PLEGD_RUNTIME_HANDSHAKE_H_
#define PLEGD_RUNTIME_HANDSHAKE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/runtime_state.h"
#include "runtime/endpoint.h"

namespace runtime {

// The request that the kubelet sends (version "0.1.0"), serialized.
std::string VersionRequestBytes();

// What the kubelet accepts (cri-client, Version; kuberuntime_manager.go): all four fields set and
// version "0.1.0". kInternal if the reply is malformed or lacks a field, kFailedPrecondition for
// another version.
absl::StatusOr<pleg::RuntimeVersion> CheckVersionReply(absl::string_view reply);

// For a person: what an error of Version means for who is there. UNIMPLEMENTED is a server without
// CRI v1, such as a containerd whose CRI plugin is disabled.
std::string ExplainHandshakeError(const absl::Status& error);

// Asks the runtime at `endpoint` who it is. Blocks up to `timeout`. An endpoint where nobody
// listens is the error of CheckSocket, what answers wrongly that of the call or of
// CheckVersionReply.
absl::StatusOr<pleg::RuntimeVersion> ProbeVersion(const Endpoint& endpoint, absl::Duration timeout);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_HANDSHAKE_H_
