#include "journal/event_log.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "journal/event_json.h"
#include "pleg/event.h"
#include "pleg/go_duration.h"
#include "pleg/mutex.h"

namespace journal {
namespace {

constexpr char kThreadName[] = "pleg-journal";

LineWriterOptions WriterOptions(const EventLogOptions& options, pleg::Log& log) {
  LineWriterOptions writer;
  writer.thread_name = kThreadName;
  writer.retry_period = options.retry_period;
  writer.look_period = options.look_period;
  writer.on_reopen = [&log, path = options.path](const std::string& why) {
    log.Write(pleg::LogLevel::kInfo, "event log is opened anew",
              {{"path", path, true}, {"why", why}});
  };
  writer.on_state = [&log, path = options.path](const absl::Status& status) {
    if (status.ok()) {
      log.Write(pleg::LogLevel::kInfo, "event log is written again", {{"path", path, true}});
    } else {
      log.Write(pleg::LogLevel::kError, "event log cannot be written",
                {{"path", path, true}, {"error", std::string(status.message())}});
    }
  };
  return writer;
}

}  // namespace

// Confined to the writer's thread, but for dropped; SetQueue is called before that runs.
class EventLog::Source : public LineSource {
 public:
  // Lines of more than `max_line` bytes are left out; 0: any length will do.
  Source(std::string boot_id, uint64_t max_line)
      : boot_id_(std::move(boot_id)), max_line_(max_line) {}

  void SetQueue(std::shared_ptr<pleg::EventQueue> queue) {
    pleg::MutexLock lock(mu_);
    queue_ = std::move(queue);
  }

  void Fill(std::string& out, size_t max_bytes) override {
    if (next_ == taken_.size()) Take();
    while (next_ < taken_.size() && out.size() < max_bytes) {
      const size_t before = out.size();
      AppendEventLine(out, taken_[next_++], boot_id_);
      if (max_line_ == 0 || out.size() - before <= max_line_) continue;
      out.resize(before);
      ++too_long_;
    }
  }

  uint64_t Discard() override {
    uint64_t lines = taken_.size() - next_;
    Take();
    lines += taken_.size();
    taken_.clear();
    next_ = 0;
    return lines;
  }

  uint64_t dropped() const {
    pleg::MutexLock lock(mu_);
    return too_long_ + (queue_ == nullptr ? 0 : queue_->folded());
  }

 private:
  // All of it at once: only then is the order by `seq` the same across takes.
  void Take() {
    taken_ = Queue().Take().events;
    next_ = 0;
    std::sort(taken_.begin(), taken_.end(),
              [](const pleg::Event& a, const pleg::Event& b) { return a.seq < b.seq; });
  }

  pleg::EventQueue& Queue() const {
    pleg::MutexLock lock(mu_);
    return *queue_;
  }

  const std::string boot_id_;
  const uint64_t max_line_;
  std::atomic<uint64_t> too_long_{0};
  mutable pleg::Mutex mu_;
  std::shared_ptr<pleg::EventQueue> queue_ ABSL_GUARDED_BY(mu_);
  std::vector<pleg::Event> taken_;
  size_t next_ = 0;
};

EventLog::EventLog(EventLogOptions options, EventLogDeps deps, FileOpener open)
    : options_(std::move(options)),
      deps_(deps),
      source_(std::make_shared<Source>(options_.boot_id, options_.max_bytes / 2)),
      writer_(WriterOptions(options_, deps_.log), deps_.clock,
              open ? std::move(open) : OpenerFor(options_.path, {.max_bytes = options_.max_bytes}),
              source_) {}

EventLog::~EventLog() { Stop(absl::Seconds(1)); }

absl::Status EventLog::Start() {
  queue_ = deps_.hub.Subscribe(options_.queue_capacity, writer_.Waker());
  source_->SetQueue(queue_);
  absl::Status opened = writer_.Start(options_.open_patience);
  if (!opened.ok()) deps_.hub.Unsubscribe(std::exchange(queue_, nullptr));
  return opened;
}

void EventLog::Reopen() { writer_.Reopen(); }

void EventLog::CheckStall() {
  const std::optional<pleg::MonoTime> since = writer_.stats().busy_since;
  const absl::Duration age = since.has_value() ? deps_.clock.Now() - *since : absl::ZeroDuration();
  const bool stalled = age > options_.stall_after;
  if (stalled == std::exchange(stalled_, stalled)) return;
  if (!stalled) {
    deps_.log.Write(pleg::LogLevel::kInfo, "event log no longer hangs",
                    {{"path", options_.path, true}});
    return;
  }
  ++stalls_;
  deps_.log.Write(pleg::LogLevel::kError, "event log hangs in a write",
                  {{"path", options_.path, true}, {"age", pleg::FormatGoDuration(age)}});
}

bool EventLog::Stop(absl::Duration limit) {
  if (queue_ != nullptr) deps_.hub.Unsubscribe(std::exchange(queue_, nullptr));
  return writer_.Stop(limit);
}

EventLogStats EventLog::stats() const {
  const LineWriterStats writer = writer_.stats();
  return {source_->dropped() + writer.discarded, writer.errors + stalls_};
}

}  // namespace journal
