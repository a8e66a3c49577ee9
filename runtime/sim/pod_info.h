// What a simulated node holds, as plain copies for tests and for printing.

#ifndef PLEGD_RUNTIME_SIM_POD_INFO_H_
#define PLEGD_RUNTIME_SIM_POD_INFO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "pleg/ids.h"

namespace sim {

// States are numbers of the CRI's enums (model.h).
struct SandboxInfo {
  pleg::ContainerId id;
  uint32_t attempt = 0;
  int state = 0;
};
struct ContainerInfo {
  pleg::ContainerId id;
  std::string name;
  uint32_t attempt = 0;
  int state = 0;
  int32_t exit_code = 0;
};
struct PodInfo {
  pleg::PodUid uid;
  std::string name;
  std::string namespace_name;
  std::vector<SandboxInfo> sandboxes;     // Oldest first.
  std::vector<ContainerInfo> containers;  // Oldest first.
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_POD_INFO_H_
