// A node that is watched, as everybody reads it: plegd, `plegctl --direct`, the API, the metrics,
// the status line and the pages.
//
//   void Serve(const node::NodeView& node) { … node.Assess()->diagnosis … node.Core()->pods_ready …
//   }
//
// Nothing here blocks or asks the runtime: all of it is what the core, the ledger and the probes
// have published.

#ifndef PLEGD_NODE_NODE_VIEW_H_
#define PLEGD_NODE_NODE_VIEW_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "node/assessment.h"
#include "pleg/call_stats.h"
#include "pleg/executor.h"
#include "pleg/health.h"
#include "pleg/history/call_history.h"
#include "pleg/history/relist_ring.h"
#include "pleg/ids.h"
#include "pleg/observer.h"
#include "pleg/pod_cache.h"
#include "pleg/pods_view.h"
#include "pleg/runtime_state.h"

namespace node {

// What never changes in a run.
struct Settings {
  std::string version = {};  // of this program
  std::string boot_id = {};  // names this run; may be empty
  absl::Duration relist_period = absl::Seconds(1);
  absl::Duration relist_threshold = absl::Minutes(3);
  absl::Duration runtime_request_timeout = absl::Minutes(2);  // of each of our own calls
  absl::Duration kubelet_request_timeout = absl::Minutes(2);  // the kubelet's
};

// What is known of the container runtime at one moment, for pages and answers. Thread-compatible.
struct RuntimeView {
  std::string endpoint;         // empty: none has been found yet
  std::string endpoint_reason;  // "flag --runtime-endpoint", "first socket that answers Version", …
  std::string connection;       // "up for 3m0s", or what is wrong with it
  absl::StatusOr<pleg::RuntimeVersion> version;  // or why it has not reported one
  std::vector<std::string> runtime_errors;       // the kubelet's, PLEG's included
  std::vector<std::string> network_errors;
  pleg::NodeReady node_ready;  // what the kubelet would post

  // "containerd 1.7.27", or why it is not known. Any bytes.
  std::string Identity() const;
};

// Thread-safe; what is returned by reference lives as long as the node.
class NodeView {
 public:
  virtual ~NodeView() = default;

  virtual const Settings& settings() const = 0;

  // What is thought of the node, at most a second old; never null. Makes it, on the caller's
  // thread, unless there is one that is fresh or another thread is making it: costs O(objects of
  // the node) then, below a millisecond.
  virtual std::shared_ptr<const Assessment> Assess() const = 0;
  // The last one that was made, for whom or whatever reason; never null. Makes nothing: the core
  // sees to it that one is made once something has changed.
  virtual std::shared_ptr<const Assessment> LastAssessment() const = 0;
  // Somebody looks closely: what is known of the host is brought up to date, soon. The assessment
  // after that has it.
  virtual void LookNow() const = 0;

  // The kubelet's own rule at this moment, to the nanosecond.
  virtual pleg::Verdict Healthy() const = 0;
  virtual RuntimeView Runtime() const = 0;
  // Of the last Status that was answered; empty before the first.
  virtual std::optional<pleg::RuntimeConditions> Conditions() const = 0;
  virtual std::shared_ptr<const pleg::PlegSnapshot> Core() const = 0;  // never null
  virtual std::shared_ptr<const pleg::PodsView> Pods() const = 0;      // never null
  virtual pleg::CallSnapshot Calls() const = 0;
  virtual const pleg::CallHistory& history() const = 0;
  virtual const pleg::RelistRing& relists() const = 0;
  virtual const pleg::PodCache& cache() const = 0;
  // How long ago the core's loop last turned.
  virtual absl::Duration LoopAge() const = 0;
};

// The same for a client that may also ask the node to look at a pod again. Changes nothing of the
// runtime.
class NodeControl : public NodeView {
 public:
  // See GenericPleg.
  virtual void RequestRelist(const pleg::PodUid& uid) = 0;
  virtual void RequestReinspect(const pleg::PodUid& uid) = 0;
  // Waits for a pod are begun and cancelled on this executor, the core's.
  using NodeView::cache;
  virtual pleg::PodCache& cache() = 0;
  virtual pleg::Executor& executor() = 0;
};

}  // namespace node

#endif  // PLEGD_NODE_NODE_VIEW_H_
