// The replies of PodSandboxStatus, ContainerStatus and Status: read, verified as the kubelet does,
// converted.
//
//   absl::StatusOr<SandboxStatusPtr> status = DecodeSandboxStatus(body, sandbox.id);
//
// Whatever the size of a reply, what is made of it is bounded: of a status of more than
// kWholeItemBytes only what counts is parsed, and pleg::kMaxStatusBytes of it are kept.

#ifndef PLEGD_RUNTIME_STATUS_REPLY_H_
#define PLEGD_RUNTIME_STATUS_REPLY_H_

#include <memory>

#include "absl/status/statusor.h"
#include "pleg/ids.h"
#include "pleg/pod_status.h"
#include "pleg/runtime_state.h"
#include "runtime/byte_buffer.h"

namespace runtime {

using SandboxStatusPtr = std::shared_ptr<const pleg::SandboxStatus>;
using ContainerStatusPtr = std::shared_ptr<const pleg::ContainerStatus>;

// kInternal names the object and what is wrong with its status, in the kubelet's words.
// Thread-safe.
absl::StatusOr<SandboxStatusPtr> DecodeSandboxStatus(const ReplyBody& reply,
                                                     const pleg::ContainerId& id);
absl::StatusOr<ContainerStatusPtr> DecodeContainerStatus(const ReplyBody& reply,
                                                         const pleg::ContainerId& id,
                                                         const pleg::ContainerId& sandbox);
// kInternal if there is no status or fewer than two conditions.
absl::StatusOr<pleg::RuntimeConditions> DecodeConditions(const ReplyBody& reply);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_STATUS_REPLY_H_
