// The golden histories: reading them, and the runtime's answers that they hold.
//
//   History history = *LoadHistory(path);
//   RuntimeState state(history);
//   for (const Step& step : history.steps()) state.Apply(step), state.ListPodSandbox(), …

#ifndef PLEGD_TEST_GOLDEN_HISTORY_H_
#define PLEGD_TEST_GOLDEN_HISTORY_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/v1/api.pb.h"
#include "test/golden/history.pb.h"

namespace golden {

// The files of a directory, sorted.
std::vector<std::string> HistoryFiles(const std::string& directory);

// kInvalidArgument names the file when it is not exactly a History.
absl::StatusOr<History> LoadHistory(const std::string& path);

// What the runtime answers, step by step. Thread-compatible.
class RuntimeState {
 public:
  // `history` outlives the state.
  explicit RuntimeState(const History& history) : history_(history) {}

  // Moves on to `step`, which outlives the state.
  void Apply(const Step& step);

  absl::StatusOr<runtime::v1::ListPodSandboxResponse> ListPodSandbox() const;
  absl::StatusOr<runtime::v1::ListContainersResponse> ListContainers() const;
  absl::StatusOr<runtime::v1::PodSandboxStatusResponse> PodSandboxStatus(
      const std::string& id) const;
  absl::StatusOr<runtime::v1::ContainerStatusResponse> ContainerStatus(const std::string& id) const;

 private:
  // The step's error of that call; OK if it has none.
  absl::Status Error(absl::string_view rpc, absl::string_view id) const;

  const History& history_;
  const Step* step_ = nullptr;
  std::map<std::string, SandboxPart> sandboxes_;
  std::map<std::string, ContainerPart> containers_;
};

// An error as Go prints the gRPC status: "rpc error: code = Unavailable desc = …".
std::string GoStatusText(const absl::Status& status);

}  // namespace golden

#endif  // PLEGD_TEST_GOLDEN_HISTORY_H_
