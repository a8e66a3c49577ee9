// A file for tests that tears, fails or hangs on command, and remembers all that reached it.
//
//   auto disk = std::make_shared<FaultInjectionFile>();
//   EventLog log(options, deps, disk->Opener()); disk->Fail(absl::ResourceExhaustedError("full"));

#ifndef PLEGD_JOURNAL_TESTING_FAULT_INJECTION_FILE_H_
#define PLEGD_JOURNAL_TESTING_FAULT_INJECTION_FILE_H_

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "journal/append_file.h"
#include "pleg/mutex.h"

namespace journal::testing {

// Thread-safe. Held by shared_ptr: an abandoned writer may outlive the test's scope.
class FaultInjectionFile : public std::enable_shared_from_this<FaultInjectionFile> {
 public:
  FileOpener Opener() {
    return [self = shared_from_this()]() -> absl::StatusOr<std::unique_ptr<AppendFile>> {
      absl::Status status = self->OnOpen();
      if (!status.ok()) return status;
      return std::make_unique<Handle>(self);
    };
  }

  // What is there before the file is opened.
  void SetContent(std::string content) {
    pleg::MutexLock lock(mu_);
    content_ = std::move(content);
  }
  // The next opens and writes fail; OK ends it.
  void Fail(absl::Status status) {
    pleg::MutexLock lock(mu_);
    failure_ = std::move(status);
  }
  // Writes take at most `bytes` from now on.
  void TearWritesAt(size_t bytes) {
    pleg::MutexLock lock(mu_);
    write_limit_ = bytes;
  }
  // One more write takes `bytes`, then the disk is full until Fail(OK).
  void FillUpAfter(size_t bytes) {
    pleg::MutexLock lock(mu_);
    room_ = bytes;
  }
  // Opens and writes do not return until Hang(false).
  void Hang(bool hang) {
    pleg::MutexLock lock(mu_);
    hang_ = hang;
    changed_.notify_all();
  }

  // Somebody renames or deletes it: what is open is `place` from now on, and the next open makes a
  // new file. Writes to the old one are in left().
  void Leave(AppendFile::Place place) {
    pleg::MutexLock lock(mu_);
    left_ = std::move(content_);
    content_.clear();
    left_place_ = place;
    ++generation_;
  }

  std::string content() const {
    pleg::MutexLock lock(mu_);
    return content_;
  }
  std::string left() const {
    pleg::MutexLock lock(mu_);
    return left_;
  }
  // Wait, for as long as it takes, until …
  void AwaitSize(size_t bytes) {
    pleg::MutexLock lock(mu_);
    while (content_.size() < bytes) changed_.wait(mu_);
  }
  void AwaitFailures(int count) {
    pleg::MutexLock lock(mu_);
    while (failures_ < count) changed_.wait(mu_);
  }
  void AwaitHanging() {
    pleg::MutexLock lock(mu_);
    while (hanging_ == 0) changed_.wait(mu_);
  }

 private:
  class Handle : public AppendFile {
   public:
    explicit Handle(std::shared_ptr<FaultInjectionFile> disk)
        : disk_(std::move(disk)), generation_(disk_->generation()) {}
    bool EndsMidLine() const override {
      const std::string content = disk_->content();
      return !content.empty() && content.back() != '\n';
    }
    absl::StatusOr<size_t> Write(absl::string_view data) override {
      return disk_->OnWrite(data, generation_);
    }
    Place Locate() const override { return disk_->Locate(generation_); }

   private:
    const std::shared_ptr<FaultInjectionFile> disk_;
    const int generation_;
  };

  void HangLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    ++hanging_;
    changed_.notify_all();
    while (hang_) changed_.wait(mu_);
    --hanging_;
  }

  absl::Status OnOpen() {
    pleg::MutexLock lock(mu_);
    HangLocked();
    return FailLocked();
  }

  int generation() const {
    pleg::MutexLock lock(mu_);
    return generation_;
  }
  AppendFile::Place Locate(int generation) const {
    pleg::MutexLock lock(mu_);
    return generation == generation_ ? AppendFile::Place::kAtItsPath : left_place_;
  }

  absl::StatusOr<size_t> OnWrite(absl::string_view data, int generation) {
    pleg::MutexLock lock(mu_);
    HangLocked();
    if (absl::Status status = FailLocked(); !status.ok()) return status;
    data = data.substr(0, std::min(write_limit_, room_));
    if (room_ != kUnlimited) {
      room_ = kUnlimited;
      failure_ = absl::ResourceExhaustedError("cannot write to test file: No space left on device");
    }
    (generation == generation_ ? content_ : left_).append(data.data(), data.size());
    changed_.notify_all();
    return data.size();
  }

  absl::Status FailLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (failure_.ok()) return failure_;
    ++failures_;
    changed_.notify_all();
    return failure_;
  }

  static constexpr size_t kUnlimited = std::numeric_limits<size_t>::max();

  mutable pleg::Mutex mu_;
  std::condition_variable_any changed_;
  std::string content_ ABSL_GUARDED_BY(mu_);
  std::string left_ ABSL_GUARDED_BY(mu_);
  AppendFile::Place left_place_ ABSL_GUARDED_BY(mu_) = AppendFile::Place::kMoved;
  int generation_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  size_t write_limit_ ABSL_GUARDED_BY(mu_) = kUnlimited;
  size_t room_ ABSL_GUARDED_BY(mu_) = kUnlimited;
  bool hang_ ABSL_GUARDED_BY(mu_) = false;
  int hanging_ ABSL_GUARDED_BY(mu_) = 0;
  int failures_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace journal::testing

#endif  // PLEGD_JOURNAL_TESTING_FAULT_INJECTION_FILE_H_
