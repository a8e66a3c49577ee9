#include <functional>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "test/drills/drill.h"
#include "test/drills/stage.h"

namespace plegd_testing {
namespace {

// What is done to a stage, and who is to blame for it.
struct Act {
  std::function<absl::Status(Stage&)> break_it = {};
  std::function<absl::Status(Stage&)> heal = {};
  std::function<std::vector<Victim>(const Stage&)> victims = {};
  std::function<std::vector<std::string>(const Stage&)> words = {};
};

// plegd looks at the host every 10 s while all is well.
constexpr absl::Duration kBetweenLooks = absl::Seconds(10);

class ContainerdIncident : public Incident {
 public:
  ContainerdIncident(Containerd& containerd, Act act) : act_(std::move(act)), stage_(containerd) {}

  absl::Status Prepare() override { return stage_.AddPods(); }
  absl::Status Break() override { return act_.break_it(stage_); }
  absl::Status Heal() override { return act_.heal(stage_); }

  std::string node() const override { return "three pods on a private containerd"; }
  std::string endpoint() const override { return stage_.node().endpoint(); }
  std::string dir() const override { return stage_.node().dir(); }
  std::vector<std::string> starter(bool confined) const override {
    return stage_.Starter(confined);
  }
  std::vector<Victim> victims() const override {
    return act_.victims ? act_.victims(stage_) : std::vector<Victim>();
  }
  std::vector<std::string> words() const override {
    return act_.words ? act_.words(stage_) : std::vector<std::string>();
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

// It happens to a plegd that runs, and once more before one is started.
void AddBoth(const Drill& drill, const Act& act, std::vector<Drill>& drills) {
  drills.push_back(OnContainerd(drill, act));
  drills.push_back(Cold(drills.back()));
}

std::vector<Victim> VictimContainer(const Stage& stage) {
  return {{stage.victim().container, Stage::kNamespace, stage.victim().name}};
}

std::string Continue(pid_t pid) { return absl::StrCat("kill -CONT ", pid); }

std::vector<std::string> ContinueStoppedShim(const Stage& stage) {
  return {Continue(stage.stopped_shim())};
}

std::vector<std::string> Plugin(const Stage& stage, absl::string_view action) {
  return {absl::StrCat(PodNetwork::kPlugin, action, " (pid ", stage.plugin(), ")")};
}

absl::Status StopShim(Stage& stage) { return stage.StopShim(); }

absl::Status ContinueShim(Stage& stage) {
  stage.ContinueShim();
  return absl::OkStatus();
}

absl::Status HoldUpdate(Stage& stage) {
  stage.node().HoldUpdates();
  stage.BeginUpdate();
  return stage.node().WaitUntilUpdateIsHeld() ? absl::OkStatus()
                                              : absl::InternalError("the update is not held");
}

absl::Status ReleaseUpdate(Stage& stage) {
  stage.node().ReleaseUpdates();
  return stage.AwaitUpdate();
}

absl::Status UpdateBehindStoppedShim(Stage& stage) {
  if (absl::Status status = stage.StopShim(); !status.ok()) return status;
  stage.BeginUpdate();
  return absl::OkStatus();
}

absl::Status ContinueShimAndUpdate(Stage& stage) {
  stage.ContinueShim();
  return stage.AwaitUpdate();
}

absl::Status KillBehindStoppedShim(Stage& stage) {
  if (absl::Status status = stage.StopShim(); !status.ok()) return status;
  return stage.KillContainer();
}

void AddShims(std::vector<Drill>& drills) {
  AddBoth({.name = "convoy",
           .summary = "runc hangs in an update of one container: containerd holds that container's "
                      "lock, and lists of containers wait for it",
           .code = "LIST_LOCK_CONVOY",
           .dated_by_process = true},
          {.break_it = HoldUpdate, .heal = ReleaseUpdate, .victims = VictimContainer}, drills);
  drills.push_back(Confined(drills.back()));
  Act stopped = {.break_it = StopShim,
                 .heal = ContinueShim,
                 .victims = VictimContainer,
                 .words = ContinueStoppedShim};
  AddBoth({.name = "shim-stopped",
           .summary = "SIGSTOP to the shim of one pod: nobody notices yet",
           .code = "SHIM_UNRESPONSIVE",
           .dated_within = kBetweenLooks},
          stopped, drills);
  Act convoy = stopped;
  convoy.break_it = UpdateBehindStoppedShim;
  convoy.heal = ContinueShimAndUpdate;
  AddBoth({.name = "shim-convoy",
           .summary = "SIGSTOP to the shim of one pod, then an update of its container",
           .code = "LIST_LOCK_CONVOY"},
          convoy, drills);
  Act stale = stopped;
  stale.break_it = KillBehindStoppedShim;
  AddBoth({.name = "stale-state",
           .summary =
               "the process of a container is killed while its shim is stopped: CRI says RUNNING",
           .code = "STATE_STALE",
           .dated_within = kBetweenLooks},
          stale, drills);
  drills.push_back(Confined(drills.back()));
}

void AddHost(std::vector<Drill>& drills) {
  AddBoth({.name = "frozen-cgroup",
           .summary = "the cgroup of one container is frozen",
           .code = "FROZEN_CGROUP",
           .dated_within = kBetweenLooks},
          {.break_it = [](Stage& stage) { return stage.Freeze(); },
           .heal =
               [](Stage& stage) {
                 stage.Thaw();
                 return absl::OkStatus();
               },
           .victims = VictimContainer},
          drills);
  Act network = {.break_it = [](Stage& stage) { return stage.HangNetwork(); },
                 .heal = [](Stage& stage) { return stage.FreeNetwork(); },
                 .victims =
                     [](const Stage& stage) {
                       const Stage::StagedPod& pod = stage.unconnected();
                       return std::vector<Victim>{{pod.sandbox, Stage::kNamespace, pod.name}};
                     },
                 .words = [](const Stage& stage) { return Plugin(stage, " ADD"); }};
  AddBoth({.name = "network-hang",
           .summary = "the CNI plugin of a new pod does not return, so RunPodSandbox does not",
           .code = "CNI_STUCK",
           .dated_by_process = true},
          network, drills);
  // For whom it was called is in its environment alone, which root may not read as such.
  Drill confined = Confined(drills.back());
  network.victims = {};
  network.words = [](const Stage& stage) { return Plugin(stage, ""); };
  drills.push_back(OnContainerd(confined, network));
}

absl::Status KillRuntime(Stage& stage) {
  stage.node().Kill();
  return absl::OkStatus();
}

absl::Status StartRuntime(Stage& stage) { return stage.node().Restart(); }

absl::Status RestartBehindStoppedShim(Stage& stage) {
  if (absl::Status status = stage.StopShim(); !status.ok()) return status;
  stage.node().Kill();
  stage.BeginRestart();
  return absl::OkStatus();
}

absl::Status RestartedBehindStoppedShim(Stage& stage) {
  if (absl::Status status = RestartBehindStoppedShim(stage); !status.ok()) return status;
  return stage.AwaitRestart();
}

void AddRuntime(std::vector<Drill>& drills) {
  AddBoth({.name = "runtime-stopped",
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
               },
           .words =
               [](const Stage& stage) {
                 return std::vector<std::string>{Continue(stage.node().pid())};
               }},
          drills);
  AddBoth({.name = "runtime-killed",
           .summary = "SIGKILL to containerd, started again later",
           .code = "RUNTIME_DOWN"},
          {.break_it = KillRuntime, .heal = StartRuntime}, drills);
  drills.push_back(OnContainerd({.name = "runtime-restarted",
                                 .summary = "SIGKILL to containerd, started again at once",
                                 .code = "RUNTIME_RESTARTING"},
                                {.break_it =
                                     [](Stage& stage) {
                                       stage.node().Kill();
                                       return stage.node().Restart();
                                     },
                                 .heal = [](Stage& /*stage*/) { return absl::OkStatus(); }}));
}

// Before it serves its socket, containerd 1.6.20 asks the shim of each task for its pid, and waits
// 5 s for one that is stopped: 10 s for a pod of one container. Until then connections are refused.
// Then it runs `runc delete --force`, which kills the task; its processes stay zombies until the
// shim continues. The sandbox is listed as NOTREADY, the container as EXITED with 255 and the
// reason Unknown. In pods that share a pid namespace the delete of the sandbox hangs, too, for 5 s
// more: its first process, killed, waits in zap_pid_ns_processes, in state S, for the shim to reap
// others.
void AddRestartsBehindStoppedShims(std::vector<Drill>& drills) {
  const Act waits = {.break_it = RestartBehindStoppedShim,
                     .heal =
                         [](Stage& stage) {
                           stage.ContinueShim();
                           return stage.AwaitRestart();
                         },
                     .victims = VictimContainer,
                     .words = ContinueStoppedShim};
  AddBoth({.name = "restart-waits",
           .summary = "containerd is restarted while a shim is stopped: it refuses connections for "
                      "10 s",
           .code = "RUNTIME_RESTARTING"},
          waits, drills);
  Act given_up = waits;
  given_up.break_it = RestartedBehindStoppedShim;
  given_up.heal = ContinueShim;
  given_up.victims = [](const Stage& stage) {
    return std::vector<Victim>{{stage.victim().sandbox, Stage::kNamespace, stage.victim().name}};
  };
  AddBoth(
      {.name = "shim-given-up",
       .summary = "containerd was restarted while a shim was stopped: it serves again and calls "
                  "that shim's containers exited with 255",
       .code = "SHIM_UNRESPONSIVE",
       .slow = true},
      given_up, drills);
}

}  // namespace

std::vector<Drill> ContainerdDrills() {
  std::vector<Drill> drills;
  AddShims(drills);
  AddHost(drills);
  AddRuntime(drills);
  AddRestartsBehindStoppedShims(drills);
  return drills;
}

}  // namespace plegd_testing
