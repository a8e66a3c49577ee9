#include "pleg/container_search.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pleg/testing/fake_runtime.h"
#include "pleg/testing/sim_executor.h"

namespace pleg {
namespace {

class ContainerSearchTest : public ::testing::Test {
 protected:
  ContainerSearchTest() { Put(10); }

  void Put(int count) {
    ids_.clear();
    for (int i = 0; i < count; ++i) {
      ids_.emplace_back(absl::StrCat("c", i));
      runtime_.PutContainer("p", absl::StrCat("c", i), ContainerState::kRunning);
    }
  }
  MonoTime Now() { return executor_.clock().Now(); }
  void Tick() {
    executor_.Advance(absl::Seconds(1));
    search_.Tick(listing_since_);
    executor_.Settle();
  }

  testing::SimExecutor executor_;
  testing::FakeRuntime runtime_{executor_, executor_.clock()};
  std::vector<ContainerId> ids_;
  std::optional<MonoTime> listing_since_;
  ContainerSearch search_{{.max_open = 4}, runtime_, executor_.clock(), [this] { return ids_; }};
};

TEST_F(ContainerSearchTest, ASearchBeginsOnlyWhenAListIsOutForLong) {
  Tick();
  EXPECT_EQ(runtime_.status_calls(), 0u);
  listing_since_ = Now();
  Tick();
  EXPECT_FALSE(search_.searching());
  Tick();
  EXPECT_TRUE(search_.searching());
  EXPECT_EQ(runtime_.status_calls(), 10u);
}

TEST_F(ContainerSearchTest, EachContainerIsAskedOnce) {
  listing_since_ = Now();
  for (int i = 0; i < 10; ++i) Tick();
  EXPECT_EQ(runtime_.status_calls(), 10u);
  EXPECT_EQ(search_.open(), 0u);
}

TEST_F(ContainerSearchTest, OneThatHangsDoesNotHoldUpTheOthers) {
  runtime_.HoldStatus("c0");
  listing_since_ = Now();
  for (int i = 0; i < 3; ++i) Tick();
  EXPECT_EQ(runtime_.status_calls(), 10u);
  EXPECT_EQ(search_.open(), 1u);
}

TEST_F(ContainerSearchTest, CallsThatAreOutAreBounded) {
  for (const ContainerId& id : ids_) runtime_.HoldStatus(id.value());
  listing_since_ = Now();
  for (int i = 0; i < 5; ++i) Tick();
  EXPECT_EQ(runtime_.status_calls(), 4u);
}

TEST_F(ContainerSearchTest, WhatBecomesKnownLaterIsAskedToo) {
  listing_since_ = Now();
  for (int i = 0; i < 3; ++i) Tick();
  Put(12);
  Tick();
  EXPECT_EQ(runtime_.status_calls(), 12u);
}

TEST_F(ContainerSearchTest, TheNextHangIsASearchOfItsOwn) {
  runtime_.HoldStatus("c0");
  listing_since_ = Now();
  for (int i = 0; i < 3; ++i) Tick();
  listing_since_.reset();
  Tick();
  EXPECT_FALSE(search_.searching());
  runtime_.ReleaseAll();
  executor_.Settle();
  EXPECT_EQ(search_.open(), 0u);
  listing_since_ = Now();
  for (int i = 0; i < 3; ++i) Tick();
  EXPECT_EQ(runtime_.status_calls(), 20u);
}

// Each list takes long and comes back; a status takes longer.
TEST_F(ContainerSearchTest, SearchesThatFollowEachOtherShareOneBound) {
  for (const ContainerId& id : ids_) runtime_.HoldStatus(id.value());
  for (int search = 0; search < 3; ++search) {
    listing_since_ = Now();
    for (int i = 0; i < 3; ++i) Tick();
    listing_since_.reset();
    Tick();
  }
  EXPECT_EQ(runtime_.status_calls(), 4u);
  EXPECT_EQ(search_.open(), 4u);
}

TEST_F(ContainerSearchTest, OneThatIsStillOutIsNotAskedAgain) {
  runtime_.HoldStatus("c0");
  for (int search = 0; search < 2; ++search) {
    listing_since_ = Now();
    for (int i = 0; i < 3; ++i) Tick();
    listing_since_.reset();
    Tick();
  }
  EXPECT_EQ(runtime_.status_calls(), 10u + 9u);
}

// However seldom the core wakes, a search goes on as fast as it is answered.
TEST_F(ContainerSearchTest, AnAnswerSendsTheNextAtOnce) {
  Put(100);
  listing_since_ = Now();
  Tick();
  Tick();
  EXPECT_EQ(runtime_.status_calls(), 100u);
}

}  // namespace
}  // namespace pleg
