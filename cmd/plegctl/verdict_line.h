// plegd's verdict among what `status` and `check` say themselves.

#ifndef PLEGD_CMD_PLEGCTL_VERDICT_LINE_H_
#define PLEGD_CMD_PLEGCTL_VERDICT_LINE_H_

#include <string>

#include "absl/time/time.h"
#include "cmd/plegctl/headline.h"
#include "cmd/plegctl/snapshot.h"
#include "cmd/plegctl/terminal.h"

namespace plegctl {

// "LIST_LOCK_CONVOY: ListContainers has been blocked for …", visible; empty while plegd finds
// nothing, or does not tell.
std::string VerdictLine(const Snapshot& snapshot, const Terminal& terminal);

// Puts the verdict's code and pod before the cause, so that 80 bytes hold them, and raises the
// level: a notice if something is wrong, a problem if it is for `patience`.
void ApplyVerdict(const Snapshot& snapshot, absl::Duration patience, const Terminal& terminal,
                  Headline& headline);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_VERDICT_LINE_H_
