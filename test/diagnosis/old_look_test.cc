// What was seen of the host more than 15 s ago is never told as of now: every scenario with its
// look at the host made older.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/diagnosis.h"
#include "pleg/diagnosis/explain_text.h"
#include "pleg/diagnosis/sign.h"
#include "test/diagnosis/scenario.h"

namespace diagnosis_test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kDated[] = "Seen 20s ago: ";
constexpr char kBanner[] = "\nhost        seen 20s ago, not now: figures of processes, ";

std::vector<Scenario> WithHost() {
  std::vector<Scenario> scenarios = LoadScenarios(PLEGD_SCENARIOS);
  scenarios.erase(std::remove_if(scenarios.begin(), scenarios.end(),
                                 [](const Scenario& s) { return !s.evidence.host.has_value(); }),
                  scenarios.end());
  return scenarios;
}

pleg::Diagnosis DiagnoseSeen(pleg::Evidence evidence, absl::Duration ago) {
  evidence.host->sampled_ago = ago;
  return pleg::Diagnose(evidence);
}

// Whether a rule says this without looking at the host.
bool IsSaidBlind(const Scenario& scenario, const pleg::Finding& finding) {
  pleg::Evidence blind = scenario.evidence;
  blind.host.reset();
  const pleg::Diagnosis diagnosis = pleg::Diagnose(blind);
  return std::any_of(
      diagnosis.findings.begin(), diagnosis.findings.end(),
      [&](const pleg::Finding& other) { return other.sentence == finding.sentence; });
}

TEST(OldLookTest, SentencesThatRestOnItSaySo) {
  size_t dated = 0;
  for (const Scenario& scenario : WithHost()) {
    for (const pleg::Finding& finding :
         DiagnoseSeen(scenario.evidence, absl::Seconds(20)).findings) {
      // What is left over when no rule finds anything quotes signs, which are dated themselves.
      if (finding.code == pleg::VerdictCode::kHealthy ||
          finding.code == pleg::VerdictCode::kWarning ||
          finding.code == pleg::VerdictCode::kUnexplained) {
        continue;
      }
      EXPECT_LE(finding.sentence.size(), pleg::kMaxSentence);
      const bool says = absl::StartsWith(finding.sentence, kDated);
      EXPECT_EQ(says, !IsSaidBlind(scenario, finding)) << scenario << ": " << finding.sentence;
      dated += says ? 1 : 0;
    }
  }
  EXPECT_GT(dated, 50U);
}

TEST(OldLookTest, SignsOfTheHostSaySo) {
  size_t dated = 0;
  for (const Scenario& scenario : WithHost()) {
    for (const pleg::Sign& sign : DiagnoseSeen(scenario.evidence, absl::Seconds(20)).signs) {
      if (pleg::MeaningOf(sign.id).theme != "host" || sign.state == pleg::SignState::kUnknown) {
        continue;
      }
      if (sign.id == pleg::SignId::kWallClock) continue;  // plegd's own
      EXPECT_THAT(sign.value, testing::AnyOf(HasSubstr("(20s ago)"), HasSubstr("more")))
          << scenario << ": " << pleg::SignLabel(sign.id);
      ++dated;
    }
  }
  EXPECT_GT(dated, 50U);
}

TEST(OldLookTest, AboveAllFiguresItIsSaidHowOldTheyAre) {
  for (const Scenario& scenario : WithHost()) {
    const std::string text =
        pleg::ExplainText(DiagnoseSeen(scenario.evidence, absl::Seconds(20)), {.all = true});
    EXPECT_THAT(text.substr(text.find('\n')), testing::StartsWith(absl::StrCat("\n", kBanner)))
        << scenario;
  }
}

TEST(OldLookTest, ItExcludesNothing) {
  for (const Scenario& scenario : WithHost()) {
    for (const pleg::Exclusion& exclusion :
         DiagnoseSeen(scenario.evidence, absl::Seconds(20)).exclusions) {
      if (exclusion.subject == pleg::Subject::kKubelet ||
          exclusion.subject == pleg::Subject::kRuntime) {
        continue;
      }
      EXPECT_THAT(exclusion.figure,
                  testing::AnyOf(HasSubstr("last looked at 20s ago"), HasSubstr("own delay")))
          << scenario;
    }
  }
}

TEST(OldLookTest, WhatIsNewIsToldAsItIs) {
  for (const Scenario& scenario : WithHost()) {
    const std::string text =
        pleg::ExplainText(DiagnoseSeen(scenario.evidence, absl::Seconds(15)), {.all = true});
    EXPECT_THAT(text, Not(HasSubstr("Seen 15s ago"))) << scenario;
    EXPECT_THAT(text, Not(HasSubstr("not now"))) << scenario;
  }
}

// What the kubelet said is dated in its own line.
TEST(OldLookTest, AnOldAnswerOfTheKubeletSaysSo) {
  pleg::Evidence evidence;
  evidence.kubelet.emplace();
  evidence.kubelet->last_seen_ago = absl::Seconds(21);
  evidence.kubelet->relist_mean = absl::Milliseconds(30);
  evidence.kubelet->healthz_ok = true;
  for (const auto& [asked, figure] :
       {std::pair{15, "relisted 21s ago, its relists take 30 ms, healthz ok"},
        std::pair{20,
                  "relisted 21s ago (asked 20s ago), its relists take 30 ms (asked 20s ago), "
                  "healthz ok (asked 20s ago)"}}) {
    evidence.kubelet->asked_ago = absl::Seconds(asked);
    for (const pleg::Exclusion& exclusion : pleg::Diagnose(evidence).exclusions) {
      if (exclusion.subject == pleg::Subject::kKubelet) EXPECT_EQ(exclusion.figure, figure);
    }
  }
}

}  // namespace
}  // namespace diagnosis_test
