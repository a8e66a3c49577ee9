// The one sentence that an operator needs first: is the node Ready, when does it stop to be, and
// what hangs. `status` begins with it, `check` is nothing else.

#ifndef PLEGD_CMD_PLEGCTL_HEADLINE_H_
#define PLEGD_CMD_PLEGCTL_HEADLINE_H_

#include <string>

#include "absl/time/time.h"
#include "cmd/plegctl/snapshot.h"
#include "cmd/plegctl/terminal.h"
#include "plegd/v1/calls.pb.h"

namespace plegctl {

enum class Level {
  kOk,
  kNotice,   // something is silent, but not for long, or without consequences yet
  kProblem,  // NotReady, soon to be, or silent for longer than patience
  kUnknown,  // plegd has not seen enough yet
};

// A silence shorter than this is an ordinary call.
inline constexpr absl::Duration kSilence = absl::Seconds(1);
// By default: a call without an answer for this long is a problem, whatever follows from it.
inline constexpr absl::Duration kPatience = absl::Seconds(30);
// A kubelet that goes NotReady within this is a problem, whatever the reason.
inline constexpr absl::Duration kSoon = absl::Seconds(60);

// Parts of the sentence, visible. Empty where there is nothing to say.
struct Headline {
  Level level = Level::kUnknown;
  std::string now;       // "PLEG healthy now"
  std::string forecast;  // "a kubelet <=1.31 goes NotReady in 2m41s"
  std::string cause;     // "ContainerStatus of default/web-0 (app) unanswered for 19s"
  std::string brief;    // the cause with the pod first, cut so that 80 bytes hold it with its level
  std::string subject;  // what is wrong with whom, without any age: the same while it is the same
  std::string page;     // of the verdict, where it is on this machine
};

Headline Judge(const Snapshot& snapshot, absl::Duration patience, const Terminal& terminal);

// "PLEG healthy now; a kubelet <=1.31 goes NotReady in 2m41s: ContainerStatus of … for 19s"
std::string Sentence(const Headline& headline);

// "PROBLEM: default/web-0 (app): ContainerStatus unanswered for 45s; a kubelet …"
std::string CheckLine(const Headline& headline);
// "PROBLEM: default/web-0 (app): ContainerStatus unanswered": changes only when what is wrong does.
std::string StableCheckLine(const Headline& headline);
// 0 fine, 1 problem, 2 unknown: as node-problem-detector and Nagios read them.
int CheckExitCode(Level level);

// "default/web-0 (app)"; a short id where no listing names the pod; empty for calls of no object.
std::string TargetName(const plegd::v1::CallTarget& target, const Terminal& terminal);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_HEADLINE_H_
