// Keeps repeats out of the log: the first line of a kind at once, then one a period that tells how
// many were left out.
//
//   auto verdict = limiter.Admit("inspection failed", pod_uid, clock.Now());
//   if (verdict.admitted) Print(…, verdict.suppressed);

#ifndef PLEGD_JOURNAL_REPEAT_LIMITER_H_
#define PLEGD_JOURNAL_REPEAT_LIMITER_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/mono_time.h"

namespace journal {

// Pure: time is an argument. Thread-compatible. At most `capacity` kinds are remembered; beyond
// that the one that was admitted longest ago is forgotten, and with it the count of what it left
// out.
class RepeatLimiter {
 public:
  struct Verdict {
    bool admitted = false;
    uint64_t suppressed =
        0;  // if admitted: lines of this kind left out since the last admitted one
  };

  // `capacity` is at least 1.
  RepeatLimiter(absl::Duration period, size_t capacity);

  // A line with `message` about `object` (may be empty) is to be printed at `now`.
  Verdict Admit(absl::string_view message, absl::string_view object, pleg::MonoTime now);

  size_t size() const { return entries_.size(); }

 private:
  using Key = std::pair<std::string, std::string>;
  struct Entry {
    Key key;
    pleg::MonoTime admitted_at;
    uint64_t suppressed = 0;
  };

  const absl::Duration period_;
  const size_t capacity_;
  std::list<Entry> entries_;  // the one admitted last is at the back
  absl::flat_hash_map<Key, std::list<Entry>::iterator> by_key_;
};

}  // namespace journal

#endif  // PLEGD_JOURNAL_REPEAT_LIMITER_H_
