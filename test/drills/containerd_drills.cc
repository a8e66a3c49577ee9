#include <functional>
#include <memory>
#include <utility>

#include "test/drills/drill.h"
#include "test/drills/stage.h"

namespace plegd_testing {
namespace {

// What is done to a stage.
struct Act {
  // The diagnosis has to name the container of the stage's victim.
  bool names_victim = false;
  std::function<absl::Status(Stage&)> break_it = {};
  std::function<absl::Status(Stage&)> heal = {};
};

class ContainerdIncident : public Incident {
 public:
  ContainerdIncident(Containerd& containerd, Act act) : act_(std::move(act)), stage_(containerd) {}

  absl::Status Prepare() override { return stage_.AddPods(); }
  absl::Status Break() override { return act_.break_it(stage_); }
  absl::Status Heal() override { return act_.heal(stage_); }

  std::string node() const override { return "three pods on a private containerd"; }
  std::string endpoint() const override { return stage_.node().endpoint(); }
  std::string dir() const override { return stage_.node().dir(); }
  std::vector<Victim> victims() const override {
    if (!act_.names_victim) return {};
    return {{stage_.victim().container, "shop", stage_.victim().name}};
  }

 private:
  const Act act_;
  Stage stage_;
};

Drill OnContainerd(Drill drill, const Act& act) {
  drill.real = true;
  drill.make = [act](DrillGround& ground) -> absl::StatusOr<std::unique_ptr<Incident>> {
    const absl::StatusOr<Containerd*> containerd = ground.containerd();
    if (!containerd.ok()) return containerd.status();
    return std::make_unique<ContainerdIncident>(**containerd, act);
  };
  return drill;
}

absl::Status BreakUpdate(Stage& stage) {
  stage.node().HoldUpdates();
  stage.BeginUpdate();
  return stage.node().WaitUntilUpdateIsHeld() ? absl::OkStatus()
                                              : absl::InternalError("the update is not held");
}

absl::Status HealUpdate(Stage& stage) {
  stage.node().ReleaseUpdates();
  return stage.AwaitUpdate();
}

absl::Status ContinueShim(Stage& stage) {
  stage.ContinueShim();
  return absl::OkStatus();
}

absl::Status UpdateBehindStoppedShim(Stage& stage) {
  if (absl::Status status = stage.StopShim(); !status.ok()) return status;
  stage.BeginUpdate();
  return absl::OkStatus();
}

absl::Status KillBehindStoppedShim(Stage& stage) {
  if (absl::Status status = stage.StopShim(); !status.ok()) return status;
  return stage.KillContainer();
}

std::vector<Drill> RuntimeDrills() {
  return {
      OnContainerd({.name = "runtime-stopped",
                    .summary = "SIGSTOP to containerd: it accepts connections and answers nothing",
                    .code = "RUNTIME_HUNG"},
                   {.break_it =
                        [](Stage& stage) {
                          stage.node().Freeze();
                          return absl::OkStatus();
                        },
                    .heal =
                        [](Stage& stage) {
                          stage.node().Thaw();
                          return absl::OkStatus();
                        }}),
      OnContainerd({.name = "runtime-killed",
                    .summary = "SIGKILL to containerd, started again later",
                    .code = "RUNTIME_DOWN",
                    .afterwards = "RUNTIME_RESTARTING"},
                   {.break_it =
                        [](Stage& stage) {
                          stage.node().Kill();
                          return absl::OkStatus();
                        },
                    .heal = [](Stage& stage) { return stage.node().Restart(); }}),
  };
}

std::vector<Drill> ContainerDrills() {
  const Act convoy = {.names_victim = true, .break_it = BreakUpdate, .heal = HealUpdate};
  const Act stopped_shim = {.names_victim = true,
                            .break_it = [](Stage& stage) { return stage.StopShim(); },
                            .heal = ContinueShim};
  return {
      OnContainerd(
          {.name = "convoy",
           .summary = "runc hangs in an update of one container: containerd holds that container's "
                      "lock, and lists of containers wait for it",
           .code = "LIST_LOCK_CONVOY"},
          convoy),
      OnContainerd({.name = "cold-convoy",
                    .summary = "a convoy, and plegd starts only then: it has never seen a list",
                    .code = "LIST_LOCK_CONVOY",
                    .cold = true},
                   convoy),
      OnContainerd({.name = "shim-stopped",
                    .summary = "SIGSTOP to the shim of one pod: nobody notices yet",
                    .code = "SHIM_UNRESPONSIVE"},
                   stopped_shim),
      OnContainerd({.name = "cold-shim-stopped",
                    .summary = "SIGSTOP to the shim of one pod, and plegd starts only then",
                    .code = "SHIM_UNRESPONSIVE",
                    .cold = true},
                   stopped_shim),
      OnContainerd({.name = "shim-convoy",
                    .summary = "SIGSTOP to the shim of one pod, then an update of its container",
                    .code = "LIST_LOCK_CONVOY"},
                   {.names_victim = true,
                    .break_it = UpdateBehindStoppedShim,
                    .heal =
                        [](Stage& stage) {
                          stage.ContinueShim();
                          return stage.AwaitUpdate();
                        }}),
      OnContainerd(
          {.name = "stale-state",
           .summary =
               "the process of a container is killed while its shim is stopped: CRI says RUNNING",
           .code = "STATE_STALE"},
          {.names_victim = true, .break_it = KillBehindStoppedShim, .heal = ContinueShim}),
      OnContainerd({.name = "frozen-cgroup",
                    .summary = "the cgroup of one container is frozen",
                    .code = "FROZEN_CGROUP"},
                   {.names_victim = true,
                    .break_it = [](Stage& stage) { return stage.Freeze(); },
                    .heal =
                        [](Stage& stage) {
                          stage.Thaw();
                          return absl::OkStatus();
                        }}),
  };
}

}  // namespace

std::vector<Drill> ContainerdDrills() {
  std::vector<Drill> drills = ContainerDrills();
  for (Drill& drill : RuntimeDrills()) drills.push_back(std::move(drill));
  return drills;
}

}  // namespace plegd_testing
