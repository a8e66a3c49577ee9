#include "cmd/plegctl/explain.h"

#include <gmock/gmock.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "api/evidence_record.h"
#include "cmd/plegctl/pages.h"
#include "cmd/plegctl/record_file.h"
#include "cmd/plegctl/testing/scenarios.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

using plegd::v1::Diagnosis;
using plegd::v1::Evidence;
using testing::HasSubstr;
using testing::Not;
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
  const absl::StatusOr<Evidence> evidence = api::ParseEvidence(text.value_or(""));
  EXPECT_TRUE(evidence.ok()) << path << ": " << evidence.status();
  return evidence.value_or(Evidence());
}

std::string Render(const Diagnosis& diagnosis, bool all, const Terminal& terminal) {
  return RenderDiagnosis(diagnosis, {.all = all}, terminal);
}

TEST(ExplainTest, Golden) {
  const Diagnosis diagnosis = DiagnoseEvidence(Record(kConvoy));
  const std::string text =
      absl::StrCat("$ plegctl explain --from clear.textproto\n",
                   RenderDiagnosis(diagnosis, {.recorded = true}, {.unicode = true, .width = 100}),
                   "\n$ plegctl explain --from clear.textproto --all | cat\n",
                   RenderDiagnosis(diagnosis, {.all = true, .recorded = true}, {}));
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
       {Case{"HEALTHY", "none", 0}, Case{"UNEXPLAINED", "page", 1}, Case{"LATENT_HANG", "warn", 0},
        Case{"WARNING", "info", 0}, Case{"OF_A_NEWER_PLEGD", "page", 1}}) {
    diagnosis.clear_findings();
    plegd::v1::Finding& finding = *diagnosis.add_findings();
    finding.set_code(c.code);
    finding.set_severity(c.severity);
    EXPECT_EQ(DiagnosisExitCode(diagnosis), c.exit_code) << c.code;
  }
  diagnosis.set_starting(true);
  EXPECT_EQ(DiagnosisExitCode(diagnosis), 2);
}

// Every number of the record that is a pid.
void CollectPids(const google::protobuf::Message& message, std::set<std::string>& pids) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const auto* field : fields) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    if (field->message_type() != nullptr) {
      const int size = field->is_repeated() ? reflection.FieldSize(message, field) : 1;
      for (int i = 0; i < size; ++i) {
        CollectPids(field->is_repeated() ? reflection.GetRepeatedMessage(message, field, i)
                                         : reflection.GetMessage(message, field),
                    pids);
      }
    } else if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_INT64 &&
               reflection.GetInt64(message, field) > 1) {
      pids.insert(absl::StrCat(reflection.GetInt64(message, field)));
    }
  }
}

bool Names(absl::string_view command, const std::string& pid) {
  for (size_t at = command.find(pid); at != absl::string_view::npos;
       at = command.find(pid, at + 1)) {
    const auto digit = [&](size_t i) {
      return i < command.size() && absl::ascii_isdigit(static_cast<unsigned char>(command[i]));
    };
    if (!digit(at - 1) && !digit(at + pid.size())) return true;
  }
  return false;
}

// A pid of then is another process now, on any machine.
TEST(ExplainTest, OfARecordNoCommandThatNamesAProcessCanBePasted) {
  size_t commented = 0;
  for (const std::string& record : Records()) {
    const Evidence evidence = Record(record);
    std::set<std::string> pids;
    CollectPids(evidence, pids);
    const Diagnosis diagnosis = DiagnoseEvidence(evidence);
    const std::string live = RenderDiagnosis(diagnosis, {.all = true}, {});
    const std::string text = RenderDiagnosis(diagnosis, {.all = true, .recorded = true}, {});
    EXPECT_THAT(live, Not(HasSubstr("                # "))) << record;
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      if (!absl::StartsWith(line, std::string(16, ' '))) continue;
      if (absl::StartsWith(line.substr(16), "# ")) ++commented;
      if (absl::StartsWith(line.substr(16), "# ")) continue;
      for (const std::string& pid : pids) EXPECT_FALSE(Names(line, pid)) << record << ": " << line;
    }
  }
  EXPECT_GT(commented, 100U);
}

TEST(ExplainTest, OfARecordTheFirstLineSaysWhenAndWhere) {
  Diagnosis diagnosis = DiagnoseEvidence(Record(kConvoy));
  diagnosis.mutable_recorded_at()->set_seconds(1700000000);
  diagnosis.set_node("node-7");
  EXPECT_THAT(RenderDiagnosis(diagnosis, {.recorded = true}, {}),
              StartsWith("recorded 2023-11-14 22:13:20 UTC on node-7; what follows was true then\n"
                         "LIST_LOCK_CONVOY: "));
  diagnosis.clear_recorded_at();
  diagnosis.set_node("\x1b[2J");
  EXPECT_THAT(RenderDiagnosis(diagnosis, {.recorded = true}, {}),
              StartsWith("recorded at an unknown time on \\x1b[2J; what follows was true then\n"));
  diagnosis.clear_node();
  EXPECT_THAT(
      RenderDiagnosis(diagnosis, {.recorded = true}, {}),
      StartsWith("recorded at an unknown time on an unknown node; what follows was true then\n"));
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
