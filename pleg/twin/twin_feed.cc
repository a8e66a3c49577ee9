#include "pleg/twin/twin_feed.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace pleg {
namespace {

constexpr absl::string_view kListPodSandbox = "ListPodSandbox";
constexpr absl::string_view kListContainers = "ListContainers";
constexpr absl::string_view kPodSandboxStatus = "PodSandboxStatus";
constexpr absl::string_view kContainerStatus = "ContainerStatus";
constexpr absl::string_view kStatus = "Status";

// Status calls by the id that was asked for: since when they are silent, and what those cost that
// end badly.
struct BadStatuses {
  absl::flat_hash_map<absl::string_view, MonoTime> silent;
  absl::flat_hash_map<absl::string_view, absl::Duration> costs;
};

// What a call of the method on everything hangs since; empty if none does.
std::optional<MonoTime> HangingSince(const CallSnapshot& calls, absl::string_view method) {
  for (const UnansweredTarget& row : calls.unanswered) {
    if (row.method == method && row.target.empty()) return row.hanging_since;
  }
  return std::nullopt;
}

TwinList MakeList(const TwinFacts& facts, absl::string_view method,
                  const std::optional<CallHistory::Ended>& last) {
  TwinList list = {.unanswered_since = HangingSince(facts.calls, method)};
  if (!last.has_value()) return list;
  list.failed = last->code != absl::StatusCode::kOk;
  // A time-out is the silence itself; what the list takes is known from answers alone.
  if (last->code == absl::StatusCode::kDeadlineExceeded && !last->answered) {
    list.failed = !list.unanswered_since.has_value();
  } else {
    list.last = last->duration;
  }
  return list;
}

bool IsOfObject(absl::string_view method) {
  return method == kPodSandboxStatus || method == kContainerStatus;
}

// One that has ended badly before will take as long again.
BadStatuses FindBadStatuses(const TwinFacts& facts) {
  BadStatuses bad;
  for (const FailingTarget& row : facts.calls.failing) {
    if (IsOfObject(row.method)) bad.costs.emplace(row.target, row.duration);
  }
  for (const UnansweredTarget& row : facts.calls.unanswered) {
    if (!IsOfObject(row.method) || !row.hanging_since.has_value()) continue;
    const auto cost = bad.costs.find(row.target);
    const absl::Duration patience =
        cost == bad.costs.end() ? kPatience : std::max(kPatience, 2 * cost->second);
    if (facts.now - *row.hanging_since <= patience) continue;
    bad.silent.emplace(row.target, *row.hanging_since);
  }
  return bad;
}

// The longest silence about an object of the pod, and the cost of those that answer.
TwinPod MakePod(const TwinFacts& facts, const Pod& pod, const BadStatuses& bad) {
  TwinPod out = {.since = MonoTime()};
  auto add = [&](const ContainerId& id, absl::Duration usual) {
    const auto silence = bad.silent.empty() ? bad.silent.end() : bad.silent.find(id.value());
    if (silence == bad.silent.end()) {
      const auto cost = bad.costs.empty() ? bad.costs.end() : bad.costs.find(id.value());
      out.cost += cost == bad.costs.end() ? usual : std::max(usual, cost->second);
    } else {
      out.unanswered_since =
          std::min(out.unanswered_since.value_or(silence->second), silence->second);
    }
  };
  for (const ListedSandbox& sandbox : pod.sandboxes) add(sandbox.info->id, facts.sandbox_status);
  for (const ListedContainer& c : pod.containers) add(c.info->id, facts.container_status);
  return out;
}

void AddPods(const TwinFacts& facts, const BadStatuses& bad, TwinInput& input) {
  for (const UnsettledPod& unsettled : facts.pods->unsettled) {
    TwinPod pod = MakePod(facts, *unsettled.pod, bad);
    pod.since = unsettled.since;
    pod.failed = unsettled.failed;
    input.pods.push_back(pod);
  }
  input.all_pods = facts.pods->listed.size();
  for (const auto& pod : facts.pods->listed) {
    const TwinPod whole = MakePod(facts, *pod, bad);
    input.all_statuses += whole.cost;
    if (whole.unanswered_since.has_value()) ++input.silent_pods;
  }
}

bool StatusFails(const TwinFacts& facts) {
  if (facts.conditions.has_value() &&
      !(facts.conditions->runtime_ready.has_value() && facts.conditions->runtime_ready->status)) {
    return true;
  }
  if (facts.last_status.has_value() && facts.last_status->code != absl::StatusCode::kOk) {
    return true;
  }
  const std::optional<MonoTime> since = HangingSince(facts.calls, kStatus);
  return since.has_value() && facts.now - *since > kPatience;
}

}  // namespace

TwinInput MakeTwinInput(const TwinFacts& facts) {
  TwinInput input = {.now = facts.now,
                     .started_at = facts.started_at,
                     .last_relist = facts.core->last_relist,
                     .last_status_ok = facts.last_status_ok,
                     .status_failing = StatusFails(facts),
                     .conditions = facts.conditions};
  input.sandboxes = MakeList(facts, kListPodSandbox, facts.last_sandbox_list);
  input.containers = MakeList(facts, kListContainers, facts.last_container_list);
  // Without any call there is no runtime to ask.
  const bool asked =
      facts.last_sandbox_list.has_value() || input.sandboxes.unanswered_since.has_value();
  if (!asked && facts.now - facts.started_at > kPatience) {
    input.sandboxes.failed = true;
    input.status_failing = true;
  }
  AddPods(facts, FindBadStatuses(facts), input);
  return input;
}

absl::StatusOr<std::vector<KubeletModel>> KubeletModels(absl::string_view version,
                                                        absl::Duration request_timeout) {
  std::vector<KubeletModel> kubelets;
  if (version == "auto") {
    for (const KubeletGeneration generation : kKubeletGenerations) {
      kubelets.push_back(KubeletModel::Of(generation));
    }
  } else {
    absl::StatusOr<KubeletModel> kubelet = KubeletModel::OfVersion(version);
    if (!kubelet.ok()) return kubelet.status();
    kubelets.push_back(*kubelet);
  }
  for (KubeletModel& kubelet : kubelets) kubelet.request_timeout = request_timeout;
  return kubelets;
}

std::vector<GenerationReport> PredictKubelets(const std::vector<KubeletModel>& kubelets,
                                              const TwinFacts& facts) {
  const TwinInput input = MakeTwinInput(facts);
  std::vector<GenerationReport> reports;
  for (const KubeletModel& kubelet : kubelets) {
    reports.push_back({kubelet.generation, PredictKubelet(kubelet, input)});
  }
  return reports;
}

}  // namespace pleg
