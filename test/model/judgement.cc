// What a RandomHistory holds the core to.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "test/model/random_history.h"

namespace model {
namespace {

using pleg::EventType;
using pleg::InspectionResult;

TruthLog::States StatesOf(const pleg::PodStatus& status) {
  TruthLog::States states;
  for (const auto& s : status.sandbox_statuses) states[s->id.value()] = Letter(s->state);
  for (const auto& c : status.container_statuses) states[c->id.value()] = Letter(c->state);
  return states;
}

std::string Print(const TruthLog::States& states) {
  std::string text;
  for (const auto& [id, state] : states)
    absl::StrAppend(&text, " ", id, "=", std::string(1, state));
  return text;
}

}  // namespace

void RandomHistory::OnFirstEvent() {
  status_at_first_event_.clear();
  for (const pleg::CachedPod& pod : cache_.All()) {
    if (pod.found) status_at_first_event_[pod.status->uid.value()] = pod.status;
  }
}

// The core tells of every inspection after its cache entry and its events, so what has come since
// the one before belongs to it.
void RandomHistory::OnInspectionEnd(InspectionResult result) {
  const std::vector<pleg::Event> events = queue_->Take().events;
  JudgeEvents(events);
  std::vector<std::string> written;
  for (const pleg::CachedPod& pod : cache_.All()) {
    const std::string& uid = pod.status->uid.value();
    if (result == InspectionResult::kError && !pod.error.ok()) ++reasons_to_sync_[uid];
    if (!pod.found || pod.error.ok() == (result == InspectionResult::kError)) continue;
    if (std::exchange(last_status_[uid], pod.status) != pod.status) written.push_back(uid);
  }
  switch (result) {
    case InspectionResult::kOk: {
      ++activity_.inspections;
      if (written.size() != 1) return Wrong("an inspection did not write one entry");
      const pleg::CachedPod pod = cache_.Get(pleg::PodUid(written[0]));
      Op(absl::StrCat("inspected ", written[0], ":", Print(StatesOf(*pod.status))));
      if (!events.empty() && status_at_first_event_[written[0]] != pod.status) {
        Wrong(absl::StrCat("events of ", written[0], " came before its entry"));
      }
      return Wrong(oracle_.OnInspected(written[0], pod.status->timestamp, events));
    }
    case InspectionResult::kGone:
      if (events.empty()) return Wrong("a pod left without an event");
      if (status_at_first_event_.count(events[0].pod_uid.value()) != 0) {
        Wrong("events of a pod that left came before its entry was deleted");
      }
      return Wrong(oracle_.OnGone(events[0].pod_uid.value(), events));
    case InspectionResult::kError:
      ++activity_.failed_inspections;
      if (!events.empty()) Wrong("a failed inspection sent events");
      return;
    case InspectionResult::kDiscarded:
      ++activity_.discarded_inspections;
      if (!events.empty()) Wrong("a discarded inspection sent events");
      return;
  }
}

void RandomHistory::JudgeEvents(const std::vector<pleg::Event>& events) {
  for (const pleg::Event& e : events) {
    ++activity_.events;
    const std::string& uid = e.pod_uid.value();
    const Key key(uid, e.id.value());
    const std::string what = absl::StrCat(pleg::EventTypeName(e.type), " ", uid, "/", key.second);
    Op(absl::StrCat("event ", e.seq, " ", what));
    if (e.seq != ++last_seq_) Wrong(absl::StrCat("seq ", e.seq, " after ", last_seq_ - 1));
    if (uid != events[0].pod_uid.value()) Wrong("events of two pods in one batch");
    if (e.pod_name != uid) Wrong(absl::StrCat(what, " with the name ", e.pod_name));
    if (removed_.count(key) != 0) Wrong(absl::StrCat(what, " after its removal"));
    const auto status = cache_.Get(e.pod_uid).status;
    const pleg::ContainerStatus* container = status->FindContainer(e.id);
    std::optional<int32_t> code;
    switch (e.type) {
      case EventType::kContainerDied:
        died_.insert(key);
        if (container != nullptr && container->state == pleg::ContainerState::kExited) {
          code = container->exit_code;
        }
        break;
      case EventType::kContainerRemoved:
        if (died_.count(key) == 0) Wrong(absl::StrCat(what, " before its death"));
        removed_.insert(key);
        break;
      case EventType::kPodSync:
        ++activity_.pod_syncs;
        if (++syncs_[uid] > reasons_to_sync_[uid]) Wrong(absl::StrCat(what, " for no reason"));
        break;
      case EventType::kContainerChanged:
        Wrong(absl::StrCat(what, " was sent"));
        break;
      case EventType::kContainerStarted:
        break;
    }
    if (e.exit_code != code) Wrong(absl::StrCat(what, " with the wrong exit code"));
  }
}

void RandomHistory::JudgeAnswer(const std::string& uid, pleg::MonoTime min_time,
                                pleg::MonoTime deadline,
                                const absl::StatusOr<pleg::CachedPod>& answer) {
  if (!answer.ok()) {
    ++activity_.expired_waiters;
    if (!absl::IsDeadlineExceeded(answer.status())) Wrong(answer.status().ToString());
    if (executor_.clock().Now() < deadline) Wrong("a waiter expired early");
    return;
  }
  ++activity_.answered_waiters;
  Op(absl::StrCat("answer on ", uid, ":", Print(StatesOf(*answer->status)),
                  answer->found ? "" : " (no entry)", answer->error.ok() ? "" : " (error)"));
  if (!answer->found && oracle_.Listed(uid)) {
    Wrong(absl::StrCat("a default status of ", uid, ", which is listed"));
  }
  if (!answer->error.ok()) return;
  const std::string stale = truth_.Stale(uid, StatesOf(*answer->status), min_time);
  if (!stale.empty()) Wrong(absl::StrCat("an answer on ", uid, " is too old: ", stale));
}

void RandomHistory::JudgePod(const pleg::CachedPod& pod) {
  const std::string& uid = pod.status->uid.value();
  const TruthLog::States truth = truth_.Now(uid);
  const TruthLog::States cached = StatesOf(*pod.status);
  if (truth != cached) {
    Wrong(absl::StrCat("entry of ", uid, ":", Print(cached), ", but true is", Print(truth)));
  }
  if (pod.pending) Wrong(absl::StrCat(uid, " is pending"));
  if (!pod.error.ok()) Wrong(absl::StrCat("entry of ", uid, ": ", pod.error.ToString()));
  if (pod.found == truth.empty())
    Wrong(absl::StrCat(uid, truth.empty() ? " is" : " is not", " found"));
}

void RandomHistory::JudgeSettled() {
  Op("all faults end");
  executor_.Advance(2 * kPeriod);  // what was still to happen
  ClearFaults();
  executor_.Advance(5 * kPeriod);
  for (int i = 0; i < kPods; ++i) JudgePod(cache_.Get(pleg::PodUid(absl::StrCat("p", i))));
  for (const pleg::CachedPod& pod : cache_.All()) JudgePod(pod);
  Wrong(oracle_.CheckAllReported());
  if (cache_.waiters() != 0) Wrong("a waiter was forgotten");
  const auto snapshot = pleg_.Snapshot();
  if (snapshot->pods_pending != 0) Wrong("the snapshot tells of pending pods");
  if (snapshot->inspections_running != 0) Wrong("the snapshot tells of running inspections");
  if (!pleg_.Healthy().healthy) Wrong(pleg_.Healthy().reason);
}

void RandomHistory::JudgeReinspection() {
  const std::map<std::string, size_t> before = syncs_;
  const uint64_t seq = last_seq_;
  const std::vector<pleg::CachedPod> pods = cache_.All();
  for (const pleg::CachedPod& pod : pods) {
    Op(absl::StrCat("request reinspection of ", pod.status->uid.value()));
    ++reasons_to_sync_[pod.status->uid.value()];
    pleg_.RequestReinspect(pod.status->uid);
  }
  executor_.Advance(2 * kPeriod);
  if (last_seq_ != seq + pods.size()) Wrong("reinspection sent other events than a PodSync each");
  for (const pleg::CachedPod& pod : cache_.All()) {
    const std::string& uid = pod.status->uid.value();
    auto was = before.find(uid);
    if (syncs_[uid] != (was == before.end() ? 0 : was->second) + 1) {
      Wrong(absl::StrCat("no PodSync of ", uid));
    }
    for (const auto& c : pod.status->container_statuses) {
      if (*c != runtime_.FindContainer(uid, c->id.value())->status) {
        Wrong(absl::StrCat("status of ", uid, "/", c->id.value(), " is not the runtime's"));
      }
    }
  }
}

void RandomHistory::JudgeQuiet() {
  const uint64_t seq = last_seq_;
  runtime_.ResetCounts();
  executor_.Advance(5 * kPeriod);
  if (last_seq_ != seq || queue_->size() != 0) Wrong("events without a change");
  if (runtime_.status_calls() != 0) Wrong("inspections without a change");
  if (runtime_.list_calls() != 5) Wrong("not one relist in a period");
}

}  // namespace model
