// What is known of the calls to the runtime: as they end (CallObserver), and at one moment
// (CallSnapshot), also while they hang.

#ifndef PLEGD_PLEG_CALL_STATS_H_
#define PLEGD_PLEG_CALL_STATS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/ids.h"
#include "pleg/mono_time.h"

namespace pleg {

// A finished call.
struct CallRecord {
  absl::string_view method;  // "ListContainers"; outlives the program
  std::string target;        // the id asked for; empty for lists and Version
  absl::StatusCode code = absl::StatusCode::kOk;
  absl::Duration duration;
  size_t response_bytes = 0;
  // The runtime itself ended it, be it with an error; else plegd's deadline or the connection did.
  bool answered = true;
  std::string text = {};  // of an error, as whoever ended the call put it
};

// Told of every call's end. Implementations are thread-safe and do not block.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void OnCallEnd(const CallRecord& call) = 0;
  // An item of a reply was bad: `reason` is one of a small fixed set ("no_metadata", "no_id",
  // "no_image", "malformed", "duplicate_id": skipped, or kept as it was known; "invalid_utf8":
  // repaired; "damaged_reply", "too_large": not an item, a whole list that could not be used).
  virtual void OnInvalidItem(absl::string_view method, absl::string_view reason) = 0;
};

// A call that runs at the moment of the snapshot.
struct RunningCall {
  absl::string_view method;
  std::string target;
  MonoTime started_at;
  MonoTime deadline = MonoTime::Max();  // when it ends by itself
};

// A target in an unbroken row of calls without an answer. An error that the runtime itself sent is
// an answer; a deadline, a cancellation or a broken connection is none. A target that has ended
// badly before is none before its call has run for twice as long, and 10 s.
struct UnansweredTarget {
  absl::string_view method;
  std::string target;
  MonoTime since;         // start of the first call of the row
  uint32_t attempts = 0;  // calls of the row so far, the running one included
  // Start of the calls at its end that hang, until their deadline or still. Empty if the last one
  // failed at once instead: there is no connection.
  std::optional<MonoTime> hanging_since = {};
};

// A target whose calls end, and end badly time after time: with an error of the runtime's own, or
// only after kLateAnswer. NOT_FOUND is such an error for as long as the target is listed all the
// same. A call without an answer neither begins nor ends such a row.
struct FailingTarget {
  absl::string_view method;
  std::string target;
  MonoTime since;                                 // start of the first call of the row
  uint32_t in_a_row = 0;                          // calls of the row that have ended
  absl::StatusCode code = absl::StatusCode::kOk;  // of the last; kOk if it only came late
  std::string text;                               // the runtime's own, of the last
  // The longest of its last kRecentAnswers: what errors at once one time and late the other costs.
  absl::Duration duration;
};
inline constexpr size_t kRecentAnswers = 4;
// An answer for one object that takes longer comes late. As much counts as silence.
inline constexpr absl::Duration kLateAnswer = absl::Seconds(5);

// What makes a list large: of the items that could be read, whichever way it ended.
struct ListMakeup {
  uint64_t items = 0;        // that came; 0 if nothing was read of it
  uint64_t dead = 0;         // exited containers; sandboxes that are not ready
  uint64_t dead_bytes = 0;   // in the reply
  uint64_t label_bytes = 0;  // of labels and annotations
  struct PodShare {
    PodUid uid;
    std::string name;
    std::string pod_namespace;
    uint64_t items = 0;
    uint64_t bytes = 0;
  };
  PodShare largest_pod = {};  // the one with the most bytes
};

// A list that is more than its receiver, or its sender, takes.
struct ListExcess {
  MonoTime since;            // the first of the unbroken row of such lists
  uint64_t bytes = 0;        // of the reply; of one that was given up, those that had come; 0:
                             // unknown
  bool given_up = false;     // it was longer
  uint64_t limit_bytes = 0;  // what was exceeded; 0: another limit
  uint64_t limit_items = 0;
  bool by_runtime = false;  // the limit is the runtime's, which did not send it
  ListMakeup makeup = {};
};

// One moment of the ledger. Immutable once shared.
struct CallSnapshot {
  MonoTime taken_at;
  std::vector<RunningCall> running;
  std::vector<UnansweredTarget> unanswered;
  std::vector<FailingTarget> failing;
  struct ListSize {
    absl::string_view method;
    size_t bytes = 0;                       // of the last good reply; 0 before the first
    ListMakeup makeup = {};                 // of that; empty of a list that is small
    std::optional<ListExcess> excess = {};  // the last reply was too large
  };
  std::vector<ListSize> list_sizes;
};

// The kubelet's limit on one reply (cri-client, maxMsgSize).
inline constexpr size_t kKubeletMaxReplyBytes = size_t{16} * 1024 * 1024;

}  // namespace pleg

#endif  // PLEGD_PLEG_CALL_STATS_H_
