#include "runtime/call_ledger.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pleg/testing/sim_executor.h"
#include "runtime/testing/recording_observer.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const CallLedger::Outcome kOk{absl::StatusCode::kOk, true, 100};
const CallLedger::Outcome kRuntimeError{absl::StatusCode::kUnknown, true, 0};
const CallLedger::Outcome kTimedOut{absl::StatusCode::kDeadlineExceeded, false, 0};

class CallLedgerTest : public ::testing::Test {
 protected:
  CallLedger::Id Open(const std::string& target = "c1") {
    return ledger_.Open("ContainerStatus", target, clock_.Now() + absl::Minutes(2));
  }
  // Seconds since the row of `target` began; -1 without one.
  double Silence(const std::string& target = "c1") {
    const pleg::CallSnapshot snapshot = ledger_.Snapshot();
    for (const pleg::UnansweredTarget& row : snapshot.unanswered) {
      if (row.target == target) return absl::ToDoubleSeconds(snapshot.taken_at - row.since);
    }
    return -1;
  }
  uint32_t Attempts(const std::string& target = "c1") {
    for (const pleg::UnansweredTarget& row : ledger_.Snapshot().unanswered) {
      if (row.target == target) return row.attempts;
    }
    return 0;
  }
  void Wait(int seconds) { clock_.Advance(absl::Seconds(seconds)); }

  pleg::testing::SimClock clock_;
  testing::RecordingObserver observer_;
  CallLedger ledger_{clock_, observer_};
};

TEST_F(CallLedgerTest, ARunningCallIsSeenWhileItHangs) {
  const pleg::MonoTime start = clock_.Now();
  Open();
  Wait(7);
  const pleg::CallSnapshot snapshot = ledger_.Snapshot();
  ASSERT_THAT(snapshot.running, SizeIs(1));
  EXPECT_EQ(snapshot.running[0].method, "ContainerStatus");
  EXPECT_EQ(snapshot.running[0].target, "c1");
  EXPECT_EQ(snapshot.running[0].started_at, start);
  EXPECT_EQ(snapshot.running[0].deadline, start + absl::Minutes(2));
  EXPECT_EQ(snapshot.taken_at - snapshot.running[0].started_at, absl::Seconds(7));
  EXPECT_EQ(Silence(), 7);
}

TEST_F(CallLedgerTest, AnAnswerEndsTheRowAndIsReported) {
  const CallLedger::Id id = Open();
  Wait(3);
  ledger_.Close(id, kOk);
  EXPECT_EQ(Silence(), -1);
  EXPECT_THAT(ledger_.Snapshot().running, IsEmpty());
  ASSERT_THAT(observer_.calls(), SizeIs(1));
  const pleg::CallRecord call = observer_.calls()[0];
  EXPECT_EQ(call.method, "ContainerStatus");
  EXPECT_EQ(call.target, "c1");
  EXPECT_EQ(call.code, absl::StatusCode::kOk);
  EXPECT_EQ(call.duration, absl::Seconds(3));
  EXPECT_EQ(call.response_bytes, 100u);
}

TEST_F(CallLedgerTest, TimeoutsAndRetriesAreOneSilence) {
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const CallLedger::Id id = Open();
    EXPECT_EQ(Attempts(), static_cast<uint32_t>(attempt));
    Wait(120);
    ledger_.Close(id, kTimedOut);
    Wait(5);
  }
  EXPECT_EQ(Silence(), 375);
  ledger_.Close(Open(), kRuntimeError);
  EXPECT_EQ(Silence(), -1);
  Open();
  EXPECT_EQ(Silence(), 0);
  EXPECT_EQ(Attempts(), 1u);
}

TEST_F(CallLedgerTest, TargetsAndMethodsHaveTheirOwnRows) {
  const CallLedger::Id c1 = Open("c1");
  Wait(1);
  const CallLedger::Id c2 = Open("c2");
  const CallLedger::Id list = ledger_.Open("ListContainers", "", pleg::MonoTime::Max());
  const CallLedger::Id version = ledger_.Open("Version", "", pleg::MonoTime::Max());
  Wait(1);
  ledger_.Close(c2, kTimedOut);
  ledger_.Close(version, kOk);
  EXPECT_EQ(Silence("c1"), 2);
  EXPECT_EQ(Silence("c2"), 1);
  EXPECT_EQ(Silence(""), 1);
  EXPECT_THAT(ledger_.Snapshot().unanswered, SizeIs(3));
  ledger_.Close(list, kOk);
  ledger_.Close(c1, kOk);
  EXPECT_THAT(ledger_.Snapshot().unanswered, SizeIs(1));
}

TEST_F(CallLedgerTest, AnAnswerToALaterCallLeavesTheOlderOnesSilence) {
  const CallLedger::Id older = Open();
  Wait(10);
  const CallLedger::Id later = Open();
  EXPECT_EQ(Attempts(), 2u);
  ledger_.Close(later, kOk);
  EXPECT_EQ(Silence(), 10);
  EXPECT_EQ(Attempts(), 1u);
  ledger_.Close(older, kOk);
  EXPECT_EQ(Silence(), -1);
}

TEST_F(CallLedgerTest, AnAnswerBreaksTheRowBeforeWhatStillRuns) {
  ledger_.Close(Open(), kTimedOut);
  Wait(100);
  const CallLedger::Id first = Open();
  Wait(10);
  const CallLedger::Id second = Open();
  Wait(1);
  ledger_.Close(first, kOk);
  EXPECT_EQ(Silence(), 1);
  ledger_.Close(second, kTimedOut);
  EXPECT_EQ(Silence(), 1);
}

TEST_F(CallLedgerTest, ForgettingATargetEndsItsRowsForGood) {
  const CallLedger::Id id = Open("c1");
  ledger_.Close(Open("c2"), kTimedOut);
  std::vector<std::string> targets = ledger_.RowTargets();
  std::sort(targets.begin(), targets.end());
  EXPECT_THAT(targets, ElementsAre("c1", "c2"));
  ledger_.Forget("c1");
  ledger_.Forget("unknown");
  EXPECT_EQ(Silence("c1"), -1);
  EXPECT_THAT(ledger_.Snapshot().running, SizeIs(1));
  ledger_.Close(id, kTimedOut);
  EXPECT_EQ(Silence("c1"), -1);
  EXPECT_THAT(ledger_.RowTargets(), ElementsAre("c2"));
}

TEST_F(CallLedgerTest, ATargetThatComesBackBeginsAnew) {
  const CallLedger::Id old = Open();
  ledger_.Forget("c1");
  Wait(50);
  const CallLedger::Id fresh = Open();
  Wait(1);
  ledger_.Close(old, kOk);  // of the object before: says nothing of this one
  EXPECT_EQ(Silence(), 1);
  EXPECT_EQ(Attempts(), 1u);
  ledger_.Close(fresh, kOk);
  EXPECT_EQ(Silence(), -1);
}

TEST_F(CallLedgerTest, AnotherRuntimeAnswersForItselfOnly) {
  ledger_.Close(Open("between two tries"), kTimedOut);
  Open("waiting");
  ledger_.Close(ledger_.Open("ListContainers", "", pleg::MonoTime::Max()), kTimedOut);
  Wait(50);
  ledger_.HideIdle();
  EXPECT_EQ(Silence("between two tries"), -1);
  EXPECT_EQ(Silence("waiting"), 50);
  EXPECT_EQ(Silence(""), 50);  // the next list tells
  const CallLedger::Id again = Open("between two tries");
  EXPECT_EQ(Silence("between two tries"), 50);  // unbroken until it is answered
  EXPECT_EQ(Attempts("between two tries"), 2u);
  ledger_.Close(again, kOk);
  EXPECT_EQ(Silence("between two tries"), -1);
}

TEST_F(CallLedgerTest, ListsAreNeverForgotten) {
  ledger_.Open("ListContainers", "", pleg::MonoTime::Max());
  ledger_.Forget("");
  EXPECT_THAT(ledger_.Snapshot().unanswered, SizeIs(1));
  EXPECT_THAT(ledger_.RowTargets(), IsEmpty());
}

TEST_F(CallLedgerTest, ListSizesAreOfTheLastGoodReply) {
  ledger_.SetListSize("ListContainers", 10);
  ledger_.SetListSize("ListPodSandbox", 20);
  ledger_.SetListSize("ListContainers", 30);
  const pleg::CallSnapshot snapshot = ledger_.Snapshot();
  ASSERT_THAT(snapshot.list_sizes, SizeIs(2));
  EXPECT_EQ(snapshot.list_sizes[0].bytes, 30u);
  EXPECT_EQ(snapshot.list_sizes[1].bytes, 20u);
}

TEST_F(CallLedgerTest, ClosingTwiceOrAnUnknownCallIsHarmless) {
  const CallLedger::Id id = Open();
  ledger_.Close(id, kOk);
  ledger_.Close(id, kTimedOut);
  ledger_.Close(id + 100, kTimedOut);
  EXPECT_THAT(observer_.calls(), SizeIs(1));
  EXPECT_EQ(Silence(), -1);
}

TEST_F(CallLedgerTest, TellsWhatHangsFromWhatFailsAtOnce) {
  const CallLedger::Outcome no_connection{absl::StatusCode::kUnavailable, false, 0};
  auto hanging_since = [this] { return ledger_.Snapshot().unanswered.at(0).hanging_since; };
  const pleg::MonoTime start = clock_.Now();
  ledger_.Close(Open(), no_connection);
  EXPECT_FALSE(hanging_since().has_value());
  clock_.Advance(absl::Seconds(10));
  const CallLedger::Id hung = Open();
  EXPECT_EQ(hanging_since(), start + absl::Seconds(10));
  clock_.Advance(absl::Minutes(2));
  ledger_.Close(hung, kTimedOut);
  Open();
  EXPECT_EQ(hanging_since(), start + absl::Seconds(10));
  EXPECT_EQ(ledger_.Snapshot().unanswered[0].since, start);
  ledger_.Close(Open(), kOk);
  EXPECT_EQ(hanging_since(), start + absl::Seconds(130));  // the one that still runs
}

TEST_F(CallLedgerTest, RowsAreBounded) {
  for (size_t i = 0; i < CallLedger::kMaxRows + 10; ++i) {
    ledger_.Close(Open(absl::StrCat("c", i)), kTimedOut);
  }
  EXPECT_THAT(ledger_.Snapshot().unanswered, SizeIs(CallLedger::kMaxRows));
  EXPECT_EQ(Attempts("c0"), 1u);
  // A target beyond the bound is seen while it runs, and one within it still counts its tries.
  Open("beyond");
  EXPECT_EQ(Attempts("beyond"), 1u);
  ledger_.Close(Open("c0"), kTimedOut);
  EXPECT_EQ(Attempts("c0"), 2u);
  ledger_.Forget("c1");
  ledger_.Close(Open("room"), kTimedOut);
  EXPECT_EQ(Attempts("room"), 1u);
}

TEST_F(CallLedgerTest, ErrorsInARowAreOneRowUntilAGoodAnswer) {
  const pleg::MonoTime start = clock_.Now();
  for (int i = 0; i < 3; ++i) {
    const CallLedger::Id id = Open();
    Wait(9);
    ledger_.Close(id, {absl::StatusCode::kDeadlineExceeded, true, 0, "context deadline exceeded"});
    Wait(1);
  }
  const std::vector<pleg::FailingTarget> failing = ledger_.Snapshot().failing;
  ASSERT_THAT(failing, SizeIs(1));
  EXPECT_EQ(failing[0].target, "c1");
  EXPECT_EQ(failing[0].since, start);
  EXPECT_EQ(failing[0].in_a_row, 3u);
  EXPECT_EQ(failing[0].code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(failing[0].text, "context deadline exceeded");
  EXPECT_EQ(failing[0].duration, absl::Seconds(9));
  EXPECT_EQ(Silence(), -1);
  ledger_.Close(Open(), kOk);
  EXPECT_THAT(ledger_.Snapshot().failing, IsEmpty());
}

TEST_F(CallLedgerTest, AnAnswerThatComesLateIsABadOne) {
  const CallLedger::Id id = Open();
  Wait(6);
  ledger_.Close(id, kOk);
  ASSERT_THAT(ledger_.Snapshot().failing, SizeIs(1));
  EXPECT_EQ(ledger_.Snapshot().failing[0].code, absl::StatusCode::kOk);
  ledger_.Close(Open(), kOk);
  EXPECT_THAT(ledger_.Snapshot().failing, IsEmpty());
}

// It will be answered as late as before.
TEST_F(CallLedgerTest, ATargetThatFailsIsUnansweredOnceItTakesLongerThanItsErrors) {
  CallLedger::Id id = Open();
  EXPECT_THAT(ledger_.Snapshot().unanswered, SizeIs(1));
  Wait(9);
  ledger_.Close(id, kRuntimeError);
  ledger_.Close(Open(), kRuntimeError);
  id = Open();
  Wait(17);
  EXPECT_THAT(ledger_.Snapshot().unanswered, IsEmpty());
  Wait(1);
  ASSERT_THAT(ledger_.Snapshot().unanswered, SizeIs(1));
  EXPECT_EQ(Silence(), 18);
  ledger_.Close(id, kTimedOut);
  Open();
  EXPECT_THAT(ledger_.Snapshot().unanswered, SizeIs(1));
}

// What is listed and has no status contradicts itself; what is gone is forgotten with its list.
TEST_F(CallLedgerTest, NotFoundIsAnErrorUntilTheTargetIsForgotten) {
  ledger_.Close(Open(), {absl::StatusCode::kNotFound, true, 0, "no such container"});
  ASSERT_THAT(ledger_.Snapshot().failing, SizeIs(1));
  EXPECT_EQ(ledger_.Snapshot().failing[0].code, absl::StatusCode::kNotFound);
  ledger_.Forget("c1");
  EXPECT_THAT(ledger_.Snapshot().failing, IsEmpty());
}

TEST_F(CallLedgerTest, ARowTakesAsLongAsTheLongestOfItsLastAnswers) {
  const auto fail = [this](int seconds) {
    const CallLedger::Id id = Open();
    Wait(seconds);
    ledger_.Close(id, kRuntimeError);
    return ledger_.Snapshot().failing[0].duration;
  };
  EXPECT_EQ(fail(0), absl::ZeroDuration());
  EXPECT_EQ(fail(9), absl::Seconds(9));
  for (size_t i = 1; i < pleg::kRecentAnswers; ++i) EXPECT_EQ(fail(0), absl::Seconds(9));
  EXPECT_EQ(fail(0), absl::ZeroDuration());
}

TEST_F(CallLedgerTest, SilenceAndListsMakeNoRowOfErrors) {
  ledger_.Close(Open(), kTimedOut);
  ledger_.Close(Open(""), kRuntimeError);
  EXPECT_THAT(ledger_.Snapshot().failing, IsEmpty());
}

TEST_F(CallLedgerTest, ATargetThatIsGoneFailsNoMore) {
  ledger_.Close(Open(), kRuntimeError);
  EXPECT_THAT(ledger_.RowTargets(), ElementsAre("c1"));
  ledger_.Forget("c1");
  EXPECT_THAT(ledger_.Snapshot().failing, IsEmpty());
}

TEST_F(CallLedgerTest, RowsOfErrorsAreBounded) {
  for (size_t i = 0; i < CallLedger::kMaxFailing + 5; ++i) {
    ledger_.Close(Open(absl::StrCat("c", i)),
                  {absl::StatusCode::kUnknown, true, 0, std::string(5000, 'x')});
  }
  const std::vector<pleg::FailingTarget> failing = ledger_.Snapshot().failing;
  EXPECT_THAT(failing, SizeIs(CallLedger::kMaxFailing));
  EXPECT_EQ(failing[0].text.size(), CallLedger::kMaxErrorBytes);
}

}  // namespace
}  // namespace runtime
