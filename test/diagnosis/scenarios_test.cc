// Every record under scenarios/ is diagnosed as the file beside it says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/evidence_proto.h"
#include "pleg/diagnosis/diagnosis.h"
#include "pleg/diagnosis/explain_text.h"
#include "plegd/v1/diagnosis.pb.h"
#include "plegd/v1/evidence.pb.h"
#include "test/diagnosis/scenario.h"

namespace diagnosis_test {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<Scenario>& AllScenarios() {
  static const auto& scenarios = *new std::vector<Scenario>(LoadScenarios(PLEGD_SCENARIOS));
  return scenarios;
}

std::vector<std::string> CodesOf(const pleg::Diagnosis& diagnosis) {
  std::vector<std::string> codes;
  for (const pleg::Finding& finding : diagnosis.findings) {
    codes.emplace_back(pleg::VerdictCodeName(finding.code));
  }
  return codes;
}

std::string CommandsOf(const pleg::Finding& finding) {
  std::string commands;
  for (const pleg::Action& action : finding.actions)
    absl::StrAppend(&commands, action.command, "\n");
  return commands;
}

// What is good or unknown claims nothing.
pleg::Diagnosis WithoutGoodSigns(pleg::Diagnosis diagnosis) {
  std::erase_if(diagnosis.signs,
                [](const pleg::Sign& sign) { return sign.state != pleg::SignState::kBad; });
  return diagnosis;
}

class ScenarioTest : public testing::TestWithParam<Scenario> {};

TEST_P(ScenarioTest, IsDiagnosedAsExpected) {
  const Scenario& scenario = GetParam();
  ASSERT_EQ(scenario.error, "");
  const pleg::Diagnosis diagnosis = pleg::Diagnose(scenario.evidence);
  const std::string text = pleg::ExplainText(diagnosis, {.all = true});
  SCOPED_TRACE(text);
  const auto& expected = scenario.expected;
  EXPECT_THAT(CodesOf(diagnosis), ElementsAreArray(expected.codes()));
  const pleg::Finding& first = diagnosis.findings.front();
  if (diagnosis.readiness == pleg::Readiness::kNotReady) {
    EXPECT_EQ(first.severity, pleg::Severity::kPage) << "nobody would be called";
  }
  EXPECT_EQ(pleg::ConfidenceName(first.confidence), expected.confidence());
  for (const std::string& words : expected.words()) EXPECT_THAT(first.sentence, HasSubstr(words));
  EXPECT_EQ(first.culprits.empty() ? "" : first.culprits.front().id.value(), expected.culprit());
  for (const std::string& command : expected.commands()) {
    EXPECT_THAT(CommandsOf(first), HasSubstr(command));
  }
  for (const std::string& words : expected.text()) EXPECT_THAT(text, HasSubstr(words));
  const std::string claims = pleg::ExplainText(WithoutGoodSigns(diagnosis), {.all = true});
  for (const std::string& words : expected.never()) EXPECT_THAT(claims, Not(HasSubstr(words)));
}

// What is recorded and replayed elsewhere gets the same answer.
TEST_P(ScenarioTest, SurvivesTheWire) {
  const pleg::Diagnosis diagnosis = pleg::Diagnose(GetParam().evidence);
  plegd::v1::Evidence evidence;
  api::EvidenceToProto(GetParam().evidence, evidence);
  plegd::v1::Diagnosis message;
  api::DiagnosisToProto(pleg::Diagnose(api::EvidenceFromProto(evidence)), message);
  const pleg::Diagnosis again = api::DiagnosisFromProto(message);
  EXPECT_EQ(pleg::ExplainText(again, {.all = true}), pleg::ExplainText(diagnosis, {.all = true}));
  EXPECT_EQ(again.headline, diagnosis.headline);
  EXPECT_EQ(again.forecast, diagnosis.forecast);
  EXPECT_EQ(again.readiness, diagnosis.readiness);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, ScenarioTest, testing::ValuesIn(AllScenarios()),
                         [](const testing::TestParamInfo<Scenario>& param) {
                           std::string name = absl::StrCat(param.param.code, "_", param.param.name);
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return !isalnum(c); }, '_');
                           return name;
                         });

class CodeTest : public testing::TestWithParam<size_t> {};

bool Says(const Scenario& scenario, const std::string& code) {
  const auto& codes = scenario.expected.codes();
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

TEST_P(CodeTest, HasAClearAMixedAndANearMissScenario) {
  const std::string code(pleg::VerdictCodeName(static_cast<pleg::VerdictCode>(GetParam())));
  size_t clear = 0;
  size_t mixed = 0;
  size_t near_miss = 0;
  for (const Scenario& scenario : AllScenarios()) {
    if (scenario.code != code) continue;
    if (absl::StartsWith(scenario.name, "clear")) {
      ++clear;
      EXPECT_EQ(scenario.expected.codes(0), code) << scenario;
    } else if (absl::StartsWith(scenario.name, "mixed")) {
      ++mixed;
      EXPECT_TRUE(Says(scenario, code)) << scenario;
    } else if (absl::StartsWith(scenario.name, "near_miss")) {
      ++near_miss;
      EXPECT_FALSE(Says(scenario, code)) << scenario;
    } else {
      ADD_FAILURE() << scenario << ": is named clear…, mixed… or near_miss…";
    }
  }
  EXPECT_GE(clear, 1);
  EXPECT_GE(mixed, 1);
  EXPECT_GE(near_miss, 1);
}

INSTANTIATE_TEST_SUITE_P(Codes, CodeTest, testing::Range<size_t>(0, pleg::kVerdictCodes),
                         [](const testing::TestParamInfo<size_t>& param) {
                           return std::string(
                               pleg::VerdictCodeName(static_cast<pleg::VerdictCode>(param.param)));
                         });

}  // namespace
}  // namespace diagnosis_test
