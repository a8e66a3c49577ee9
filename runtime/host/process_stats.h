// The stat of each process in sight.

#ifndef PLEGD_RUNTIME_HOST_PROCESS_STATS_H_
#define PLEGD_RUNTIME_HOST_PROCESS_STATS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "runtime/host/host_tree.h"
#include "runtime/host/proc_parse.h"

namespace runtime::host {

using ProcessStats = absl::flat_hash_map<int, ProcessStat>;  // by pid

// Adds what `proc`, a procfs, has to `stats`, at most `limit` processes and those of `wanted`.
// False if there may be more. What cannot be read is told in `problems`, but for what has ended.
bool ReadProcessStats(const HostTree& proc, size_t limit, const std::vector<int>& wanted,
                      ProcessStats& stats, std::vector<std::string>& problems);

// In the order in which they started, which is the same from look to look.
std::vector<const ProcessStat*> OldestFirst(const ProcessStats& stats);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PROCESS_STATS_H_
