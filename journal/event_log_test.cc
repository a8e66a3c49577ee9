#include "journal/event_log.h"

#include <condition_variable>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "journal/testing/fault_injection_file.h"
#include "journal/testing/manual_clock.h"
#include "pleg/mutex.h"

namespace journal {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Remembers messages. Thread-safe.
class RecordingLog : public pleg::Log {
 public:
  bool Enabled(pleg::LogLevel) const override { return true; }
  void Write(pleg::LogLevel, absl::string_view message,
             std::initializer_list<pleg::LogField>) override {
    pleg::MutexLock lock(mu_);
    messages_.emplace_back(message);
    changed_.notify_all();
  }
  void AwaitMessages(size_t count) {
    pleg::MutexLock lock(mu_);
    while (messages_.size() < count) changed_.wait(mu_);
  }
  std::vector<std::string> messages() const {
    pleg::MutexLock lock(mu_);
    return messages_;
  }

 private:
  mutable pleg::Mutex mu_;
  std::condition_variable_any changed_;
  std::vector<std::string> messages_ ABSL_GUARDED_BY(mu_);
};

class EventLogTest : public ::testing::Test {
 protected:
  ~EventLogTest() override { disk_->Hang(false); }

  std::unique_ptr<EventLog> MakeLog(size_t capacity) {
    EventLogOptions options;
    options.path = "/test/events.jsonl";
    options.boot_id = "boot";
    options.queue_capacity = capacity;
    options.open_patience = absl::Minutes(1);
    options.retry_period = absl::Milliseconds(1);
    return std::make_unique<EventLog>(options, EventLogDeps{hub_, clock_, messages_},
                                      disk_->Opener());
  }
  void Publish(const std::string& pod, const std::string& container) {
    pleg::Event event;
    event.type = pleg::EventType::kContainerStarted;
    event.pod_uid = pleg::PodUid(pod);
    event.id = pleg::ContainerId(container);
    hub_.Publish(event);
  }
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines = absl::StrSplit(disk_->content(), '\n');
    EXPECT_EQ(lines.back(), "") << "the last line is not finished";
    lines.pop_back();
    for (const std::string& line : lines) {
      EXPECT_THAT(line, StartsWith("{\"time\""));
      EXPECT_THAT(line, EndsWith("}"));
    }
    return lines;
  }

  testing::ManualClock clock_;
  pleg::EventHub hub_{clock_};
  RecordingLog messages_;
  std::shared_ptr<testing::FaultInjectionFile> disk_ =
      std::make_shared<testing::FaultInjectionFile>();
};

TEST_F(EventLogTest, WritesEveryEventInTheOrderOfSeq) {
  auto log = MakeLog(1000);
  ASSERT_TRUE(log->Start().ok());
  disk_->Hang(true);
  Publish("a", "1");
  disk_->AwaitHanging();
  // The queue groups by pod; the log does not.
  for (const char* pod : {"b", "c", "b", "d", "c", "b"}) Publish(pod, "1");
  disk_->Hang(false);
  EXPECT_TRUE(log->Stop(absl::Minutes(1)));
  const auto lines = Lines();
  ASSERT_THAT(lines, SizeIs(7));
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_THAT(lines[i], HasSubstr(absl::StrCat("\"seq\":", i + 1, ",")));
  }
  EXPECT_EQ(log->stats().dropped, 0u);
  EXPECT_THAT(messages_.messages(), IsEmpty());
}

TEST_F(EventLogTest, AStoppedLogReceivesNoMore) {
  auto log = MakeLog(10);
  ASSERT_TRUE(log->Start().ok());
  Publish("a", "1");
  EXPECT_TRUE(log->Stop(absl::Minutes(1)));
  Publish("a", "2");
  EXPECT_THAT(Lines(), SizeIs(1));
}

TEST_F(EventLogTest, NamesThePathThatDoesNotOpen) {
  EventLogOptions options;
  options.path = "/nonexistent/events.jsonl";
  options.open_patience = absl::Minutes(1);
  EventLog log(options, {hub_, clock_, messages_});
  const absl::Status status = log.Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/events.jsonl"));
  Publish("a", "1");
  EXPECT_TRUE(log.Stop(absl::ZeroDuration()));
}

TEST_F(EventLogTest, AFullDiskIsToldOnceAndCostsNothingThatFits) {
  auto log = MakeLog(1000);
  ASSERT_TRUE(log->Start().ok());
  disk_->FillUpAfter(10);
  for (int i = 0; i < 20; ++i) Publish("pod", absl::StrCat(i));
  disk_->AwaitFailures(3);
  EXPECT_THAT(messages_.messages(), ElementsAre("event log cannot be written"));
  disk_->Fail(absl::OkStatus());
  messages_.AwaitMessages(2);
  EXPECT_TRUE(log->Stop(absl::Minutes(1)));
  EXPECT_THAT(Lines(), SizeIs(20));
  EXPECT_GE(log->stats().errors, 3u);
  EXPECT_EQ(log->stats().dropped, 0u);
  EXPECT_THAT(messages_.messages(),
              ElementsAre("event log cannot be written", "event log is written again"));
}

TEST_F(EventLogTest, AHungDiskHoldsNobodyUpAndFoldsAreCounted) {
  auto log = MakeLog(8);
  ASSERT_TRUE(log->Start().ok());
  disk_->Hang(true);
  Publish("first", "0");
  disk_->AwaitHanging();
  for (int i = 0; i < 1000; ++i)
    Publish("pod", "same container");     // returns, though none is written
  EXPECT_GT(log->stats().dropped, 900u);  // told while it hangs
  disk_->Hang(false);
  EXPECT_TRUE(log->Stop(absl::Minutes(1)));
  const auto lines = Lines();
  EXPECT_EQ(lines.size() + log->stats().dropped, 1001u);
  EXPECT_LE(lines.size(), 10u);
  EXPECT_THAT(lines.back(), HasSubstr("\"seq\":1001,"));
}

TEST_F(EventLogTest, AHungWriteIsToldOnceAndItsEndToo) {
  auto log = MakeLog(8);
  ASSERT_TRUE(log->Start().ok());
  disk_->Hang(true);
  Publish("pod", "1");
  disk_->AwaitHanging();
  log->CheckStall();
  EXPECT_THAT(messages_.messages(), IsEmpty());
  clock_.Advance(absl::Seconds(6));
  log->CheckStall();
  log->CheckStall();
  EXPECT_THAT(messages_.messages(), ElementsAre("event log hangs in a write"));
  EXPECT_EQ(log->stats().errors, 1u);
  disk_->Hang(false);
  EXPECT_TRUE(log->Stop(absl::Minutes(1)));
  log->CheckStall();
  EXPECT_THAT(messages_.messages(),
              ElementsAre("event log hangs in a write", "event log no longer hangs"));
}

}  // namespace
}  // namespace journal
