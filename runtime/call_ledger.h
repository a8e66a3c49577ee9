// The call ledger: every RPC from its start to its end, and how long each target has gone
// unanswered.
//
//   const CallLedger::Id id = ledger.Open("ContainerStatus", "0f3c…", deadline);
//   …  ledger.Close(id, {.code = absl::StatusCode::kOk, .answered = true, .response_bytes = 2093});
//
// A call that times out and is tried again is still the same silence: the row of a target begins
// with the first call that got no answer and ends with an answer, or with the target itself. Beside
// it stand the targets that are answered, and badly: see pleg::FailingTarget.

#ifndef PLEGD_RUNTIME_CALL_LEDGER_H_
#define PLEGD_RUNTIME_CALL_LEDGER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "pleg/call_stats.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace runtime {

// Thread-safe. The observer is called without a lock held, on the thread that closes the call.
// Memory is bounded by the calls in flight and kMaxRows.
class CallLedger {
 public:
  // Rows kept for targets that have no call in flight. Beyond it, a silence that is between two
  // tries is forgotten rather than an older one.
  static constexpr size_t kMaxRows = 10'000;
  // The same of targets that fail, and bytes of an error's text that are kept.
  static constexpr size_t kMaxFailing = 1'000;
  static constexpr size_t kMaxErrorBytes = 512;

  using Id = uint64_t;

  struct Outcome {
    absl::StatusCode code = absl::StatusCode::kOk;
    bool answered = false;  // the runtime itself answered, be it with an error
    size_t response_bytes = 0;
    std::string text = {};  // of an error
  };

  // Both outlive the ledger.
  CallLedger(const pleg::Clock& clock, pleg::CallObserver& observer);
  CallLedger(const CallLedger&) = delete;
  CallLedger& operator=(const CallLedger&) = delete;

  // A call to `method` on `target` (empty for lists and Version) starts now. `method` outlives the
  // ledger.
  Id Open(absl::string_view method, std::string target, pleg::MonoTime deadline);
  // The call has ended now. Unknown ids are ignored.
  void Close(Id id, const Outcome& outcome);
  // Size of the last good reply to a list of everything, and, if it is large, what it is made of.
  void SetListSize(absl::string_view method, size_t bytes, const pleg::ListMakeup& makeup = {});
  // The last one was too large. Stands until a good one.
  void SetListExcess(absl::string_view method, pleg::ListExcess excess);

  // The target is gone: its rows end, and calls to it that still run begin none when they end.
  void Forget(absl::string_view target);
  // Another connection, on which the runtime has answered: rows of targets without a running call
  // are not told until the target is asked again, because it may well be answered now. If it is
  // not, its silence was never broken.
  void HideIdle();
  // Targets that have a row, of either kind; lists and Version are none.
  std::vector<std::string> RowTargets() const;

  pleg::CallSnapshot Snapshot() const;

 private:
  using RowKey = std::pair<absl::string_view, std::string>;  // method, target

  struct OpenCall {
    RowKey key;
    pleg::MonoTime started_at;
    pleg::MonoTime deadline;
    bool forgotten = false;
  };
  struct Row {
    pleg::MonoTime since;
    uint32_t attempts = 0;
    size_t running = 0;
    std::optional<pleg::MonoTime> hanging_since = {};
    bool hidden = false;
  };
  struct FailingRow {
    pleg::MonoTime since;
    uint32_t in_a_row = 0;
    absl::StatusCode code = absl::StatusCode::kOk;
    std::string text = {};
    std::array<absl::Duration, pleg::kRecentAnswers> durations = {};  // a ring

    absl::Duration Duration() const;  // the longest of these
  };

  // An answer has come: well, which ends the row of those that did not, or not.
  void NoteAnswerLocked(const OpenCall& call, const Outcome& outcome, absl::Duration took)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The row of a call that got no answer.
  void LeaveUnansweredLocked(const OpenCall& call, absl::StatusCode code)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // It has ended badly twice in a row, and its call runs no longer than twice as long as that took:
  // it will be answered.
  bool IsExpectedLocked(const RowKey& key, const Row& row, pleg::MonoTime now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The row ends; what still runs on its key begins a new one.
  void EndRowLocked(const RowKey& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  pleg::CallSnapshot::ListSize& ListSizeLocked(absl::string_view method)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const pleg::Clock& clock_;
  pleg::CallObserver& observer_;
  mutable pleg::Mutex mu_;
  Id last_id_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<Id, OpenCall> open_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<RowKey, Row> rows_ ABSL_GUARDED_BY(mu_);
  size_t idle_rows_ ABSL_GUARDED_BY(mu_) = 0;  // rows without a running call
  absl::flat_hash_map<RowKey, FailingRow> failing_ ABSL_GUARDED_BY(mu_);
  std::vector<pleg::CallSnapshot::ListSize> list_sizes_ ABSL_GUARDED_BY(mu_);
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_CALL_LEDGER_H_
