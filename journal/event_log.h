// The event log: every lifecycle event as a line of JSON, in a file or on standard output.
//
//   EventLog log({.path = "/var/log/plegd/events.jsonl", .boot_id = NewBootId()}, {hub, clock,
//   log}); absl::Status status = log.Start();   …   log.Stop(absl::Seconds(1));
//
// The core never waits for it: events wait in a bounded EventQueue, which folds what does not fit,
// and one thread ("pleg-journal") writes them. Lines are in the order of `seq`; a gap in `seq` is
// what was folded away, and only that: nothing is invented. A file that was renamed, deleted or
// replaced is opened anew: see line_writer.h.

#ifndef PLEGD_JOURNAL_EVENT_LOG_H_
#define PLEGD_JOURNAL_EVENT_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "journal/append_file.h"
#include "journal/line_writer.h"
#include "pleg/event_hub.h"
#include "pleg/event_queue.h"
#include "pleg/log.h"
#include "pleg/mono_time.h"

namespace journal {

struct EventLogOptions {
  // A file that is appended to, or "-" for standard output.
  std::string path;
  std::string boot_id;
  // AppendOptions::max_bytes. An event that fills more than half of it is dropped.
  uint64_t max_bytes = 0;
  // Events that may wait for the disk before folding begins.
  size_t queue_capacity = 10000;
  // How long Start waits for the file to open.
  absl::Duration open_patience = absl::Seconds(2);
  absl::Duration retry_period = absl::Seconds(1);
  // How often the path is looked at while no event is written. Each write looks, too.
  absl::Duration look_period = absl::Seconds(1);
  // A write that takes longer is reported as hung.
  absl::Duration stall_after = absl::Seconds(5);
};

// All outlive the log.
struct EventLogDeps {
  pleg::EventHub& hub;
  const pleg::Clock& clock;
  pleg::Log& log;
};

struct EventLogStats {
  // Events that were never written: folded away, too long, or given up at the end.
  uint64_t dropped = 0;
  uint64_t errors = 0;  // opens and writes that failed, writes that hung
};

// stats and Reopen are thread-safe; the rest is confined to one thread at a time. Nothing but Start
// and Stop waits for the disk.
class EventLog {
 public:
  // `open` replaces the opening of the path in tests.
  EventLog(EventLogOptions options, EventLogDeps deps, FileOpener open = nullptr);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Opens the file and receives every event from now on. The error names the path; nothing runs
  // then.
  absl::Status Start();

  // Opens the file anew, on the writer's thread.
  void Reopen();

  // To be called about once a second: logs once when a write begins to hang, and once when it has
  // ended.
  void CheckStall();

  // Receives no more and writes what is left, for at most `limit`. False if the disk hangs: what
  // was left is lost, and the thread stays behind until the process ends.
  bool Stop(absl::Duration limit);

  EventLogStats stats() const;

 private:
  class Source;

  const EventLogOptions options_;
  const EventLogDeps deps_;
  const std::shared_ptr<Source> source_;
  LineWriter writer_;
  std::shared_ptr<pleg::EventQueue> queue_;
  bool stalled_ = false;
  std::atomic<uint64_t> stalls_{0};
};

}  // namespace journal

#endif  // PLEGD_JOURNAL_EVENT_LOG_H_
