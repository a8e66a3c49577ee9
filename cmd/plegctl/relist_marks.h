// Relists as a row of marks: how long they took, the newest to the right.

#ifndef PLEGD_CMD_PLEGCTL_RELIST_MARKS_H_
#define PLEGD_CMD_PLEGCTL_RELIST_MARKS_H_

#include <cstddef>
#include <string>

#include "cmd/plegctl/terminal.h"
#include "plegd/v1/relists.pb.h"

namespace plegctl {

// One mark for each of the newest relists, at most `width`. The heights are the same on every node:
// up to 10ms, 30ms, 100ms, 300ms, 1s, 10s, 1m, longer. A relist that failed is "x"; the list that
// is out, if it has been for a second, is the last mark. In colour, if the terminal has any.
std::string RelistMarks(const plegd::v1::Relists& relists, size_t width, const Terminal& terminal);

// The slowest of each minute of the last hour.
std::string HourMarks(const plegd::v1::Relists& relists, const Terminal& terminal);

// "60 in 1m1s: median 12ms, slowest 48ms, 0 failed".
std::string RelistSummary(const plegd::v1::Relists& relists, const Terminal& terminal);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_RELIST_MARKS_H_
