// Every code has its page under docs/verdicts/, and the index names it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "pleg/diagnosis/known_versions.h"
#include "pleg/diagnosis/verdict.h"

namespace diagnosis_test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(VerdictPagesTest, EveryCodeHasItsPage) {
  const std::string index = Read(PLEGD_VERDICT_PAGES "/README.md");
  for (size_t i = 0; i < pleg::kVerdictCodes; ++i) {
    const auto code = static_cast<pleg::VerdictCode>(i);
    const std::string name(pleg::VerdictCodeName(code));
    SCOPED_TRACE(name);
    EXPECT_EQ(pleg::VerdictPage(code), absl::StrCat("docs/verdicts/", name, ".md"));
    const std::string page = Read(absl::StrCat(PLEGD_VERDICT_PAGES "/", name, ".md"));
    EXPECT_THAT(page, StartsWith(absl::StrCat("# ", name, "\n")));
    for (const char* section : {"## Symptom", "## Cause", "## How plegd knows", "## What to do"}) {
      EXPECT_THAT(page, HasSubstr(section));
    }
    EXPECT_THAT(index, HasSubstr(absl::StrCat("[", name, "](", name, ".md)")));
  }
}

TEST(VerdictPagesTest, EveryPageIsOfACode) {
  size_t pages = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PLEGD_VERDICT_PAGES)) {
    const std::string name = entry.path().stem().string();
    if (name == "README" || name == "thresholds") continue;
    EXPECT_TRUE(pleg::ParseVerdictCode(name).has_value()) << entry.path();
    ++pages;
  }
  EXPECT_EQ(pages, pleg::kVerdictCodes);
}

TEST(VerdictPagesTest, TheIndexNamesEveryVersionThatIsKnownToBeBad) {
  const std::string index = Read(PLEGD_VERDICT_PAGES "/README.md");
  for (const pleg::KnownVersion& known : pleg::KnownVersions()) {
    EXPECT_THAT(index, HasSubstr(std::string(known.source)));
  }
}

}  // namespace
}  // namespace diagnosis_test
