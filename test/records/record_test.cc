#include "test/records/record.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace plegd_testing {
namespace {

using google::protobuf::TextFormat;
using plegd::test::Difference;
using plegd::v1::Evidence;
using ::testing::HasSubstr;

constexpr char kBase[] = R"(
  self { version: "0.1.0" loop_lag_seconds: 0.5 }
  methods { method: "Status" answered_seconds: 2 last_duration_seconds: 1 }
  methods { method: "Version" answered_seconds: 3 }
  relist { recent_seconds: 1 recent_seconds: 2 }
  unanswered { method: "ListContainers" }
  host { pid1_cpu_percent: 1 headroom { resource: "pids" used_percent: 6 } kernel_version: "6.1" })";

// What `difference` makes of kBase; the error's text if it makes nothing.
std::string Made(const std::string& difference) {
  Evidence evidence;
  Difference parsed;
  EXPECT_TRUE(TextFormat::ParseFromString(kBase, &evidence));
  EXPECT_TRUE(TextFormat::ParseFromString(difference, &parsed)) << difference;
  const absl::Status status = Apply(parsed, evidence);
  return status.ok() ? evidence.ShortDebugString() : std::string(status.message());
}

std::string Whole(const std::string& text) {
  Evidence evidence;
  EXPECT_TRUE(TextFormat::ParseFromString(text, &evidence)) << text;
  return evidence.ShortDebugString();
}

TEST(RecordTest, NoDifferenceIsTheBase) { EXPECT_EQ(Made(""), Whole(kBase)); }

TEST(RecordTest, ValuesAreReplacedWhereTheyAre) {
  EXPECT_EQ(Made("with { self { loop_lag_seconds: 7 } host { kernel_version: \"5.15\" } }"),
            Whole(R"(
  self { version: "0.1.0" loop_lag_seconds: 7 }
  methods { method: "Status" answered_seconds: 2 last_duration_seconds: 1 }
  methods { method: "Version" answered_seconds: 3 }
  relist { recent_seconds: 1 recent_seconds: 2 }
  unanswered { method: "ListContainers" }
  host { pid1_cpu_percent: 1 headroom { resource: "pids" used_percent: 6 } kernel_version: "5.15" })"));
}

TEST(RecordTest, ElementsWithAKeyAreMergedAndOtherListsReplaced) {
  EXPECT_EQ(Made(R"(with {
    methods { method: "Version" answered_seconds: 9 }
    methods { method: "ListContainers" }
    relist { recent_seconds: 5 }
    unanswered { method: "Status" }
    host { headroom { resource: "inodes" used_percent: 8 } } })"),
            Whole(R"(
  self { version: "0.1.0" loop_lag_seconds: 0.5 }
  methods { method: "Status" answered_seconds: 2 last_duration_seconds: 1 }
  methods { method: "Version" answered_seconds: 9 }
  methods { method: "ListContainers" }
  relist { recent_seconds: 5 }
  unanswered { method: "Status" }
  host { pid1_cpu_percent: 1 headroom { resource: "pids" used_percent: 6 }
         headroom { resource: "inodes" used_percent: 8 } kernel_version: "6.1" })"));
}

TEST(RecordTest, WhatTheBaseHasMayBeLeftOut) {
  EXPECT_EQ(Made(R"(without: "methods[Status]" without: "methods[Version].answered_seconds"
                    without: "host.headroom" without: "unanswered" without: "self.version"
                    without: "relist")"),
            Whole(R"(
  self { loop_lag_seconds: 0.5 } methods { method: "Version" }
  host { pid1_cpu_percent: 1 kernel_version: "6.1" })"));
}

TEST(RecordTest, WhatIsNotThereCannotBeLeftOut) {
  for (const char* path :
       {"none", "host.dbus", "methods[None]", "methods[Status].failing.code",
        "unanswered[ListContainers]", "self.version.x", "relist.recent_seconds.1"}) {
    EXPECT_EQ(Made(absl::StrCat("without: \"", path, "\"")),
              absl::StrCat("without: ", path, " is not in the base"));
  }
}

class RecordFileTest : public ::testing::Test {
 protected:
  RecordFileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "plegd-records.XXXXXX").string();
    dir_ = mkdtemp(name.data());
  }
  ~RecordFileTest() override { std::filesystem::remove_all(dir_); }
  std::string Write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = dir_ / (name + ".textproto");
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
  }

  static constexpr char kHead[] = "# proto-message: plegd.test.Difference\n";
  std::filesystem::path dir_;
};

TEST_F(RecordFileTest, ADifferenceMayHaveADifferenceForItsBase) {
  Write("A/whole", kBase);
  Write("B/one", std::string(kHead) + "base: \"A/whole\" with { self { version: \"1\" } }");
  const std::string two = Write("C/two", std::string(kHead) + "base: \"B/one\" without: \"host\"");
  const absl::StatusOr<Evidence> evidence = LoadRecord(two);
  ASSERT_TRUE(evidence.ok()) << evidence.status();
  EXPECT_EQ(evidence->self().version(), "1");
  EXPECT_FALSE(evidence->has_host());
  EXPECT_EQ(evidence->methods_size(), 2);
}

TEST_F(RecordFileTest, ErrorsNameTheFile) {
  const auto error = [&](const std::string& text) {
    return std::string(LoadRecord(Write("A/bad", text)).status().message());
  };
  EXPECT_THAT(error("self { none: 1 }"), HasSubstr("A/bad.textproto: is no plegd.v1.Evidence"));
  EXPECT_THAT(error(std::string(kHead) + "none: 1"),
              HasSubstr("A/bad.textproto: is no plegd.test.Difference"));
  EXPECT_THAT(error(std::string(kHead) + "base: \"A/none\""),
              HasSubstr("A/none.textproto: cannot be read"));
  EXPECT_FALSE(LoadRecord(Write("A/own", std::string(kHead) + "base: \"A/own\"")).ok());
}

}  // namespace
}  // namespace plegd_testing
