#include "pleg/diagnosis/sign_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "pleg/diagnosis/diagnosis.h"
#include "pleg/diagnosis/testing/ailing_node.h"

namespace pleg {
namespace {

class SignMemoryTest : public ::testing::Test {
 protected:
  Diagnosis Judge(const Evidence& evidence) { return Diagnose(evidence, now_, memory_); }
  VerdictCode CodeOf(const Evidence& evidence) { return Judge(evidence).findings.front().code; }
  void Wait(absl::Duration time) { now_ = now_ + time; }
  static Evidence Spoilt(SignId id) {
    Evidence evidence = testing::HealthyNode();
    testing::Spoil(id, evidence);
    return evidence;
  }

  MonoTime now_ = MonoTime() + absl::Hours(1);
  SignMemory memory_;
};

TEST_F(SignMemoryTest, ASignIsHeldUntilItHasBeenGoodForItsRelease) {
  EXPECT_EQ(CodeOf(Spoilt(SignId::kStatusSlow)), VerdictCode::kUnexplained);
  Wait(MeaningOf(SignId::kStatusSlow).release);
  const Diagnosis held = Judge(testing::HealthyNode());
  EXPECT_EQ(held.findings.front().code, VerdictCode::kUnexplained);
  const auto sign = std::find_if(held.signs.begin(), held.signs.end(),
                                 [](const Sign& s) { return s.id == SignId::kStatusSlow; });
  EXPECT_TRUE(sign->held);
  EXPECT_EQ(sign->state, SignState::kBad);
  Wait(absl::Milliseconds(1));
  EXPECT_EQ(CodeOf(testing::HealthyNode()), VerdictCode::kHealthy);
}

TEST_F(SignMemoryTest, TheFindingThatExplainedItIsHeldWithIt) {
  const Diagnosis first = Judge(Spoilt(SignId::kListContainersSilent));
  const VerdictCode code = first.findings.front().code;
  ASSERT_NE(code, VerdictCode::kUnexplained);
  ASSERT_TRUE(first.findings.front().since.has_value());
  Wait(absl::Seconds(2));
  const Diagnosis held = Judge(testing::HealthyNode());
  EXPECT_EQ(held.findings.front().code, code);
  EXPECT_EQ(*held.findings.front().since, *first.findings.front().since + absl::Seconds(2));
  EXPECT_EQ(held.findings.front().sentence, first.findings.front().sentence);
}

TEST_F(SignMemoryTest, TellsSinceWhenWhatHasNoAgeHasBeenBad) {
  const Evidence evidence = Spoilt(SignId::kKubeletOperationErrors);
  ASSERT_FALSE(Diagnose(evidence).findings.front().since.has_value());
  EXPECT_EQ(Judge(evidence).findings.front().since, absl::ZeroDuration());
  Wait(absl::Seconds(20));
  EXPECT_EQ(Judge(evidence).findings.front().since, absl::Seconds(20));
  Wait(absl::Minutes(2));
  Judge(testing::HealthyNode());
  EXPECT_EQ(Judge(evidence).findings.front().since, absl::ZeroDuration());
}

// A list that was silent once, and is late now for a reason that nobody knows.
TEST_F(SignMemoryTest, WhatExplainedItEarlierIsNotCalledBack) {
  Evidence silent = Spoilt(SignId::kListContainersSilent);
  testing::Spoil(SignId::kRelist, silent);
  EXPECT_EQ(CodeOf(silent), VerdictCode::kListLockConvoy);
  Wait(absl::Seconds(10));
  EXPECT_EQ(CodeOf(Spoilt(SignId::kRelist)), VerdictCode::kUnexplained);
  Wait(absl::Seconds(2));
  EXPECT_EQ(CodeOf(testing::HealthyNode()), VerdictCode::kUnexplained);
}

// A call that is out for 9 s and ends badly, again and again.
TEST_F(SignMemoryTest, AskedTwiceASecondWhatBlinksHasOneCode) {
  std::set<VerdictCode> codes;
  for (int i = 0; i < 120; ++i) {
    const VerdictCode code =
        CodeOf(i % 8 < 4 ? Spoilt(SignId::kStatusErrors) : testing::HealthyNode());
    if (i >= 30) codes.insert(code);
    Wait(absl::Milliseconds(500));
  }
  EXPECT_THAT(codes, ::testing::ElementsAre(VerdictCode::kRuntimeErrors));
}

TEST_F(SignMemoryTest, WhatHasAHoldCountsOnlyOnceItHasBeenSoForLong) {
  Evidence unknown = testing::HealthyNode();
  unknown.lasting = {{Lasting::kUnknown,
                      1,
                      {{testing::HealthyNode().counts.most_exited_pod, absl::Seconds(1), 1}}}};
  for (int second = 0; second < 30; ++second) {
    EXPECT_EQ(CodeOf(unknown), VerdictCode::kHealthy) << second;
    Wait(absl::Seconds(1));
  }
  EXPECT_EQ(CodeOf(unknown), VerdictCode::kUnexplained);
}

// A container that is Unknown in every other list is Unknown.
TEST_F(SignMemoryTest, WhatComesInTurnAddsUp) {
  Evidence unknown = testing::HealthyNode();
  unknown.lasting = {{Lasting::kUnknown, 1, {{{}, absl::ZeroDuration(), 1}}}};
  for (int second = 0; second <= 40; ++second) {
    Judge(second % 3 == 0 ? unknown : testing::HealthyNode());
    Wait(absl::Seconds(1));
  }
  EXPECT_EQ(CodeOf(testing::HealthyNode()), VerdictCode::kUnexplained);
}

TEST_F(SignMemoryTest, ARecordNeedsNone) {
  Evidence unknown = testing::HealthyNode();
  unknown.lasting = {{Lasting::kUnknown, 1, {{{}, absl::Seconds(29), 1}}}};
  EXPECT_EQ(Diagnose(unknown).findings.front().code, VerdictCode::kHealthy);
  unknown.lasting[0].worst[0].age = absl::Seconds(30);
  EXPECT_EQ(Diagnose(unknown).findings.front().code, VerdictCode::kUnexplained);
}

TEST_F(SignMemoryTest, EverySignEndsWithItsRelease) {
  for (size_t i = 0; i < kSignIds; ++i) {
    const auto id = static_cast<SignId>(i);
    SCOPED_TRACE(SignLabel(id));
    EXPECT_NE(CodeOf(Spoilt(id)), VerdictCode::kHealthy);
    Wait(absl::Minutes(1) + absl::Milliseconds(1));
    EXPECT_EQ(CodeOf(testing::HealthyNode()), VerdictCode::kHealthy);
  }
}

}  // namespace
}  // namespace pleg
