// Every sign, set bad alone and with others in evidence of a healthy node: it is named, and the
// node is not called HEALTHY.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/diagnosis.h"
#include "pleg/diagnosis/explain_text.h"
#include "pleg/diagnosis/gather.h"
#include "pleg/diagnosis/sign.h"
#include "pleg/diagnosis/testing/ailing_node.h"

namespace pleg {
namespace {

#ifdef __OPTIMIZE__
constexpr int kRandomSets = 100'000;
#else
constexpr int kRandomSets = 3'000;
#endif

bool IsBad(const Diagnosis& diagnosis, SignId id) {
  return std::any_of(diagnosis.signs.begin(), diagnosis.signs.end(), [id](const Sign& sign) {
    return sign.id == id && sign.state == SignState::kBad;
  });
}

bool IsNamed(const Diagnosis& diagnosis, SignId id) {
  return std::any_of(diagnosis.findings.begin(), diagnosis.findings.end(), [id](const auto& f) {
    return std::find(f.signs.begin(), f.signs.end(), id) != f.signs.end();
  });
}

// Whatever is bad is named, HEALTHY is said of what is good alone, and severities are in order.
void ExpectProven(const Diagnosis& diagnosis) {
  bool any_bad = false;
  for (const Sign& sign : diagnosis.signs) {
    if (sign.state != SignState::kBad) continue;
    any_bad = true;
    EXPECT_TRUE(IsNamed(diagnosis, sign.id)) << SignLabel(sign.id) << ": " << sign.value;
  }
  const Finding& first = diagnosis.findings.front();
  const bool healthy = first.code == VerdictCode::kHealthy;
  EXPECT_FALSE(any_bad && healthy);
  EXPECT_EQ(first.severity == Severity::kNone, healthy);
  for (const Finding& finding : diagnosis.findings) {
    if (first.code != VerdictCode::kStarting) EXPECT_LE(finding.severity, first.severity);
    EXPECT_LE(finding.brief.size(), kMaxBrief);
    EXPECT_FALSE(finding.brief.empty());
  }
}

TEST(SignTest, OfAHealthyNodeNoneIsBadAndEachIsKnown) {
  const Diagnosis diagnosis = Diagnose(testing::HealthyNode());
  EXPECT_EQ(diagnosis.findings.front().code, VerdictCode::kHealthy);
  EXPECT_EQ(diagnosis.findings.front().severity, Severity::kNone);
  ASSERT_EQ(diagnosis.signs.size(), kSignIds);
  for (size_t i = 0; i < kSignIds; ++i) {
    const Sign& sign = diagnosis.signs[i];
    EXPECT_EQ(sign.id, static_cast<SignId>(i));
    EXPECT_EQ(sign.state, SignState::kGood) << SignLabel(sign.id) << ": " << sign.value;
    EXPECT_FALSE(sign.value.empty()) << SignLabel(sign.id);
  }
}

TEST(SignTest, TheTableIsComplete) {
  std::set<absl::string_view> labels;
  for (size_t i = 0; i < kSignIds; ++i) {
    const auto id = static_cast<SignId>(i);
    const SignMeaning& meaning = MeaningOf(id);
    SCOPED_TRACE(SignLabel(id));
    EXPECT_EQ(ParseSignLabel(SignLabel(id)), id);
    EXPECT_TRUE(labels.insert(SignLabel(id)).second);
    for (absl::string_view text :
         {meaning.theme, meaning.source, meaning.limit, meaning.meaning, meaning.look}) {
      EXPECT_FALSE(text.empty());
    }
    EXPECT_NE(meaning.severity, Severity::kNone);
    EXPECT_GT(meaning.release, absl::ZeroDuration());
  }
  EXPECT_FALSE(ParseSignLabel("").has_value());
}

class EachSignTest : public ::testing::TestWithParam<size_t> {};

TEST_P(EachSignTest, BadAloneIsNamed) {
  const auto id = static_cast<SignId>(GetParam());
  Evidence evidence = testing::HealthyNode();
  testing::Spoil(id, evidence);
  const Diagnosis diagnosis = Diagnose(evidence);
  const std::string text = ExplainText(diagnosis, {});
  SCOPED_TRACE(text);
  EXPECT_TRUE(IsBad(diagnosis, id));
  ExpectProven(diagnosis);
  EXPECT_THAT(text, ::testing::HasSubstr(absl::StrCat(SignLabel(id), ": ")));
}

TEST_P(EachSignTest, IsUnknownAndNoProblemIfNothingTells) {
  const Diagnosis diagnosis = Diagnose(Evidence());
  for (const Sign& sign : diagnosis.signs) EXPECT_NE(sign.state, SignState::kBad) << sign.value;
}

TEST_P(EachSignTest, BadWithAnyOtherIsNamed) {
  const auto id = static_cast<SignId>(GetParam());
  for (size_t other = 0; other < kSignIds; ++other) {
    Evidence evidence = testing::HealthyNode();
    testing::Spoil(id, evidence);
    testing::Spoil(static_cast<SignId>(other), evidence);
    SCOPED_TRACE(SignLabel(static_cast<SignId>(other)));
    const Diagnosis diagnosis = Diagnose(evidence);
    ExpectProven(diagnosis);
    EXPECT_NE(diagnosis.findings.front().code, VerdictCode::kHealthy);
  }
}

INSTANTIATE_TEST_SUITE_P(Signs, EachSignTest, ::testing::Range<size_t>(0, kSignIds),
                         [](const ::testing::TestParamInfo<size_t>& param) {
                           return std::string(SignLabel(static_cast<SignId>(param.param)));
                         });

// A runtime that goes on after a minute answers what it was asked, late, and then nothing for long.
TEST(SignTest, AStatusThatIsAskedNoMoreIsSlowNoLonger) {
  Evidence evidence = testing::HealthyNode();
  testing::Spoil(SignId::kContainerStatusSlow, evidence);
  EXPECT_TRUE(IsBad(Diagnose(evidence), SignId::kContainerStatusSlow));
  for (MethodEvidence& method : evidence.methods) {
    if (method.method == "ContainerStatus") method.answered_ago = absl::Seconds(20);
  }
  const Diagnosis diagnosis = Diagnose(evidence);
  EXPECT_FALSE(IsBad(diagnosis, SignId::kContainerStatusSlow));
  EXPECT_EQ(diagnosis.findings.front().code, VerdictCode::kHealthy);
}

Evidence WithFailing(size_t unknown, size_t late) {
  Evidence evidence = testing::HealthyNode();
  for (size_t i = 0; i < unknown + late; ++i) {
    FailingEvidence& row = evidence.failing.emplace_back();
    row.method = "ContainerStatus";
    row.object.id = ContainerId(absl::StrCat("c", i));
    row.object.pod_uid = PodUid(absl::StrCat("u", i));
    row.object.pod_namespace = "shop";
    row.object.pod_name = absl::StrCat("web-", i);
    row.object.container = "app";
    row.since = absl::Hours(90) - absl::Minutes(1) * static_cast<int64_t>(i);
    row.in_a_row = 12;
    row.code = i < unknown ? "UNKNOWN" : "OK";
    row.text = i < unknown ? absl::StrCat("task c", i, " not found") : "";
    row.duration = absl::Seconds(6);
  }
  return evidence;
}

std::vector<std::string> BadValues(const Diagnosis& diagnosis, SignId id) {
  std::vector<std::string> values;
  for (const Sign& sign : diagnosis.signs) {
    if (sign.id == id && sign.state == SignState::kBad) values.push_back(sign.value);
  }
  return values;
}

// Where the method itself is bad, its objects are not to fill the screen.
TEST(SignTest, ManyStatusesThatFailAreOneLine) {
  using ::testing::ElementsAre;
  constexpr SignId kErrors = SignId::kContainerStatusErrors;
  EXPECT_EQ(BadValues(Diagnose(WithFailing(3, 0)), kErrors).size(), 3u);
  const Diagnosis diagnosis = Diagnose(WithFailing(54, 3));
  EXPECT_THAT(BadValues(diagnosis, kErrors),
              ElementsAre("ContainerStatus of 57 objects, of them 54 with UNKNOWN, 3 late; first "
                          "shop/web-0/app (c0): task c0 not found"));
  ExpectProven(diagnosis);
  EXPECT_THAT(
      BadValues(Diagnose(WithFailing(0, 4)), kErrors),
      ElementsAre("ContainerStatus of 4 objects, of them 4 late; first shop/web-0/app (c0)"));
  // No more than so many are gathered.
  EXPECT_THAT(BadValues(Diagnose(WithFailing(kMaxGatheredCalls, 0)), kErrors).front(),
              ::testing::HasSubstr("ContainerStatus of 200 objects or more, "));
}

TEST(SignTest, NoRandomSetIsHealthyWhileOneIsBad) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  const Evidence healthy = testing::HealthyNode();
  for (int i = 0; i < kRandomSets && !::testing::Test::HasFailure(); ++i) {
    Evidence evidence = healthy;
    std::string spoilt;
    for (uint32_t n = random() % 6 + 1; n > 0; --n) {
      const auto id = static_cast<SignId>(random() % kSignIds);
      testing::Spoil(id, evidence);
      absl::StrAppend(&spoilt, SignLabel(id), " ");
    }
    SCOPED_TRACE(spoilt);
    const Diagnosis diagnosis = Diagnose(evidence);
    ExpectProven(diagnosis);
    EXPECT_NE(diagnosis.findings.front().code, VerdictCode::kHealthy);
  }
}

}  // namespace
}  // namespace pleg
