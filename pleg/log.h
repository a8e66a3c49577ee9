// Structured logging as the core sees it: a message that never changes, and fields that do.
//
//   log.Write(LogLevel::kWarning, "inspection failed", {{"pod", pod}, {"error",
//   status.message()}});

#ifndef PLEGD_PLEG_LOG_H_
#define PLEGD_PLEG_LOG_H_

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"

namespace pleg {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogField {
  absl::string_view key;
  std::string value;
  // Part of what the line is about. Lines of one message with the same values of these fields are
  // rate-limited together.
  bool is_object = false;
};

// Where lines go. Implementations are thread-safe, never block on a disk and escape what they
// print.
class Log {
 public:
  virtual ~Log() = default;
  // Whether a line of that level would be written: to spare building its fields.
  virtual bool Enabled(LogLevel level) const = 0;
  virtual void Write(LogLevel level, absl::string_view message,
                     std::initializer_list<LogField> fields) = 0;
};

// A log that discards everything; for tests and embedders without one. Thread-safe.
Log& NullLog();

}  // namespace pleg

#endif  // PLEGD_PLEG_LOG_H_
