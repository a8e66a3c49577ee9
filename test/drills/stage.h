// Pods on a real containerd, and what can be done to one of them.
//
//   Stage stage(node);
//   stage.AddPods();
//   stage.StopShim();   …   stage.ContinueShim();

#ifndef PLEGD_TEST_DRILLS_STAGE_H_
#define PLEGD_TEST_DRILLS_STAGE_H_

#include <sys/types.h>

#include <future>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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

  static constexpr char kNamespace[] = "shop";

  // `node` outlives the stage.
  // `node` runs.
  explicit Stage(Containerd& node);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Three, in the namespace kNamespace; the first one is the victim.
  absl::Status AddPods();
  const StagedPod& victim() const { return pods_.front(); }
  Containerd& node() const { return node_; }
  // See Incident: where plegd sees containerd's directories, and has neither a capability nor
  // root's group.
  std::vector<std::string> Starter(bool confined) const;

  // The victim's shim, stopped and continued. NOT_FOUND without one.
  absl::Status StopShim();
  void ContinueShim();
  // 0 if it is not stopped.
  pid_t stopped_shim() const { return stopped_shim_; }
  // The start of a killed containerd, which is not waited for.
  void BeginRestart();
  absl::Status AwaitRestart();
  // A pod more, whose CNI plugin does not return: it blocks until that runs.
  absl::Status HangNetwork();
  // Lets it return; blocks until the pod is there.
  absl::Status FreeNetwork();
  // That pod, which has no container yet, and the plugin's process.
  const StagedPod& unconnected() const { return unconnected_; }
  pid_t plugin() const { return plugin_; }
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
  const int mounts_;  // its mount namespace, which containerd's end does not end
  std::vector<StagedPod> pods_;
  std::future<absl::Status> update_;
  std::future<absl::Status> restart_;
  std::future<absl::StatusOr<std::string>> connecting_;
  StagedPod unconnected_;
  pid_t plugin_ = 0;
  pid_t stopped_shim_ = 0;
  std::string frozen_;  // the file that thaws it
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_DRILLS_STAGE_H_
