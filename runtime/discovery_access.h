// Whether plegd may use a socket, and if not, what stands in the way and what to do about it.

#ifndef PLEGD_RUNTIME_DISCOVERY_ACCESS_H_
#define PLEGD_RUNTIME_DISCOVERY_ACCESS_H_

#include <string>

#include "absl/status/status.h"

namespace runtime {

// CheckSocket, with an answer to "permission denied" that a person can act on: owner, group and
// mode of the socket or of the directory that may not be entered, who plegd runs as, and which
// identity would do. Does not block. Thread-safe.
absl::Status CheckAccess(const std::string& path);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_DISCOVERY_ACCESS_H_
