// plegctl's command line.

#ifndef PLEGD_CMD_PLEGCTL_FLAGS_H_
#define PLEGD_CMD_PLEGCTL_FLAGS_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "cmd/plegctl/completion.h"
#include "node/options.h"
#include "runtime/host/host_sample.h"

namespace plegctl {

enum class Command {
  kStatus,
  kCalls,
  kRelists,
  kPods,
  kPod,
  kExplain,
  kCheck,
  kVersion,
  kCompletion,
  kComplete,  // what a shell's completion asks for
};

enum class Output { kTable, kWide, kJson, kYaml };

// What --direct looks at, and asks: plegd's flags of these names.
struct DirectFlags {
  std::string runtime_endpoint;  // empty: look for one
  runtime::host::HostPaths host;
  node::Options node;
};

struct Flags {
  Command command = Command::kStatus;
  Output output = Output::kTable;
  std::string socket;  // a path
  absl::Duration timeout = absl::Seconds(2);
  bool no_color = false;
  bool no_trunc = false;
  std::string pod_namespace;  // empty: all
  bool watch = false;
  absl::Duration interval = absl::Seconds(1);
  bool direct = false;  // status, explain
  DirectFlags from_here;
  absl::Duration direct_for = absl::Seconds(5);
  bool all = false;                             // explain
  std::string record;                           // explain --from
  std::string save;                             // explain
  uint32_t rows = 0;                            // relists: 0 is all
  std::string query;                            // pod
  bool fresh = false;                           // pod
  absl::Duration patience = absl::Seconds(30);  // check
  bool no_ages = false;                         // check
  bool client_only = false;                     // version
  std::string shell;                            // completion
  std::vector<std::string> words;               // complete: what stands before the cursor
};

using ExitCode = int;
inline constexpr ExitCode kExitSuccess = 0;
inline constexpr ExitCode kExitProblem = 1;
inline constexpr ExitCode kExitUnknown = 2;

// The end when everything is said already: prints help to stdout, and one line about a command
// line that cannot be to stderr (exit code 2). Reads PLEGD_SOCKET.
std::variant<Flags, ExitCode> ParseFlags(int argc, const char* const* argv);

// All commands and flags, as ParseFlags knows them.
CommandTree DescribeCommands();

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_FLAGS_H_
