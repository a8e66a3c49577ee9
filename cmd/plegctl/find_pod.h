// Which pod an operator means by a part of a name or id.

#ifndef PLEGD_CMD_PLEGCTL_FIND_POD_H_
#define PLEGD_CMD_PLEGCTL_FIND_POD_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "plegd/v1/pod.pb.h"

namespace plegctl {

// Pods of a namespace, by namespace and name; all with an empty one. They point into `pods`.
std::vector<const plegd::v1::PodStatus*> PodsIn(const plegd::v1::PodList& pods,
                                                absl::string_view pod_namespace);

// Those that `query` names: namespace/name, name, UID, container id or sandbox id, with or without
// a runtime's prefix (containerd://). If any is named in full it is that alone; else those that
// begin with it.
std::vector<const plegd::v1::PodStatus*> FindPods(
    const std::vector<const plegd::v1::PodStatus*>& pods, absl::string_view query);

// For completion: namespace/name of each, of those whose names are Kubernetes names.
std::string PodNames(const std::vector<const plegd::v1::PodStatus*>& pods);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_FIND_POD_H_
