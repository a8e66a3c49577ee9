#include "cmd/plegctl/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cmd/plegctl/pages.h"
#include "cmd/plegctl/testing/scenarios.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

using plegd::v1::Diagnosis;
using plegd::v1::Evidence;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kConvoy[] = PLEGCTL_RECORDS "/LIST_LOCK_CONVOY/clear.textproto";

std::vector<std::string> Records() {
  std::vector<std::string> records;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(PLEGCTL_RECORDS)) {
    if (entry.path().extension() == ".textproto" && entry.path().stem() != "expected") {
      records.push_back(entry.path());
    }
  }
  return records;
}

Evidence Record(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadRecord(path);
  EXPECT_TRUE(text.ok()) << text.status();
  const absl::StatusOr<Evidence> evidence = ParseEvidence(text.value_or(""));
  EXPECT_TRUE(evidence.ok()) << path << ": " << evidence.status();
  return evidence.value_or(Evidence());
}

std::string Render(const Diagnosis& diagnosis, bool all, const Terminal& terminal) {
  return RenderDiagnosis(diagnosis, all, absl::UTCTimeZone(), terminal);
}

TEST(ExplainTest, Golden) {
  const Diagnosis diagnosis = DiagnoseEvidence(Record(kConvoy));
  const std::string text = absl::StrCat("$ plegctl explain --from clear.textproto\n",
                                        Render(diagnosis, false, {.unicode = true, .width = 100}),
                                        "\n$ plegctl explain --from clear.textproto --all | cat\n",
                                        Render(diagnosis, true, {}));
  const std::string path = PLEGCTL_GOLDEN_DIR "/explain.txt";
  if (std::getenv("PLEGCTL_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  EXPECT_EQ(text, ReadRecord(path).value_or("")) << path;
}

TEST(ExplainTest, FitsTheTerminalButForCommands) {
  const std::vector<std::string> records = Records();
  ASSERT_GT(records.size(), 50U);
  for (const std::string& record : records) {
    const Diagnosis diagnosis = DiagnoseEvidence(Record(record));
    const std::string text = Render(diagnosis, true, {.width = 80});
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      EXPECT_EQ(Visible(line, Terminal{}, SIZE_MAX), line);
      if (!absl::StartsWith(line, std::string(16, ' '))) {
        EXPECT_LE(Width(line), 80U) << line;
      }
    }
    const std::string piped = Render(diagnosis, false, {});
    EXPECT_THAT(piped, StartsWith(absl::StrCat(diagnosis.findings(0).code(), ": ")));
  }
}

TEST(ExplainTest, TheExitCodeFollowsTheSeverity) {
  Diagnosis diagnosis;
  EXPECT_EQ(DiagnosisExitCode(diagnosis), 2);
  struct Case {
    const char* code;
    const char* severity;
    int exit_code;
  };
  for (const Case& c :
       {Case{"HEALTHY", "none", 0}, Case{"STARTING", "info", 2}, Case{"UNEXPLAINED", "page", 1},
        Case{"LATENT_HANG", "warn", 0}, Case{"WARNING", "info", 0},
        Case{"OF_A_NEWER_PLEGD", "page", 1}, Case{"HEALTHY", "", 0}, Case{"LATENT_HANG", "", 1}}) {
    diagnosis.clear_findings();
    plegd::v1::Finding& finding = *diagnosis.add_findings();
    finding.set_code(c.code);
    finding.set_severity(c.severity);
    EXPECT_EQ(DiagnosisExitCode(diagnosis), c.exit_code) << c.code;
  }
}

TEST(ExplainTest, ARecordIsReadAsItWasWritten) {
  const Evidence evidence = Record(kConvoy);
  const std::string text = PrintEvidence(evidence);
  EXPECT_THAT(text, StartsWith("# proto-file: plegd/v1/evidence.proto\n"));
  const absl::StatusOr<Evidence> copy = ParseEvidence(text);
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(copy->SerializeAsString(), evidence.SerializeAsString());
}

TEST(ExplainTest, ARecordMayBeJsonOrOfANewerPlegd) {
  for (const char* text :
       {R"({"api_version":"plegd/v1","kind":"Evidence","observed_for_seconds":7.5,"later":1})",
        "observed_for_seconds: 7.5 later { field: 1 }"}) {
    const absl::StatusOr<Evidence> evidence = ParseEvidence(text);
    ASSERT_TRUE(evidence.ok()) << evidence.status();
    EXPECT_EQ(evidence->observed_for_seconds(), 7.5);
  }
}

TEST(ExplainTest, WhatIsNoRecordIsSaidToBeNone) {
  EXPECT_THAT(std::string(ParseEvidence("observed_for_seconds: x").status().message()),
              StartsWith("line 1:"));
  for (const char* text : {"", " \n", "{", "[]", "{}", "findings: 1", R"({"findings": []})",
                           "{\"observed_for_seconds\":\"\x1b\"}", "\x1b[2J"}) {
    const absl::Status status = ParseEvidence(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_EQ(Visible(status.message(), Terminal{}), status.message());
  }
  EXPECT_THAT(std::string(ReadRecord("/nowhere/x").status().message()),
              HasSubstr("cannot open /nowhere/x"));
  EXPECT_FALSE(ReadRecord("/").ok());
  EXPECT_THAT(std::string(WriteRecord("/nowhere/x", "").message()),
              HasSubstr("cannot create /nowhere/x"));
  EXPECT_FALSE(WriteRecord("/dev/full", "text").ok());
}

TEST(ExplainTest, ADiagnosisIsNotTakenForItsEvidence) {
  const absl::Status status =
      ParseEvidence(R"({"api_version": "plegd/v1", "kind": "Diagnosis", "findings": []})").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("plegctl explain --save"));
}

TEST(VerdictPageTest, IsWhereItIsInstalled) {
  const std::string folder = testing::TempDir() + "/plegctl-pages";
  std::filesystem::create_directories(folder + "/verdicts");
  std::ofstream(folder + "/verdicts/CNI_STUCK.md") << "# CNI_STUCK\n";
  EXPECT_EQ(VerdictPageBelow(folder, "docs/verdicts/CNI_STUCK.md"),
            folder + "/verdicts/CNI_STUCK.md");
  for (const char* docs : {"docs/verdicts/OF_A_NEWER_PLEGD.md", "docs/verdicts", "",
                           "docs/verdicts/../verdicts/CNI_STUCK.md", "/etc/passwd"}) {
    EXPECT_EQ(VerdictPageBelow(folder, docs), docs);
  }
  std::filesystem::remove_all(folder);
}

TEST(ExplainTest, LooksOnUntilItIsSettled) {
  Diagnosis diagnosis;
  EXPECT_FALSE(IsSettled(diagnosis));
  plegd::v1::Finding& finding = *diagnosis.add_findings();
  EXPECT_FALSE(IsSettled(diagnosis));
  finding.set_settled(true);
  EXPECT_TRUE(IsSettled(diagnosis));
}

}  // namespace
}  // namespace plegctl
