#include "journal/structured_log.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "journal/testing/fault_injection_file.h"
#include "journal/testing/manual_clock.h"
#include "plegd/v1/pod.pb.h"

namespace journal {
namespace {

using pleg::LogLevel;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class StructuredLogTest : public ::testing::Test {
 protected:
  ~StructuredLogTest() override { disk_->Hang(false); }

  void MakeLog(StructuredLogOptions options = {}) {
    options.retry_period = absl::Milliseconds(1);
    log_ = std::make_unique<StructuredLog>(options, clock_, disk_->Opener());
    ASSERT_TRUE(log_->Start().ok());
  }
  // Stops the log; the lines it wrote.
  std::vector<std::string> Lines() {
    EXPECT_TRUE(log_->Stop(absl::Minutes(1)));
    std::vector<std::string> lines = absl::StrSplit(disk_->content(), '\n');
    EXPECT_EQ(lines.back(), "");
    lines.pop_back();
    return lines;
  }

  testing::ManualClock clock_;
  std::shared_ptr<testing::FaultInjectionFile> disk_ =
      std::make_shared<testing::FaultInjectionFile>();
  std::unique_ptr<StructuredLog> log_;
};

TEST_F(StructuredLogTest, WritesLogfmt) {
  MakeLog();
  clock_.Advance(absl::Microseconds(123456));
  log_->Write(LogLevel::kWarning, "inspection failed",
              {{"pod", "uid-1", true}, {"error", "deadline exceeded"}});
  EXPECT_THAT(Lines(), ElementsAre("time=2023-11-14T22:13:20.123456Z level=warning "
                                   "msg=\"inspection failed\" pod=uid-1 "
                                   "error=\"deadline exceeded\""));
}

TEST_F(StructuredLogTest, WritesJson) {
  MakeLog({.format = LogFormat::kJson});
  log_->Write(LogLevel::kError, "inspection failed", {{"pod", "uid\n1", true}});
  EXPECT_THAT(Lines(), ElementsAre(R"({"time":"2023-11-14T22:13:20.000000Z","level":"error",)"
                                   R"("msg":"inspection failed","pod":"uid\n1"})"));
}

TEST_F(StructuredLogTest, AHostileValueForgesNothing) {
  const std::string hostile =
      "x\"\ntime=2000-01-01T00:00:00Z level=error msg=forged \x1b[2J\xE2\x80\xAE\xFF %v {} {0}";
  MakeLog();
  log_->Write(LogLevel::kInfo, "started", {{"pod", hostile}});
  const auto lines = Lines();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr(R"(pod="x\"\ntime=2000-01-01T00:00:00Z level=error msg=forged )"
                                  R"(\u001b[2J\u202e)"));
  EXPECT_THAT(lines[0], HasSubstr("%v {} {0}\""));
}

TEST_F(StructuredLogTest, JsonOfAHostileValueParses) {
  MakeLog({.format = LogFormat::kJson});
  // Any message of ours with such a field does to read the line back.
  log_->Write(LogLevel::kInfo, "started", {{"name", "a\"},{\"uid\":\"b\\\x01\xFF\n"}});
  const auto lines = Lines();
  ASSERT_THAT(lines, SizeIs(1));
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  plegd::v1::PodStatus parsed;
  const auto status = google::protobuf::util::JsonStringToMessage(lines[0], &parsed, options);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(parsed.name(), "a\"},{\"uid\":\"b\\\x01\xEF\xBF\xBD\n");
  EXPECT_EQ(parsed.uid(), "");
}

TEST_F(StructuredLogTest, AMegabyteOfErrorTextIsCut) {
  MakeLog();
  log_->Write(LogLevel::kError, "failed", {{"error", std::string(1 << 20, 'e')}});
  const auto lines = Lines();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_LT(lines[0].size(), 5000u);
  EXPECT_THAT(lines[0], HasSubstr("(1048576 bytes)"));
}

TEST_F(StructuredLogTest, TheLevelChangesAtRunTime) {
  MakeLog({.level = LogLevel::kWarning});
  EXPECT_FALSE(log_->Enabled(LogLevel::kInfo));
  log_->Write(LogLevel::kInfo, "not seen", {});
  log_->SetLevel(LogLevel::kDebug);
  EXPECT_TRUE(log_->Enabled(LogLevel::kDebug));
  log_->Write(LogLevel::kDebug, "seen", {});
  const auto lines = Lines();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("level=debug msg=seen"));
}

TEST_F(StructuredLogTest, RepeatsAboutOneObjectAreHeldBackAndCounted) {
  MakeLog();
  for (int i = 0; i < 10; ++i) {
    log_->Write(LogLevel::kError, "failed", {{"try", absl::StrCat(i)}, {"pod", "a", true}});
    log_->Write(LogLevel::kError, "failed", {{"try", absl::StrCat(i)}, {"pod", "b", true}});
  }
  clock_.Advance(absl::Minutes(1));
  log_->Write(LogLevel::kError, "failed", {{"try", "10"}, {"pod", "a", true}});
  const auto lines = Lines();
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0], HasSubstr("try=0 pod=a"));
  EXPECT_THAT(lines[1], HasSubstr("try=0 pod=b"));
  EXPECT_THAT(lines[2], HasSubstr("try=10 pod=a suppressed=9"));
}

TEST_F(StructuredLogTest, AllFieldsOfAnObjectTellItApart) {
  MakeLog();
  for (const char* method : {"List", "Status", "List"}) {
    for (const char* id : {"a", "b"}) {
      log_->Write(LogLevel::kError, "bad", {{"method", method, true}, {"id", id, true}});
    }
  }
  EXPECT_THAT(Lines(), SizeIs(4));
}

TEST_F(StructuredLogTest, DebugLinesAreNotHeldBack) {
  MakeLog({.level = LogLevel::kDebug});
  for (int i = 0; i < 10; ++i) log_->Write(LogLevel::kDebug, "relist ended", {});
  EXPECT_THAT(Lines(), SizeIs(10));
}

TEST_F(StructuredLogTest, AHungReaderHoldsNobodyUpAndDropsTheOldest) {
  MakeLog({.level = LogLevel::kDebug, .queue_bytes = 1000});
  log_->Write(LogLevel::kDebug, "opened", {});
  disk_->AwaitSize(1);
  disk_->Hang(true);
  log_->Write(LogLevel::kDebug, "stuck", {});
  disk_->AwaitHanging();
  constexpr int kLines = 1000;
  for (int i = 0; i < kLines; ++i) log_->Write(LogLevel::kDebug, "line", {{"n", absl::StrCat(i)}});
  const uint64_t dropped = log_->stats().dropped;
  EXPECT_GT(dropped, 900u);
  disk_->Hang(false);
  const auto lines = Lines();
  ASSERT_THAT(lines, SizeIs(2 + 1 + kLines - dropped));
  EXPECT_THAT(lines[2], HasSubstr(absl::StrCat("msg=\"log lines were dropped\" count=", dropped)));
  EXPECT_THAT(lines.back(), HasSubstr("n=999"));
}

TEST_F(StructuredLogTest, LinesOfManyThreadsStayWhole) {
  MakeLog({.level = LogLevel::kDebug});
  disk_->TearWritesAt(13);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 100; ++i) {
        log_->Write(LogLevel::kDebug, "line", {{"thread", absl::StrCat(t)}, {"end", "here"}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto lines = Lines();
  ASSERT_THAT(lines, SizeIs(400));
  for (const std::string& line : lines) {
    EXPECT_TRUE(absl::StartsWith(line, "time=")) << line;
    EXPECT_TRUE(absl::EndsWith(line, "end=here")) << line;
  }
}

TEST(ParseLogOptionsTest, NamesWhatIsWrong) {
  EXPECT_EQ(*ParseLogFormat("json"), LogFormat::kJson);
  EXPECT_EQ(*ParseLogFormat("logfmt"), LogFormat::kLogfmt);
  EXPECT_EQ(ParseLogFormat("xml").status().message(),
            "unknown log format \"xml\": use logfmt or json");
  EXPECT_EQ(*ParseLogLevel("warn"), LogLevel::kWarning);
  EXPECT_EQ(*ParseLogLevel("warning"), LogLevel::kWarning);
  EXPECT_EQ(*ParseLogLevel("debug"), LogLevel::kDebug);
  EXPECT_EQ(*ParseLogLevel("info"), LogLevel::kInfo);
  EXPECT_EQ(*ParseLogLevel("error"), LogLevel::kError);
  EXPECT_EQ(ParseLogLevel("").status().message(),
            "unknown log level \"\": use debug, info, warning or error");
}

}  // namespace
}  // namespace journal
