// The pods of a node at one moment, for readers on any thread: which ids belong to which pod, and
// which pods the core has not come to terms with.
//
//   std::shared_ptr<const PodsView> view = generic_pleg.Pods();

#ifndef PLEGD_PLEG_PODS_VIEW_H_
#define PLEGD_PLEG_PODS_VIEW_H_

#include <memory>
#include <vector>

#include "pleg/model.h"
#include "pleg/mono_time.h"

namespace pleg {

// A pod with a change that has not been inspected yet, or whose inspection failed.
struct UnsettledPod {
  std::shared_ptr<const Pod> pod;  // as last listed; never null
  MonoTime since;                  // start of the listing that showed it first
  bool failed = false;             // its last inspection ended with an error
};

// Immutable once shared.
struct PodsView {
  std::vector<std::shared_ptr<const Pod>> listed;  // in no particular order
  std::vector<UnsettledPod> unsettled;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_PODS_VIEW_H_
