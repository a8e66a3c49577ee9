// The simulation described as JSON.

#ifndef PLEGD_RUNTIME_SIM_REPORT_H_
#define PLEGD_RUNTIME_SIM_REPORT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "runtime/sim/fixed_world.h"
#include "runtime/sim/sim_runtime.h"
#include "runtime/sim/sim_server.h"

namespace sim {

// {"pods": [{"uid", "namespace", "name", "sandboxes": […], "containers": […]}]}, oldest first.
std::string PodsJson(const std::vector<PodInfo>& pods);
// {"sandboxes": [PodSandboxStatus…], "containers": [ContainerStatus…]}: the CRI's messages in
// protobuf's JSON, oldest pod first.
std::string DumpJson(SimRuntime& runtime);
std::string DumpJson(const FixedWorld& world);
// The last `count` changes, one object a line, oldest first.
std::string HistoryJson(const SimRuntime& runtime, size_t count);
// Calls per RPC, connections, and what this process has cost: CPU seconds, resident bytes.
std::string StatsJson(const SimServer& server);

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_REPORT_H_
