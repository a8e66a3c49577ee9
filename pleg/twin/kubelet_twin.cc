#include "pleg/twin/kubelet_twin.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "pleg/health.h"
#include "pleg/runtime_state.h"
#include "pleg/twin/kubelet_loop.h"

namespace pleg {
namespace {

constexpr int kLastMinorThatTriesTwice = 31;
constexpr int kLastMinorThatListsPerInspection = 35;

// The kubelet's relists from the first trouble on, until they repeat themselves.
struct Course {
  MonoTime stamp_before;                  // relistTime before the first of the rounds
  std::vector<TwinRound> rounds;          // the last two begin after now, unless lists fail
  std::optional<MonoTime> lists_fail_at;  // no relist succeeds from then on
};

// Leaves out rounds that only repeat `round`, which is the last so far, up to the present.
MonoTime SkipRepetitions(const TwinRound& round, MonoTime now, Course& course) {
  const absl::Duration length = round.next - round.start;
  const int64_t whole = (now - round.start) / length;
  if (whole < 3) return round.next;
  course.rounds.clear();
  course.stamp_before = round.start + (whole - 2) * length;
  return round.start + (whole - 1) * length;
}

Course Follow(const KubeletModel& kubelet, const TwinInput& input, KubeletLoop& loop) {
  const std::optional<MonoTime> fail_since = loop.ListsFailSince();
  MonoTime start =
      std::min(loop.FirstSilence().value_or(input.now), fail_since.value_or(input.now));
  Course course;
  const MonoTime one_before = start + -(kubelet.relist_period + loop.Lists());
  course.stamp_before = std::min(input.last_relist.value_or(one_before), one_before);
  if (input.last_relist.has_value() && *input.last_relist <= start) {
    course.stamp_before = *input.last_relist;
  }
  for (int after_now = 0; after_now < 2;) {
    if (fail_since.has_value() && *fail_since <= start + kubelet.relist_period) {
      course.lists_fail_at = start;
      return course;
    }
    course.rounds.push_back(loop.Run(start));
    const TwinRound& round = course.rounds.back();
    if (round.steady && round.start > input.now) ++after_now;
    start = round.steady && !fail_since.has_value() ? SkipRepetitions(round, input.now, course)
                                                    : round.next;
  }
  return course;
}

// relistTime at `now`.
MonoTime StampAt(const Course& course, MonoTime now) {
  MonoTime stamp = course.stamp_before;
  for (const TwinRound& round : course.rounds) {
    if (round.listed_at <= now) stamp = round.start;
  }
  return stamp;
}

// When the age of relistTime first passes the threshold, of all times that are not over at `now`.
std::optional<MonoTime> UnhealthyAt(const Course& course, absl::Duration threshold, MonoTime now) {
  MonoTime stamp = course.stamp_before;
  for (const TwinRound& round : course.rounds) {
    const MonoTime unhealthy_at = stamp + threshold;
    if (now < round.listed_at && unhealthy_at < round.listed_at) return unhealthy_at;
    stamp = round.start;
  }
  if (course.lists_fail_at.has_value()) return stamp + threshold;
  return std::nullopt;
}

void JudgePleg(const KubeletModel& kubelet, const TwinInput& input, const Course& course,
               TwinReport& report) {
  const std::optional<MonoTime> at = UnhealthyAt(course, kubelet.relist_threshold, input.now);
  if (at.has_value()) report.to_not_ready = std::max(*at - input.now, absl::ZeroDuration());
  report.lasting = course.lists_fail_at.has_value();
  if (report.lasting) return;
  const TwinRound& last = course.rounds.back();
  const absl::Duration bad =
      (last.next - last.start) + (last.listed_at - last.start) - kubelet.relist_threshold;
  if (bad > absl::ZeroDuration()) report.flapping = Flapping{last.next - last.start, bad};
}

bool IsTrue(const std::optional<RuntimeCondition>& condition) {
  return condition.has_value() && condition->status;
}

// The kubelet's texts. It calls the runtime down when Status has not succeeded for half a minute.
void JudgeReady(const KubeletModel& kubelet, const TwinInput& input, MonoTime stamp,
                TwinReport& report) {
  Health health(kubelet.relist_threshold);
  health.RecordRelist(stamp, absl::InfinitePast());
  MonoTime synced = input.now;
  if (input.status_failing) {
    synced = input.last_status_ok.value_or(input.started_at);
    const absl::Duration left = synced + RuntimeState::kSyncThreshold - input.now;
    report.to_not_ready = std::min(report.to_not_ready, std::max(left, absl::ZeroDuration()));
    report.lasting = true;
    report.flapping.reset();
  }
  RuntimeState state;
  const RuntimeCondition ready = {"RuntimeReady", /*status=*/true, /*reason=*/"", /*message=*/""};
  state.OnStatus({ready, /*network_ready=*/std::nullopt}, synced);
  if (input.conditions.has_value() && !IsTrue(input.conditions->runtime_ready)) {
    state.OnStatus(*input.conditions, input.now);
  }
  const std::vector<std::string> errors = state.RuntimeErrors(health.Check(input.now), input.now);
  report.condition = AggregateMessage(errors);
  report.healthy = errors.empty();
  if (!report.healthy) report.to_not_ready = absl::ZeroDuration();
}

void SetStage(const KubeletModel& kubelet, const TwinInput& input, const KubeletLoop& loop,
              const Course& course, TwinReport& report) {
  auto set = [&](KubeletStage stage, MonoTime since) {
    report.stage = stage;
    report.stage_for = input.now - since;
  };
  for (const TwinRound& round : course.rounds) {
    if (input.now < round.start) return;
    if (input.now < round.listed_at) {
      set(KubeletStage::kListing, round.start);
    } else if (input.now < round.end) {
      set(KubeletStage::kInspecting, round.listed_at);
    } else {
      set(KubeletStage::kPausing, round.end);
    }
  }
  if (!course.lists_fail_at.has_value() || input.now < *course.lists_fail_at) return;
  const absl::Duration lists = loop.FailingLists();
  const absl::Duration length = lists + kubelet.relist_period;
  const MonoTime attempt =
      *course.lists_fail_at + ((input.now - *course.lists_fail_at) / length) * length;
  const bool listing = input.now - attempt < lists;
  set(listing ? KubeletStage::kListing : KubeletStage::kPausing,
      listing ? attempt : attempt + lists);
}

EventLag LagOf(const Course& course, MonoTime now, absl::Duration lists) {
  if (course.lists_fail_at.has_value()) {
    return {absl::InfiniteDuration(), absl::InfiniteDuration(), absl::InfiniteDuration()};
  }
  const auto missed = std::find_if(course.rounds.begin(), course.rounds.end(),
                                   [now](const TwinRound& round) { return now < round.end; });
  const absl::Duration best = (missed->end - missed->start) + lists;
  const absl::Duration order = std::next(missed)->first_pass;
  return {best, best + order / 2, best + order};
}

absl::Duration RestartCost(const KubeletModel& kubelet, const TwinInput& input,
                           absl::Duration lists) {
  absl::Duration cost = lists + input.all_statuses +
                        static_cast<int64_t>(input.silent_pods) * kubelet.request_timeout;
  if (kubelet.lists_per_inspection) cost += static_cast<int64_t>(input.all_pods) * lists;
  return cost;
}

size_t LatentPods(const TwinInput& input) {
  const auto silent = std::count_if(input.pods.begin(), input.pods.end(), [](const TwinPod& pod) {
    return pod.unanswered_since.has_value();
  });
  return input.silent_pods - std::min(input.silent_pods, static_cast<size_t>(silent));
}

}  // namespace

absl::string_view KubeletGenerationName(KubeletGeneration generation) {
  return generation == KubeletGeneration::kTwice ? "<=1.31" : ">=1.32";
}

absl::string_view KubeletStageName(KubeletStage stage) {
  switch (stage) {
    case KubeletStage::kListing:
      return "listing";
    case KubeletStage::kInspecting:
      return "inspecting";
    case KubeletStage::kPausing:
      return "pausing";
  }
  return "";
}

KubeletModel KubeletModel::Of(KubeletGeneration generation) {
  KubeletModel kubelet;
  kubelet.generation = generation;
  return kubelet;
}

absl::StatusOr<KubeletModel> KubeletModel::OfVersion(absl::string_view version) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(absl::StripPrefix(version, "v"), absl::MaxSplits('.', 2));
  int major = 0;
  int minor = 0;
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[0], &major) ||
      !absl::SimpleAtoi(parts[1], &minor) || major != 1 || minor < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("invalid Kubernetes version \"", version, "\": expected 1.MINOR"));
  }
  KubeletModel kubelet =
      Of(minor <= kLastMinorThatTriesTwice ? KubeletGeneration::kTwice : KubeletGeneration::kOnce);
  kubelet.lists_per_inspection = minor <= kLastMinorThatListsPerInspection;
  return kubelet;
}

TwinReport PredictKubelet(const KubeletModel& kubelet, const TwinInput& input) {
  KubeletLoop loop(kubelet, input);
  const absl::Duration lists = loop.Lists();
  TwinReport report;
  report.status_phase = loop.StatusPhase();
  const bool fails = loop.AnyFails();
  const Course course = Follow(kubelet, input, loop);
  JudgePleg(kubelet, input, course, report);
  JudgeReady(kubelet, input, StampAt(course, input.now), report);
  SetStage(kubelet, input, loop, course, report);
  report.lag = LagOf(course, input.now, lists);
  report.silent =
      fails && report.to_not_ready == absl::InfiniteDuration() && report.lag.best >= kSilentLag;
  report.restart_cost = course.lists_fail_at.has_value() ? absl::InfiniteDuration()
                                                         : RestartCost(kubelet, input, lists);
  // While lists fail no pod is inspected: the next relist that succeeds may reach any of them.
  if (!course.lists_fail_at.has_value()) report.latent_pods = LatentPods(input);
  report.older_than_observed = course.lists_fail_at.has_value() && !input.last_relist.has_value();
  return report;
}

}  // namespace pleg
