// The model as CRI messages in wire format (runtime.v1 of the Kubernetes CRI). Map entries come in
// a new order each time, as from Go. Lists and statuses disagree on image and image_ref as in
// containerd: the list gives the config digest, the status the repository digest.

#ifndef PLEGD_RUNTIME_SIM_CRI_ENCODE_H_
#define PLEGD_RUNTIME_SIM_CRI_ENCODE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "runtime/sim/defect.h"
#include "runtime/sim/model.h"
#include "runtime/sim/random.h"

namespace sim {

// Each appends to `out`. A null `order` keeps the order of map entries.

// An element of ListPodSandboxResponse.items (also StreamPodSandboxesResponse), with its tag.
void EncodeListed(const Sandbox& sandbox, Random* order, std::optional<Defect> defect,
                  std::string* out);
// An element of ListContainersResponse.containers (also StreamContainersResponse), with its tag.
void EncodeListed(const Container& container, Random* order, std::optional<Defect> defect,
                  std::string* out);

struct SandboxStatusOptions {
  bool verbose = false;
  // As CRI-O with pod events: the statuses of the sandbox's containers, and a time stamp.
  std::optional<absl::Time> with_containers_at;
};
// A PodSandboxStatusResponse. A sandbox that is not ready has given its addresses up.
void EncodeStatusResponse(const Sandbox& sandbox, const SandboxStatusOptions& options,
                          Random* order, std::optional<Defect> defect, std::string* out);
// A ContainerStatusResponse.
void EncodeStatusResponse(const Container& container, bool verbose, Random* order,
                          std::optional<Defect> defect, std::string* out);
// A ContainerEventResponse with the statuses of the pod's newest sandbox.
void EncodeEvent(int type, const Pod& pod, const pleg::ContainerId& id, absl::Time now,
                 Random* order, std::string* out);

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_CRI_ENCODE_H_
