// The command line of cri-sim.

#ifndef PLEGD_CMD_CRI_SIM_FLAGS_H_
#define PLEGD_CMD_CRI_SIM_FLAGS_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/sim/sim_runtime.h"
#include "runtime/sim/sim_server.h"

namespace cri_sim {

// `cri-sim`: serve.
struct ServeFlags {
  sim::RuntimeOptions runtime;
  sim::ServerOptions server;
  std::string control_path;
  // Serve what stands there; the other flags only for what it does not say.
  std::string world_path;
  bool runtime_name_given = false;
  bool events_given = false;
  // To be made for the sockets, for us alone; empty when the user said where they go.
  std::string private_directory;
};

// `cri-sim ctl`: send one command.
struct ControlFlags {
  std::string control_path;
  std::vector<std::string> command;
};

// What GetContainerEvents of a runtime of that name does by default.
sim::EventMode DefaultEvents(absl::string_view runtime_name);

// The end, with this exit code, when everything is said already: help, version, bad flags.
using ExitCode = int;

// Prints help and version to stdout, and one line about a bad flag to stderr (exit code 2).
std::variant<ServeFlags, ControlFlags, ExitCode> ParseFlags(int argc, char** argv);

}  // namespace cri_sim

#endif  // PLEGD_CMD_CRI_SIM_FLAGS_H_
