// What the calls of the last hour were like, by method: how many, how many failed, how long they
// take, and which were the slowest.
//
//   CallHistory history(clock);   …   for (const CallHistory::Method& m : history.Methods()) …
//
// An hour is thirteen windows of five minutes, the current one included; the oldest is forgotten
// as a whole. Within a window durations are counted in buckets, so that the memory does not depend
// on the number of calls.

#ifndef PLEGD_PLEG_HISTORY_CALL_HISTORY_H_
#define PLEGD_PLEG_HISTORY_CALL_HISTORY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/call_stats.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace pleg {

// Thread-safe. About 15 KB for each of at most kMaxMethods methods.
class CallHistory : public CallObserver {
 public:
  static constexpr size_t kMaxMethods = 16;  // further ones are not kept
  static constexpr size_t kSlowest = 10;
  static constexpr absl::Duration kWindow = absl::Minutes(5);
  static constexpr size_t kWindows = 13;

  struct Ended {
    std::string target;
    MonoTime ended_at;
    absl::Duration duration;
    absl::StatusCode code = absl::StatusCode::kOk;
  };
  struct Method {
    absl::string_view name;
    uint32_t ended = 0;
    uint32_t failed = 0;         // otherwise than with OK or NOT_FOUND
    absl::Duration median;       // of those that did not fail, to an eighth; zero without any
    std::vector<Ended> slowest;  // slowest first
  };

  // `clock` outlives the history.
  explicit CallHistory(const Clock& clock);
  ~CallHistory() override;
  CallHistory(const CallHistory&) = delete;
  CallHistory& operator=(const CallHistory&) = delete;

  // Of the last hour, in the order in which the methods were first called.
  std::vector<Method> Methods() const;
  // How long the method takes at present: the median of the last five to ten minutes, else of the
  // hour; zero without any call that did not fail.
  absl::Duration Usual(absl::string_view method) const;
  // The last that ended; without its target.
  std::optional<Ended> Last(absl::string_view method) const;

  void OnCallEnd(const CallRecord& call) override;
  void OnInvalidItem(absl::string_view, absl::string_view) override {}

 private:
  struct Window;
  struct Track;

  // Null if there is none, and no room.
  Track* FindOrAddLocked(absl::string_view method) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  const Track* FindLocked(absl::string_view method) const ABSL_SHARED_LOCKS_REQUIRED(mu_);

  const Clock& clock_;
  mutable Mutex mu_;
  std::vector<std::unique_ptr<Track>> tracks_ ABSL_GUARDED_BY(mu_);
};

}  // namespace pleg

#endif  // PLEGD_PLEG_HISTORY_CALL_HISTORY_H_
