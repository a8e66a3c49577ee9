// An incident on a simulated runtime, which needs no root: three pods web-0, web-1 and web-2 in the
// namespace shop, each of two containers app and sidecar, and others, on a host on which all is
// well, served by a cri-sim that does as it is told.

#ifndef PLEGD_TEST_DRILLS_SIM_INCIDENT_H_
#define PLEGD_TEST_DRILLS_SIM_INCIDENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "test/drills/calm_host.h"
#include "test/drills/fake_kubelet.h"
#include "test/drills/incident.h"
#include "test/process/cri_sim_process.h"
#include "test/process/sim_node.h"

namespace plegd_testing {

class SimIncident;

// What is done. Commands are those of `cri-sim ctl`.
struct SimAct {
  int other_pods = 0;
  std::vector<std::string> plegd_flags = {};
  // The kubelet is asked, too; its PLEG is well at first.
  bool with_kubelet = false;
  // Containers ("web-0/app") and sandboxes ("web-0") to be blamed, and pods as such.
  std::vector<std::string> victims = {};
  std::vector<std::string> victim_pods = {};
  std::vector<std::string> break_commands = {};
  std::vector<std::string> heal_commands = {"fault clear"};
  // After the commands.
  std::function<absl::Status(SimIncident&)> break_it = {};
  std::function<absl::Status(SimIncident&)> heal = {};
};

// As Incident.
class SimIncident : public Incident {
 public:
  explicit SimIncident(SimAct act) : act_(std::move(act)) {}

  absl::Status Prepare() override;
  absl::Status Break() override { return Do(act_.break_commands, act_.break_it); }
  absl::Status Heal() override { return Do(act_.heal_commands, act_.heal); }

  std::string node() const override;
  std::string endpoint() const override { return runtime_->endpoint(); }
  std::string dir() const override { return dir_.path(); }
  std::vector<std::string> plegd_flags() const override;
  std::vector<Victim> victims() const override { return victims_; }

  // From Prepare on, where it happens.
  CriSimProcess& runtime() const { return *runtime_; }
  const CalmHost& host() const { return host_; }
  FakeKubelet& kubelet() const { return *kubelet_; }
  // Starts the runtime anew once it was killed, with the same pods.
  absl::Status Restart();

 private:
  absl::Status Do(const std::vector<std::string>& commands,
                  const std::function<absl::Status(SimIncident&)>& action);
  absl::Status AddPods();
  absl::Status FindVictims();
  // Of a container or a sandbox.
  absl::StatusOr<std::string> IdOf(absl::string_view reference) const;

  const SimAct act_;
  const ScratchDir dir_;
  const CalmHost host_;
  std::unique_ptr<FakeKubelet> kubelet_;
  std::unique_ptr<CriSimProcess> runtime_;
  std::vector<Victim> victims_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_DRILLS_SIM_INCIDENT_H_
