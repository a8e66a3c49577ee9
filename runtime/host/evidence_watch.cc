#include "runtime/host/evidence_watch.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "pleg/diagnosis/gather.h"
#include "runtime/host/watchlist.h"

namespace runtime::host {
namespace {

// A call that takes longer is worth a closer look.
constexpr absl::Duration kWorthALook = absl::Seconds(2);
// Whether somebody is at the socket, while there is no connection to it; and who, while there is.
constexpr absl::Duration kLookPause = absl::Milliseconds(900);  // less than between two ticks
constexpr absl::Duration kKnockAgain = absl::Seconds(2);
constexpr absl::Duration kLookAgain = absl::Seconds(10);
constexpr absl::Duration kListIsOld = absl::Seconds(4);

std::string SocketPath(const std::string& endpoint) {
  return std::string(absl::StripPrefix(endpoint, "unix://"));
}

bool Contradicts(const pleg::ShimEvidence& shim) {
  const std::optional<bool> listed = ListedAsAlive(shim.listed_state);
  return listed.has_value() && shim.container_alive == !*listed;
}

}  // namespace

EvidenceWatch::EvidenceWatch(Options options, const pleg::Clock& clock,
                             std::unique_ptr<Prober> prober)
    : options_(std::move(options)), clock_(clock), connections_(clock), prober_(std::move(prober)) {
  const KubeletProbe::Options& kubelet = options_.kubelet;
  if (!kubelet.metrics_url.empty() || !kubelet.healthz_url.empty()) {
    kubelet_.emplace(kubelet, clock_);
  }
}

void EvidenceWatch::Connect(Parts parts) {
  parts_.emplace(std::move(parts));
  search_.emplace(pleg::ContainerSearchOptions{}, parts_->runtime, clock_,
                  [this] { return Candidates(); });
  names_.emplace(parts_->runtime);
}

void EvidenceWatch::Start() {
  if (prober_ != nullptr) {
    prober_->Start(
        [this] { return Question(); },
        [this](pleg::HostEvidence host) { suspicious_ = IsSuspicious(std::move(host)); });
  }
  if (kubelet_.has_value()) kubelet_->Start();
}

void EvidenceWatch::Stop() {
  if (prober_ != nullptr) prober_->Stop();
}

void EvidenceWatch::OnConnection(bool connected, absl::string_view reason) {
  connections_.OnConnection(connected, reason);
  new_connection_ = true;
  // A connection that comes and goes is not a reason to make as many more.
  if (clock_.Now() - LastDoor().looked_at >= kLookPause) LookAtDoor();
}

void EvidenceWatch::OnEndpoint() { LookAtDoor(); }

void EvidenceWatch::Tick() {
  run_delay_.Sample();
  if (IsTimeToLook()) LookAtDoor();
  busy_ = IsSomethingWrong();
  if (prober_ != nullptr) prober_->SetBusy(busy_);
  if (kubelet_.has_value()) kubelet_->SetBusy(busy_);
  search_->Tick(parts_->pleg.Snapshot()->relist_running_since);
  if (busy_) AskForNames();
}

void EvidenceWatch::AskForNames() {
  if (prober_ == nullptr || !parts_->runtime.Connected()) return;
  const std::optional<pleg::HostEvidence> host = prober_->Latest().evidence;
  if (!host.has_value()) return;
  std::shared_ptr<const pleg::PodsView> pods;
  std::optional<pleg::ObjectNames> listed;
  for (const pleg::ShimEvidence& shim : host->shims) {
    if (!shim.object.pod_name.empty() || shim.sandbox.empty()) continue;
    if (!listed.has_value()) {
      pods = parts_->pleg.Pods();
      listed.emplace(*pods);
    }
    if (listed->StateOf(shim.sandbox.value()).empty()) names_->Ask(shim.sandbox);
  }
}

void EvidenceWatch::NameByStatus(pleg::HostEvidence& host) const {
  for (pleg::ShimEvidence& shim : host.shims) {
    if (!shim.object.pod_name.empty() || shim.sandbox.empty()) continue;
    const std::optional<pleg::SandboxName> name = names_->Find(shim.sandbox);
    if (!name.has_value()) continue;
    pleg::NameByPod({.pod_uid = name->pod_uid,
                     .pod_namespace = name->pod_namespace,
                     .pod_name = name->pod_name},
                    shim);
  }
}

bool EvidenceWatch::IsTimeToLook() const {
  if (new_connection_) return true;
  const bool connected = parts_->runtime.Connected();
  const Door door = LastDoor();
  if (connected && door.listener.pid.has_value()) return false;
  return clock_.Now() - door.looked_at >= (connected ? kLookAgain : kKnockAgain);
}

void EvidenceWatch::LookAtDoor() {
  const std::string socket = SocketPath(parts_->endpoint());
  if (socket.empty()) return;
  new_connection_ = false;
  Door door = LastDoor();
  door.looked_at = clock_.Now();
  door.listener = FindListener(socket);
  if (parts_->runtime.Connected() || !door.listener.there) {
    door.mute_since.reset();
  } else if (!door.mute_since.has_value()) {
    door.mute_since = door.looked_at;
  }
  pleg::MutexLock lock(mu_);
  door_ = door;
}

EvidenceWatch::Door EvidenceWatch::LastDoor() const {
  pleg::MutexLock lock(mu_);
  return door_;
}

bool EvidenceWatch::IsSomethingWrong() const {
  if (!parts_->pleg.Healthy().healthy || !parts_->runtime.Connected()) return true;
  const pleg::CallSnapshot calls = parts_->runtime.Snapshot();
  for (const pleg::UnansweredTarget& row : calls.unanswered) {
    if (calls.taken_at - row.since > kWorthALook) return true;
  }
  return suspicious_;
}

bool EvidenceWatch::IsListFresh() const {
  const std::optional<pleg::MonoTime> listed_at = parts_->pleg.Snapshot()->last_relist;
  return listed_at.has_value() &&
         clock_.Now() - *listed_at <= kListIsOld + 2 * options_.relist_period;
}

bool EvidenceWatch::IsSuspicious(pleg::HostEvidence host) const {
  const auto stuck = [](const pleg::ShimEvidence& shim) {
    return (shim.shim.has_value() && shim.shim->stuck()) || Contradicts(shim);
  };
  const auto slow = [](const pleg::ProcessEvidence& process) {
    return process.age > kWorthALook && !process.guessed;
  };
  if (!host.frozen.empty() && IsListFresh()) {
    pleg::LeaveOutForeign(pleg::ObjectNames(*parts_->pleg.Pods()), host);
  }
  return !host.frozen.empty() || std::any_of(host.shims.begin(), host.shims.end(), stuck) ||
         std::any_of(host.cni_processes.begin(), host.cni_processes.end(), slow);
}

// Those that the last good listing had, then those that only the host knows: plegd may have started
// on a node that hung already.
std::vector<pleg::ContainerId> EvidenceWatch::Candidates() const {
  // A call that is out already says as much as another would.
  absl::flat_hash_set<std::string> asked;
  for (pleg::RunningCall& call : parts_->runtime.Snapshot().running) {
    asked.insert(std::move(call.target));
  }
  std::vector<pleg::ContainerId> ids;
  for (const auto& pod : parts_->pleg.Pods()->listed) {
    for (const pleg::ListedContainer& container : pod->containers) {
      if (!asked.contains(container.info->id.value())) ids.push_back(container.info->id);
    }
  }
  if (prober_ == nullptr) return ids;
  for (std::string& id : prober_->Latest().containers) {
    if (!asked.contains(id)) ids.emplace_back(std::move(id));
  }
  return ids;
}

ProbeQuestion EvidenceWatch::Question() const {
  ProbeQuestion question;
  const std::string socket = SocketPath(parts_->endpoint());
  question.runtime_pid = LastDoor().listener.pid;
  question.host.directories = DirectoriesOf(socket);
  const std::shared_ptr<const pleg::PodsView> pods = parts_->pleg.Pods();
  Watchlist watchlist(*pods);
  for (const pleg::UnansweredTarget& row : parts_->runtime.Snapshot().unanswered) {
    watchlist.Add(row.target, true);
  }
  watchlist.AddRunning();
  const std::optional<pleg::MonoTime> listed_at = parts_->pleg.Snapshot()->last_relist;
  const bool listed_once = listed_at.has_value();
  if (prober_ != nullptr) {
    const Prober::Reading reading = prober_->Latest();
    if (reading.evidence.has_value()) {
      for (const pleg::FrozenCgroup& frozen : reading.evidence->frozen) {
        watchlist.Add(frozen.object.id.value());
      }
    }
    watchlist.AddSeen(reading.containers, listed_once);
  }
  question.watched = watchlist.Take();
  // While lists hang, containers end and begin that none has told of.
  if (listed_once && !IsListFresh()) {
    for (WatchedObject& watched : question.watched) watched.listed_state.clear();
  }
  return question;
}

void EvidenceWatch::Refresh() const {
  if (prober_ != nullptr) prober_->LookNow();
}

pleg::Evidence EvidenceWatch::Gather() const {
  pleg::GatherFacts facts;
  facts.twin = parts_->twin.Facts();
  facts.reports = parts_->twin.Predict();
  facts.runtime.endpoint = parts_->endpoint();
  const absl::StatusOr<RuntimeIdentity> identity = parts_->runtime.Identity();
  if (identity.ok()) {
    facts.runtime.name = identity->name;
    facts.runtime.version = identity->version;
    facts.runtime.api_version = identity->api_version;
  } else if (identity.status().code() == absl::StatusCode::kUnimplemented) {
    facts.runtime.unsupported = std::string(identity.status().message());
  }
  facts.connection = connections_.Now();
  facts.relists = parts_->relists.Newest(0);
  facts.relist_period = options_.relist_period;
  facts.relist_threshold = options_.relist_threshold;
  facts.loop_lag = parts_->loop_lag.Worst();
  facts.scheduling_delay = run_delay_.Worst();
  if (const auto mute_since = LastDoor().mute_since) facts.mute_for = facts.twin.now - *mute_since;
  facts.version = options_.version;
  facts.wall_now = clock_.WallNow();
  if (prober_ != nullptr) facts.host = prober_->Latest().evidence;
  if (facts.host.has_value()) NameByStatus(*facts.host);
  if (kubelet_.has_value()) facts.kubelet = kubelet_->Latest();
  return pleg::GatherEvidence(facts, parts_->history);
}

}  // namespace runtime::host
