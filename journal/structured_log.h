// plegd's own log: one line a message, logfmt or JSON, to standard error by default.
//
//   StructuredLog log({.format = LogFormat::kLogfmt}, clock);   log.Start();
//   log.Write(pleg::LogLevel::kWarning, "inspection failed", {{"pod", uid, true}, {"error",
//   text}});
//   => time=2023-11-14T22:13:20.123456Z level=warning msg="inspection failed" pod=0f3c… error="…"
//
// No value can forge a line, a field or a terminal's state: see text_escape.h. Repeats of the same
// message about the same object are held back (repeat_limiter.h) except at debug level: the next
// line that is printed carries suppressed=N.

#ifndef PLEGD_JOURNAL_STRUCTURED_LOG_H_
#define PLEGD_JOURNAL_STRUCTURED_LOG_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "journal/append_file.h"
#include "journal/line_writer.h"
#include "journal/repeat_limiter.h"
#include "pleg/log.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace spdlog {
class logger;
}

namespace journal {

enum class LogFormat { kLogfmt, kJson };

// "logfmt" or "json"; kInvalidArgument names the text and what is allowed.
absl::StatusOr<LogFormat> ParseLogFormat(absl::string_view text);
// "debug", "info", "warning" (or "warn") or "error"; as above.
absl::StatusOr<pleg::LogLevel> ParseLogLevel(absl::string_view text);
absl::string_view LogLevelName(pleg::LogLevel level);

struct StructuredLogOptions {
  LogFormat format = LogFormat::kLogfmt;
  pleg::LogLevel level = pleg::LogLevel::kInfo;
  // Bytes of lines that may wait for the reader; beyond that the oldest are dropped, and a line
  // tells how many.
  size_t queue_bytes = size_t{1} << 20;
  absl::Duration repeat_period = absl::Minutes(1);
  size_t repeat_capacity = 1024;
  absl::Duration retry_period = absl::Seconds(1);
};

struct StructuredLogStats {
  uint64_t dropped = 0;  // lines that were never written
  uint64_t errors = 0;   // writes that failed
};

// Write, Enabled, SetLevel and stats are thread-safe and wait for no disk; Start and Stop are
// confined to one thread. A line written before Start waits for it.
class StructuredLog : public pleg::Log {
 public:
  // `clock` outlives the log, and the process if Stop ever returns false. `open` replaces standard
  // error.
  StructuredLog(StructuredLogOptions options, const pleg::Clock& clock, FileOpener open = nullptr);
  ~StructuredLog() override;
  StructuredLog(const StructuredLog&) = delete;
  StructuredLog& operator=(const StructuredLog&) = delete;

  // Begins to write. The error is that of opening; standard error never fails.
  absl::Status Start();
  // Writes what is left, for at most `limit`. False if the reader hangs: what was left is lost.
  bool Stop(absl::Duration limit);

  void SetLevel(pleg::LogLevel level);
  pleg::LogLevel level() const;
  // Bytes of lines that wait for the reader.
  size_t queued_bytes() const;
  StructuredLogStats stats() const;

  bool Enabled(pleg::LogLevel level) const override;
  void Write(pleg::LogLevel level, absl::string_view message,
             std::initializer_list<pleg::LogField> fields) override;

 private:
  class Queue;
  class Sink;

  const LogFormat format_;
  const pleg::Clock& clock_;
  const std::shared_ptr<Queue> queue_;
  LineWriter writer_;
  std::unique_ptr<spdlog::logger> logger_;
  pleg::Mutex mu_;
  RepeatLimiter limiter_ ABSL_GUARDED_BY(mu_);
};

}  // namespace journal

#endif  // PLEGD_JOURNAL_STRUCTURED_LOG_H_
