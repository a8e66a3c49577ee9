// What the kubelet writes on the sandboxes and containers it creates, and how large that makes
// them: a listed sandbox takes about 1.2 KB on the wire, a container about 1.5 KB.

#ifndef PLEGD_RUNTIME_SIM_KUBELET_METADATA_H_
#define PLEGD_RUNTIME_SIM_KUBELET_METADATA_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/sim/model.h"
#include "runtime/sim/random.h"

namespace sim {

// A name as a ReplicaSet gives it: "checkout-7d4b9c6f5d-x2k9p".
std::string MakePodName(Random& random);
// A pod's own labels, as its workload sets them.
Labels MakePodLabels(absl::string_view pod_name);

// What a list shows of the sandbox: the pod's labels and the kubelet's.
Labels MakeSandboxLabels(const Pod& pod);
Labels MakeSandboxAnnotations(const Sandbox& sandbox, Random& random);

Labels MakeContainerLabels(const Pod& pod, absl::string_view container_name);
// With padding in annotations of up to 4 KiB each, so that the annotations grow by `padding` bytes.
Labels MakeContainerAnnotations(absl::string_view container_name, uint32_t attempt, size_t padding);

// What the runtime answers about the image: name, config digest and repository digest.
void SetImage(absl::string_view container_name, Container& container);

// kubelet's log path: /var/log/pods/<namespace>_<name>_<uid>/<container>/<attempt>.log
std::string LogPath(const Container& container);

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_KUBELET_METADATA_H_
