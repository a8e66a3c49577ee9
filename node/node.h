// A node that is watched: the loop, the runtime, the core and what it remembers, the probes of host
// and kubelet, wired together. What plegd and `plegctl --direct` are made of.
//
//   Node node(options, clock, log, std::move(prober), {&metrics, &metrics});
//   node.Start([&] { manager.SetStatus(…); });   node.Connect(endpoint, "flag");   …   node.Stop();

#ifndef PLEGD_NODE_NODE_H_
#define PLEGD_NODE_NODE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "node/assessor.h"
#include "node/changes.h"
#include "node/lookout.h"
#include "node/node_view.h"
#include "node/options.h"
#include "pleg/diagnosis/sign_memory.h"
#include "pleg/event_hub.h"
#include "pleg/generic_pleg.h"
#include "pleg/history/call_history.h"
#include "pleg/history/fan_out.h"
#include "pleg/history/loop_watch.h"
#include "pleg/history/relist_ring.h"
#include "pleg/log.h"
#include "pleg/pod_cache.h"
#include "pleg/runtime_state.h"
#include "pleg/status_sweep.h"
#include "pleg/twin/twin_feed.h"
#include "runtime/cri_runtime.h"
#include "runtime/endpoint.h"
#include "runtime/event_loop.h"
#include "runtime/host/prober.h"
#include "runtime/socket_watcher.h"
#include "runtime/state_log.h"
#include "runtime/status_poller.h"

namespace node {

// Constructed, started, connected and stopped by the main thread; what a NodeView offers is
// thread-safe, as are the loop and the hub.
class Node final : public NodeControl {
 public:
  // Who else is told of what happens; null for nobody. They outlive the node.
  struct Observers {
    pleg::PlegObserver* pleg = nullptr;
    pleg::CallObserver* calls = nullptr;
  };
  // `clock` and `log` outlive the node. Without a prober nothing is known of the host.
  Node(Options options, const pleg::Clock& clock, pleg::Log& log,
       std::unique_ptr<runtime::host::Prober> prober, Observers observers);
  ~Node() override;  // stops
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Begins to watch, without a runtime yet. `tick` runs on the core's thread once a second, after
  // the node's own; may be empty.
  void Start(std::function<void()> tick);
  // What has been found so far, for people: nothing is connected to it.
  void SetEndpoint(std::string url, std::string reason);
  // Begins to relist the runtime there. Once, after Start.
  void Connect(const runtime::Endpoint& endpoint, std::string reason);
  // Ends everything but what others have been handed; waits for the task that runs, if any.
  // Idempotent. Nobody may wait for a pod any more.
  void Stop();

  pleg::EventHub& hub() { return hub_; }
  const runtime::EventLoop& loop() const { return loop_; }

  const Settings& settings() const override { return options_.settings; }
  std::shared_ptr<const Assessment> Assess() const override { return assessor_.Read(); }
  std::shared_ptr<const Assessment> LastAssessment() const override { return assessor_.Last(); }
  void LookNow() const override { lookout_.LookNow(); }
  pleg::Verdict Healthy() const override { return pleg_.Healthy(); }
  RuntimeView Runtime() const override;
  std::optional<pleg::RuntimeConditions> Conditions() const override { return state_.conditions(); }
  std::shared_ptr<const pleg::PlegSnapshot> Core() const override { return pleg_.Snapshot(); }
  std::shared_ptr<const pleg::PodsView> Pods() const override { return pleg_.Pods(); }
  pleg::CallSnapshot Calls() const override { return runtime_.Snapshot(); }
  const pleg::CallHistory& history() const override { return history_; }
  const pleg::RelistRing& relists() const override { return relists_; }
  const pleg::PodCache& cache() const override { return cache_; }
  absl::Duration LoopAge() const override { return clock_.Now() - loop_.LastTurn(); }

  void RequestRelist(const pleg::PodUid& uid) override { pleg_.RequestRelist(uid); }
  void RequestReinspect(const pleg::PodUid& uid) override { pleg_.RequestReinspect(uid); }
  pleg::PodCache& cache() override { return cache_; }
  pleg::Executor& executor() override { return loop_; }

 private:
  struct Endpoint {
    std::string url;  // empty while none is known
    std::string reason;
  };

  void TellBudget();
  void ListenToRuntime();
  // Once a second on the core's thread.
  void Tick();
  // Whether there is something new to think of. The core's.
  bool HasChanged();
  Endpoint LastEndpoint() const;
  // Any thread.
  std::shared_ptr<const Assessment> MakeAssessment() const;
  pleg::TwinFacts ReadTwinFacts() const;

  const Options options_;
  const std::string name_;  // NODE_NAME of the environment, else the host's name
  const std::vector<pleg::KubeletModel> kubelets_;
  const pleg::Clock& clock_;
  pleg::Log& log_;
  const pleg::MonoTime started_at_;

  runtime::EventLoop loop_;
  pleg::EventHub hub_;
  pleg::PodCache cache_;
  pleg::RuntimeState state_;
  runtime::StateLog story_;
  pleg::CallHistory history_;
  pleg::RelistRing relists_;
  pleg::LoopWatch loop_watch_;
  Changes changes_;
  pleg::PlegFanOut pleg_observers_;
  pleg::CallFanOut call_observers_;
  runtime::CriRuntime runtime_;
  runtime::StatusPoller poller_;
  pleg::GenericPleg pleg_;
  pleg::StatusSweep sweep_;
  Lookout lookout_;
  std::optional<runtime::SocketWatcher> watcher_;
  std::function<void()> tick_;
  bool started_ = false;

  // The core's.
  std::pair<uint64_t, uint64_t> seen_;  // changes and news, as of the last tick
  std::optional<pleg::RuntimeConditions> conditions_;

  mutable pleg::Mutex mu_;
  Endpoint endpoint_ ABSL_GUARDED_BY(mu_);
  mutable pleg::SignMemory memory_;  // of whoever makes an assessment: one at a time
  mutable Assessor assessor_;        // last: its first one is made of all the above
};

}  // namespace node

#endif  // PLEGD_NODE_NODE_H_
