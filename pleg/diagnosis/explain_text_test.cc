#include "pleg/diagnosis/explain_text.h"

#include <gtest/gtest.h>

namespace pleg {
namespace {

Diagnosis Example() {
  Diagnosis diagnosis;
  Finding first;
  first.code = VerdictCode::kListLockConvoy;
  first.sentence = "ListContainers blocked.";
  first.since = absl::Seconds(123);
  first.confidence = Confidence::kHigh;
  first.supports = {"one", "two"};
  first.contradicts = {"but"};
  first.actions = {{"Look", "cat /proc/1/stack", false},
                   {"Restart it", "systemctl restart x", true}};
  Finding second;
  second.code = VerdictCode::kTooManyDead;
  second.sentence = "Many are dead.";
  second.supports = {"three"};
  diagnosis.findings = {first, second};
  diagnosis.exclusions = {{Subject::kDisk, Fitness::kFine, "io full 0.3 %", "40 %"},
                          {Subject::kCpu, Fitness::kNotFine, "cpu some 90 %", "70 %"},
                          {Subject::kKubelet, Fitness::kUnknown, "not asked", ""}};
  diagnosis.hints = {{"kernel 1 is bad", "https://example.org/1"}};
  diagnosis.recorded_at = absl::FromUnixSeconds(1700000123);
  return diagnosis;
}

TEST(ExplainTextTest, TellsEverythingOfTheFirstAndNamesTheRest) {
  EXPECT_EQ(ExplainText(Example(), {}), R"(LIST_LOCK_CONVOY: ListContainers blocked.

since       22:13:20 UTC (2m3s ago), confidence high
for         one
            two
against     but
excluded    disk     io full 0.3 % (limit 40 %)
suspect     cpu      cpu some 90 % (limit 70 %)
unknown     kubelet  not asked
do next     Look
                cat /proc/1/stack
disruptive  Restart it
                systemctl restart x
hints       kernel 1 is bad https://example.org/1
docs        docs/verdicts/LIST_LOCK_CONVOY.md
also        TOO_MANY_DEAD: Many are dead.
)");
}

TEST(ExplainTextTest, AllTellsTheRestAsFully) {
  const std::string text = ExplainText(Example(), {.all = true});
  EXPECT_TRUE(text.ends_with(R"(
2. TOO_MANY_DEAD: Many are dead.

confidence  medium
for         three
docs        docs/verdicts/TOO_MANY_DEAD.md
)")) << text;
}

TEST(ExplainTextTest, SaysAHintOnce) {
  Diagnosis diagnosis = Example();
  diagnosis.hints = {{"oldest OCI runtime: runc", ""}};
  diagnosis.particulars = {"oldest OCI runtime: runc", "frozen cgroups: 0"};
  EXPECT_NE(ExplainText(diagnosis, {}).find("hints       oldest OCI runtime: runc\n"),
            std::string::npos);
  const std::string all = ExplainText(diagnosis, {.all = true});
  EXPECT_EQ(all.find("hints"), std::string::npos);
  EXPECT_NE(all.find("node        oldest OCI runtime: runc\n            frozen cgroups: 0\n"),
            std::string::npos);
}

TEST(ExplainTextTest, LinesKnowWhatTheyAre) {
  std::string kinds;
  for (const ExplainLine& line : ExplainLines(Example(), {})) {
    kinds += "HABCP"[static_cast<size_t>(line.kind)];
  }
  EXPECT_EQ(kinds, "HABBBBBBBBCBCBPB");
}

TEST(ExplainTextTest, WithoutAWallClockOnlyTheAge) {
  Diagnosis diagnosis = Example();
  diagnosis.recorded_at = absl::InfinitePast();
  EXPECT_NE(ExplainText(diagnosis, {}).find("since       2m3s, confidence high\n"),
            std::string::npos);
}

TEST(ExplainTextTest, PrintsNoControlCharactersOfOthers) {
  Diagnosis diagnosis = Example();
  diagnosis.findings[0].sentence = "a\nb\x1b[2J";
  diagnosis.findings[0].actions[0].command = "x\ny";
  const std::string text = ExplainText(diagnosis, {});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("a\\nb\\x1b[2J"), std::string::npos);
  EXPECT_NE(text.find("x\\ny"), std::string::npos);
}

TEST(ExplainTextTest, OfNothing) {
  EXPECT_EQ(ExplainText({}, {}), "UNEXPLAINED: nothing was found.\n");
}

}  // namespace
}  // namespace pleg
