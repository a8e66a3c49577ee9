// What plegd makes of a node that a test describes by the API's messages.

#ifndef PLEGD_CMD_PLEGCTL_TESTING_JUDGED_H_
#define PLEGD_CMD_PLEGCTL_TESTING_JUDGED_H_

#include "cmd/plegctl/snapshot.h"
#include "plegd/v1/evidence.pb.h"

namespace plegctl_testing {

// The evidence that a plegd would have that answers so. Needs node, calls and relists.
plegd::v1::Evidence EvidenceOf(const plegctl::Snapshot& snapshot);
// Sets the diagnosis to that of this evidence.
void Judge(plegctl::Snapshot& snapshot);

}  // namespace plegctl_testing

#endif  // PLEGD_CMD_PLEGCTL_TESTING_JUDGED_H_
