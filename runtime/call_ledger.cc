#include "runtime/call_ledger.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "pleg/utf8.h"

namespace runtime {

CallLedger::CallLedger(const pleg::Clock& clock, pleg::CallObserver& observer)
    : clock_(clock), observer_(observer) {}

CallLedger::Id CallLedger::Open(absl::string_view method, std::string target,
                                pleg::MonoTime deadline) {
  const pleg::MonoTime now = clock_.Now();
  pleg::MutexLock lock(mu_);
  const Id id = ++last_id_;
  RowKey key(method, std::move(target));
  const auto [row, added] = rows_.try_emplace(key, Row{.since = now, .hanging_since = now});
  if (!added && row->second.running == 0) --idle_rows_;
  ++row->second.attempts;
  ++row->second.running;
  row->second.hidden = false;
  if (!row->second.hanging_since.has_value()) row->second.hanging_since = now;
  open_.emplace(id, OpenCall{std::move(key), now, deadline, false});
  return id;
}

void CallLedger::Close(Id id, const Outcome& outcome) {
  const pleg::MonoTime now = clock_.Now();
  std::optional<OpenCall> call;
  {
    pleg::MutexLock lock(mu_);
    auto node = open_.extract(id);
    if (node.empty()) return;
    call = std::move(node.mapped());
    if (!call->forgotten) {
      if (outcome.answered) {
        EndRowLocked(call->key);
        NoteAnswerLocked(*call, outcome, now - call->started_at);
      } else {
        LeaveUnansweredLocked(*call, outcome.code);
      }
    }
  }
  observer_.OnCallEnd({.method = call->key.first,
                       .target = std::move(call->key.second),
                       .code = outcome.code,
                       .duration = now - call->started_at,
                       .response_bytes = outcome.response_bytes,
                       .answered = outcome.answered,
                       .text = outcome.text});
}

absl::Duration CallLedger::FailingRow::Duration() const {
  return *std::max_element(durations.begin(), durations.end());
}

void CallLedger::NoteAnswerLocked(const OpenCall& call, const Outcome& outcome,
                                  absl::Duration took) {
  if (call.key.second.empty()) return;  // the history of its method has it
  const bool good = outcome.code == absl::StatusCode::kOk;
  if (good && took < pleg::kLateAnswer) {
    failing_.erase(call.key);
    return;
  }
  auto row = failing_.find(call.key);
  if (row == failing_.end()) {
    if (failing_.size() >= kMaxFailing) return;
    row = failing_.emplace(call.key, FailingRow{.since = call.started_at}).first;
  }
  row->second.durations[row->second.in_a_row++ % row->second.durations.size()] = took;
  row->second.code = outcome.code;
  row->second.text = pleg::Abridge(outcome.text, kMaxErrorBytes);
}

void CallLedger::LeaveUnansweredLocked(const OpenCall& call, absl::StatusCode code) {
  const auto row = rows_.find(call.key);
  if (row == rows_.end() || --row->second.running > 0) return;
  if (code != absl::StatusCode::kDeadlineExceeded) row->second.hanging_since.reset();
  if (idle_rows_ < kMaxRows) {
    ++idle_rows_;
  } else {
    rows_.erase(row);
  }
}

bool CallLedger::IsExpectedLocked(const RowKey& key, const Row& row, pleg::MonoTime now) const {
  if (row.attempts > 1) return false;  // one has not been answered
  const auto failing = failing_.find(key);
  return failing != failing_.end() && failing->second.in_a_row > 1 &&
         now - row.since < 2 * std::max(failing->second.Duration(), pleg::kLateAnswer);
}

void CallLedger::EndRowLocked(const RowKey& key) {
  const auto row = rows_.find(key);
  if (row == rows_.end()) return;
  if (--row->second.running == 0) {
    rows_.erase(row);
    return;
  }
  row->second.attempts = 0;
  row->second.since = pleg::MonoTime::Max();
  for (const auto& [id, call] : open_) {
    if (call.forgotten || call.key != key) continue;
    row->second.since = std::min(row->second.since, call.started_at);
    ++row->second.attempts;
  }
  row->second.hanging_since = row->second.since;
}

pleg::CallSnapshot::ListSize& CallLedger::ListSizeLocked(absl::string_view method) {
  for (pleg::CallSnapshot::ListSize& size : list_sizes_) {
    if (size.method == method) return size;
  }
  list_sizes_.push_back({.method = method});
  return list_sizes_.back();
}

void CallLedger::SetListSize(absl::string_view method, size_t bytes,
                             const pleg::ListMakeup& makeup) {
  pleg::MutexLock lock(mu_);
  ListSizeLocked(method) = {.method = method, .bytes = bytes, .makeup = makeup};
}

void CallLedger::SetListExcess(absl::string_view method, pleg::ListExcess excess) {
  excess.since = clock_.Now();
  pleg::MutexLock lock(mu_);
  pleg::CallSnapshot::ListSize& size = ListSizeLocked(method);
  if (size.excess.has_value()) excess.since = size.excess->since;
  size.excess = std::move(excess);
}

void CallLedger::Forget(absl::string_view target) {
  if (target.empty()) return;
  pleg::MutexLock lock(mu_);
  for (auto& [id, call] : open_) {
    if (call.key.second == target) call.forgotten = true;
  }
  for (auto row = rows_.begin(); row != rows_.end();) {
    const auto here = row++;
    if (here->first.second != target) continue;
    if (here->second.running == 0) --idle_rows_;
    rows_.erase(here);
  }
  absl::erase_if(failing_, [target](const auto& row) { return row.first.second == target; });
}

void CallLedger::HideIdle() {
  pleg::MutexLock lock(mu_);
  for (auto& [key, row] : rows_) {
    if (key.second.empty() || row.running > 0) continue;
    row.hidden = true;
    row.hanging_since.reset();
  }
}

std::vector<std::string> CallLedger::RowTargets() const {
  absl::flat_hash_set<std::string> targets;
  pleg::MutexLock lock(mu_);
  for (const auto& [key, row] : rows_) {
    if (!key.second.empty()) targets.insert(key.second);
  }
  for (const auto& [key, row] : failing_) targets.insert(key.second);
  return {targets.begin(), targets.end()};
}

pleg::CallSnapshot CallLedger::Snapshot() const {
  pleg::CallSnapshot snapshot;
  pleg::MutexLock lock(mu_);
  snapshot.taken_at = clock_.Now();
  snapshot.running.reserve(open_.size());
  for (const auto& [id, call] : open_) {
    snapshot.running.push_back({call.key.first, call.key.second, call.started_at, call.deadline});
  }
  snapshot.unanswered.reserve(rows_.size());
  for (const auto& [key, row] : rows_) {
    if (row.hidden || IsExpectedLocked(key, row, snapshot.taken_at)) continue;
    snapshot.unanswered.push_back(
        {key.first, key.second, row.since, row.attempts, row.hanging_since});
  }
  snapshot.failing.reserve(failing_.size());
  for (const auto& [key, row] : failing_) {
    snapshot.failing.push_back(
        {key.first, key.second, row.since, row.in_a_row, row.code, row.text, row.Duration()});
  }
  snapshot.list_sizes = list_sizes_;
  return snapshot;
}

}  // namespace runtime
