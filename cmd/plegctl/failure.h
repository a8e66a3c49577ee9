// What to tell an operator whose plegd does not answer: what was tried, what it means, what to do.

#ifndef PLEGD_CMD_PLEGCTL_FAILURE_H_
#define PLEGD_CMD_PLEGCTL_FAILURE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace plegctl {

// A call that failed, and what is known of the socket since.
struct Failure {
  std::string call;     // GetNode
  absl::Status status;  // gRPC's code and message
  // errno of connecting to the socket afterwards; 0 if somebody accepted.
  int connect_error = 0;
};

// Where and how plegctl asked.
struct Attempt {
  std::string socket;  // a path
  absl::Duration timeout;
  std::string version;  // of plegctl
  // The command to try without plegd.
  std::string direct = "status --direct";
};

// Visible text.
struct Explanation {
  std::string what;                // one line, no period
  std::vector<std::string> hints;  // what to do, most likely first
};

Explanation Explain(const Failure& failure, const Attempt& attempt);

// The same in a line, for what one call of several got.
std::string Brief(const Failure& failure, const Attempt& attempt);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_FAILURE_H_
