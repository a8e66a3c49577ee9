#include "test/process/cri_sim_process.h"

#include <signal.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/sim/control_socket.h"

namespace plegd_testing {

absl::StatusOr<std::unique_ptr<CriSimProcess>> CriSimProcess::Start(
    const std::string& dir, std::vector<std::string> flags) {
  std::error_code error;
  std::filesystem::create_symlink(CRI_SIM_BINARY, dir + "/containerd", error);
  if (error) return absl::InternalError(absl::StrCat("link to cri-sim: ", error.message()));
  std::unique_ptr<CriSimProcess> sim(new CriSimProcess(dir, std::move(flags)));
  if (absl::Status status = sim->Begin(); !status.ok()) return status;
  return sim;
}

absl::Status CriSimProcess::Begin() {
  std::vector<std::string> argv = {dir_ + "/containerd", "--listen", endpoint()};
  argv.insert(argv.end(), flags_.begin(), flags_.end());
  absl::StatusOr<Subprocess> process = Subprocess::Spawn(argv, dir_ + "/cri-sim.log");
  if (!process.ok()) return process.status();
  process_.emplace(*std::move(process));
  if (WaitUntil([this] { return Control("stats").ok(); })) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("cri-sim does not start: ", ReadTail(dir_ + "/cri-sim.log")));
}

absl::StatusOr<std::string> CriSimProcess::Control(absl::string_view command) const {
  absl::StatusOr<sim::ControlReply> reply = sim::SendControl(socket_path() + ".ctl", command);
  if (!reply.ok()) return reply.status();
  if (reply->result == sim::ControlReply::Result::kOk) return std::move(reply->text);
  return absl::InvalidArgumentError(reply->text);
}

void CriSimProcess::Stop() const {
  if (pid() > 0) kill(pid(), SIGSTOP);
}

void CriSimProcess::Continue() const {
  if (pid() > 0) kill(pid(), SIGCONT);
}

}  // namespace plegd_testing
