// A real pod to which things are done, and what plegd must say of it.
//
//   ScriptedPod pod(node, {.name = "web", .uid = "1234"});
//   pod.RunSandbox();
//   pod.StartContainer("app");
//   pod.Exit("app", 3);
//   EXPECT_EQ(Describe(events of 1234), pod.expected_events());
//
// Expectations follow from the actions alone, nothing is asked of the runtime. They hold if each
// action was seen by plegd before the next one was taken.

#ifndef PLEGD_TEST_CONTAINERD_SCRIPTED_POD_H_
#define PLEGD_TEST_CONTAINERD_SCRIPTED_POD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "plegd/v1/event.pb.h"
#include "plegd/v1/pod.pb.h"
#include "test/containerd/containerd_fixture.h"

namespace plegd_testing {

// "ContainerDied app 4f2a… exit 3", "ContainerStarted sandbox 77c0…".
std::string Describe(const plegd::v1::Event& event);

// A line for each sandbox and container, in the order given: "app 4f2a… exited 3 restarts 0".
std::string Describe(const plegd::v1::PodStatus& status);

// An action on a container concerns the youngest of that name, on a sandbox the youngest, unless it
// says otherwise; NOT_FOUND without one, else the runtime's own error. Thread-compatible.
class ScriptedPod {
 public:
  // `node` must outlive the pod.
  ScriptedPod(Containerd& node, PodSpec spec);

  const PodSpec& spec() const { return spec_; }

  // The next attempt.
  absl::Status RunSandbox();
  // Kills what still runs in it, which must be one container at most: the order of two is open.
  absl::Status StopSandbox();
  // The oldest, with its containers; one at most.
  absl::Status RemoveOldestSandbox();

  // Makes and starts the next instance of the name.
  absl::Status StartContainer(const std::string& name);
  absl::Status Exit(const std::string& name, int32_t exit_code);
  absl::Status Kill(const std::string& name);
  // The oldest of the name, which must have ended.
  absl::Status RemoveOldest(const std::string& name);
  // Makes and starts an instance and waits until it has ended, as one action: a plegd that does not
  // look meanwhile sees a death only.
  absl::Status RunToEnd(const std::string& name, int32_t exit_code);

  // Of the youngest instance; empty if there is none.
  std::string ContainerIdOf(const std::string& name) const;

  const std::vector<std::string>& expected_events() const { return expected_events_; }
  // As Describe says it; empty if nothing is left of the pod.
  std::string ExpectedStatus() const;

 private:
  struct Sandbox {
    std::string id;
    uint32_t attempt;
    bool ready;
  };
  struct Container {
    std::string id;
    std::string name;
    std::string sandbox_id;
    uint32_t attempt;
    std::optional<int32_t> exit_code;  // none while it runs
  };

  Container* Youngest(const std::string& name);
  uint32_t NextAttempt(const std::string& name) const;
  absl::StatusOr<std::string> CreateContainer(const std::string& name,
                                              std::vector<std::string> command);
  void Died(Container& container, int32_t exit_code);
  void Expect(absl::string_view type, absl::string_view what, absl::string_view id);

  Containerd& node_;
  const PodSpec spec_;
  // Oldest first.
  std::vector<Sandbox> sandboxes_;
  std::vector<Container> containers_;
  std::vector<std::string> expected_events_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_CONTAINERD_SCRIPTED_POD_H_
