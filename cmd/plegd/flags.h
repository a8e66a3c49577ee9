// The command line of plegd.
//
//   ParsedFlags parsed = ParseFlags(argc, argv);
//   if (parsed.exit_code.has_value()) return *parsed.exit_code;

#ifndef PLEGD_CMD_PLEGD_FLAGS_H_
#define PLEGD_CMD_PLEGD_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "node/options.h"
#include "pleg/log.h"
#include "runtime/host/host_sample.h"

namespace plegd {

struct Flags {
  std::string runtime_endpoint;  // empty: look for one
  std::string crictl_config;     // empty: CRI_CONFIG_FILE, else /etc/crictl.yaml
  bool find_runtime = false;
  node::Options node;
  std::vector<std::string> listen_addresses = {"127.0.0.1:10270"};
  bool enable_api = false;
  bool systemd_socket = false;
  std::vector<std::string> host_names;
  std::string api_socket = "unix:///run/plegd/plegd.sock";  // empty: none
  bool api_socket_given = false;                            // not by default
  bool host_probe = true;
  runtime::host::HostPaths host;
  std::string event_log;             // empty: none; "-": standard output
  uint64_t event_log_max_bytes = 0;  // of it and its PATH.old together; 0: no limit
  pleg::LogLevel log_level = pleg::LogLevel::kInfo;
  bool log_json = false;
  bool kubelet_metrics = false;
  bool legacy_metrics = false;
  std::string effective;  // all of the above as text, a line each
};

struct ParsedFlags {
  Flags flags;
  // Set when there is nothing more to do: 0 after --help or --version, 2 after an error, which has
  // been told on standard error in one line.
  std::optional<int> exit_code;
};

// Exit code of a command line or a start-up that cannot work.
inline constexpr int kExitUsage = 2;
// Of --find-runtime, when no runtime answers.
inline constexpr int kExitNoRuntime = 3;

ParsedFlags ParseFlags(int argc, char** argv);

}  // namespace plegd

#endif  // PLEGD_CMD_PLEGD_FLAGS_H_
