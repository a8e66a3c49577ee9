#include "journal/line_writer.h"

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "journal/testing/fault_injection_file.h"
#include "journal/testing/manual_clock.h"
#include "pleg/mutex.h"

namespace journal {
namespace {

using testing::FaultInjectionFile;

// Thread-safe.
class ListSource : public LineSource {
 public:
  void Add(std::string line) {
    pleg::MutexLock lock(mu_);
    lines_.push_back(std::move(line));
  }
  void Fill(std::string& out, size_t max_bytes) override {
    pleg::MutexLock lock(mu_);
    while (!lines_.empty() && out.size() < max_bytes) {
      absl::StrAppend(&out, lines_.front(), "\n");
      lines_.pop_front();
    }
  }
  uint64_t Discard() override {
    pleg::MutexLock lock(mu_);
    const uint64_t count = lines_.size();
    lines_.clear();
    return count;
  }

 private:
  pleg::Mutex mu_;
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

class LineWriterTest : public ::testing::Test {
 protected:
  ~LineWriterTest() override { disk_->Hang(false); }

  LineWriterOptions Options() {
    LineWriterOptions options;
    options.thread_name = "test-writer";
    options.retry_period = absl::Milliseconds(1);
    options.chunk_bytes = 64;
    options.on_state = [states = states_](const absl::Status& status) {
      states->push_back(status.code());
    };
    return options;
  }
  void Write(const std::string& line) {
    source_->Add(line);
    writer_->Wake();
    expected_ += line + "\n";
  }

  // Outlives an abandoned writer.
  static testing::ManualClock& clock() {
    static auto* clock = new testing::ManualClock;
    return *clock;
  }

  std::shared_ptr<FaultInjectionFile> disk_ = std::make_shared<FaultInjectionFile>();
  std::shared_ptr<ListSource> source_ = std::make_shared<ListSource>();
  std::shared_ptr<std::vector<absl::StatusCode>> states_ =
      std::make_shared<std::vector<absl::StatusCode>>();
  std::string expected_;
  std::unique_ptr<LineWriter> writer_ =
      std::make_unique<LineWriter>(Options(), clock(), disk_->Opener(), source_);
};

TEST_F(LineWriterTest, WritesWhatIsAddedBeforeAndAfterTheStart) {
  Write("early");
  ASSERT_TRUE(writer_->Start(absl::Minutes(1)).ok());
  disk_->AwaitSize(expected_.size());
  Write("late");
  disk_->AwaitSize(expected_.size());
  EXPECT_TRUE(writer_->Stop(absl::Minutes(1)));
  EXPECT_EQ(disk_->content(), expected_);
  EXPECT_EQ(writer_->stats().errors, 0u);
  EXPECT_TRUE(states_->empty());
}

TEST_F(LineWriterTest, StopWritesAllThatIsLeft) {
  disk_->TearWritesAt(7);
  ASSERT_TRUE(writer_->Start(absl::Minutes(1)).ok());
  for (int i = 0; i < 1000; ++i) Write(absl::StrCat("line ", i));
  EXPECT_TRUE(writer_->Stop(absl::Minutes(1)));
  EXPECT_EQ(disk_->content(), expected_);
  EXPECT_EQ(writer_->stats().discarded, 0u);
}

TEST_F(LineWriterTest, ATornLineIsFinishedAfterTheDiskWasFull) {
  ASSERT_TRUE(writer_->Start(absl::Minutes(1)).ok());
  disk_->FillUpAfter(5);
  Write("a line in two pieces");
  disk_->AwaitFailures(3);
  Write("the next one");
  EXPECT_EQ(disk_->content(), "a lin");
  disk_->Fail(absl::OkStatus());
  disk_->AwaitSize(expected_.size());
  EXPECT_TRUE(writer_->Stop(absl::Minutes(1)));
  EXPECT_EQ(disk_->content(), expected_);
  EXPECT_GE(writer_->stats().errors, 3u);
  // Told once when it began and once when it ended, however often it failed.
  EXPECT_EQ(*states_, (std::vector<absl::StatusCode>{absl::StatusCode::kResourceExhausted,
                                                     absl::StatusCode::kOk}));
}

TEST_F(LineWriterTest, AnEarlierRunsTornLineIsTerminated) {
  disk_->SetContent("whole\n{\"torn");
  ASSERT_TRUE(writer_->Start(absl::Minutes(1)).ok());
  Write("mine");
  EXPECT_TRUE(writer_->Stop(absl::Minutes(1)));
  EXPECT_EQ(disk_->content(), "whole\n{\"torn\nmine\n");
}

TEST_F(LineWriterTest, ALineThatWasCutOffGoesWholeIntoTheNextFile) {
  ASSERT_TRUE(writer_->Start(absl::Minutes(1)).ok());
  Write("the one before");
  disk_->AwaitSize(expected_.size());
  disk_->FillUpAfter(5);
  Write("a line in two pieces");
  disk_->AwaitFailures(3);
  disk_->Leave(AppendFile::Place::kMoved);
  disk_->Fail(absl::OkStatus());
  disk_->AwaitSize(21);
  EXPECT_TRUE(writer_->Stop(absl::Minutes(1)));
  EXPECT_EQ(disk_->left(), "the one before\na lin");
  EXPECT_EQ(disk_->content(), "a line in two pieces\n");
  EXPECT_EQ(writer_->stats().discarded, 0u);
}

TEST_F(LineWriterTest, WhatWentIntoADeletedFileIsWrittenAgain) {
  ASSERT_TRUE(writer_->Start(absl::Minutes(1)).ok());
  disk_->Hang(true);
  Write("under way");
  disk_->AwaitHanging();
  disk_->Leave(AppendFile::Place::kDeleted);
  disk_->Hang(false);
  disk_->AwaitSize(expected_.size());
  EXPECT_TRUE(writer_->Stop(absl::Minutes(1)));
  EXPECT_EQ(disk_->content(), "under way\n");
}

TEST_F(LineWriterTest, WhatWentIntoARenamedFileIsNotWrittenAgain) {
  ASSERT_TRUE(writer_->Start(absl::Minutes(1)).ok());
  disk_->Hang(true);
  Write("under way");
  disk_->AwaitHanging();
  disk_->Leave(AppendFile::Place::kMoved);
  disk_->Hang(false);
  Write("next");
  EXPECT_TRUE(writer_->Stop(absl::Minutes(1)));
  EXPECT_EQ(disk_->left(), "under way\n");
  EXPECT_EQ(disk_->content(), "next\n");
}

TEST_F(LineWriterTest, AFileThatDoesNotOpenAnewKeepsItsLinesWaiting) {
  ASSERT_TRUE(writer_->Start(absl::Minutes(1)).ok());
  disk_->Fail(absl::PermissionDeniedError("cannot open test file"));
  disk_->Leave(AppendFile::Place::kMoved);
  Write("waits");
  disk_->AwaitFailures(3);
  disk_->Fail(absl::OkStatus());
  disk_->AwaitSize(expected_.size());
  EXPECT_TRUE(writer_->Stop(absl::Minutes(1)));
  EXPECT_EQ(*states_, (std::vector<absl::StatusCode>{absl::StatusCode::kPermissionDenied,
                                                     absl::StatusCode::kOk}));
}

TEST_F(LineWriterTest, AFileThatDoesNotOpenIsTheStartsError) {
  disk_->Fail(absl::PermissionDeniedError("cannot open test file"));
  const absl::Status status = writer_->Start(absl::Minutes(1));
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(writer_->Stop(absl::ZeroDuration()));
}

TEST_F(LineWriterTest, AFileThatHangsInOpenIsNoError) {
  disk_->Hang(true);
  ASSERT_TRUE(writer_->Start(absl::ZeroDuration()).ok());
  Write("later");
  disk_->AwaitHanging();
  disk_->Hang(false);
  disk_->AwaitSize(expected_.size());
  EXPECT_TRUE(writer_->Stop(absl::Minutes(1)));
  EXPECT_EQ(disk_->content(), expected_);
}

TEST_F(LineWriterTest, StopGivesUpOnAFullDisk) {
  ASSERT_TRUE(writer_->Start(absl::Minutes(1)).ok());
  disk_->Fail(absl::ResourceExhaustedError("full"));
  for (int i = 0; i < 10; ++i) Write("never written");
  disk_->AwaitFailures(1);
  EXPECT_TRUE(writer_->Stop(absl::Minutes(1)));
  EXPECT_EQ(disk_->content(), "");
  EXPECT_EQ(writer_->stats().discarded, 10u);
}

TEST_F(LineWriterTest, AHungWriteShowsItsAge) {
  ASSERT_TRUE(writer_->Start(absl::Minutes(1)).ok());
  clock().Advance(absl::Seconds(1));
  const pleg::MonoTime before = clock().Now();
  disk_->Hang(true);
  Write("slow");
  disk_->AwaitHanging();
  EXPECT_EQ(writer_->stats().busy_since, before);
  disk_->Hang(false);
  EXPECT_TRUE(writer_->Stop(absl::Minutes(1)));
  EXPECT_FALSE(writer_->stats().busy_since.has_value());
}

TEST_F(LineWriterTest, AHungWriteIsAbandonedAndEndsHarmlessly) {
  ASSERT_TRUE(writer_->Start(absl::Minutes(1)).ok());
  disk_->Hang(true);
  Write("stuck");
  disk_->AwaitHanging();
  EXPECT_FALSE(writer_->Stop(absl::Milliseconds(1)));
  EXPECT_FALSE(writer_->Stop(absl::ZeroDuration()));
  writer_.reset();
  const std::weak_ptr<ListSource> source = source_;
  source_.reset();
  EXPECT_FALSE(source.expired());
  disk_->Hang(false);
  // The thread lets go of all it held, and so frees it.
  while (!source.expired()) std::this_thread::yield();
  EXPECT_EQ(disk_->content(), "stuck\n");
}

}  // namespace
}  // namespace journal
