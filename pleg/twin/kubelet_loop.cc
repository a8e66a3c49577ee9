#include "pleg/twin/kubelet_loop.h"

#include <algorithm>
#include <utility>

namespace pleg {
namespace {

// The start of a silence that has lasted too long to be a slow answer.
std::optional<MonoTime> SilentSince(std::optional<MonoTime> since, absl::Duration usual,
                                    MonoTime now) {
  if (!since.has_value() || now - *since <= std::max(kPatience, 2 * usual)) return std::nullopt;
  return since;
}

// A call that runs costs at least what it has cost so far, unless it is given up.
absl::Duration CostOf(const TwinList& list, bool silent, MonoTime now) {
  if (silent || !list.unanswered_since.has_value()) return list.last;
  return std::max(list.last, now - *list.unanswered_since);
}

}  // namespace

KubeletLoop::KubeletLoop(const KubeletModel& kubelet, const TwinInput& input)
    : kubelet_(kubelet),
      now_(input.now),
      sandboxes_(input.sandboxes),
      containers_(input.containers),
      sandboxes_silent_(SilentSince(sandboxes_.unanswered_since, sandboxes_.last, now_)),
      containers_silent_(SilentSince(containers_.unanswered_since, containers_.last, now_)) {
  if (sandboxes_silent_.has_value()) {
    lists_fail_since_ = sandboxes_silent_;
  } else if (sandboxes_.failed || (containers_.failed && !containers_silent_.has_value())) {
    lists_fail_since_ = input.last_relist.value_or(input.started_at) + kubelet_.relist_period;
  } else {
    lists_fail_since_ = containers_silent_;
  }
  for (const TwinPod& pod : input.pods) Add(pod);
}

void KubeletLoop::Add(const TwinPod& pod) {
  const absl::Duration cost =
      pod.cost + (kubelet_.lists_per_inspection ? Lists() : absl::ZeroDuration());
  const std::optional<MonoTime> silent = SilentSince(pod.unanswered_since, pod.cost, now_);
  if (silent.has_value()) {
    // A silence that began right after the change is one with it.
    const bool at_once = *silent - pod.since <= kubelet_.relist_period;
    failing_.push_back({at_once ? pod.since : *silent, cost + kubelet_.request_timeout,
                        /*silent=*/true, /*failed_before=*/false});
  } else if (pod.failed) {
    failing_.push_back({pod.since, cost, /*silent=*/false, /*failed_before=*/true});
  } else {
    answering_.push_back({pod.since, cost});
  }
}

absl::Duration KubeletLoop::Lists() const {
  return CostOf(sandboxes_, sandboxes_silent_.has_value(), now_) +
         CostOf(containers_, containers_silent_.has_value(), now_);
}

absl::Duration KubeletLoop::FailingLists() const {
  if (sandboxes_silent_.has_value()) return kubelet_.request_timeout;
  if (sandboxes_.failed) return sandboxes_.last;
  return sandboxes_.last +
         (containers_silent_.has_value() ? kubelet_.request_timeout : containers_.last);
}

std::optional<MonoTime> KubeletLoop::FirstSilence() const {
  std::optional<MonoTime> first;
  for (const Failing& pod : failing_) {
    if (pod.silent) first = std::min(first.value_or(pod.since), pod.since);
  }
  return first;
}

absl::Duration KubeletLoop::StatusPhase() const {
  absl::Duration sum;
  for (const Failing& pod : failing_) sum += pod.cost;
  for (const Answering& pod : answering_) sum += pod.cost;
  return sum;
}

TwinRound KubeletLoop::Run(MonoTime start) {
  TwinRound round = {.start = start, .listed_at = start + Lists(), .steady = true};
  // The kubelet's relists and plegd's differ by a period at most.
  const MonoTime seen = start + kubelet_.relist_period;
  const size_t unseen = answering_.size();
  const absl::Duration inspections = InspectFailing(seen, round) + InspectAnswering(seen);
  if (unseen > 0) round.steady = false;
  round.end = round.listed_at + inspections;
  round.next = round.end + kubelet_.relist_period;
  return round;
}

absl::Duration KubeletLoop::InspectFailing(MonoTime seen, TwinRound& round) {
  absl::Duration sum;
  for (Failing& pod : failing_) {
    if (seen < pod.since) {
      round.steady = false;
      continue;
    }
    const bool again = std::exchange(pod.failed_before, true);
    if (!again) round.steady = false;
    const bool twice = again && kubelet_.generation == KubeletGeneration::kTwice;
    sum += twice ? 2 * pod.cost : pod.cost;
    round.first_pass += pod.cost;
  }
  return sum;
}

absl::Duration KubeletLoop::InspectAnswering(MonoTime seen) {
  absl::Duration sum;
  const auto due = std::partition(answering_.begin(), answering_.end(),
                                  [seen](const Answering& pod) { return seen < pod.since; });
  for (auto pod = due; pod != answering_.end(); ++pod) sum += pod->cost;
  answering_.erase(due, answering_.end());
  return sum;
}

}  // namespace pleg
