// The kubelet's comparison of two observations of a pod (pkg/kubelet/pleg/generic.go, computeEvents
// and generateEvents).
//
//   for (Event& event : ComputeEvents(record.reported, record.current)) …

#ifndef PLEGD_PLEG_DIFF_H_
#define PLEGD_PLEG_DIFF_H_

#include <vector>

#include "pleg/event.h"
#include "pleg/model.h"

namespace pleg {

// The event types for one container or sandbox that went from `from` to `to`, in order: none, one,
// or Died then Removed.
std::vector<EventType> TransitionEvents(PlegState from, PlegState to);

// The events that lead from `reported` to `current`; null is a pod that is not there. Ordered by
// the IDs of the old containers, the old sandboxes, the new containers, the new sandboxes. An ID
// that names a container and a sandbox is the container. Contains kContainerChanged, which is never
// sent. seq, time and exit_code are not set.
std::vector<Event> ComputeEvents(const Pod* reported, const Pod* current);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIFF_H_
