// Every code has its page under docs/verdicts/, and the index names it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pleg/diagnosis/known_versions.h"
#include "pleg/diagnosis/rule.h"
#include "pleg/diagnosis/sign.h"
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

std::string Joined(const std::vector<std::string>& parts) {
  return absl::StrJoin(parts, ", ", [](std::string* out, const std::string& code) {
    absl::StrAppend(out, "[", code, "](verdicts/", code, ".md)");
  });
}

// Which verdicts explain it, if a rule finds them.
std::string ExplainedByText(pleg::SignId id) {
  std::vector<std::string> codes;
  for (size_t i = 0; i < pleg::kVerdictCodes; ++i) {
    const auto code = static_cast<pleg::VerdictCode>(i);
    const pleg::Explained& explained = pleg::ExplainedBy(code);
    const auto has = [id](const std::vector<pleg::SignId>& signs) {
      return std::find(signs.begin(), signs.end(), id) != signs.end();
    };
    if (has(explained.whole) || has(explained.of_culprit)) {
      codes.emplace_back(pleg::VerdictCodeName(code));
    }
  }
  return codes.size() > 8 ? absl::StrCat(codes.size(), " verdicts") : Joined(codes);
}

std::string SignRows() {
  std::string rows;
  absl::string_view theme;
  for (size_t i = 0; i < pleg::kSignIds; ++i) {
    const auto id = static_cast<pleg::SignId>(i);
    const pleg::SignMeaning& meaning = pleg::MeaningOf(id);
    if (meaning.theme != theme) {
      theme = meaning.theme;
      absl::StrAppend(&rows, "\n## Signs of: ", theme, "\n\n",
                      "| sign | bad | from | if it is bad | severity | explained by |\n"
                      "|---|---|---|---|---|---|\n");
    }
    absl::StrAppend(&rows, "| `", pleg::SignLabel(id), "` | ", meaning.limit, " | ", meaning.source,
                    " | ", meaning.meaning, " | ", pleg::SeverityName(meaning.severity), " | ",
                    ExplainedByText(id), " |\n");
  }
  return rows;
}

// Written again with PLEGD_UPDATE_PAGES=1.
TEST(SignsPageTest, HasEveryRowOfTheTable) {
  const std::string path = PLEGD_VERDICT_PAGES "/../signs.md";
  const std::string page = Read(path);
  const std::string head = page.substr(0, page.find("\n## Signs of: "));
  const std::string wanted = absl::StrCat(head, SignRows());
  if (std::getenv("PLEGD_UPDATE_PAGES") != nullptr) std::ofstream(path) << wanted;
  EXPECT_EQ(page, wanted);
}

}  // namespace
}  // namespace diagnosis_test
