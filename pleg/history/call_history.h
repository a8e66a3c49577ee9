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

// The calls that ended last, if they ended with an error, one after the other.
struct FailingCalls {
  MonoTime since;                                      // start of the first of them
  uint32_t in_a_row = 0;                               // of all targets
  absl::StatusCode code = absl::StatusCode::kUnknown;  // of the last
  std::string text;      // the same; at most CallHistory::kMaxErrorBytes
  bool answered = true;  // the same
};

// Thread-safe. About 15 KB for each of at most kMaxMethods methods.
class CallHistory : public CallObserver {
 public:
  static constexpr size_t kMaxMethods = 16;  // further ones are not kept
  static constexpr size_t kSlowest = 10;
  static constexpr absl::Duration kWindow = absl::Minutes(5);
  static constexpr size_t kWindows = 13;
  static constexpr size_t kMaxRows = 8;

  struct Ended {
    std::string target;
    MonoTime ended_at;
    absl::Duration duration;
    absl::StatusCode code = absl::StatusCode::kOk;
    bool answered = true;  // see CallRecord
  };
  static constexpr size_t kMaxErrorBytes = 512;
  struct Error {
    MonoTime at;
    absl::StatusCode code = absl::StatusCode::kUnknown;
    std::string text;  // at most kMaxErrorBytes
  };
  struct Method {
    absl::string_view name;
    uint32_t ended = 0;
    uint32_t failed = 0;         // otherwise than with OK or NOT_FOUND
    absl::Duration median;       // of those that did not fail, to an eighth; zero without any
    std::vector<Ended> slowest;  // slowest first
    std::optional<FailingCalls> failing = {};
    // Rows of answers that were errors, begun in the last kWindow; at most kMaxRows. A runtime that
    // fails now and then has several of them, one that failed for a while and was healed has one.
    uint32_t error_rows = 0;
    // The last error that the runtime answered with, whatever was answered since.
    std::optional<Error> last_error = {};
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
