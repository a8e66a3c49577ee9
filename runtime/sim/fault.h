// A fault: which calls it hits, and what it does to them. Faults are data; SimServer acts on them.
//
//   auto fault = ParseFault({"ContainerStatus", "--id", "4f1c…", "hang"});

#ifndef PLEGD_RUNTIME_SIM_FAULT_H_
#define PLEGD_RUNTIME_SIM_FAULT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/ids.h"
#include "runtime/sim/defect.h"
#include "runtime/sim/rpc.h"

namespace sim {

struct Fault {
  enum class Kind {
    kNone,       // Only slow.
    kHang,       // No answer until the fault is cleared; then the true one.
    kError,      // `code` and `message`.
    kOversized,  // The true reply, and so many `bytes` of an unknown field that it is too large.
    kLabel,      // A list has one more object, with a label of so many `bytes`.
    kObjects,    // A list has so many more objects, `bytes` of them; they are small.
    kEndless,    // A list as a stream has more objects, and more, until the client goes.
    kMalformed,  // `defect`.
    kDrop,       // The connection is closed.
  };

  std::optional<Rpc> rpc;  // None: every RPC.
  // Of a sandbox or container. Inspections: only calls for it. Lists: the item that is malformed.
  pleg::ContainerId id;
  absl::Duration latency;  // Before all else. The answer is that of the end of the wait.
  Kind kind = Kind::kNone;
  absl::StatusCode code = absl::StatusCode::kUnavailable;
  std::string message;
  size_t bytes = 0;
  Defect defect = Defect::kTruncated;
  // kHang, kError, kDrop: only after the reply's message (of a stream: its first), before the
  // status.
  bool mid_reply = false;
  std::optional<uint64_t> count;  // How many calls it hits; none: all.
  double share = 1;               // Of the calls it matches, in turn: 0.25 is every fourth. (0, 1].

  friend bool operator==(const Fault& a, const Fault& b) = default;
};

// What the kubelet's client refuses to receive, and then some.
inline constexpr size_t kOversizedDefault = size_t{17} << 20;

// RPC|* [--id ID] [latency=DURATION] [hang | error=CODE[:MESSAGE] | oversized[=BYTES] |
// label=BYTES | objects=N | endless | malformed[=DEFECT] | drop] [mid-reply] [count=N] [share=S].
// kInvalidArgument names the word that is wrong, also when a combination makes no sense (a list has
// no id to hang on).
absl::StatusOr<Fault> ParseFault(const std::vector<std::string>& words);

// As ParseFault reads it, in one line.
std::string FormatFault(const Fault& fault);

// A gRPC code by number ("14") or name ("UNAVAILABLE"), never OK; kInvalidArgument else.
absl::StatusOr<absl::StatusCode> ParseErrorCode(absl::string_view text);

// "17825792", "20MiB", "512KiB", "1GiB"; kInvalidArgument else.
absl::StatusOr<size_t> ParseBytes(absl::string_view text);

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_FAULT_H_
