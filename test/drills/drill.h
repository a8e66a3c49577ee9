// Incidents of real nodes, to be played on a real containerd: what breaks, what heals it, and what
// a diagnosis has to say meanwhile.
//
//   Stage stage(node);
//   stage.AddPods();
//   drill.break_it(stage);   …   drill.heal(stage);

#ifndef PLEGD_TEST_DRILLS_DRILL_H_
#define PLEGD_TEST_DRILLS_DRILL_H_

#include <sys/types.h>

#include <functional>
#include <future>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "test/containerd/containerd_fixture.h"

namespace plegd_testing {

// Pods of one drill. Confined to one thread. What is broken when it goes is healed.
class Stage {
 public:
  struct StagedPod {
    std::string name;
    std::string sandbox;
    std::string container;  // "app", which runs
  };

  // `node` outlives the stage.
  explicit Stage(Containerd& node) : node_(node) {}
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Three, in the namespace "shop"; the first one is the victim.
  absl::Status AddPods();
  const StagedPod& victim() const { return pods_.front(); }
  Containerd& node() { return node_; }

  // The victim's shim, stopped and continued. NOT_FOUND without one.
  absl::Status StopShim();
  void ContinueShim();
  // An update of the victim's container, which is not waited for.
  void BeginUpdate();
  absl::Status AwaitUpdate();
  // SIGKILL to the victim's processes.
  absl::Status KillContainer();
  // The victim's cgroup.
  absl::Status Freeze();
  void Thaw();

 private:
  absl::StatusOr<pid_t> ContainerPid() const;

  Containerd& node_;
  std::vector<StagedPod> pods_;
  std::future<absl::Status> update_;
  pid_t stopped_shim_ = 0;
  std::string frozen_;  // the file that thaws it
};

struct Drill {
  std::string name;
  std::string summary;  // what is done, in a line
  std::string code;     // what the diagnosis must be
  bool names_victim = false;
  bool cold = false;  // plegd is started when it is broken
  // What may still be said after it was healed, beside HEALTHY.
  std::string afterwards = {};
  std::function<absl::Status(Stage&)> break_it = {};
  std::function<absl::Status(Stage&)> heal = {};
};

// In the order in which they can follow each other on one containerd.
const std::vector<Drill>& Drills();
// Null if there is none of that name.
const Drill* FindDrill(absl::string_view name);

}  // namespace plegd_testing

#endif  // PLEGD_TEST_DRILLS_DRILL_H_
