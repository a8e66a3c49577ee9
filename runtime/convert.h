// From the CRI's messages to the core's model.
//
// Sources: cri-client pkg/util.go (verifySandboxStatus, verifyContainerStatus); Kubernetes
// pkg/kubelet/kuberuntime: convert.go, labels.go, kuberuntime_container.go (toKubeContainerStatus),
// kuberuntime_container_linux.go (toKubeContainerResources). Termination messages are not read.

#ifndef PLEGD_RUNTIME_CONVERT_H_
#define PLEGD_RUNTIME_CONVERT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "pleg/model.h"
#include "pleg/pod_status.h"
#include "runtime/v1/api.pb.h"

namespace runtime {

// Labels and annotations that the kubelet writes (pkg/kubelet/kuberuntime/labels.go).
inline constexpr absl::string_view kPodNameLabel = "io.kubernetes.pod.name";
inline constexpr absl::string_view kPodNamespaceLabel = "io.kubernetes.pod.namespace";
inline constexpr absl::string_view kPodUidLabel = "io.kubernetes.pod.uid";
inline constexpr absl::string_view kContainerNameLabel = "io.kubernetes.container.name";
inline constexpr absl::string_view kHashAnnotation = "io.kubernetes.container.hash";
inline constexpr absl::string_view kRestartCountAnnotation = "io.kubernetes.container.restartCount";

// Numbers without a name are kUnknown.
pleg::ContainerState ToContainerState(int state);
pleg::SandboxState ToSandboxState(int state);

// `sandbox` has metadata and an id, `container` metadata, an id and an image.
pleg::SandboxInfo ToSandboxInfo(const v1::PodSandbox& sandbox);
pleg::ContainerInfo ToContainerInfo(const v1::Container& container);

// What the kubelet demands of a status before it believes it. kInternal names the field, in the
// kubelet's words.
absl::Status VerifySandboxStatus(const v1::PodSandboxStatus& status);
absl::Status VerifyContainerStatus(const v1::ContainerStatus& status);

// Of verified statuses. The CRI's container status does not tell the sandbox: it is the listing's.
pleg::SandboxStatus ToSandboxStatus(const v1::PodSandboxStatus& status);
pleg::ContainerStatus ToContainerStatus(const v1::ContainerStatus& status,
                                        const pleg::ContainerId& sandbox_id);

// Absent if nothing is set. Amounts that do not fit are cut to int64.
std::optional<pleg::ContainerResources> ToContainerResources(
    const v1::ContainerResources& resources);

// The hash annotation: hexadecimal digits as Go's ParseUint reads them; 0 if malformed.
uint64_t ParseHash(absl::string_view text);
// The restart count annotation: as Go's Atoi reads it; 0 if malformed or beyond int32.
int32_t ParseRestartCount(absl::string_view text);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_CONVERT_H_
