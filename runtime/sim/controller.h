// The commands of cri-sim's control socket, without the socket: one line in, one answer out.
//
//   Controller controller(&server);
//   ControlReply reply = controller.Execute("exit web/app 137 reason=OOMKilled");

#ifndef PLEGD_RUNTIME_SIM_CONTROLLER_H_
#define PLEGD_RUNTIME_SIM_CONTROLLER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/sim/sim_server.h"

namespace sim {

struct ControlReply {
  enum class Result {
    kOk = 0,
    kFailed = 1,  // The command is right, but the thing is not there or not in the state for it.
    kUsage = 2,   // Unknown command, missing or bad argument.
  };
  Result result = Result::kOk;
  std::string text;  // The output, ending in a newline or empty; of a failure one line without it.
};

// Thread-safe.
class Controller {
 public:
  // `server` must outlive this.
  explicit Controller(SimServer* server) : server_(server) {}

  ControlReply Execute(absl::string_view line);

 private:
  using Words = std::vector<std::string>;
  using Output = absl::StatusOr<std::string>;
  struct Command;
  static const std::vector<Command>& Commands();

  // Each gets the words after the command's name, their number checked.
  Output AddPod(const Words& words);
  Output AddContainer(const Words& words);
  Output NewAttempt(const Words& words);
  Output Start(const Words& words);
  Output Exit(const Words& words);
  Output SetState(const Words& words);
  Output MoveContainer(const Words& words);
  Output RemoveContainer(const Words& words);
  Output StopSandbox(const Words& words);
  Output RemoveSandbox(const Words& words);
  Output RemovePod(const Words& words);
  Output ChangeMany(const Words& words);
  Output AddExited(const Words& words);
  Output RemoveExited(const Words& words);
  Output Churn(const Words& words);
  Output Id(const Words& words);
  Output List(const Words& words);
  Output Dump(const Words& words);
  Output History(const Words& words);
  Output Stats(const Words& words);
  Output FaultCommand(const Words& words);
  Output AddFault(const Words& words);
  Output ClearFaults(const Words& words);
  Output Convoy(const Words& words);
  Output World(const Words& words);
  Output Freeze(const Words& words);
  Output Thaw(const Words& words);
  Output Drop(const Words& words);
  Output Help(const Words& words);

  // The id of the sandbox or container that the reference names.
  absl::StatusOr<pleg::ContainerId> FindContainer(const std::string& reference) const;
  absl::StatusOr<pleg::ContainerId> FindEither(const std::string& reference) const;
  SimRuntime& runtime() { return server_->runtime(); }

  SimServer* const server_;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_CONTROLLER_H_
