// `plegctl check`: what plegd judges, as a line and an exit code for node-problem-detector and
// Nagios. Nothing is judged here.
//
//   PROBLEM: LIST_LOCK_CONVOY shop/web-0 (app): ListContainers has been blocked for 44s by …

#ifndef PLEGD_CMD_PLEGCTL_CHECK_H_
#define PLEGD_CMD_PLEGCTL_CHECK_H_

#include <string>

#include "absl/time/time.h"
#include "plegd/v1/diagnosis.pb.h"

namespace plegctl {

enum class Level {
  kOk,
  kProblem,  // the first finding is of severity page, for `patience`, or the node is not Ready
  kUnknown,  // plegd has not seen enough yet
};

// What is younger than `patience`, while the node is Ready, is OK.
Level CheckLevel(const plegd::v1::Diagnosis& diagnosis, absl::Duration patience);

// Plain text without a line feed. Its first 80 bytes have the level, the code and the pod, whose
// name is cut in the middle if need be.
std::string CheckLine(const plegd::v1::Diagnosis& diagnosis, absl::Duration patience);
// Those alone: changes only when what is wrong does.
std::string StableCheckLine(const plegd::v1::Diagnosis& diagnosis, absl::Duration patience);

// 0 fine, 1 problem, 2 unknown.
int CheckExitCode(Level level);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_CHECK_H_
