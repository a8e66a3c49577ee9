#include "pleg/diagnosis/gather.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "pleg/diagnosis/gather_objects.h"
#include "pleg/wall_time.h"

namespace pleg {
namespace {

constexpr absl::Duration kMinuteOfChanges = absl::Minutes(1);
constexpr absl::Duration kLatelyChanged = absl::Minutes(3);
constexpr absl::Duration kListingIsOld = absl::Seconds(10);
// A slope over less is noise.
constexpr absl::Duration kSlopeAfter = absl::Minutes(10);

// An older step of the clock says nothing of what is listed now.
constexpr absl::Duration kStepKept = absl::Minutes(10);

absl::Duration Median(std::vector<absl::Duration> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Puts one Evidence together.
class Gatherer {
 public:
  Gatherer(GatherFacts& facts, const CallHistory& history)
      : facts_(facts), history_(history), now_(facts.twin.now), names_(*facts.twin.pods) {}

  Evidence Gather() {
    evidence_.recorded_at = facts_.wall_now;
    evidence_.observed_for = now_ - facts_.twin.started_at;
    evidence_.self = facts_.self;
    GatherRuntimeState();
    GatherRelists();
    for (const CallHistory::Method& method : history_.Methods()) GatherMethod(method);
    GatherCalls();
    GatherFailing();
    GatherCounts();
    evidence_.lasting = FindLasting(*facts_.twin.pods, now_, facts_.wall_now);
    if (facts_.clock_step.has_value() && now_ - facts_.clock_step->at <= kStepKept) {
      evidence_.clock_step = {now_ - facts_.clock_step->at, facts_.clock_step->by};
    }
    GatherSizes();
    for (const GenerationReport& report : facts_.reports) {
      if (!IsOfThisKubelet(report.generation)) continue;
      evidence_.twins.push_back(report);
      evidence_.predicted_status_phase =
          std::max(evidence_.predicted_status_phase, report.report.status_phase);
    }
    evidence_.host = std::move(facts_.host);
    if (evidence_.host.has_value()) {
      const std::optional<absl::Duration>& listed = evidence_.relist.last_good_ago;
      if (listed.has_value() && *listed <= kListingIsOld) {
        std::erase_if(evidence_.host->frozen,
                      [this](const auto& frozen) { return IsForeign(names_, frozen); });
      }
      NameHostObjects(*evidence_.host);
      for (FrozenCgroup& frozen : evidence_.host->frozen) NameByHost(frozen.object);
      for (UnansweredEvidence& call : evidence_.unanswered) NameByHost(call.object);
      for (FailingEvidence& row : evidence_.failing) NameByHost(row.object);
      for (RunningEvidence& call : evidence_.running) NameByHost(call.object);
    }
    evidence_.kubelet = facts_.kubelet;
    return std::move(evidence_);
  }

 private:
  void GatherRuntimeState() {
    RuntimeEvidence& out = evidence_.runtime;
    out.endpoint = facts_.endpoint;
    if (facts_.runtime.ok()) {
      out.name = facts_.runtime->name;
      out.version = facts_.runtime->version;
      out.api_version = facts_.runtime->api_version;
    } else if (absl::IsUnimplemented(facts_.runtime.status())) {
      out.unsupported_text = std::string(facts_.runtime.status().message());
      out.unsupported = !out.unsupported_text.empty();
    }
    out.connected = facts_.connection.connected;
    out.disconnected_reason = facts_.connection.reason;
    out.connection_for = facts_.connection.lasts;
    out.reconnected_ago = facts_.connection.reconnects;
    if (!out.connected) out.mute_for = facts_.mute_for;
    if (!facts_.twin.conditions.has_value()) return;
    const RuntimeConditions& conditions = *facts_.twin.conditions;
    if (conditions.runtime_ready.has_value()) {
      out.runtime_ready = conditions.runtime_ready->status;
      out.runtime_ready_text = conditions.runtime_ready->ToString();
    }
    if (conditions.network_ready.has_value()) {
      out.network_ready = conditions.network_ready->status;
      out.network_ready_text = conditions.network_ready->ToString();
    }
  }

  void GatherRelists() {
    RelistEvidence& out = evidence_.relist;
    out.period = facts_.relist_period;
    out.threshold = facts_.relist_threshold;
    const PlegSnapshot& core = *facts_.twin.core;
    if (core.last_relist.has_value()) out.last_good_ago = now_ - *core.last_relist;
    if (core.relist_running_since.has_value()) {
      out.listing_for = now_ - *core.relist_running_since;
    }
    std::vector<absl::Duration> intervals;
    const std::vector<RelistRing::Entry>& relists = facts_.relists;
    for (size_t i = relists.size(); i > 0 && out.recent.size() < kMaxGatheredRelists; --i) {
      out.recent.push_back(relists[i - 1].total);
      if (i > 1) intervals.push_back(relists[i - 1].started_at - relists[i - 2].started_at);
    }
    if (!intervals.empty()) out.median_interval = Median(std::move(intervals));
    if (!relists.empty() && relists.back().error != nullptr) out.error = *relists.back().error;
  }

  void GatherMethod(const CallHistory::Method& method) {
    MethodEvidence out;
    out.method = std::string(method.name);
    if (method.median > absl::ZeroDuration()) out.median_hour = method.median;
    const absl::Duration usual = history_.Usual(method.name);
    if (usual > absl::ZeroDuration()) out.median_recent = usual;
    const std::optional<CallHistory::Ended> last = history_.Last(method.name);
    if (last.has_value()) {
      out.last_duration = last->duration;
      if (last->answered) out.answered_ago = now_ - last->ended_at;
    }
    out.error_rows = method.error_rows;
    if (const auto& failing = method.failing; failing.has_value()) {
      out.failing = {now_ - failing->since, absl::StatusCodeToString(failing->code), failing->text,
                     failing->in_a_row, failing->answered};
    }
    if (const auto& error = method.last_error; error.has_value() && method.error_rows > 0) {
      out.last_error = {now_ - error->at, absl::StatusCodeToString(error->code), error->text};
    }
    evidence_.methods.push_back(std::move(out));
  }

  void GatherCalls() {
    for (const UnansweredTarget& row : facts_.twin.calls.unanswered) {
      if (evidence_.unanswered.size() == kMaxGatheredCalls) break;
      UnansweredEvidence out;
      out.method = std::string(row.method);
      if (!row.target.empty()) out.object = names_.Find(row.target);
      out.age = now_ - row.since;
      out.attempts = row.attempts;
      out.pod_pending = names_.IsUnsettled(out.object.pod_uid);
      evidence_.unanswered.push_back(std::move(out));
    }
    for (const RunningCall& call : facts_.twin.calls.running) {
      if (evidence_.running.size() == kMaxGatheredCalls) break;
      RunningEvidence out;
      out.method = std::string(call.method);
      if (!call.target.empty()) out.object = names_.Find(call.target);
      out.age = now_ - call.started_at;
      evidence_.running.push_back(std::move(out));
    }
    const auto older = [](const auto& a, const auto& b) { return a.age > b.age; };
    std::stable_sort(evidence_.unanswered.begin(), evidence_.unanswered.end(), older);
    std::stable_sort(evidence_.running.begin(), evidence_.running.end(), older);
  }

  void GatherFailing() {
    for (const FailingTarget& row : facts_.twin.calls.failing) {
      FailingEvidence out;
      out.method = std::string(row.method);
      out.object = names_.Find(row.target);
      out.since = now_ - row.since;
      out.in_a_row = row.in_a_row;
      out.code = absl::StatusCodeToString(row.code);
      out.text = row.text;
      out.duration = row.duration;
      out.pod_pending = names_.IsUnsettled(out.object.pod_uid);
      evidence_.failing.push_back(std::move(out));
    }
    std::stable_sort(evidence_.failing.begin(), evidence_.failing.end(),
                     [](const auto& a, const auto& b) { return a.since > b.since; });
    if (evidence_.failing.size() > kMaxGatheredCalls) evidence_.failing.resize(kMaxGatheredCalls);
  }

  void GatherCounts() {
    const PlegSnapshot& core = *facts_.twin.core;
    CountEvidence& out = evidence_.counts;
    out.pods = static_cast<uint32_t>(facts_.twin.pods->listed.size());
    out.pods_pending = static_cast<uint32_t>(core.pods_pending);
    for (const auto& pod : facts_.twin.pods->listed) CountPod(*pod);
    for (const RelistRing::Entry& relist : facts_.relists) {
      const absl::Duration age = now_ - relist.started_at;
      if (age <= kMinuteOfChanges) out.changed_pods_per_minute += relist.changed_pods;
      if (age <= kLatelyChanged) out.changed_pods_lately += relist.changed_pods;
    }
  }

  // Once the kubelet has told its version, what others would make of it is of no interest.
  bool IsOfThisKubelet(KubeletGeneration generation) const {
    if (!facts_.kubelet.has_value() || facts_.reports.size() < 2) return true;
    const auto kubelet = KubeletModel::OfVersion(facts_.kubelet->version);
    return !kubelet.ok() || kubelet->generation == generation;
  }

  uint32_t& CountOf(ContainerState state) {
    CountEvidence& counts = evidence_.counts;
    switch (state) {
      case ContainerState::kCreated:
        return counts.created;
      case ContainerState::kRunning:
        return counts.running;
      case ContainerState::kExited:
        return counts.exited;
      case ContainerState::kUnknown:
        break;
    }
    return counts.unknown;
  }

  void CountPod(const Pod& pod) {
    CountEvidence& out = evidence_.counts;
    for (const ListedSandbox& sandbox : pod.sandboxes) {
      ++(sandbox.state == SandboxState::kReady ? out.sandboxes_ready : out.sandboxes_notready);
    }
    uint32_t exited = 0;
    for (const ListedContainer& container : pod.containers) {
      ++CountOf(container.state);
      if (container.state != ContainerState::kExited) continue;
      ++exited;
      if (!IsTold(container.info->created_at)) continue;
      const absl::Duration age = facts_.wall_now - container.info->created_at;
      if (age < absl::ZeroDuration()) continue;
      out.oldest_exited = std::max(out.oldest_exited.value_or(age), age);
    }
    if (exited <= out.exited_of_one_pod) return;
    out.exited_of_one_pod = exited;
    out.most_exited_pod = {};
    out.most_exited_pod.pod_uid = pod.uid;
    out.most_exited_pod.pod_namespace = pod.pod_namespace;
    out.most_exited_pod.pod_name = pod.name;
  }

  void GatherSizes() {
    const PlegSnapshot& core = *facts_.twin.core;
    for (const CallSnapshot::ListSize& size : facts_.twin.calls.list_sizes) {
      ListSizeEvidence out;
      out.method = std::string(size.method);
      out.bytes = size.bytes;
      out.limit_bytes = kKubeletMaxReplyBytes;
      const bool sandboxes = size.method == "ListPodSandbox";
      const auto bytes = sandboxes ? &RelistRing::Entry::list_sandboxes_bytes
                                   : &RelistRing::Entry::list_containers_bytes;
      out.slope_bytes_per_hour = SlopePerHour(bytes);
      out.objects =
          static_cast<uint32_t>(sandboxes ? core.sandboxes
                                          : core.containers_created + core.containers_running +
                                                core.containers_exited + core.containers_unknown);
      out.makeup = size.makeup;
      if (size.excess.has_value()) {
        const ListExcess& excess = *size.excess;
        out.excess = {now_ - excess.since, excess.bytes,      excess.given_up, excess.limit_bytes,
                      excess.limit_items,  excess.by_runtime, excess.makeup};
      }
      evidence_.list_sizes.push_back(std::move(out));
    }
  }

  // From the oldest to the newest good list that is kept.
  double SlopePerHour(uint32_t RelistRing::Entry::*bytes) const {
    const RelistRing::Entry* first = nullptr;
    const RelistRing::Entry* last = nullptr;
    for (const RelistRing::Entry& relist : facts_.relists) {
      if (relist.error != nullptr || relist.*bytes == 0) continue;
      if (first == nullptr) first = &relist;
      last = &relist;
    }
    if (first == nullptr || last->started_at - first->started_at < kSlopeAfter) return 0;
    return (static_cast<double>(last->*bytes) - static_cast<double>(first->*bytes)) /
           absl::ToDoubleHours(last->started_at - first->started_at);
  }

  void Name(ObjectRef& object) const {
    if (!object.id.empty() && object.pod_name.empty()) object = names_.Find(object.id.value());
  }
  void NameHostObjects(HostEvidence& host) const {
    for (FrozenCgroup& frozen : host.frozen) Name(frozen.object);
    for (CgroupPressure& cgroup : host.cgroup_pressure) Name(cgroup.object);
    for (ShimEvidence& shim : host.shims) {
      Name(shim.object);
      if (shim.object.pod_name.empty() && !shim.sandbox.empty()) {
        NameByPod(names_.Find(shim.sandbox.value()), shim);
      }
    }
  }

  // What no listing has told the host may know.
  void NameByHost(ObjectRef& object) const {
    if (object.id.empty() || !object.pod_name.empty()) return;
    for (const ShimEvidence& shim : evidence_.host->shims) {
      if (shim.object.id == object.id) object = shim.object;
    }
  }

  GatherFacts& facts_;  // the host's part is moved out
  const CallHistory& history_;
  const MonoTime now_;
  const ObjectNames names_;
  Evidence evidence_;
};

}  // namespace

void NameByPod(const ObjectRef& sandbox, ShimEvidence& shim) {
  shim.object.pod_uid = sandbox.pod_uid;
  shim.object.pod_namespace = sandbox.pod_namespace;
  shim.object.pod_name = sandbox.pod_name;
  if (!sandbox.pod_name.empty() && shim.object.id != shim.sandbox) shim.object.container = "?";
}

ObjectNames::ObjectNames(const PodsView& pods) {
  for (const auto& pod : pods.listed) {
    for (const ListedSandbox& sandbox : pod->sandboxes) {
      objects_.emplace(sandbox.info->id.value(), Object{pod.get(), nullptr, &sandbox});
    }
    for (const ListedContainer& container : pod->containers) {
      objects_.emplace(container.info->id.value(), Object{pod.get(), &container, nullptr});
    }
  }
  for (const UnsettledPod& unsettled : pods.unsettled) unsettled_.insert(unsettled.pod->uid);
}

const ObjectNames::Object* ObjectNames::Get(absl::string_view id) const {
  const auto object = objects_.find(id);
  return object == objects_.end() ? nullptr : &object->second;
}

ObjectRef ObjectNames::Find(absl::string_view id) const {
  if (const Object* object = Get(id)) {
    return object->container != nullptr ? RefOf(*object->pod, *object->container)
                                        : RefOf(*object->pod, *object->sandbox);
  }
  ObjectRef ref;
  ref.id = ContainerId(id);
  return ref;
}

ContainerId ObjectNames::SandboxOf(absl::string_view id) const {
  const Object* object = Get(id);
  if (object == nullptr) return ContainerId();
  return object->container != nullptr ? object->container->info->sandbox_id : ContainerId(id);
}

std::string ObjectNames::StateOf(absl::string_view id) const {
  const Object* object = Get(id);
  if (object == nullptr) return "";
  return std::string(object->container != nullptr ? ContainerStateName(object->container->state)
                                                  : SandboxStateName(object->sandbox->state));
}

bool ObjectNames::IsUnsettled(const PodUid& uid) const { return unsettled_.contains(uid); }

bool IsForeign(const ObjectNames& listed, const FrozenCgroup& frozen) {
  return !frozen.object.id.empty() && listed.StateOf(frozen.object.id.value()).empty();
}

Evidence GatherEvidence(GatherFacts facts, const CallHistory& history) {
  return Gatherer(facts, history).Gather();
}

}  // namespace pleg
