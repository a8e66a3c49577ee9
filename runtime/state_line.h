// One state of something that the log follows: a line when it changes, and at no other time.
//
//   StateLine line;
//   if (line.Enter("lost", now)) log.Write(…, {{"after", line.lasted()}});
//   …  once a second: if (line.Settle(now)) … the same
//
// What changes all the time is told in its first changes, then now and then, and always in the end:
// after the last change Settle says when to tell what has come of it.

#ifndef PLEGD_RUNTIME_STATE_LINE_H_
#define PLEGD_RUNTIME_STATE_LINE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/mono_time.h"

namespace runtime {

// Pure: time is an argument. Thread-compatible.
class StateLine {
 public:
  // Lines in any kMutePeriod.
  static constexpr size_t kBurst = 10;
  static constexpr absl::Duration kMutePeriod = absl::Minutes(1);

  // The state is `state` from `now` on. True if that is to be told now.
  bool Enter(absl::string_view state, pleg::MonoTime now);
  // True if the state that is now has not been told and may be by now.
  bool Settle(pleg::MonoTime now);

  const std::string& state() const { return state_; }
  // How long the state that was told before the last one had lasted.
  absl::Duration lasted() const { return lasted_; }
  // Of the line to be written: how many there were, and changes that have not been told before it.
  uint64_t number() const { return number_; }
  uint64_t skipped() const { return skipped_; }

 private:
  bool Tell(pleg::MonoTime now);

  std::string state_;
  std::string told_state_;
  pleg::MonoTime entered_at_;
  pleg::MonoTime told_entered_at_;
  absl::Duration lasted_;
  uint64_t number_ = 0;
  uint64_t skipped_ = 0;
  uint64_t muted_ = 0;
  std::deque<pleg::MonoTime> told_at_;
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_STATE_LINE_H_
