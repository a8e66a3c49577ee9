#include "node/lookout.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "pleg/diagnosis/gather.h"
#include "runtime/host/watchlist.h"

namespace node {
namespace {

using runtime::host::KubeletProbe;
using runtime::host::ProbeQuestion;
using runtime::host::Prober;

// A call that takes longer is worth a closer look.
constexpr absl::Duration kWorthALook = absl::Seconds(2);
// Whether somebody is at the socket, while there is no connection to it; and who, while there is.
constexpr absl::Duration kLookPause = absl::Milliseconds(900);  // less than between two ticks
constexpr absl::Duration kKnockAgain = absl::Seconds(2);
constexpr absl::Duration kLookAgain = absl::Seconds(10);
constexpr absl::Duration kListIsOld = absl::Seconds(4);

bool Contradicts(const pleg::ShimEvidence& shim) {
  const std::optional<bool> listed = runtime::host::ListedAsAlive(shim.listed_state);
  return listed.has_value() && shim.container_alive == !*listed;
}

}  // namespace

Lookout::Lookout(const KubeletProbe::Options& kubelet, const NodeView& node,
                 runtime::CriRuntime& runtime, const pleg::Clock& clock,
                 std::unique_ptr<Prober> prober)
    : node_(node),
      runtime_(runtime),
      clock_(clock),
      connections_(clock),
      search_(pleg::ContainerSearchOptions{}, runtime, clock, [this] { return Candidates(); }),
      names_(runtime),
      prober_(std::move(prober)) {
  if (!kubelet.metrics_url.empty() || !kubelet.healthz_url.empty()) {
    kubelet_.emplace(kubelet, clock_);
  }
}

void Lookout::Start() {
  if (prober_ != nullptr) {
    prober_->Start([this] { return Question(); },
                   [this](const pleg::HostEvidence& host) { suspicious_ = IsSuspicious(host); });
  }
  if (kubelet_.has_value()) kubelet_->Start();
}

void Lookout::Stop() {
  if (prober_ != nullptr) prober_->Stop();
}

void Lookout::OnConnection(bool connected, absl::string_view reason) {
  connections_.OnConnection(connected, reason);
  new_connection_ = true;
  // A connection that comes and goes is not a reason to make as many more.
  if (clock_.Now() - LastDoor().looked_at >= kLookPause) LookAtDoor();
}

void Lookout::OnEndpoint(absl::string_view url) {
  {
    pleg::MutexLock lock(mu_);
    door_.socket = std::string(absl::StripPrefix(url, "unix://"));
  }
  LookAtDoor();
}

void Lookout::Tick() {
  run_delay_.Sample();
  if (IsTimeToLook()) LookAtDoor();
  busy_ = IsSomethingWrong();
  if (prober_ != nullptr) prober_->SetBusy(busy_);
  if (kubelet_.has_value()) kubelet_->SetBusy(busy_);
  CountNews();
  search_.Tick(node_.Core()->relist_running_since);
  if (busy_) AskForNames();
}

void Lookout::CountNews() {
  const Prober::Reading host = LastReading();
  const pleg::MonoTime kubelet = kubelet_.has_value() ? kubelet_->answered_at() : pleg::MonoTime();
  const bool same = host.sighting == host_seen_ && host.problem.has_value() == host_failed_ &&
                    kubelet == kubelet_seen_;
  if (same) return;
  ++news_;
  host_seen_ = host.sighting;
  host_failed_ = host.problem.has_value();
  kubelet_seen_ = kubelet;
}

void Lookout::AskForNames() {
  const std::shared_ptr<const Prober::Sighting> sighting = LastReading().sighting;
  if (sighting == nullptr || !runtime_.Connected()) return;
  std::shared_ptr<const pleg::PodsView> pods;
  std::optional<pleg::ObjectNames> listed;
  for (const pleg::ShimEvidence& shim : sighting->evidence.shims) {
    if (!shim.object.pod_name.empty() || shim.sandbox.empty()) continue;
    if (!listed.has_value()) {
      pods = node_.Pods();
      listed.emplace(*pods);
    }
    if (listed->StateOf(shim.sandbox.value()).empty()) names_.Ask(shim.sandbox);
  }
}

void Lookout::NameByStatus(pleg::HostEvidence& host) const {
  for (pleg::ShimEvidence& shim : host.shims) {
    if (!shim.object.pod_name.empty() || shim.sandbox.empty()) continue;
    const std::optional<pleg::SandboxName> name = names_.Find(shim.sandbox);
    if (!name.has_value()) continue;
    pleg::NameByPod({.pod_uid = name->pod_uid,
                     .pod_namespace = name->pod_namespace,
                     .pod_name = name->pod_name},
                    shim);
  }
}

bool Lookout::IsTimeToLook() const {
  if (new_connection_) return true;
  const bool connected = runtime_.Connected();
  const Door door = LastDoor();
  if (connected && door.listener.pid.has_value()) return false;
  return clock_.Now() - door.looked_at >= (connected ? kLookAgain : kKnockAgain);
}

void Lookout::LookAtDoor() {
  Door door = LastDoor();
  if (door.socket.empty()) return;
  new_connection_ = false;
  door.looked_at = clock_.Now();
  door.listener = runtime::host::FindListener(door.socket);
  if (runtime_.Connected() || !door.listener.there) {
    door.mute_since.reset();
  } else if (!door.mute_since.has_value()) {
    door.mute_since = door.looked_at;
  }
  pleg::MutexLock lock(mu_);
  door_ = door;
}

Prober::Reading Lookout::LastReading() const {
  return prober_ == nullptr ? Prober::Reading() : prober_->Latest();
}

Lookout::Door Lookout::LastDoor() const {
  pleg::MutexLock lock(mu_);
  return door_;
}

bool Lookout::IsSomethingWrong() const {
  if (!node_.Healthy().healthy || !runtime_.Connected()) return true;
  const pleg::CallSnapshot calls = node_.Calls();
  for (const pleg::UnansweredTarget& row : calls.unanswered) {
    if (calls.taken_at - row.since > kWorthALook) return true;
  }
  return suspicious_;
}

bool Lookout::IsListFresh() const {
  const std::optional<pleg::MonoTime> listed_at = node_.Core()->last_relist;
  return listed_at.has_value() &&
         clock_.Now() - *listed_at <= kListIsOld + 2 * node_.settings().relist_period;
}

bool Lookout::IsSuspicious(const pleg::HostEvidence& host) const {
  const auto stuck = [](const pleg::ShimEvidence& shim) {
    return (shim.shim.has_value() && shim.shim->stuck()) || Contradicts(shim);
  };
  const auto slow = [](const pleg::ProcessEvidence& process) {
    return process.age > kWorthALook && !process.guessed;
  };
  return HasOwnFrozen(host) || std::any_of(host.shims.begin(), host.shims.end(), stuck) ||
         std::any_of(host.cni_processes.begin(), host.cni_processes.end(), slow);
}

bool Lookout::HasOwnFrozen(const pleg::HostEvidence& host) const {
  if (host.frozen.empty() || !IsListFresh()) return !host.frozen.empty();
  const std::shared_ptr<const pleg::PodsView> pods = node_.Pods();
  const pleg::ObjectNames listed(*pods);
  return std::any_of(host.frozen.begin(), host.frozen.end(),
                     [&](const auto& frozen) { return !pleg::IsForeign(listed, frozen); });
}

// Those that the last good listing had, then those that only the host knows: plegd may have started
// on a node that hung already.
std::vector<pleg::ContainerId> Lookout::Candidates() const {
  // A call that is out already says as much as another would.
  absl::flat_hash_set<std::string> asked;
  for (pleg::RunningCall& call : node_.Calls().running) {
    asked.insert(std::move(call.target));
  }
  std::vector<pleg::ContainerId> ids;
  for (const auto& pod : node_.Pods()->listed) {
    for (const pleg::ListedContainer& container : pod->containers) {
      if (!asked.contains(container.info->id.value())) ids.push_back(container.info->id);
    }
  }
  const std::shared_ptr<const Prober::Sighting> sighting = LastReading().sighting;
  if (sighting == nullptr) return ids;
  for (const std::string& id : sighting->containers) {
    if (!asked.contains(id)) ids.emplace_back(id);
  }
  return ids;
}

ProbeQuestion Lookout::Question() const {
  ProbeQuestion question;
  const Door door = LastDoor();
  question.runtime_pid = door.listener.pid;
  question.runtime_start_ticks = door.listener.start_ticks;
  question.host.directories = runtime::host::DirectoriesOf(door.socket);
  const std::shared_ptr<const pleg::PodsView> pods = node_.Pods();
  runtime::host::Watchlist watchlist(*pods);
  for (const pleg::UnansweredTarget& row : node_.Calls().unanswered) {
    watchlist.Add(row.target, true);
  }
  watchlist.AddRunning();
  const std::optional<pleg::MonoTime> listed_at = node_.Core()->last_relist;
  const bool listed_once = listed_at.has_value();
  if (const auto sighting = LastReading().sighting) {
    for (const pleg::FrozenCgroup& frozen : sighting->evidence.frozen) {
      watchlist.Add(frozen.object.id.value());
    }
    watchlist.AddSeen(sighting->containers, listed_once);
  }
  question.watched = watchlist.Take();
  // While lists hang, containers end and begin that none has told of.
  if (listed_once && !IsListFresh()) {
    for (runtime::host::WatchedObject& watched : question.watched) watched.listed_state.clear();
  }
  return question;
}

void Lookout::LookNow() const {
  if (prober_ != nullptr) prober_->LookNow();
}

void Lookout::Describe(pleg::GatherFacts& facts) const {
  facts.connection = connections_.Now();
  if (const auto mute_since = LastDoor().mute_since) facts.mute_for = facts.twin.now - *mute_since;
  facts.host = LastReading().Evidence();
  if (facts.host.has_value()) NameByStatus(*facts.host);
  if (kubelet_.has_value()) facts.kubelet = kubelet_->Latest();
}

}  // namespace node
