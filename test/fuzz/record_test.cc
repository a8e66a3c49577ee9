// The seeds of the record's fuzzer, the recorded scenarios in both syntaxes, and hundreds of bent
// relatives of each, the same in every run.

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "test/fuzz/record_check.h"
#include "test/records/record.h"

namespace fuzz {
namespace {

constexpr int kRelativesOfEach = 40;

std::string Read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::vector<std::filesystem::path> FilesBelow(const char* folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Pieces of it that are left out, doubled, moved, and bytes and numbers that are bent.
std::string Bend(std::string text, std::mt19937& random) {
  const std::vector<std::string> bits = {"{",    "}",        "[",   "]",   "\"",
                                         "-",    "1e308",    "inf", "nan", "18446744073709551615",
                                         "\xff", "\\033[2J", "<",   "\n"};
  for (unsigned i = 1 + random() % 4; i > 0 && !text.empty(); --i) {
    const size_t at = random() % text.size();
    const size_t size = random() % std::min<size_t>(64, text.size() - at + 1);
    switch (random() % 5) {
      case 0:
        text.erase(at, size);
        break;
      case 1:
        text.insert(random() % text.size(), text.substr(at, size));
        break;
      case 2:
        text[at] = static_cast<char>(random());
        break;
      case 3:
        text.insert(at, bits[random() % bits.size()]);
        break;
      default:
        if (const size_t digit = text.find_first_of("0123456789", at); digit != std::string::npos) {
          text.replace(digit, 1, bits[random() % bits.size()]);
        }
    }
  }
  return text;
}

void ExpectWellTaken(const std::string& name, const std::string& text, std::mt19937& random) {
  EXPECT_EQ(CheckRecord(text), "") << name;
  for (int i = 0; i < kRelativesOfEach; ++i) {
    const std::string bent = Bend(text, random);
    ASSERT_EQ(CheckRecord(bent), "")
        << name << ", relative " << i << ": " << absl::CHexEscape(bent);
  }
}

TEST(RecordTest, TheCorpusIsWellTaken) {
  std::mt19937 random(20'261'201);
  const auto files = FilesBelow(PLEGD_RECORD_CORPUS);
  EXPECT_GE(files.size(), 6U);
  for (const auto& file : files) {
    ASSERT_NO_FATAL_FAILURE(ExpectWellTaken(file.filename(), Read(file), random));
  }
}

TEST(RecordTest, ScenariosAreWellTakenInBothSyntaxes) {
  std::mt19937 random(20'261'202);
  const std::vector<std::string> files = plegd_testing::RecordsBelow(PLEGD_SCENARIOS);
  EXPECT_GE(files.size(), 50U);
  for (const std::string& file : files) {
    const auto evidence = plegd_testing::LoadRecord(file);
    ASSERT_TRUE(evidence.ok()) << evidence.status();
    std::string text;
    ASSERT_TRUE(google::protobuf::TextFormat::PrintToString(*evidence, &text));
    std::string json;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(*evidence, &json).ok());
    ASSERT_NO_FATAL_FAILURE(ExpectWellTaken(file, text, random));
    ASSERT_NO_FATAL_FAILURE(ExpectWellTaken(file + " as JSON", json, random));
  }
}

}  // namespace
}  // namespace fuzz
