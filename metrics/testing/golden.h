// Comparing an exposition with a file of testdata.

#ifndef PLEGD_METRICS_TESTING_GOLDEN_H_
#define PLEGD_METRICS_TESTING_GOLDEN_H_

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace metrics::testing {

// The name of the family that `line` of an exposition tells of, or of the series.
inline absl::string_view NameOf(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, absl::ByAnyChar(" {"));
  return absl::StartsWith(line, "# ") && words.size() > 2 ? words[2] : words[0];
}

// The lines of `text`, with their ends, whose name begins with `prefix`.
inline std::string LinesOf(absl::string_view text, absl::string_view prefix) {
  std::string lines;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (absl::StartsWith(NameOf(line), prefix)) lines.append(line.data(), line.size()).append("\n");
  }
  return lines;
}

// Fails, and leaves `text` in the directory for temporary files, unless it is what testdata's
// `name` holds.
inline void ExpectGolden(const std::string& text, const std::string& name) {
  const std::string path = PLEGD_METRICS_TESTDATA "/" + name;
  std::ifstream in(path);
  const std::string golden(std::istreambuf_iterator<char>(in), {});
  if (text == golden) return;
  const std::string actual = ::testing::TempDir() + "/" + name;
  std::ofstream(actual) << text;
  ADD_FAILURE() << "exposition differs from " << path << "; see " << actual << "\n" << text;
}

}  // namespace metrics::testing

#endif  // PLEGD_METRICS_TESTING_GOLDEN_H_
