// Which runtime to use, and why: what somebody has asked for, else what answers.
//
//   absl::StatusOr<DiscoveryResult> result = Discover(settings, {.probe = [](const Endpoint& e) {
//     return ProbeVersion(e, absl::Seconds(1));
//   }});

#ifndef PLEGD_RUNTIME_DISCOVERY_H_
#define PLEGD_RUNTIME_DISCOVERY_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/config_file.h"
#include "runtime/discovery_access.h"
#include "runtime/discovery_settings.h"
#include "runtime/endpoint.h"
#include "runtime/handshake.h"

namespace runtime {

// What was found at a socket, in the order of preference. When nobody was asked for, those up to
// kDenied may be used although they do not answer: a runtime that hangs or is away is what plegd is
// there to diagnose. The rest will never answer as they are.
enum class CandidateState {
  kAnswers,    // Version
  kSilent,     // accepts connections and does not answer: a runtime that hangs
  kFails,      // answers Version with an error, or ends the connection
  kNoAccept,   // nobody accepts connections: a runtime that is away, or its backlog is full
  kDenied,     // plegd may not use the socket
  kNoCri,      // speaks gRPC but not CRI v1
  kNotSocket,  // something else is there
  kMissing,
};

// "accepts connections, does not answer".
absl::string_view CandidateStateText(CandidateState state);

// Thread-compatible.
struct CandidateReport {
  Endpoint endpoint;
  CandidateState state = CandidateState::kMissing;
  std::optional<pleg::RuntimeVersion> identity = {};  // of one that answers
  std::string line = {};                              // for people; begins with the socket's path
};

// Thread-compatible.
struct DiscoveryResult {
  std::optional<Endpoint> endpoint;  // nothing: every candidate is out of the question
  std::string reason;      // "flag --runtime-endpoint", "first socket that answers Version", …
  bool asked_for = false;  // a setting names it; else it was found by probing
  std::vector<CandidateReport> candidates;  // what was looked at, in order
  std::vector<std::string> notes;           // files passed over, a line each
};

// All that touches the machine.
struct DiscoverySeams {
  ReadFile read_file = ReadConfigFile;
  std::function<absl::Status(const std::string& path)> check_socket = CheckAccess;
  // Version at an endpoint whose socket accepts connections. Takes a bounded time; required.
  std::function<absl::StatusOr<pleg::RuntimeVersion>(const Endpoint&)> probe;
  // Tried in order when no setting names an endpoint.
  std::vector<Endpoint> candidates = DefaultEndpoints();
  // Docker's own containerd has CRI switched off; it is told of, never used. Empty: not looked for.
  std::string docker_containerd = "/run/docker/containerd/containerd.sock";
};

// An endpoint that a setting names is used whatever its state, which is in the one report. Without
// one the candidates are probed in order until one answers; if none does, the first of the best
// state up to kDenied is used. Nothing is found where no candidate has such a state; look again
// later. Blocks for one probe per socket that accepts connections and does not answer. The error
// is that of FindSetting. Thread-safe if the seams are.
absl::StatusOr<DiscoveryResult> Discover(const DiscoverySettings& settings,
                                         const DiscoverySeams& seams);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_DISCOVERY_H_
