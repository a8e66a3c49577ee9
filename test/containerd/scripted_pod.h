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

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "plegd/v1/event.pb.h"
#include "plegd/v1/pod.pb.h"
#include "runtime/v1/api.pb.h"
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
  // The same, but done only when the runtime says so, for one that may die meanwhile.
  absl::Status ExitAndAwait(const std::string& name, int32_t exit_code);
  // Whether such a one, asked by Resolve, still believes that the container runs.
  bool lost_an_exit() const { return lost_an_exit_; }
  absl::Status Kill(const std::string& name);
  // The oldest of the name, which must have ended.
  absl::Status RemoveOldest(const std::string& name);
  // Makes and starts an instance and waits until it has ended, as one action: a plegd that does not
  // look meanwhile sees a death only.
  absl::Status RunToEnd(const std::string& name, int32_t exit_code);

  // After an action that failed because the runtime died in the middle of it: takes over what the
  // runtime that is there now says of the pod, with the events that follow from it. Fails while the
  // runtime does not answer. A container may be left that was made and never started.
  absl::Status Resolve();
  // Starts that one.
  absl::Status StartWhatWasMade();

  // What can be done next.
  bool HasSandbox() const { return !sandboxes_.empty(); }
  bool SandboxIsReady() const { return HasSandbox() && sandboxes_.back().ready; }
  size_t sandboxes() const { return sandboxes_.size(); }
  size_t containers() const { return containers_.size(); }
  bool Runs() const;
  bool HasUnstarted() const;

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
    bool started = true;

    bool running() const { return started && !exit_code.has_value(); }
  };

  Container* Youngest(const std::string& name);
  absl::Status ResolveContainers(const runtime::v1::ListContainersResponse& list);
  void ResolveSandboxes(const runtime::v1::ListPodSandboxResponse& list);
  absl::Status Adopt(const runtime::v1::Container& listed);
  absl::StatusOr<std::string> CreateContainer(const std::string& name,
                                              std::vector<std::string> command);
  void Died(Container& container, int32_t exit_code);
  void Expect(absl::string_view type, absl::string_view what, absl::string_view id);

  Containerd& node_;
  const PodSpec spec_;
  // Oldest first.
  std::vector<Sandbox> sandboxes_;
  std::vector<Container> containers_;
  // An attempt that failed has used up its number.
  uint32_t next_sandbox_attempt_;
  std::map<std::string, uint32_t> next_attempt_;
  std::string told_to_exit_;  // id, until the runtime says that it has
  bool lost_an_exit_ = false;
  std::vector<std::string> expected_events_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_CONTAINERD_SCRIPTED_POD_H_
