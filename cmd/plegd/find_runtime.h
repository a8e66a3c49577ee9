// Which runtime to relist: what is configured, else what is found.

#ifndef PLEGD_CMD_PLEGD_FIND_RUNTIME_H_
#define PLEGD_CMD_PLEGD_FIND_RUNTIME_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cmd/plegd/flags.h"
#include "runtime/endpoint.h"

namespace plegd {

struct FoundRuntime {
  std::optional<runtime::Endpoint> endpoint;  // empty: nothing is there yet, look again later
  std::string reason;                         // why this one, or why none; for people
  bool answered = false;
  std::vector<std::string> lines;  // what was looked at
};

// Blocks for up to a second for each socket that accepts connections and does not answer. The error
// is that of a setting that cannot be used.
absl::StatusOr<FoundRuntime> FindRuntime(const Flags& flags);

// What --find-runtime does: a line for each candidate on standard error, the endpoint on standard
// output. Returns the exit code: 0 if it answers, 3 if none does.
int PrintFoundRuntime(const Flags& flags);

}  // namespace plegd

#endif  // PLEGD_CMD_PLEGD_FIND_RUNTIME_H_
