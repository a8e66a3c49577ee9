// A simulated runtime as a process of its own, which can be stopped and killed like a real one.
//
//   ASSERT_OK_AND_ASSIGN(auto runtime, CriSimProcess::Start(dir, {"--pods", "3"}));
//   runtime->Control("fault add ContainerStatus --id web/app hang");
//   runtime->Stop();

#ifndef PLEGD_TEST_PROCESS_CRI_SIM_PROCESS_H_
#define PLEGD_TEST_PROCESS_CRI_SIM_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "test/process/subprocess.h"

namespace plegd_testing {

// Killed by the destructor. Confined to one thread.
class CriSimProcess {
 public:
  // Its socket and log are in `dir`. `flags` beside --listen. As a process it is called containerd,
  // since it is by that name that a runtime is known on a host. Blocks until it answers.
  static absl::StatusOr<std::unique_ptr<CriSimProcess>> Start(const std::string& dir,
                                                              std::vector<std::string> flags);

  std::string endpoint() const { return "unix://" + socket_path(); }
  std::string socket_path() const { return dir_ + "/cri.sock"; }
  pid_t pid() const { return process_.has_value() ? process_->pid() : 0; }

  // A command of `cri-sim ctl`; its output. Blocks.
  absl::StatusOr<std::string> Control(absl::string_view command) const;

  // SIGSTOP and SIGCONT: it accepts, and answers nothing.
  void Stop() const;
  void Continue() const;
  // SIGKILL; blocks until it is dead. Begin starts another one and blocks until it answers; with
  // the same flags it has the same pods, whatever was done to them before.
  void Kill() { process_.reset(); }
  absl::Status Begin();

 private:
  CriSimProcess(std::string dir, std::vector<std::string> flags)
      : dir_(std::move(dir)), flags_(std::move(flags)) {}

  const std::string dir_;
  const std::vector<std::string> flags_;
  std::optional<Subprocess> process_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_PROCESS_CRI_SIM_PROCESS_H_
