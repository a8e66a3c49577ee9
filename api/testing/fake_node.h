// A node for tests of the API: what plegd would observe, and a cache whose core is a thread of its
// own or the test's.
//
//   FakeNode node(executor, clock);   NodeApi api(node.Info(), node.Sources(), clock);

#ifndef PLEGD_API_TESTING_FAKE_NODE_H_
#define PLEGD_API_TESTING_FAKE_NODE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/node_api.h"
#include "pleg/mutex.h"

namespace api::testing {

inline constexpr char kBootId[] = "0f3c1d2e-4b5a-4c6d-8e7f-001122334455";

// What is set is to be set before the API is asked. Requests are noted; thread-safe.
class FakeNode {
 public:
  // Both outlive the node.
  FakeNode(pleg::Executor& executor, const pleg::Clock& clock)
      : cache(executor), history(clock), relists(clock), clock_(clock), executor_(executor) {
    AddPod("u1", "default", "web", "s1", "c1", "nginx");
  }

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
    cache.Set(pleg::PodUid(uid), std::move(status), absl::OkStatus(), clock_.Now());
  }

  static NodeInfo Info() {
    return {.version = "1.2.3",
            .boot_id = kBootId,
            .relist_period = absl::Seconds(1),
            .relist_threshold = absl::Minutes(3),
            .runtime_request_timeout = absl::Minutes(2),
            .kubelet_request_timeout = absl::Minutes(2)};
  }
  NodeSources Sources() {
    return {.verdict = [this] { return verdict; },
            .runtime = [this] { return runtime; },
            .runtime_names =
                [] {
                  return RuntimeNames{"containerd", "v2.1.4", "v1"};
                },
            .core = [this] { return core; },
            .pods = [this] { return view; },
            .calls = [this] { return calls; },
            .twins = [this] { return twins; },
            .loop_lag = [] { return absl::Milliseconds(3); },
            .evidence = [this] { return evidence; },
            .request_relist = [this](const pleg::PodUid& uid) { Note("relist ", uid); },
            .request_reinspect = [this](const pleg::PodUid& uid) { Note("reinspect ", uid); },
            .history = history,
            .relists = relists,
            .cache = cache,
            .executor = executor_};
  }
  std::vector<std::string> requests() const {
    pleg::MutexLock lock(mu_);
    return requests_;
  }

  pleg::PodCache cache;
  pleg::CallHistory history;
  pleg::RelistRing relists;
  pleg::Verdict verdict{true, ""};
  RuntimeView runtime;
  std::shared_ptr<pleg::PlegSnapshot> core = std::make_shared<pleg::PlegSnapshot>();
  std::shared_ptr<pleg::PodsView> view = std::make_shared<pleg::PodsView>();
  pleg::CallSnapshot calls;
  std::vector<pleg::GenerationReport> twins;
  pleg::Evidence evidence;

 private:
  void Note(absl::string_view what, const pleg::PodUid& uid) {
    pleg::MutexLock lock(mu_);
    requests_.push_back(std::string(what) + uid.value());
  }

  const pleg::Clock& clock_;
  pleg::Executor& executor_;
  mutable pleg::Mutex mu_;
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mu_);
};

}  // namespace api::testing

#endif  // PLEGD_API_TESTING_FAKE_NODE_H_
