#include "journal/line_writer.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <utility>

#include "absl/strings/string_view.h"
#include "pleg/mutex.h"

namespace journal {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// A day stands for all that is longer, so that the sum does not overflow.
SteadyTime After(absl::Duration duration) {
  return std::chrono::steady_clock::now() +
         absl::ToChronoNanoseconds(std::min(duration, absl::Hours(24)));
}

}  // namespace

// What the thread works with. Shared with it, so that an abandoned thread finds all of it alive.
class LineWriter::Worker {
 public:
  Worker(LineWriterOptions options, const pleg::Clock& clock, FileOpener open,
         std::shared_ptr<LineSource> source)
      : options_(std::move(options)),
        clock_(clock),
        open_(std::move(open)),
        source_(std::move(source)) {}

  // The thread.
  void Run();

  // The owner's side.
  absl::Status AwaitOpen(absl::Duration patience);
  void Wake();
  void Reopen();
  void RequestStop();
  bool AwaitEnd(absl::Duration limit);
  LineWriterStats stats() const;

 private:
  static constexpr int64_t kIdle = INT64_MIN;

  // Opens the file, or opens it anew if its path is another one. False if that failed.
  bool HasFile();
  // Empty if the file may stay open.
  std::string WhyReopen();
  AppendFile::Place Locate();
  // Where in buffer_ the line begins of which something is written; else written_.
  size_t LineStart() const;
  void Close();
  bool Open();
  // One write. False if it failed.
  bool WriteSome();
  void Finish();
  void Succeeded();
  void Failed(const absl::Status& status);
  void Tell(const absl::Status& status);
  // Both return false when it is time to stop.
  bool WaitForLines();
  bool WaitForRetry();

  const LineWriterOptions options_;
  const pleg::Clock& clock_;
  const FileOpener open_;
  const std::shared_ptr<LineSource> source_;

  // The thread's own.
  std::unique_ptr<AppendFile> file_;
  std::string buffer_;
  size_t written_ = 0;  // of buffer_
  bool failing_ = false;

  std::atomic<uint64_t> errors_{0};
  std::atomic<uint64_t> discarded_{0};
  std::atomic<int64_t> busy_since_{kIdle};

  pleg::Mutex mu_;
  std::condition_variable_any changed_;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool reopen_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<absl::Status> opened_ ABSL_GUARDED_BY(mu_);  // the first attempt
};

void LineWriter::Worker::Run() {
  pthread_setname_np(pthread_self(), options_.thread_name.c_str());
  // Signals are the main thread's; a reader that went away is EPIPE here.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  bool going = true;
  while (going) {
    if (!HasFile()) {
      going = WaitForRetry();
      continue;
    }
    if (written_ == buffer_.size()) {
      buffer_.clear();
      written_ = 0;
      source_->Fill(buffer_, options_.chunk_bytes);
    }
    if (buffer_.empty()) {
      going = WaitForLines();
    } else if (!WriteSome()) {
      going = WaitForRetry();
    }
  }
  Finish();
}

bool LineWriter::Worker::HasFile() {
  if (file_ != nullptr) {
    const std::string why = WhyReopen();
    if (!why.empty()) {
      Close();
      if (!Open()) return false;
      if (options_.on_reopen) options_.on_reopen(why);
    }
  }
  return file_ != nullptr || Open();
}

std::string LineWriter::Worker::WhyReopen() {
  switch (Locate()) {
    case AppendFile::Place::kAtItsPath:
      break;
    case AppendFile::Place::kMoved:
      return "its path is another file, or none";
    case AppendFile::Place::kDeleted:
      return "it was deleted";
  }
  // Not in the middle of a line, which would be torn.
  if (LineStart() != written_) return "";
  pleg::MutexLock lock(mu_);
  return std::exchange(reopen_, false) ? "as asked" : "";
}

AppendFile::Place LineWriter::Worker::Locate() {
  busy_since_ = clock_.Now().nanos();
  const AppendFile::Place place = file_->Locate();
  busy_since_ = kIdle;
  return place;
}

size_t LineWriter::Worker::LineStart() const {
  return written_ == 0 ? 0 : buffer_.rfind('\n', written_ - 1) + 1;
}

void LineWriter::Worker::Close() {
  // What stands of a line in the file that is left goes out whole into the next one.
  written_ = LineStart();
  file_.reset();
}

bool LineWriter::Worker::Open() {
  busy_since_ = clock_.Now().nanos();
  absl::StatusOr<std::unique_ptr<AppendFile>> file = open_();
  busy_since_ = kIdle;
  const absl::Status status = file.status();
  if (status.ok()) {
    file_ = *std::move(file);
    if (file_->EndsMidLine()) buffer_.insert(written_, "\n");
    Succeeded();
  } else {
    Failed(status);
  }
  pleg::MutexLock lock(mu_);
  if (!opened_.has_value()) opened_ = status;
  changed_.notify_all();
  return file_ != nullptr;
}

bool LineWriter::Worker::WriteSome() {
  busy_since_ = clock_.Now().nanos();
  const absl::StatusOr<size_t> n = file_->Write(absl::string_view(buffer_).substr(written_));
  busy_since_ = kIdle;
  if (!n.ok()) {
    Failed(n.status());
    return false;
  }
  // What went into a file that was deleted before goes out once more, into the next one.
  if (Locate() != AppendFile::Place::kDeleted) written_ += *n;
  Succeeded();
  return true;
}

void LineWriter::Worker::Finish() {
  const auto unwritten = std::count(
      buffer_.begin() + static_cast<std::string::difference_type>(written_), buffer_.end(), '\n');
  discarded_ += static_cast<uint64_t>(unwritten) + source_->Discard();
  file_.reset();
  pleg::MutexLock lock(mu_);
  ended_ = true;
  changed_.notify_all();
}

void LineWriter::Worker::Succeeded() {
  if (std::exchange(failing_, false)) Tell(absl::OkStatus());
}

void LineWriter::Worker::Failed(const absl::Status& status) {
  ++errors_;
  if (!std::exchange(failing_, true)) Tell(status);
}

void LineWriter::Worker::Tell(const absl::Status& status) {
  {
    pleg::MutexLock lock(mu_);
    if (stopping_) return;
  }
  if (options_.on_state) options_.on_state(status);
}

bool LineWriter::Worker::WaitForLines() {
  const SteadyTime look_at = After(options_.look_period);
  pleg::MutexLock lock(mu_);
  while (!woken_ && !stopping_) {
    if (changed_.wait_until(mu_, look_at) == std::cv_status::timeout && !stopping_) return true;
  }
  // A stop goes on until a look at the source, begun after the stop, finds nothing.
  if (!woken_) return false;
  woken_ = false;
  return true;
}

bool LineWriter::Worker::WaitForRetry() {
  const SteadyTime retry_at = After(options_.retry_period);
  pleg::MutexLock lock(mu_);
  while (!stopping_) {
    if (changed_.wait_until(mu_, retry_at) == std::cv_status::timeout) return !stopping_;
  }
  return false;
}

absl::Status LineWriter::Worker::AwaitOpen(absl::Duration patience) {
  const SteadyTime give_up = After(patience);
  pleg::MutexLock lock(mu_);
  while (!opened_.has_value()) {
    if (changed_.wait_until(mu_, give_up) == std::cv_status::timeout) break;
  }
  return opened_.value_or(absl::OkStatus());
}

void LineWriter::Worker::Wake() {
  pleg::MutexLock lock(mu_);
  woken_ = true;
  changed_.notify_all();
}

void LineWriter::Worker::Reopen() {
  pleg::MutexLock lock(mu_);
  reopen_ = true;
  woken_ = true;
  changed_.notify_all();
}

void LineWriter::Worker::RequestStop() {
  pleg::MutexLock lock(mu_);
  stopping_ = true;
  woken_ = true;
  changed_.notify_all();
}

bool LineWriter::Worker::AwaitEnd(absl::Duration limit) {
  const SteadyTime give_up = After(limit);
  pleg::MutexLock lock(mu_);
  while (!ended_) {
    if (changed_.wait_until(mu_, give_up) == std::cv_status::timeout) return ended_;
  }
  return true;
}

LineWriterStats LineWriter::Worker::stats() const {
  LineWriterStats stats;
  stats.errors = errors_;
  stats.discarded = discarded_;
  const int64_t busy_since = busy_since_;
  if (busy_since != kIdle) stats.busy_since = pleg::MonoTime::FromNanos(busy_since);
  return stats;
}

LineWriter::LineWriter(LineWriterOptions options, const pleg::Clock& clock, FileOpener open,
                       std::shared_ptr<LineSource> source)
    : worker_(std::make_shared<Worker>(std::move(options), clock, std::move(open),
                                       std::move(source))) {}

LineWriter::~LineWriter() { Stop(absl::Seconds(1)); }

absl::Status LineWriter::Start(absl::Duration patience) {
  thread_ = std::thread([worker = worker_] { worker->Run(); });
  absl::Status opened = worker_->AwaitOpen(patience);
  if (!opened.ok()) Stop(absl::InfiniteDuration());
  return opened;
}

void LineWriter::Wake() { worker_->Wake(); }

void LineWriter::Reopen() { worker_->Reopen(); }

std::function<void()> LineWriter::Waker() {
  // Weak: what calls it may belong to the source, which the worker owns.
  return [weak = std::weak_ptr<Worker>(worker_)] {
    if (const std::shared_ptr<Worker> worker = weak.lock()) worker->Wake();
  };
}

bool LineWriter::Stop(absl::Duration limit) {
  if (!thread_.joinable()) return !abandoned_;
  worker_->RequestStop();
  abandoned_ = !worker_->AwaitEnd(limit);
  if (abandoned_) {
    thread_.detach();
  } else {
    thread_.join();
  }
  return !abandoned_;
}

LineWriterStats LineWriter::stats() const { return worker_->stats(); }

}  // namespace journal
