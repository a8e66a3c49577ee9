// Which objects of the node are in a state that does not last on a node that is well. Private to
// the diagnosis.

#ifndef PLEGD_PLEG_DIAGNOSIS_GATHER_OBJECTS_H_
#define PLEGD_PLEG_DIAGNOSIS_GATHER_OBJECTS_H_

#include <cstddef>
#include <vector>

#include "absl/time/time.h"
#include "pleg/diagnosis/evidence.h"
#include "pleg/mono_time.h"
#include "pleg/pods_view.h"

namespace pleg {

// Objects of one kind that are named, the oldest, or those of the most instances.
inline constexpr size_t kMaxLastingObjects = 20;
// Fewer sandboxes that are not ready are what finished pods leave.
inline constexpr uint32_t kNotReadyToTell = 20;

// Costs O(objects). Ages come from what plegd has listed, of a container that was created also from
// its creation by the wall clock, unless that lies ahead or before 1990.
std::vector<LastingEvidence> FindLasting(const PodsView& pods, MonoTime now, absl::Time wall_now);

// The pod alone.
ObjectRef PodRef(const Pod& pod);
ObjectRef RefOf(const Pod& pod, const ListedContainer& container);
ObjectRef RefOf(const Pod& pod, const ListedSandbox& sandbox);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_GATHER_OBJECTS_H_
