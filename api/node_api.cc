#include "api/node_api.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "api/evidence_proto.h"
#include "api/node_messages.h"
#include "api/pod_json.h"
#include "api/pod_token.h"
#include "pleg/utf8.h"

namespace api {
namespace {

using pleg::ToValidUtf8;

std::string Quoted(absl::string_view uid) {
  return absl::StrCat("\"", absl::CHexEscape(uid.substr(0, NodeApi::kMaxQuoted)), "\"");
}

absl::Status NoSuchPod(absl::string_view uid) {
  return absl::NotFoundError(absl::StrCat("no pod has the UID ", Quoted(uid)));
}

absl::Status CheckUid(absl::string_view uid) {
  return uid.empty() ? absl::InvalidArgumentError("uid is empty") : absl::OkStatus();
}

bool Exists(const pleg::CachedPod& pod) { return pod.found || pod.pending; }

absl::StatusOr<pleg::CachedPod> IfItExists(pleg::CachedPod pod, absl::string_view uid) {
  if (!Exists(pod)) return NoSuchPod(uid);
  return pod;
}

absl::StatusOr<absl::Duration> WaitOf(const plegd::v1::GetPodRequest& request) {
  const double seconds = request.timeout_seconds();
  if (!std::isfinite(seconds) || seconds < 0) {
    return absl::InvalidArgumentError("timeout_seconds is not a positive number");
  }
  if (seconds == 0) return NodeApi::kDefaultWait;
  return std::min(absl::Seconds(seconds), NodeApi::kMaxWait);
}

// The model knows the runtime's calls; a kubelet posts what the runtime says of its network, too.
pleg::GenerationReport AsPosted(pleg::GenerationReport twin,
                                const std::optional<pleg::RuntimeConditions>& conditions) {
  if (!conditions.has_value() || !conditions->network_ready.has_value()) return twin;
  const pleg::RuntimeCondition& network = *conditions->network_ready;
  if (network.status) return twin;
  pleg::TwinReport& report = twin.report;
  if (report.healthy) {
    report.condition = absl::StrCat("container runtime network not ready: ", network.ToString());
  }
  report.healthy = false;
  report.to_not_ready = absl::ZeroDuration();
  report.lasting = true;
  report.flapping.reset();
  report.silent = false;
  return twin;
}

}  // namespace

// The cache's part of it lives on the core's thread. It counts as long as it exists.
class NodeApi::Wait {
 public:
  // Null if there are too many.
  static std::shared_ptr<Wait> Make(const std::shared_ptr<Waits>& waits, const User& user) {
    pleg::MutexLock lock(waits->mu);
    return waits->quota.Take(user) ? std::shared_ptr<Wait>(new Wait(waits, user)) : nullptr;
  }
  ~Wait() {
    pleg::MutexLock lock(waits_->mu);
    waits_->quota.Return(user_);
  }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  std::atomic<bool> cancelled{false};
  pleg::PodCache::WaiterId id = 0;  // core's thread

 private:
  Wait(std::shared_ptr<Waits> waits, const User& user) : waits_(std::move(waits)), user_(user) {}

  const std::shared_ptr<Waits> waits_;
  const User user_;
};

NodeApi::NodeApi(node::NodeControl& node, const pleg::Clock& clock)
    : node_(node), clock_(clock), started_at_(clock.Now()) {}

plegd::v1::Health NodeApi::GetHealth() const {
  const pleg::Verdict verdict = node_.Healthy();
  const node::RuntimeView runtime = node_.Runtime();
  plegd::v1::Health health;
  health.set_pleg_healthy(verdict.healthy);
  health.set_pleg_reason(verdict.reason);
  health.set_node_ready(runtime.node_ready.ready);
  health.set_node_ready_reason(runtime.node_ready.reason);
  health.set_node_ready_message(ToValidUtf8(runtime.node_ready.message));
  for (const std::string& e : runtime.runtime_errors) health.add_runtime_errors(ToValidUtf8(e));
  for (const std::string& e : runtime.network_errors) health.add_network_errors(ToValidUtf8(e));
  health.set_runtime_endpoint(ToValidUtf8(runtime.endpoint));
  health.set_runtime_endpoint_reason(ToValidUtf8(runtime.endpoint_reason));
  health.set_runtime(ToValidUtf8(runtime.Identity()));
  return health;
}

plegd::v1::Node NodeApi::GetNode() const {
  plegd::v1::Node node;
  const node::Settings& settings = node_.settings();
  node.set_version(settings.version);
  node.set_boot_id(settings.boot_id);
  node.set_uptime_seconds(absl::ToDoubleSeconds(clock_.Now() - started_at_));
  TimeToProto(clock_.WallNow(), *node.mutable_time());
  const node::RuntimeView runtime = node_.Runtime();
  if (runtime.version.ok()) {
    node.set_runtime_name(ToValidUtf8(runtime.version->name));
    node.set_runtime_version(ToValidUtf8(runtime.version->version));
    node.set_runtime_api_version(ToValidUtf8(runtime.version->api_version));
  }
  node.set_runtime_endpoint(ToValidUtf8(runtime.endpoint));
  node.set_runtime_endpoint_reason(ToValidUtf8(runtime.endpoint_reason));
  CountsToProto(*node_.Core(), *node.mutable_counts());
  for (const pleg::CallSnapshot::ListSize& size : node_.Calls().list_sizes) {
    plegd::v1::ListSize& out = *node.add_list_sizes();
    out.set_method(std::string(size.method));
    out.set_bytes(static_cast<uint32_t>(std::min<size_t>(size.bytes, UINT32_MAX)));
    out.set_kubelet_limit_ratio(static_cast<double>(size.bytes) /
                                static_cast<double>(pleg::kKubeletMaxReplyBytes));
  }
  plegd::v1::Limits& limits = *node.mutable_limits();
  limits.set_relist_period_seconds(absl::ToDoubleSeconds(settings.relist_period));
  limits.set_relist_threshold_seconds(absl::ToDoubleSeconds(settings.relist_threshold));
  limits.set_runtime_request_timeout_seconds(
      absl::ToDoubleSeconds(settings.runtime_request_timeout));
  limits.set_kubelet_request_timeout_seconds(
      absl::ToDoubleSeconds(settings.kubelet_request_timeout));
  const std::shared_ptr<const node::Assessment> assessment = node_.Assess();
  absl::Duration status_phase;
  for (const pleg::GenerationReport& twin : assessment->twins) {
    TwinToProto(AsPosted(twin, node_.Conditions()), *node.add_twins());
    status_phase = std::max(status_phase, twin.report.status_phase);
  }
  node.set_predicted_status_phase_seconds(absl::ToDoubleSeconds(status_phase));
  node.set_loop_lag_seconds(absl::ToDoubleSeconds(assessment->evidence.self.loop_lag));
  return node;
}

plegd::v1::Calls NodeApi::GetCalls() const {
  plegd::v1::Calls calls;
  const std::shared_ptr<const pleg::PodsView> pods = node_.Pods();
  const pleg::ObjectNames names(*pods);
  pleg::CallSnapshot snapshot = node_.Calls();
  const WallClock clock = {clock_.Now(), clock_.WallNow()};
  TimeToProto(clock.wall_now, *calls.mutable_time());
  std::sort(snapshot.running.begin(), snapshot.running.end(),
            [](const auto& a, const auto& b) { return a.started_at < b.started_at; });
  for (const pleg::RunningCall& call : snapshot.running) {
    RunningToProto(call, names, clock.now, *calls.add_running());
  }
  std::sort(snapshot.unanswered.begin(), snapshot.unanswered.end(),
            [](const auto& a, const auto& b) { return a.since < b.since; });
  for (const pleg::UnansweredTarget& row : snapshot.unanswered) {
    UnansweredToProto(row, names, clock.now, *calls.add_unanswered());
  }
  for (const pleg::CallHistory::Method& method : node_.history().Methods()) {
    MethodToProto(method, names, clock, *calls.add_methods());
  }
  return calls;
}

plegd::v1::Relists NodeApi::GetRelists(const plegd::v1::GetRelistsRequest& request) const {
  plegd::v1::Relists relists;
  const WallClock clock = {clock_.Now(), clock_.WallNow()};
  TimeToProto(clock.wall_now, *relists.mutable_time());
  for (const pleg::RelistRing::Entry& entry : node_.relists().Newest(request.limit())) {
    RelistToProto(entry, clock, *relists.add_relists());
  }
  const std::shared_ptr<const pleg::PlegSnapshot> core = node_.Core();
  if (core->relist_running_since.has_value()) {
    const absl::Duration running = clock.now - *core->relist_running_since;
    relists.set_listing_for_seconds(std::max(absl::ToDoubleSeconds(running), 0.0));
  }
  return relists;
}

plegd::v1::Diagnosis NodeApi::GetDiagnosis() const {
  node_.LookNow();
  plegd::v1::Diagnosis diagnosis;
  DiagnosisToProto(node_.Assess()->diagnosis, diagnosis);
  return diagnosis;
}

plegd::v1::Evidence NodeApi::GetEvidence() const {
  node_.LookNow();
  plegd::v1::Evidence evidence;
  EvidenceToProto(node_.Assess()->evidence, evidence);
  return evidence;
}

plegd::v1::PodList NodeApi::ListPods() const {
  plegd::v1::PodList list;
  ForEachPod([&list](const plegd::v1::PodStatus& pod) { *list.add_pods() = pod; });
  return list;
}

void NodeApi::ForEachPod(absl::FunctionRef<void(const plegd::v1::PodStatus& pod)> see) const {
  std::vector<pleg::CachedPod> pods = node_.cache().All();
  auto key = [](const pleg::CachedPod& pod) {
    return std::tie(pod.status->pod_namespace, pod.status->name);
  };
  std::stable_sort(pods.begin(), pods.end(),
                   [&](const auto& a, const auto& b) { return key(a) < key(b); });
  for (const pleg::CachedPod& pod : pods) see(Describe(pod));
}

plegd::v1::PodStatus NodeApi::Describe(const pleg::CachedPod& pod) const {
  plegd::v1::PodStatus out;
  PodToProto(pod, clock_.Now(), out);
  if (pod.observed_at != pleg::MonoTime())
    out.set_token(PodToken(node_.settings().boot_id, pod.observed_at));
  return out;
}

size_t NodeApi::waits() const {
  pleg::MutexLock lock(waits_->mu);
  return waits_->quota.taken();
}

absl::Status NodeApi::CheckRequest(const std::string& uid, const User& user) {
  if (absl::Status status = CheckUid(uid); !status.ok()) return status;
  if (!Exists(node_.cache().Get(pleg::PodUid(uid)))) return NoSuchPod(uid);
  RequestLimiter& limiter = user == uid_t{0} ? roots_limiter_ : limiter_;
  if (limiter.Take(pleg::PodUid(uid))) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("plegd takes at most ", RequestLimiter::kPerSecond,
                   " such requests a second, and one a second for a pod; try again in a second"));
}

absl::Status NodeApi::RequestRelist(const plegd::v1::RequestRelistRequest& request,
                                    const User& user) {
  if (absl::Status status = CheckRequest(request.uid(), user); !status.ok()) return status;
  node_.RequestRelist(pleg::PodUid(request.uid()));
  return absl::OkStatus();
}

absl::Status NodeApi::RequestReinspect(const plegd::v1::RequestReinspectRequest& request,
                                       const User& user) {
  if (absl::Status status = CheckRequest(request.uid(), user); !status.ok()) return status;
  node_.RequestReinspect(pleg::PodUid(request.uid()));
  return absl::OkStatus();
}

std::shared_ptr<NodeApi::Wait> NodeApi::GetPod(const plegd::v1::GetPodRequest& request,
                                               PodDone done, const User& user) {
  const pleg::MonoTime now = clock_.Now();
  const pleg::PodUid uid(request.uid());
  auto refuse = [&done](absl::Status status) {
    done(std::move(status));
    return nullptr;
  };
  if (absl::Status status = CheckUid(request.uid()); !status.ok()) return refuse(status);
  const absl::StatusOr<absl::Duration> timeout = WaitOf(request);
  if (!timeout.ok()) return refuse(timeout.status());
  std::optional<pleg::MonoTime> newer_than;
  if (!request.newer_than().empty()) {
    const auto seen = ParsePodToken(request.newer_than(), node_.settings().boot_id, now);
    if (!seen.ok()) return refuse(seen.status());
    // Waiting ends with what was observed at that time or later.
    newer_than = *seen + absl::Nanoseconds(1);
  }
  if (request.fresh()) newer_than = now;
  if (!newer_than.has_value()) {
    done(IfItExists(node_.cache().Get(uid), request.uid()));
    return nullptr;
  }
  const std::shared_ptr<Wait> wait = Wait::Make(waits_, user);
  if (wait == nullptr) {
    return refuse(absl::ResourceExhaustedError(
        absl::StrCat("too many requests wait for pods: at most ", kMaxWaits, ", and ",
                     kMaxWaitsOfUser, " of one user")));
  }
  if (request.fresh() && CheckRequest(request.uid(), user).ok()) node_.RequestRelist(uid);
  auto begin = [&cache = node_.cache(), wait, uid, min_time = *newer_than,
                deadline = now + *timeout, done = std::move(done)]() mutable {
    if (wait->cancelled) return;
    auto answer = [wait, uid, done = std::move(done)](absl::StatusOr<pleg::CachedPod> pod) mutable {
      if (wait->cancelled) return;
      done(pod.ok() ? IfItExists(*std::move(pod), uid.value()) : std::move(pod));
    };
    wait->id = cache.GetNewerThan(uid, min_time, deadline, std::move(answer));
  };
  node_.executor().Post(std::move(begin));
  return wait;
}

void NodeApi::Cancel(const std::shared_ptr<Wait>& wait) {
  if (wait == nullptr || wait->cancelled.exchange(true)) return;
  node_.executor().Post([&cache = node_.cache(), wait] { cache.CancelWaiter(wait->id); });
}

}  // namespace api
