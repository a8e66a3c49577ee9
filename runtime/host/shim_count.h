// Which shims have outlived what they were started for.

#ifndef PLEGD_RUNTIME_HOST_SHIM_COUNT_H_
#define PLEGD_RUNTIME_HOST_SHIM_COUNT_H_

#include <optional>
#include <vector>

#include "pleg/diagnosis/host_evidence.h"
#include "runtime/host/host_sample.h"
#include "runtime/host/host_tracker.h"

namespace runtime::host {

// A shim counts as unlisted if what it was started for is not among the watched, which are to be
// all that is listed of what the look before has seen. Empty if there are none, or if it is not
// known what each was started for. Those of CRI-O (conmon) do not count: podman's look the same.
std::optional<pleg::ShimCount> CountShims(const HostSample& sample,
                                          const std::vector<WatchedObject>& watched);

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_SHIM_COUNT_H_
