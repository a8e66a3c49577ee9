#include "journal/structured_log.h"

#include <unistd.h>

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "journal/text_escape.h"
#include "spdlog/logger.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/base_sink.h"

namespace journal {
namespace {

constexpr char kThreadName[] = "pleg-log";
// A runtime's error text may be megabytes.
constexpr size_t kMaxValueBytes = 4096;

spdlog::level::level_enum ToSpdlog(pleg::LogLevel level) {
  switch (level) {
    case pleg::LogLevel::kDebug:
      return spdlog::level::debug;
    case pleg::LogLevel::kInfo:
      return spdlog::level::info;
    case pleg::LogLevel::kWarning:
      return spdlog::level::warn;
    case pleg::LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// What surrounds the message's own fields.
std::unique_ptr<spdlog::formatter> MakeFormatter(LogFormat format) {
  const char* pattern = format == LogFormat::kJson
                            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})"
                            : "time=%Y-%m-%dT%H:%M:%S.%fZ level=%l %v";
  return std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n");
}

void AppendField(std::string& out, LogFormat format, absl::string_view key,
                 absl::string_view value) {
  std::string cut;
  if (value.size() > kMaxValueBytes) {
    cut = absl::StrCat(value.substr(0, kMaxValueBytes), "… (", value.size(), " bytes)");
    value = cut;
  }
  if (!out.empty()) out += format == LogFormat::kJson ? ',' : ' ';
  if (format == LogFormat::kJson) {
    AppendJsonString(out, key);
    out += ':';
    AppendJsonString(out, value);
  } else {
    absl::StrAppend(&out, key, "=");
    AppendLogfmtValue(out, value);
  }
}

}  // namespace

// Finished lines on their way to the writer: a ring by bytes. Thread-safe.
class StructuredLog::Queue : public LineSource {
 public:
  // `dropped_line` makes the line that tells of dropped ones.
  Queue(size_t max_bytes, std::function<std::string(uint64_t)> dropped_line)
      : max_bytes_(max_bytes), dropped_line_(std::move(dropped_line)) {}

  void Push(std::string line) {
    pleg::MutexLock lock(mu_);
    bytes_ += line.size();
    lines_.push_back(std::move(line));
    while (bytes_ > max_bytes_) {
      bytes_ -= lines_.front().size();
      lines_.pop_front();
      ++dropped_;
    }
  }

  void Fill(std::string& out, size_t max_bytes) override {
    std::deque<std::string> lines;
    uint64_t untold = 0;
    {
      pleg::MutexLock lock(mu_);
      untold = dropped_ - std::exchange(told_, dropped_);
      for (size_t taken = 0; !lines_.empty() && taken < max_bytes;) {
        taken += lines_.front().size();
        bytes_ -= lines_.front().size();
        lines.push_back(std::move(lines_.front()));
        lines_.pop_front();
      }
    }
    if (untold > 0) out += dropped_line_(untold);
    for (const std::string& line : lines) out += line;
  }

  uint64_t Discard() override {
    pleg::MutexLock lock(mu_);
    const uint64_t count = lines_.size();
    lines_.clear();
    bytes_ = 0;
    return count;
  }

  size_t bytes() const {
    pleg::MutexLock lock(mu_);
    return bytes_;
  }

  uint64_t dropped() const {
    pleg::MutexLock lock(mu_);
    return dropped_;
  }

 private:
  const size_t max_bytes_;
  const std::function<std::string(uint64_t)> dropped_line_;
  mutable pleg::Mutex mu_;
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t dropped_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t told_ ABSL_GUARDED_BY(mu_) = 0;
};

// Where spdlog hands its messages over.
class StructuredLog::Sink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  Sink(LogFormat format, std::shared_ptr<Queue> queue, std::function<void()> wake)
      : base_sink(MakeFormatter(format)), queue_(std::move(queue)), wake_(std::move(wake)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& msg) override {
    spdlog::memory_buf_t line;
    formatter_->format(msg, line);
    queue_->Push(std::string(line.data(), line.size()));
    wake_();
  }
  void flush_() override {}

 private:
  const std::shared_ptr<Queue> queue_;
  const std::function<void()> wake_;
};

absl::StatusOr<LogFormat> ParseLogFormat(absl::string_view text) {
  if (text == "logfmt") return LogFormat::kLogfmt;
  if (text == "json") return LogFormat::kJson;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown log format \"", text, "\": use logfmt or json"));
}

absl::StatusOr<pleg::LogLevel> ParseLogLevel(absl::string_view text) {
  if (text == "debug") return pleg::LogLevel::kDebug;
  if (text == "info") return pleg::LogLevel::kInfo;
  if (text == "warning" || text == "warn") return pleg::LogLevel::kWarning;
  if (text == "error") return pleg::LogLevel::kError;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown log level \"", text, "\": use debug, info, warning or error"));
}

absl::string_view LogLevelName(pleg::LogLevel level) {
  switch (level) {
    case pleg::LogLevel::kDebug:
      return "debug";
    case pleg::LogLevel::kInfo:
      return "info";
    case pleg::LogLevel::kWarning:
      return "warn";
    case pleg::LogLevel::kError:
      return "error";
  }
  return "error";
}

StructuredLog::StructuredLog(StructuredLogOptions options, const pleg::Clock& clock,
                             FileOpener open)
    : format_(options.format),
      clock_(clock),
      queue_(std::make_shared<Queue>(options.queue_bytes,
                                     [format = options.format, &clock](uint64_t count) {
                                       std::string body;
                                       AppendField(body, format, "msg", "log lines were dropped");
                                       AppendField(body, format, "count", absl::StrCat(count));
                                       const spdlog::details::log_msg msg(
                                           absl::ToChronoTime(clock.WallNow()), {}, "",
                                           spdlog::level::warn, body);
                                       spdlog::memory_buf_t line;
                                       MakeFormatter(format)->format(msg, line);
                                       return std::string(line.data(), line.size());
                                     })),
      writer_(
          {.thread_name = kThreadName, .retry_period = options.retry_period}, clock,
          open ? std::move(open) : []() -> absl::StatusOr<std::unique_ptr<AppendFile>> {
            return BorrowDescriptor(STDERR_FILENO, "standard error");
          },
          queue_),
      logger_(std::make_unique<spdlog::logger>(
          "", std::make_shared<Sink>(options.format, queue_, writer_.Waker()))),
      limiter_(options.repeat_period, options.repeat_capacity) {
  SetLevel(options.level);
}

StructuredLog::~StructuredLog() = default;

absl::Status StructuredLog::Start() { return writer_.Start(absl::ZeroDuration()); }

bool StructuredLog::Stop(absl::Duration limit) { return writer_.Stop(limit); }

void StructuredLog::SetLevel(pleg::LogLevel level) { logger_->set_level(ToSpdlog(level)); }

pleg::LogLevel StructuredLog::level() const {
  for (const pleg::LogLevel level :
       {pleg::LogLevel::kDebug, pleg::LogLevel::kInfo, pleg::LogLevel::kWarning}) {
    if (Enabled(level)) return level;
  }
  return pleg::LogLevel::kError;
}

size_t StructuredLog::queued_bytes() const { return queue_->bytes(); }

StructuredLogStats StructuredLog::stats() const {
  const LineWriterStats writer = writer_.stats();
  return {queue_->dropped() + writer.discarded, writer.errors};
}

bool StructuredLog::Enabled(pleg::LogLevel level) const {
  return logger_->should_log(ToSpdlog(level));
}

void StructuredLog::Write(pleg::LogLevel level, absl::string_view message,
                          std::initializer_list<pleg::LogField> fields) {
  if (!Enabled(level)) return;
  RepeatLimiter::Verdict verdict{true, 0};
  if (level != pleg::LogLevel::kDebug) {
    std::string object;
    for (const pleg::LogField& field : fields) {
      if (!field.is_object) continue;
      object += field.value;
      object.push_back('\0');
    }
    pleg::MutexLock lock(mu_);
    verdict = limiter_.Admit(message, object, clock_.Now());
  }
  if (!verdict.admitted) return;
  std::string body;
  AppendField(body, format_, "msg", message);
  for (const pleg::LogField& field : fields) AppendField(body, format_, field.key, field.value);
  if (verdict.suppressed > 0) {
    AppendField(body, format_, "suppressed", absl::StrCat(verdict.suppressed));
  }
  logger_->log(absl::ToChronoTime(clock_.WallNow()), spdlog::source_loc{}, ToSpdlog(level),
               spdlog::string_view_t(body.data(), body.size()));
}

}  // namespace journal
