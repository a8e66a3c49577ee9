// The seed corpus of the fuzzer, and thousands of bent relatives of each seed, the same in every
// run.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "test/fuzz/differential.h"
#include "test/fuzz/mutate.h"

namespace fuzz {
namespace {

constexpr int kRelativesOfEach = 2'000;

struct Seed {
  std::string name;
  std::string bytes;
};

std::vector<Seed> Corpus() {
  std::vector<Seed> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(PLEGD_FUZZ_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    seeds.push_back(
        {entry.path().filename(), std::string(std::istreambuf_iterator<char>(file), {})});
  }
  std::sort(seeds.begin(), seeds.end(),
            [](const Seed& a, const Seed& b) { return a.name < b.name; });
  return seeds;
}

TEST(ProjectionDifferentialTest, TheCorpusIsReadAsTyped) {
  const std::vector<Seed> corpus = Corpus();
  EXPECT_GE(corpus.size(), 10u);
  for (const Seed& seed : corpus) EXPECT_EQ(FindDifference(seed.bytes), "") << seed.name;
}

TEST(ProjectionDifferentialTest, BentItemsAreReadAsTyped) {
  std::mt19937 random(20'240'601);
  for (const Seed& seed : Corpus()) {
    if (seed.bytes.size() < 2) continue;
    for (int i = 0; i < kRelativesOfEach; ++i) {
      std::string input = seed.bytes.substr(0, 2) + Mutate(seed.bytes.substr(2), random);
      input[1] = static_cast<char>(random());
      ASSERT_EQ(FindDifference(input), "")
          << seed.name << ", relative " << i << ": " << absl::BytesToHexString(input);
    }
  }
}

}  // namespace
}  // namespace fuzz
