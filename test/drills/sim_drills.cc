#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "test/drills/drill.h"
#include "test/drills/sim_incident.h"

namespace plegd_testing {
namespace {

Drill OnSim(Drill drill, const SimAct& act) {
  drill.make = [act](DrillGround&) -> absl::StatusOr<std::unique_ptr<Incident>> {
    return std::make_unique<SimIncident>(act);
  };
  return drill;
}

// It happens to a plegd that runs, and once more before one is started.
void AddBoth(const Drill& drill, const SimAct& act, std::vector<Drill>& drills) {
  drills.push_back(OnSim(drill, act));
  drills.push_back(Cold(drills.back()));
}

void AddHangs(std::vector<Drill>& drills) {
  AddBoth(
      {.name = "status-hang",
       .summary = "the status of one container hangs, and its pod changes",
       .code = "CONTAINER_STUCK"},
      {.victims = {"web-1/app"},
       .break_commands = {"fault add ContainerStatus --id web-1/app hang", "exit web-1/sidecar"}},
      drills);
  AddBoth({.name = "two-status-hangs",
           .summary = "the statuses of two containers hang, and their pods change",
           .code = "CONTAINER_STUCK"},
          {.victims = {"web-0/app", "web-2/sidecar"},
           .break_commands = {"fault add ContainerStatus --id web-0/app hang",
                              "fault add ContainerStatus --id web-2/sidecar hang",
                              "exit web-0/sidecar", "exit web-2/app"}},
          drills);
  AddBoth({.name = "sandbox-hang",
           .summary = "the status of one sandbox hangs, and its pod changes",
           .code = "SANDBOX_STUCK"},
          {.victims = {"web-2"},
           .break_commands = {"fault add PodSandboxStatus --id web-2 hang", "exit web-2/sidecar"}},
          drills);
  AddBoth(
      {.name = "silent-lag",
       .summary = "the same as status-hang where the kubelet is a new one, which stays Ready",
       .code = "SILENT_LAG"},
      {.plegd_flags = {"--kubelet.version", "1.34"},
       .victims = {"web-1/app"},
       .break_commands = {"fault add ContainerStatus --id web-1/app hang", "exit web-1/sidecar"}},
      drills);
  // Cold, plegd has every pod to inspect: that the kubelet has none the kubelet alone can tell.
  AddBoth({.name = "latent-hang",
           .summary = "the status of one container would hang, but its pod does not change",
           .code = "LATENT_HANG"},
          {.with_kubelet = true,
           .victims = {"web-1/app"},
           .break_commands = {"fault add ContainerStatus --id web-1/app hang"}},
          drills);
  // Cold, its name is in the shim's bundle, which only a real containerd has.
  drills.push_back(OnSim({.name = "list-hang",
                          .summary = "the list of containers hangs, and the status of one of them",
                          .code = "LIST_LOCK_CONVOY"},
                         {.victims = {"web-1/app"},
                          .break_commands = {"convoy web-1/app"},
                          .heal_commands = {"convoy clear"}}));
  AddBoth({.name = "sandbox-list-hang",
           .summary = "the list of sandboxes hangs, all else answers",
           .code = "RUNTIME_HUNG"},
          {.break_commands = {"fault add ListPodSandbox hang"}}, drills);
}

void AddLoads(std::vector<Drill>& drills) {
  AddBoth({.name = "too-many-dead",
           .summary = "18,500 exited containers: the list is larger than the kubelet can receive",
           .code = "MESSAGE_TOO_LARGE"},
          {.other_pods = 297,
           .break_commands = {"add-exited 18500"},
           .heal_commands = {"remove-exited"}},
          drills);
  AddBoth({.name = "dead-of-one-pod",
           .summary = "1,500 exited containers of one pod",
           .code = "TOO_MANY_DEAD"},
          {.victim_pods = {"web-1"},
           .break_commands = {"add-exited 1500 web-1"},
           .heal_commands = {"remove-exited"}},
          drills);
  AddBoth({.name = "too-many-changes",
           .summary = "300 pods change without a pause, and a status takes three seconds",
           .code = "TOO_MANY_CHANGES"},
          {.other_pods = 297,
           .break_commands = {"fault add PodSandboxStatus latency=3s",
                              "fault add ContainerStatus latency=3s", "churn 200"},
           .heal_commands = {"churn 0", "fault clear"}},
          drills);
}

void AddNodes(std::vector<Drill>& drills) {
  const SimAct slow = {.break_commands = {"fault add * latency=4s"}};
  SimAct slow_disk = slow;
  slow_disk.break_it = [](SimIncident& incident) {
    incident.host().SetIoPressure(65);
    return absl::OkStatus();
  };
  slow_disk.heal = [](SimIncident& incident) {
    incident.host().SetIoPressure(0);
    return absl::OkStatus();
  };
  AddBoth({.name = "slow-disk",
           .summary = "every call takes four seconds, and the host's tasks wait for its disk",
           .code = "NODE_IO_STARVED"},
          slow_disk, drills);
  SimAct blind = slow;
  blind.plegd_flags = {"--host-probe=off"};
  AddBoth({.name = "slow-calls",
           .summary = "every call takes four seconds, and nothing is known of the host",
           .code = "SILENT_LAG"},
          blind, drills);
}

constexpr absl::Duration kFrozenFor = absl::Minutes(4);

absl::Status FreezeKubelet(SimIncident& incident) {
  incident.kubelet().Freeze(kFrozenFor);
  return absl::OkStatus();
}

void AddKubelets(std::vector<Drill>& drills) {
  AddBoth({.name = "kubelet-frozen",
           .summary = "the kubelet's PLEG was last seen four minutes ago, the runtime is well",
           .code = "KUBELET_SIDE",
           .staged_age = kFrozenFor},
          {.with_kubelet = true,
           .break_it = FreezeKubelet,
           .heal =
               [](SimIncident& incident) {
                 incident.kubelet().Thaw();
                 return absl::OkStatus();
               }},
          drills);
}

void AddRuntimes(std::vector<Drill>& drills) {
  AddBoth({.name = "silent-runtime",
           .summary = "SIGSTOP to the runtime: it accepts connections and answers nothing",
           .code = "RUNTIME_HUNG"},
          {.heal_commands = {},
           .break_it =
               [](SimIncident& incident) {
                 incident.runtime().Stop();
                 return absl::OkStatus();
               },
           .heal =
               [](SimIncident& incident) {
                 incident.runtime().Continue();
                 return absl::OkStatus();
               }},
          drills);
  AddBoth({.name = "deadlocked-runtime",
           .summary = "the runtime's process is alive and answers nothing",
           .code = "RUNTIME_HUNG"},
          {.break_commands = {"freeze"}, .heal_commands = {"thaw"}}, drills);
  AddBoth({.name = "runtime-gone",
           .summary = "SIGKILL to the runtime, started again later",
           .code = "RUNTIME_DOWN"},
          {.heal_commands = {},
           .break_it =
               [](SimIncident& incident) {
                 incident.runtime().Kill();
                 return absl::OkStatus();
               },
           .heal = [](SimIncident& incident) { return incident.Restart(); }},
          drills);
  drills.push_back(OnSim({.name = "runtime-restarts",
                          .summary = "SIGKILL to the runtime, started again at once, three times",
                          .code = "RUNTIME_RESTARTING",
                          .afterwards = "RUNTIME_RESTARTING"},
                         {.heal_commands = {}, .break_it = [](SimIncident& incident) {
                            for (int i = 0; i < 3; ++i) {
                              incident.runtime().Kill();
                              if (absl::Status status = incident.Restart(); !status.ok()) {
                                return status;
                              }
                            }
                            return absl::OkStatus();
                          }}));
  AddBoth({.name = "cri-unsupported",
           .summary = "the runtime comes back without CRI v1",
           .code = "CRI_UNSUPPORTED"},
          {.break_commands = {"fault add * error=UNIMPLEMENTED:\"unknown service "
                              "runtime.v1.RuntimeService\"",
                              "drop-connections"}},
          drills);
  AddBoth(
      {.name = "runtime-errors", .summary = "lists end with an error", .code = "RUNTIME_ERRORS"},
      {.break_commands = {"fault add ListContainers error=INTERNAL:\"metadata.db is corrupt\""}},
      drills);
}

}  // namespace

std::vector<Drill> SimDrills() {
  std::vector<Drill> drills;
  AddHangs(drills);
  AddLoads(drills);
  AddNodes(drills);
  AddKubelets(drills);
  AddRuntimes(drills);
  return drills;
}

}  // namespace plegd_testing
