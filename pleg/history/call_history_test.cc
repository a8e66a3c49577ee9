#include "pleg/history/call_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/testing/sim_executor.h"

namespace pleg {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class CallHistoryTest : public ::testing::Test {
 protected:
  void End(absl::string_view method, absl::Duration took, std::string target = "",
           absl::StatusCode code = absl::StatusCode::kOk) {
    CallRecord call;
    call.method = method;
    call.target = std::move(target);
    call.duration = took;
    call.code = code;
    history_.OnCallEnd(call);
  }
  double UsualMillis(absl::string_view method) {
    return absl::ToDoubleMilliseconds(history_.Usual(method));
  }

  testing::SimClock clock_;
  CallHistory history_{clock_};
};

TEST_F(CallHistoryTest, CountsByMethod) {
  EXPECT_THAT(history_.Methods(), IsEmpty());
  EXPECT_FALSE(history_.Last("Status").has_value());
  End("ContainerStatus", absl::Milliseconds(2), "c1");
  End("ContainerStatus", absl::Milliseconds(2), "c2", absl::StatusCode::kNotFound);
  End("ContainerStatus", absl::Minutes(2), "c3", absl::StatusCode::kDeadlineExceeded);
  End("Status", absl::Milliseconds(1));
  const auto methods = history_.Methods();
  ASSERT_THAT(methods, SizeIs(2));
  EXPECT_EQ(methods[0].name, "ContainerStatus");
  EXPECT_EQ(methods[0].ended, 3);
  EXPECT_EQ(methods[0].failed, 1);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(methods[0].median), 2, 0.25);
  ASSERT_THAT(methods[0].slowest, SizeIs(3));
  EXPECT_EQ(methods[0].slowest[0].target, "c3");
  EXPECT_EQ(methods[0].slowest[0].code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(methods[0].slowest[0].duration, absl::Minutes(2));
  EXPECT_EQ(methods[0].slowest[0].ended_at, clock_.Now());
  EXPECT_EQ(history_.Last("ContainerStatus")->code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(history_.Last("Status")->duration, absl::Milliseconds(1));
}

TEST_F(CallHistoryTest, ARowOfErrorsLastsUntilAGoodAnswer) {
  End("Status", absl::Milliseconds(1));
  EXPECT_FALSE(history_.Methods()[0].failing.has_value());
  const MonoTime first = clock_.Now();
  End("Status", absl::ZeroDuration(), "", absl::StatusCode::kInternal);
  clock_.Advance(absl::Seconds(5));
  End("Status", absl::ZeroDuration(), "", absl::StatusCode::kUnknown);
  const auto failing = history_.Methods()[0].failing;
  ASSERT_TRUE(failing.has_value());
  EXPECT_EQ(failing->since, first);
  EXPECT_EQ(failing->in_a_row, 2u);
  EXPECT_EQ(failing->code, absl::StatusCode::kUnknown);
  End("Status", absl::ZeroDuration(), "", absl::StatusCode::kNotFound);
  EXPECT_FALSE(history_.Methods()[0].failing.has_value());
}

TEST_F(CallHistoryTest, CountsTheRowsOfErrorsOfFiveMinutes) {
  for (int i = 0; i < 4; ++i) {
    End("Status", absl::ZeroDuration(), "", absl::StatusCode::kInternal);
    End("Status", absl::ZeroDuration(), "", absl::StatusCode::kInternal);
    End("Status", absl::ZeroDuration());
    clock_.Advance(absl::Minutes(1));
  }
  EXPECT_EQ(history_.Methods()[0].error_rows, 4u);
  clock_.Advance(absl::Minutes(2));
  EXPECT_EQ(history_.Methods()[0].error_rows, 3u);
  clock_.Advance(absl::Minutes(5));
  EXPECT_EQ(history_.Methods()[0].error_rows, 0u);
}

TEST_F(CallHistoryTest, KeepsTheLastErrorThatWasAnswered) {
  EXPECT_TRUE(history_.Methods().empty());
  CallRecord call = {.method = "Status", .target = "", .code = absl::StatusCode::kInternal};
  call.text = std::string(2000, 'x') + ": the store is locked";
  history_.OnCallEnd(call);
  const MonoTime at = clock_.Now();
  clock_.Advance(absl::Seconds(1));
  call = {.method = "Status", .target = "", .code = absl::StatusCode::kDeadlineExceeded};
  call.answered = false;
  history_.OnCallEnd(call);
  End("Status", absl::ZeroDuration());
  const auto error = history_.Methods()[0].last_error;
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->at, at);
  EXPECT_EQ(error->code, absl::StatusCode::kInternal);
  EXPECT_EQ(error->text.size(), CallHistory::kMaxErrorBytes);
  EXPECT_TRUE(absl::EndsWith(error->text, ": the store is locked"));
}

TEST_F(CallHistoryTest, TheMedianIsRightToAnEighth) {
  for (const double millis : {0.02, 0.3, 1.0, 1.4, 5.0, 77.0, 1000.0, 119'000.0}) {
    testing::SimClock clock;
    CallHistory history(clock);
    for (int i = 0; i < 100; ++i) {
      CallRecord call;
      call.method = "Status";
      call.duration = absl::Milliseconds(i < 51 ? millis : millis * 100);
      history.OnCallEnd(call);
    }
    EXPECT_NEAR(absl::ToDoubleMilliseconds(history.Usual("Status")), millis, millis / 8);
  }
}

TEST_F(CallHistoryTest, KeepsTheTenSlowestOfTheHour) {
  for (int i = 0; i < 1000; ++i) {
    End("Status", absl::Milliseconds((i * 7919) % 1000), absl::StrCat("t", (i * 7919) % 1000));
    clock_.Advance(absl::Seconds(3));
  }
  const auto methods = history_.Methods();
  ASSERT_THAT(methods[0].slowest, SizeIs(CallHistory::kSlowest));
  for (size_t i = 0; i < CallHistory::kSlowest; ++i) {
    EXPECT_EQ(methods[0].slowest[i].target, absl::StrCat("t", 999 - i));
  }
}

TEST_F(CallHistoryTest, ForgetsAfterAnHour) {
  End("Status", absl::Seconds(5), "old");
  clock_.Advance(absl::Minutes(60));
  End("Status", absl::Milliseconds(1), "new");
  EXPECT_EQ(history_.Methods()[0].ended, 2);
  clock_.Advance(absl::Minutes(6));
  const auto methods = history_.Methods();
  EXPECT_EQ(methods[0].ended, 1);
  ASSERT_THAT(methods[0].slowest, SizeIs(1));
  EXPECT_EQ(methods[0].slowest[0].target, "new");
}

TEST_F(CallHistoryTest, UsualIsOfTheLastMinutes) {
  EXPECT_EQ(history_.Usual("Status"), absl::ZeroDuration());
  for (int i = 0; i < 1000; ++i) End("Status", absl::Milliseconds(1));
  clock_.Advance(absl::Minutes(11));
  EXPECT_NEAR(UsualMillis("Status"), 1, 0.125);  // nothing newer
  End("Status", absl::Milliseconds(500));
  End("Status", absl::Seconds(100), "", absl::StatusCode::kUnavailable);
  EXPECT_NEAR(UsualMillis("Status"), 500, 65);
}

TEST_F(CallHistoryTest, MethodsAreBounded) {
  std::vector<std::string> names;
  for (size_t i = 0; i < CallHistory::kMaxMethods + 5; ++i) names.push_back(absl::StrCat("m", i));
  for (const std::string& name : names) End(name, absl::Seconds(1));
  EXPECT_THAT(history_.Methods(), SizeIs(CallHistory::kMaxMethods));
}

TEST_F(CallHistoryTest, MayBeReadWhileItIsTold) {
  std::thread writer([this] {
    for (int i = 0; i < 2000; ++i) End("Status", absl::Microseconds(i), absl::StrCat("t", i));
  });
  while (history_.Methods().empty() || history_.Methods()[0].ended < 2000) {
  }
  writer.join();
  EXPECT_EQ(history_.Methods()[0].slowest[0].target, "t1999");
}

}  // namespace
}  // namespace pleg
