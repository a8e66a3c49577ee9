// Moves lines from a bounded source to a file on a thread of its own, so that a slow, full or hung
// disk never holds up anyone else.
//
//   LineWriter writer({.thread_name = "pleg-journal"}, OpenerFor(path), source);
//   absl::Status opened = writer.Start(absl::Seconds(2));   …   writer.Wake();
//   writer.Stop(absl::Seconds(1));
//
// What was taken from the source is kept and tried again until it is written; meanwhile the source
// fills up and drops by its own rule. A line that went out in part is finished before anything
// else, so that no line is ever glued to another.
//
// Before each write, and now and then while there is nothing to write, it looks whether the path is
// still the file that is open; if not, it opens the path anew. Every line is then whole in one file
// or the other: none is lost, none stands in both. What went into a file that was deleted meanwhile
// is written again.

#ifndef PLEGD_JOURNAL_LINE_WRITER_H_
#define PLEGD_JOURNAL_LINE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "journal/append_file.h"
#include "pleg/mono_time.h"

namespace journal {

// Where the lines come from. Confined to the writer's thread, unless it says otherwise.
class LineSource {
 public:
  virtual ~LineSource() = default;
  // Appends whole lines, each ending in a line feed, until there are no more or `out` has
  // `max_bytes` or somewhat more.
  virtual void Fill(std::string& out, size_t max_bytes) = 0;
  // Drops all that is left; returns how many lines those were.
  virtual uint64_t Discard() = 0;
};

struct LineWriterOptions {
  // At most 15 bytes, the kernel's limit.
  std::string thread_name;
  // Pause before a failed open or write is tried again.
  absl::Duration retry_period = absl::Seconds(1);
  // About how much is given to one write.
  size_t chunk_bytes = size_t{64} * 1024;
  // Told, on the writer's thread, when it begins to fail (the error) and when it works again (OK).
  // Not after Stop began. May be empty.
  std::function<void(const absl::Status&)> on_state{};
  // Told, on the writer's thread, when the file was opened anew, and why. May be empty.
  std::function<void(const std::string& why)> on_reopen{};
  // How often the path is looked at while there is nothing to write.
  absl::Duration look_period = absl::InfiniteDuration();
};

struct LineWriterStats {
  uint64_t errors = 0;     // opens and writes that failed
  uint64_t discarded = 0;  // lines given up by Stop
  // Start of the open or write that is under way: how long the disk has hung, if it does.
  std::optional<pleg::MonoTime> busy_since;
};

// Wake, Reopen and stats are thread-safe and wait for no disk; the rest is confined to the owner's
// thread.
class LineWriter {
 public:
  // `clock` outlives the object, and the process if Stop ever returns false.
  LineWriter(LineWriterOptions options, const pleg::Clock& clock, FileOpener open,
             std::shared_ptr<LineSource> source);
  // Stops, within a second.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // Starts the thread and waits up to `patience` for the file to open. The error is that of
  // opening: nothing runs then. An open that hangs is no error: it goes on.
  absl::Status Start(absl::Duration patience);

  // The source has lines.
  void Wake();
  // Opens the file anew, if not in the middle of a line: then behind it.
  void Reopen();
  // For others to call Wake, also after this object is gone.
  std::function<void()> Waker();

  // Writes what the source still has, for at most `limit`; then gives up. Returns false if the
  // thread is stuck in the disk: it is abandoned, keeps what it works with alive, and ends with the
  // process (a thread in an uninterruptible write can be neither joined nor cancelled). Later calls
  // return the same.
  bool Stop(absl::Duration limit);

  LineWriterStats stats() const;

 private:
  class Worker;

  const std::shared_ptr<Worker> worker_;
  std::thread thread_;
  bool abandoned_ = false;
};

}  // namespace journal

#endif  // PLEGD_JOURNAL_LINE_WRITER_H_
