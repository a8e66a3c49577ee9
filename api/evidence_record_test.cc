#include "api/evidence_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/text.h"

namespace api {
namespace {

using plegd::v1::Evidence;
using testing::HasSubstr;
using testing::StartsWith;

std::string Repeat(const std::string& text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string ErrorOf(const std::string& text) {
  const absl::Status status = ParseEvidence(text).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 100);
  EXPECT_EQ(pleg::Printable(std::string(status.message())), status.message());
  return std::string(status.message());
}

TEST(EvidenceRecordTest, IsReadAsItWasWritten) {
  Evidence evidence;
  evidence.set_observed_for_seconds(7.5);
  evidence.mutable_self()->set_node("node-7");
  evidence.add_unanswered()->set_method("ListContainers");
  const std::string text = PrintEvidence(evidence);
  EXPECT_THAT(text, StartsWith("# proto-file: plegd/v1/evidence.proto\n"));
  const absl::StatusOr<Evidence> copy = ParseEvidence(text);
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(copy->SerializeAsString(), evidence.SerializeAsString());
}

TEST(EvidenceRecordTest, MayBeJsonOrOfANewerPlegd) {
  for (const char* text :
       {R"({"api_version":"plegd/v1","kind":"Evidence","observed_for_seconds":7.5,"later":1})",
        "observed_for_seconds: 7.5 later { field: 1 }"}) {
    const absl::StatusOr<Evidence> evidence = ParseEvidence(text);
    ASSERT_TRUE(evidence.ok()) << evidence.status();
    EXPECT_EQ(evidence->observed_for_seconds(), 7.5);
  }
}

TEST(EvidenceRecordTest, WhatIsNoRecordIsSaidToBeNone) {
  EXPECT_THAT(ErrorOf("observed_for_seconds: x"), StartsWith("line 1:"));
  EXPECT_THAT(ErrorOf("# one\nself {\n  version: \"1\"\n  node: 7\n}"), StartsWith("line 4:9: "));
  for (const char* text : {"", " \n", "{", "[]", "{}", "findings: 1", R"({"findings": []})",
                           "{\"observed_for_seconds\":\"\x1b\"}", "\x1b[2J"}) {
    ErrorOf(text);
  }
}

TEST(EvidenceRecordTest, ADiagnosisIsNotTakenForItsEvidence) {
  EXPECT_THAT(ErrorOf(R"({"api_version": "plegd/v1", "kind": "Diagnosis", "findings": []})"),
              HasSubstr("plegctl explain --save"));
}

TEST(EvidenceRecordTest, WhatIsNestedDeepIsRefused) {
  for (const char* open : {"a{", "a<", "a:{", "host{", "a:[", "a:[{a:", "[a.b]{", "[a.b/c.d]:{"}) {
    for (const size_t depth : {size_t{100}, size_t{1'000'000}}) {
      const std::string text = "observed_for_seconds: 1\n" + Repeat(open, depth);
      if (text.size() > kMaxRecordBytes) continue;
      EXPECT_THAT(ErrorOf(text), StartsWith("line ")) << open << depth;
    }
  }
  // Closed again, so that only the depth is wrong.
  EXPECT_THAT(ErrorOf("\n" + Repeat("a{\n", 50) + Repeat("}", 50)), HasSubstr("deep"));
  for (const char* open : {"{\"a\":", "{\"a\":[", "{\"host\":", "{\"unanswered\":[{\"a\":[["}) {
    ErrorOf(Repeat(open, 100'000));
    ErrorOf(Repeat(open, 1000));
  }
}

// Editors write it, and so does PowerShell.
TEST(EvidenceRecordTest, AByteOrderMarkIsReadOver) {
  for (const char* record : {"self { version: \"1\" }", "{\"self\": {\"version\": \"1\"}}"}) {
    const auto evidence = ParseEvidence(absl::StrCat("\xEF\xBB\xBF", record));
    ASSERT_TRUE(evidence.ok()) << evidence.status();
    EXPECT_EQ(evidence->self().version(), "1");
  }
  for (const std::string mark : {"\xFF\xFE", "\xFE\xFF"}) {
    EXPECT_EQ(ErrorOf(mark + "s"), "it is UTF-16: write it as UTF-8");
  }
}

TEST(EvidenceRecordTest, WhatIsLargeIsRefused) {
  EXPECT_EQ(ErrorOf(std::string(kMaxRecordBytes + 1, ' ')), "it is larger than 2.0 MiB");
}

}  // namespace
}  // namespace api
