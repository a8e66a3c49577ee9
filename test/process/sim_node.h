// A simulated node for tests of the daemon: a runtime served in this process, its faults, and what
// its event log and cache must come to.
//
//   SimNode node({.pods = 3});
//   ASSERT_OK(node.Serve());
//   ASSERT_OK_AND_ASSIGN(auto plegd, PlegdProcess::Start(node.endpoint(), node.dir()));
//   node.Shown();                      // plegd has listed what the node is now
//   node.Break("ListContainers hang");
//   …
//   node.Mend();
//   EXPECT_TRUE(node.AgreesWith(*plegd));

#ifndef PLEGD_TEST_PROCESS_SIM_NODE_H_
#define PLEGD_TEST_PROCESS_SIM_NODE_H_

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "plegd/v1/event.pb.h"
#include "runtime/sim/sim_runtime.h"
#include "runtime/sim/sim_server.h"
#include "test/process/plegd_process.h"
#include "test/process/scratch_dir.h"

namespace plegd_testing {

// The events that a node's history must have caused, told apart from plegd's own core: each object
// is followed by itself, from one shown state to the next. PodSync is left out, because it says
// nothing of an object. Thread-compatible.
class EventTruth {
 public:
  // A state that plegd has listed, or will list before the next one that is shown.
  void Show(const std::vector<sim::PodInfo>& pods);

  // Whether these are exactly the events of what was shown: of each object all of them, in order,
  // with the exit code where one is told.
  testing::AssertionResult Matches(const std::vector<plegd::v1::Event>& events) const;

 private:
  struct Object {
    std::string pod;
    bool running = false;
    bool exited = false;
    int exit_code = 0;
  };
  using Id = std::string;

  static std::map<Id, Object> Flatten(const std::vector<sim::PodInfo>& pods);
  void Expect(const Object& object, const Id& id, absl::string_view type);

  std::map<Id, Object> shown_;
  std::map<Id, int> exit_codes_;
  // "pod/id", and the types of its events in order.
  std::map<std::string, std::vector<std::string>> expected_;
};

// Thread-compatible.
class SimNode {
 public:
  explicit SimNode(sim::RuntimeOptions options = {});

  const std::string& dir() const { return dir_.path(); }
  std::string socket_path() const { return dir_.File("cri.sock"); }
  std::string endpoint() const { return "unix://" + socket_path(); }

  // Begins to answer at the socket; a runtime that was served before goes on with the same pods.
  absl::Status Serve(sim::ServiceOptions service = {}, absl::Duration status_latency = {});
  // As a runtime that ends: connections break, the socket goes.
  void StopServing() { server_ = nullptr; }

  sim::SimRuntime& runtime() { return *runtime_; }
  sim::SimServer& server() { return *server_; }

  // A fault as `cri-sim ctl fault add` takes it.
  void Break(absl::string_view fault);
  void Mend() { server_->faults().ClearAll(); }

  std::vector<sim::PodInfo> pods() const { return runtime_->Pods(); }
  sim::PodInfo pod(size_t index) const { return pods().at(index); }

  // Notes the node's state of now for AgreesWith.
  void Shown() { truth_.Show(pods()); }
  // Waits until the event log and the cache are what the node's shown states make of them, then for
  // two relists, after which they must still be: nothing lost, repeated or invented.
  testing::AssertionResult AgreesWith(const PlegdProcess& plegd) const;
  // Only what is there now.
  testing::AssertionResult EventsAgree(const PlegdProcess& plegd) const;
  testing::AssertionResult CacheAgrees(const PlegdProcess& plegd) const;

 private:
  const ScratchDir dir_;
  const std::shared_ptr<sim::SimRuntime> runtime_;
  std::unique_ptr<sim::SimServer> server_;
  EventTruth truth_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_PROCESS_SIM_NODE_H_
