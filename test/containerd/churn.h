// Real pods to which things are done all the time, while the runtime lives and while it does not.
//
//   Churn churn(node, plegd->event_log(), {.pods = 8, .seed = 1});
//   churn.Start();
//   node.Kill();
//   node.Restart();
//   churn.Stop();
//   EXPECT_EQ(churn.Verdict(), "");
//
// One thread walks around the pods and does one random thing to each whose last change has been
// told, so that every expectation is exact: ScriptedPod. What a dying runtime did of a call that it
// did not answer is asked of its successor. A pod that has been removed makes room for a new one.

#ifndef PLEGD_TEST_CONTAINERD_CHURN_H_
#define PLEGD_TEST_CONTAINERD_CHURN_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "test/containerd/containerd_fixture.h"
#include "test/containerd/event_tail.h"
#include "test/containerd/scripted_pod.h"

namespace plegd_testing {

struct ChurnOptions {
  size_t pods = 8;
  uint64_t seed = 1;
};

// Start and Stop are for one thread, the counters for any; all else is for after Stop.
class Churn {
 public:
  // `node` must outlive this object; nobody else may handle its pods meanwhile.
  Churn(Containerd& node, const std::string& event_log, ChurnOptions options);
  ~Churn() { Stop(); }

  // A pod of the caller's that is left alone, so that all there is on the node is known. Before
  // Start.
  void AddBystander(const ScriptedPod& pod) { bystanders_.push_back(&pod); }

  void Start();
  // Blocks until the action under way is done and a call that failed has been resolved, for which
  // the runtime must answer. Can be started again.
  void Stop();

  uint64_t actions() const { return actions_; }
  // Calls that failed since the runtime was gone.
  uint64_t failed_calls() const { return failed_calls_; }
  // Containers whose end a runtime that was killed has missed for good; their pods are left alone.
  uint64_t lost_exits() const { return lost_exits_; }
  uint64_t pods_made() const { return pods_made_; }
  uint64_t events_told() const { return events_told_; }
  // The longest that any pod has waited for what was done to it to be told, and waits now.
  absl::Duration longest_wait() const { return absl::Nanoseconds(longest_wait_.load()); }

  // Waits until all is told. What is wrong with the events, empty if nothing: lost, repeated, out
  // of order, of pods unknown; or lines that are no events.
  std::string Verdict();
  EventsByPod ExpectedEvents() const;
  // Every event as it was told, by pod.
  const EventTail& told() const { return tail_; }
  // By pod UID, as Describe says it: what the cache must hold.
  std::map<std::string, std::string> ExpectedStatuses() const;

 private:
  struct Pod {
    ScriptedPod script;
    bool unresolved = false;
    bool gone = false;
    absl::Time changed_at = absl::InfinitePast();
  };

  void Run();
  // Whether there was anything to do.
  bool Visit(Pod& pod);
  void Replace();
  absl::Status Act(ScriptedPod& pod);
  void Settle();
  size_t Pick(size_t count) { return random_() % count; }
  void AddPod();

  Containerd& node_;
  const ChurnOptions options_;
  std::mt19937_64 random_;
  EventTail tail_;
  // All there ever were; they stay where they are.
  std::deque<Pod> pods_;
  std::vector<Pod*> alive_;
  std::vector<const ScriptedPod*> bystanders_;
  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> actions_ = 0, failed_calls_ = 0, lost_exits_ = 0, pods_made_ = 0;
  std::atomic<uint64_t> events_told_ = 0;
  std::atomic<int64_t> longest_wait_ = 0;
  std::thread thread_;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_CONTAINERD_CHURN_H_
