// A node for tests: what plegd would observe, as the test sets it, and a cache whose core is a
// thread of its own or the test's.
//
//   FakeNodeView node(executor, clock);   node.verdict = {false, "…"};   NodeApi api(node, clock);

#ifndef PLEGD_NODE_TESTING_FAKE_NODE_VIEW_H_
#define PLEGD_NODE_TESTING_FAKE_NODE_VIEW_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "node/node_view.h"
#include "pleg/diagnosis/diagnosis.h"
#include "pleg/mutex.h"
#include "pleg/testing/sim_executor.h"

namespace node::testing {

inline constexpr char kBootId[] = "0f3c1d2e-4b5a-4c6d-8e7f-001122334455";

// What is set is to be set before anybody reads. Requests are noted; thread-safe.
class FakeNodeView : public NodeControl {
 public:
  // Nothing that is posted runs. The clock outlives the node.
  explicit FakeNodeView(const pleg::Clock& clock)
      : FakeNodeView(std::make_unique<pleg::testing::SimExecutor>(), clock) {}
  // Both outlive the node.
  FakeNodeView(pleg::Executor& executor, const pleg::Clock& clock)
      : pods(executor),
        call_history(clock),
        relist_ring(clock),
        clock_(clock),
        executor_(executor) {
    AddPod("u1", "default", "web", "s1", "c1", "nginx");
    assessment->evidence.self.loop_lag = absl::Milliseconds(3);
    Judge();
  }

  void Judge() { assessment->diagnosis = pleg::Diagnose(assessment->evidence); }
  // A pod with a sandbox and a container, in the listing alone.
  void AddPod(absl::string_view uid, absl::string_view name_space, absl::string_view name,
              absl::string_view sandbox, absl::string_view container, absl::string_view image) {
    auto pod = std::make_shared<pleg::Pod>();
    pod->uid = pleg::PodUid(uid);
    pod->pod_namespace = std::string(name_space);
    pod->name = std::string(name);
    auto s = std::make_shared<pleg::SandboxInfo>();
    s->id = pleg::ContainerId(sandbox);
    pod->sandboxes.push_back({std::move(s), pleg::SandboxState::kReady});
    auto c = std::make_shared<pleg::ContainerInfo>();
    c->id = pleg::ContainerId(container);
    c->name = std::string(image);
    pod->containers.push_back({std::move(c), pleg::ContainerState::kRunning});
    view->listed.push_back(std::move(pod));
  }
  // What an inspection of the pod would have put into the cache. Core's thread.
  void Observe(absl::string_view uid, absl::string_view name_space, absl::string_view name) {
    auto status = std::make_shared<pleg::PodStatus>();
    status->uid = pleg::PodUid(uid);
    status->pod_namespace = std::string(name_space);
    status->name = std::string(name);
    pods.Set(pleg::PodUid(uid), std::move(status), absl::OkStatus(), clock_.Now());
  }

  const Settings& settings() const override { return options; }
  std::shared_ptr<const Assessment> Assess() const override { return assessment; }
  std::shared_ptr<const Assessment> LastAssessment() const override { return assessment; }
  void LookNow() const override { ++looks; }
  pleg::Verdict Healthy() const override { return verdict; }
  RuntimeView Runtime() const override { return runtime; }
  std::optional<pleg::RuntimeConditions> Conditions() const override { return conditions; }
  std::shared_ptr<const pleg::PlegSnapshot> Core() const override { return core; }
  std::shared_ptr<const pleg::PodsView> Pods() const override { return view; }
  pleg::CallSnapshot Calls() const override { return calls; }
  const pleg::CallHistory& history() const override { return call_history; }
  const pleg::RelistRing& relists() const override { return relist_ring; }
  const pleg::PodCache& cache() const override { return pods; }
  absl::Duration LoopAge() const override { return loop_age; }
  void RequestRelist(const pleg::PodUid& uid) override { Note("relist ", uid); }
  void RequestReinspect(const pleg::PodUid& uid) override { Note("reinspect ", uid); }
  pleg::PodCache& cache() override { return pods; }
  pleg::Executor& executor() override { return executor_; }

  std::vector<std::string> requests() const {
    pleg::MutexLock lock(mu_);
    return requests_;
  }

  Settings options = {.version = "1.2.3", .boot_id = kBootId};
  pleg::PodCache pods;
  pleg::CallHistory call_history;
  pleg::RelistRing relist_ring;
  pleg::Verdict verdict{true, ""};
  RuntimeView runtime = {.version = pleg::RuntimeVersion{"containerd", "v2.1.4", "v1"}};
  std::optional<pleg::RuntimeConditions> conditions;
  std::shared_ptr<pleg::PlegSnapshot> core = std::make_shared<pleg::PlegSnapshot>();
  std::shared_ptr<pleg::PodsView> view = std::make_shared<pleg::PodsView>();
  pleg::CallSnapshot calls;
  absl::Duration loop_age = absl::Milliseconds(3);
  // Change it, then Judge(): the diagnosis is that of the evidence.
  std::shared_ptr<Assessment> assessment = std::make_shared<Assessment>();
  mutable std::atomic<int> looks = 0;

 private:
  FakeNodeView(std::unique_ptr<pleg::Executor> own, const pleg::Clock& clock)
      : FakeNodeView(*own, clock) {
    own_ = std::move(own);
  }
  void Note(absl::string_view what, const pleg::PodUid& uid) {
    pleg::MutexLock lock(mu_);
    requests_.push_back(std::string(what) + uid.value());
  }

  const pleg::Clock& clock_;
  std::unique_ptr<pleg::Executor> own_;
  pleg::Executor& executor_;
  mutable pleg::Mutex mu_;
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mu_);
};

}  // namespace node::testing

#endif  // PLEGD_NODE_TESTING_FAKE_NODE_VIEW_H_
