// One judge: what `check` says of a record is what `explain` says of it.

#include "cmd/plegctl/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/evidence_record.h"
#include "cmd/plegctl/explain.h"
#include "cmd/plegctl/record_file.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

using plegd::v1::Diagnosis;
using plegd::v1::Finding;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr absl::Duration kPatience = absl::Seconds(30);

struct Judged {
  std::string record;
  Diagnosis diagnosis;
};

const std::vector<Judged>& Records() {
  static const auto& all = *[] {
    auto* records = new std::vector<Judged>();
    for (const auto& entry : std::filesystem::recursive_directory_iterator(PLEGCTL_RECORDS)) {
      if (entry.path().extension() != ".textproto" || entry.path().stem() == "expected") continue;
      const auto evidence = api::ParseEvidence(ReadRecord(entry.path()).value_or(""));
      EXPECT_TRUE(evidence.ok()) << entry.path();
      records->push_back({entry.path(), DiagnoseEvidence(*evidence)});
    }
    return records;
  }();
  return all;
}

TEST(CheckTest, AgreesWithExplain) {
  ASSERT_GT(Records().size(), 100U);
  for (const auto& [record, diagnosis] : Records()) {
    SCOPED_TRACE(record);
    const Level level = CheckLevel(diagnosis, absl::ZeroDuration());
    EXPECT_EQ(CheckExitCode(level), DiagnosisExitCode(diagnosis));
    // Patience only ever puts a page off.
    const Level patient = CheckLevel(diagnosis, kPatience);
    EXPECT_TRUE(patient == level || level == Level::kProblem);
  }
}

TEST(CheckTest, TheFirstBytesHaveLevelCodeAndPod) {
  for (const auto& [record, diagnosis] : Records()) {
    SCOPED_TRACE(record);
    const Finding& first = diagnosis.findings(0);
    for (const std::string& line :
         {CheckLine(diagnosis, kPatience), StableCheckLine(diagnosis, kPatience)}) {
      EXPECT_THAT(line.substr(0, 80), HasSubstr(absl::StrCat(": ", first.code())));
      EXPECT_EQ(Visible(line, Terminal{}, SIZE_MAX), line);
      EXPECT_LT(line.size(), 1500U);
      if (first.culprits().empty() || first.culprits(0).target().pod_name().empty()) continue;
      EXPECT_THAT(line.substr(0, 80),
                  HasSubstr(absl::StrCat(first.culprits(0).target().pod_namespace(), "/",
                                         first.culprits(0).target().pod_name())));
    }
    EXPECT_THAT(CheckLine(diagnosis, kPatience), HasSubstr(diagnosis.headline().substr(0, 40)));
  }
}

// A page of 12 s on a node that is Ready.
Diagnosis Young() {
  Diagnosis diagnosis;
  diagnosis.set_headline("PLEG is still healthy");
  diagnosis.set_readiness("ready");
  Finding& finding = *diagnosis.add_findings();
  finding.set_code("CONTAINER_STUCK");
  finding.set_severity("page");
  finding.set_since_seconds(12);
  finding.set_brief("it hangs");
  finding.set_docs("docs/verdicts/CONTAINER_STUCK.md");
  finding.add_signs("container_status_silent");
  return diagnosis;
}

TEST(CheckTest, PatienceIsForWhatIsYoungWhileTheNodeIsReady) {
  Diagnosis diagnosis = Young();
  EXPECT_EQ(CheckLevel(diagnosis, kPatience), Level::kOk);
  EXPECT_EQ(
      CheckLine(diagnosis, kPatience),
      "OK: CONTAINER_STUCK (container_status_silent): it hangs; PLEG is still healthy; a "
      "problem after 30s, or once the node is NotReady; see docs/verdicts/CONTAINER_STUCK.md");
  EXPECT_EQ(CheckLevel(diagnosis, absl::Seconds(12)), Level::kProblem);
  diagnosis.set_readiness("unknown");
  EXPECT_EQ(CheckLevel(diagnosis, kPatience), Level::kUnknown);
  diagnosis.set_readiness("not ready");
  EXPECT_EQ(CheckLevel(diagnosis, kPatience), Level::kProblem);
  EXPECT_THAT(CheckLine(diagnosis, kPatience), Not(HasSubstr("a problem after")));
  diagnosis = Young();
  // Nothing tells how old it is.
  diagnosis.mutable_findings(0)->clear_since_seconds();
  EXPECT_EQ(CheckLevel(diagnosis, kPatience), Level::kProblem);
}

TEST(CheckTest, BeforePlegdKnowsItIsUnknown) {
  Diagnosis diagnosis = Young();
  diagnosis.set_starting(true);
  EXPECT_EQ(CheckLevel(diagnosis, absl::ZeroDuration()), Level::kUnknown);
  EXPECT_EQ(CheckLevel({}, kPatience), Level::kUnknown);
  EXPECT_THAT(CheckLine({}, kPatience), StartsWith("UNKNOWN: "));
}

TEST(CheckTest, TheStableLineHasNoAge) {
  Diagnosis diagnosis = Young();
  Finding& finding = *diagnosis.mutable_findings(0);
  const std::string line = StableCheckLine(diagnosis, absl::ZeroDuration());
  finding.set_since_seconds(19);
  finding.set_brief("it has hung for 19s");
  diagnosis.set_forecast("a kubelet goes NotReady in 1m3s");
  EXPECT_EQ(StableCheckLine(diagnosis, absl::ZeroDuration()), line);
}

TEST(CheckTest, ALongNameIsCutInTheMiddle) {
  Diagnosis diagnosis = Young();
  auto& target = *diagnosis.mutable_findings(0)->add_culprits()->mutable_target();
  target.set_pod_namespace("default");
  target.set_pod_name(absl::StrCat("web-", std::string(200, 'x'), "-tail"));
  target.set_container("app");
  const std::string line = StableCheckLine(diagnosis, kPatience);
  EXPECT_LE(line.size(), 80U);
  EXPECT_THAT(line, StartsWith("OK: CONTAINER_STUCK default/web-"));
  EXPECT_THAT(line, EndsWith("-tail"));
}

TEST(CheckTest, NothingOfOthersReachesATerminal) {
  Diagnosis diagnosis = Young();
  Finding& finding = *diagnosis.mutable_findings(0);
  for (auto* text : {finding.mutable_code(), finding.mutable_brief(), finding.mutable_docs(),
                     diagnosis.mutable_headline(), diagnosis.mutable_forecast()}) {
    *text = "\x1b[2J\n\u202e";
  }
  finding.add_culprits()->mutable_target()->set_pod_name("\x1b[2J\n");
  const std::string line = CheckLine(diagnosis, kPatience);
  EXPECT_EQ(Visible(line, Terminal{}, SIZE_MAX), line);
}

}  // namespace
}  // namespace plegctl
