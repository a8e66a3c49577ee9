// How a command is written as one line.

#ifndef PLEGD_RUNTIME_SIM_CONTROL_LINE_H_
#define PLEGD_RUNTIME_SIM_CONTROL_LINE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sim {

// Words separated by blanks; "double quotes" hold blanks, with \" and \\ inside. kInvalidArgument
// for a quote without its end.
absl::StatusOr<std::vector<std::string>> SplitCommand(absl::string_view line);

// The inverse: one line. Control characters in words become spaces.
std::string JoinCommand(const std::vector<std::string>& words);

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_CONTROL_LINE_H_
