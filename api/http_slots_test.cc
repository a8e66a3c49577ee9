#include "api/http_slots.h"

#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace api {
namespace {

using pleg::MonoTime;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HttpSlotsTest : public ::testing::Test {
 protected:
  HttpSlots::Slot* Open(int fd) {
    HttpSlots::Slot* slot = slots_.Open(fd, now_);
    slots_.Enforce(now_);
    return slot;
  }
  // One that reads its answer.
  HttpSlots::Slot* Asked(int fd) {
    HttpSlots::Slot* slot = Open(fd);
    EXPECT_TRUE(slots_.HeadCame(*slot, /*health=*/false, now_));
    return slot;
  }
  void Advance(absl::Duration by) {
    now_ = now_ + by;
    slots_.Enforce(now_);
  }

  MonoTime now_ = MonoTime::FromNanos(1'000'000'000);
  std::set<int> input_;
  std::vector<int> cut_;
  HttpSlots slots_{{.connections = 3},
                   {.has_input = [this](int fd) { return input_.contains(fd); },
                    .cut = [this](int fd) { cut_.push_back(fd); }}};
};

TEST_F(HttpSlotsTest, AHeadHasFiveSeconds) {
  Open(1);
  Advance(absl::Seconds(4.9));
  EXPECT_THAT(cut_, IsEmpty());
  EXPECT_EQ(slots_.NextDue(now_), now_ + absl::Seconds(0.1));
  Advance(absl::Seconds(0.1));
  EXPECT_THAT(cut_, ElementsAre(1));
  EXPECT_EQ(slots_.open(), 0u);
  EXPECT_EQ(slots_.NextDue(now_), std::nullopt);
}

TEST_F(HttpSlotsTest, AllOfARequestHasThirtySecondsFromTheBeginningOfItsHead) {
  HttpSlots::Slot* slot = Open(1);
  Advance(absl::Seconds(4));
  EXPECT_TRUE(slots_.HeadCame(*slot, false, now_));
  Advance(absl::Seconds(25.9));
  EXPECT_THAT(cut_, IsEmpty());
  Advance(absl::Seconds(0.1));
  EXPECT_THAT(cut_, ElementsAre(1));
}

TEST_F(HttpSlotsTest, TheCoreMayTakeItsTimeButNotTheReader) {
  HttpSlots::Slot* slot = Asked(1);
  slots_.AnswerAwaited(*slot);
  EXPECT_EQ(slots_.NextDue(now_), std::nullopt);
  Advance(absl::Minutes(10));
  slots_.AnswerCame(*slot, now_);
  Advance(absl::Seconds(29));
  EXPECT_THAT(cut_, IsEmpty());
  Advance(absl::Seconds(1));
  EXPECT_THAT(cut_, ElementsAre(1));
}

TEST_F(HttpSlotsTest, TheNextHeadBeginsWithTheEndOfTheAnswer) {
  HttpSlots::Slot* slot = Asked(1);
  Advance(absl::Seconds(20));
  slots_.AnswerSent(*slot, now_);
  Advance(absl::Seconds(4));
  EXPECT_TRUE(slots_.HeadCame(*slot, false, now_));
  slots_.AnswerSent(*slot, now_);
  EXPECT_THAT(cut_, IsEmpty());
  Advance(absl::Seconds(5));
  EXPECT_THAT(cut_, ElementsAre(1));
}

TEST_F(HttpSlotsTest, TheOldestThatHasNotAskedMakesRoom) {
  Asked(1);
  for (const int fd : {2, 3}) {
    Open(fd);
    Advance(absl::Milliseconds(60));
  }
  Open(4);
  EXPECT_THAT(cut_, ElementsAre(2));
  EXPECT_EQ(slots_.open(), 3u);
}

TEST_F(HttpSlotsTest, NobodyMakesRoomWhoHasJustComeOrHasSentSomething) {
  for (const int fd : {1, 2, 3, 4}) Open(fd);
  EXPECT_THAT(cut_, IsEmpty());
  EXPECT_EQ(slots_.NextDue(now_), now_ + absl::Milliseconds(100));
  input_ = {1, 2};
  Advance(absl::Milliseconds(100));
  EXPECT_THAT(cut_, ElementsAre(3));
  input_ = {1, 2, 4};
  Open(5);
  EXPECT_THAT(cut_, ElementsAre(3));
}

TEST_F(HttpSlotsTest, WhereAllHaveAskedTheOldestReaderMakesRoomAfterAWhile) {
  for (const int fd : {1, 2, 3}) Asked(fd);
  Advance(absl::Seconds(5));
  EXPECT_THAT(cut_, IsEmpty());
  Open(4);
  EXPECT_THAT(cut_, ElementsAre(1));
}

TEST_F(HttpSlotsTest, NobodyMakesRoomWhoWaitsForTheCore) {
  for (const int fd : {1, 2, 3}) slots_.AnswerAwaited(*Asked(fd));
  Advance(absl::Minutes(1));
  Open(4);
  EXPECT_THAT(cut_, IsEmpty());
  Advance(absl::Milliseconds(100));
  EXPECT_THAT(cut_, ElementsAre(4));
}

TEST_F(HttpSlotsTest, WhereAllHaveAskedOnlyHealthIsServed) {
  for (const int fd : {1, 2, 3}) Asked(fd);
  EXPECT_TRUE(slots_.HeadCame(*Open(4), /*health=*/true, now_));
  EXPECT_FALSE(slots_.HeadCame(*Open(5), /*health=*/false, now_));
  EXPECT_THAT(cut_, IsEmpty());
}

TEST_F(HttpSlotsTest, WhatHasNotAskedTakesNobodysTurn) {
  for (const int fd : {1, 2, 3}) Open(fd);
  EXPECT_TRUE(slots_.HeadCame(*Open(4), /*health=*/false, now_));
}

TEST_F(HttpSlotsTest, WhatWasCutIsNotCutAgainNorCounted) {
  HttpSlots::Slot* slot = Open(1);
  Advance(absl::Seconds(5));
  // libmicrohttpd may still have read what had come.
  slots_.HeadCame(*slot, true, now_);
  slots_.AnswerAwaited(*slot);
  slots_.AnswerCame(*slot, now_);
  slots_.AnswerSent(*slot, now_);
  Advance(absl::Minutes(1));
  EXPECT_THAT(cut_, ElementsAre(1));
  EXPECT_EQ(slots_.open(), 0u);
  slots_.Close(slot);
}

}  // namespace
}  // namespace api
