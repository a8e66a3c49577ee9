// The CRI's list filters: every condition that is set must hold; a label selector wants each of its
// labels to be there with exactly that value.

#ifndef PLEGD_RUNTIME_SIM_FILTER_H_
#define PLEGD_RUNTIME_SIM_FILTER_H_

#include <vector>

#include "runtime/sim/model.h"
#include "runtime/sim/world.h"
#include "runtime/v1/api.pb.h"

namespace sim {

// True when nothing is asked for. Presence of a state counts, also of state 0.
bool IsEmpty(const ::runtime::v1::PodSandboxFilter& filter);
bool IsEmpty(const ::runtime::v1::ContainerFilter& filter);

// What matches, in no particular order. With `id_prefixes`, an id that is the unambiguous beginning
// of one selects that one. Does not walk all items when the filter names an id or a pod's UID.
std::vector<Sandbox*> Select(World& world, const ::runtime::v1::PodSandboxFilter& filter,
                             bool id_prefixes);
std::vector<Container*> Select(World& world, const ::runtime::v1::ContainerFilter& filter,
                               bool id_prefixes);

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_FILTER_H_
