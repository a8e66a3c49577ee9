// Which runtime to relist when the command line names none.

#ifndef PLEGD_CMD_PLEGD_FIND_RUNTIME_H_
#define PLEGD_CMD_PLEGD_FIND_RUNTIME_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/endpoint.h"

namespace plegd {

struct FoundRuntime {
  runtime::Endpoint endpoint;
  std::string reason;  // why this one, for people
  bool answered = false;
  std::vector<std::string> candidates;  // a line for each that was looked at
};

// The configured endpoint, or the first of the usual sockets that answers Version, or else the
// first that is there at all, or else containerd's, to wait for. Blocks up to a second a socket.
// The error is that of a malformed endpoint.
absl::StatusOr<FoundRuntime> FindRuntime(const std::string& configured);

// What --find-runtime does: a line for each candidate on standard error, the endpoint on standard
// output. Returns the exit code: 0 if one answers, 3 if none does.
int PrintFoundRuntime();

}  // namespace plegd

#endif  // PLEGD_CMD_PLEGD_FIND_RUNTIME_H_
