// plegd's API without a transport: each call of plegd.v1.Plegd as a function from request to
// message. Served over gRPC and as JSON over HTTP, and used in process.
//
//   NodeApi api(node, clock);
//   plegd::v1::Node node = api.GetNode();
//
// Answers come from snapshots. Only GetPod can wait, and answers by callback.

#ifndef PLEGD_API_NODE_API_H_
#define PLEGD_API_NODE_API_H_

#include <cstddef>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/request_limiter.h"
#include "api/user_quota.h"
#include "node/node_view.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"
#include "pleg/pod_cache.h"
#include "plegd/v1/calls.pb.h"
#include "plegd/v1/diagnosis.pb.h"
#include "plegd/v1/evidence.pb.h"
#include "plegd/v1/health.pb.h"
#include "plegd/v1/node.pb.h"
#include "plegd/v1/pod.pb.h"
#include "plegd/v1/relists.pb.h"
#include "plegd/v1/service.pb.h"

namespace api {

// Thread-safe.
class NodeApi {
 public:
  // GetPods that may wait at once, in all, of each user but root, and of these root's alone; more
  // are refused with kResourceExhausted.
  static constexpr size_t kMaxWaits = 256;
  static constexpr size_t kMaxWaitsOfUser = 64;
  static constexpr size_t kWaitsForRoot = 32;
  // How long GetPod waits if it is not told, and at most.
  static constexpr absl::Duration kDefaultWait = absl::Seconds(10);
  static constexpr absl::Duration kMaxWait = absl::Minutes(10);
  // A UID is cut off after so many bytes where an error quotes it.
  static constexpr size_t kMaxQuoted = 80;

  // Both outlive the API, which was started now.
  NodeApi(node::NodeControl& node, const pleg::Clock& clock);
  NodeApi(const NodeApi&) = delete;
  NodeApi& operator=(const NodeApi&) = delete;

  plegd::v1::Health GetHealth() const;
  plegd::v1::Node GetNode() const;
  plegd::v1::Calls GetCalls() const;
  plegd::v1::Relists GetRelists(const plegd::v1::GetRelistsRequest& request) const;
  plegd::v1::Diagnosis GetDiagnosis() const;
  plegd::v1::Evidence GetEvidence() const;
  plegd::v1::PodList ListPods() const;
  // The same, one after another: a list of all of a large node is several times what plegd needs to
  // know it.
  void ForEachPod(absl::FunctionRef<void(const plegd::v1::PodStatus& pod)> see) const;
  // Both take effect soon. kInvalidArgument for an empty UID; kNotFound for a pod that the runtime
  // does not list; kResourceExhausted for what request_limiter.h does not let through. Root has a
  // limiter of its own, which the others cannot use up.
  using User = UserQuota::User;  // who asks, if known
  absl::Status RequestRelist(const plegd::v1::RequestRelistRequest& request, const User& user = {});
  absl::Status RequestReinspect(const plegd::v1::RequestReinspectRequest& request,
                                const User& user = {});

  // The pod as the cache has it, or kInvalidArgument, kNotFound, kResourceExhausted, or
  // kDeadlineExceeded if nothing new enough came in time.
  using PodDone = absl::AnyInvocable<void(absl::StatusOr<pleg::CachedPod>)>;
  // A GetPod that waits. Thread-safe.
  class Wait;
  // A fresh one makes plegd ask the runtime if the cache knows the pod and request_limiter.h lets
  // it through; else it waits for the relist that is due anyway. `done` runs exactly once, before
  // this returns or later on the core's thread, unless it is cancelled or the core has stopped.
  // Null if it has run already.
  std::shared_ptr<Wait> GetPod(const plegd::v1::GetPodRequest& request, PodDone done,
                               const User& user = {});
  // `done` may still run while this returns, and will not be called afterwards, except by a core
  // that is running it.
  void Cancel(const std::shared_ptr<Wait>& wait);
  plegd::v1::PodStatus Describe(const pleg::CachedPod& pod) const;

  // GetPods that wait now.
  size_t waits() const;

 private:
  // Outlives the API if a Wait does.
  struct Waits {
    mutable pleg::Mutex mu;
    UserQuota quota ABSL_GUARDED_BY(mu){
        {.total = kMaxWaits, .per_user = kMaxWaitsOfUser, .for_root = kWaitsForRoot}};
  };

  // Whether plegd may be made to ask the runtime for the pod.
  absl::Status CheckRequest(const std::string& uid, const User& user);

  node::NodeControl& node_;
  const pleg::Clock& clock_;
  const pleg::MonoTime started_at_;
  RequestLimiter limiter_{clock_};
  RequestLimiter roots_limiter_{clock_};
  std::shared_ptr<Waits> waits_ = std::make_shared<Waits>();
};

}  // namespace api

#endif  // PLEGD_API_NODE_API_H_
