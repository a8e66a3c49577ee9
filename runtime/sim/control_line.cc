#include "runtime/sim/control_line.h"

#include "absl/strings/ascii.h"

namespace sim {
namespace {

// Reads a quoted part that begins after its quote; returns the position after its end, npos without
// one.
size_t ReadQuoted(absl::string_view line, size_t at, std::string& word) {
  for (; at < line.size(); ++at) {
    if (line[at] == '"') return at + 1;
    if (line[at] == '\\' && at + 1 < line.size()) ++at;
    word.push_back(line[at]);
  }
  return absl::string_view::npos;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> SplitCommand(absl::string_view line) {
  std::vector<std::string> words;
  size_t at = 0;
  while (true) {
    while (at < line.size() && absl::ascii_isspace(static_cast<unsigned char>(line[at]))) ++at;
    if (at == line.size()) return words;
    std::string word;
    while (at < line.size() && !absl::ascii_isspace(static_cast<unsigned char>(line[at]))) {
      if (line[at] != '"') {
        word.push_back(line[at++]);
        continue;
      }
      at = ReadQuoted(line, at + 1, word);
      if (at == absl::string_view::npos) {
        return absl::InvalidArgumentError("a quote has no end");
      }
    }
    words.push_back(std::move(word));
  }
}

std::string JoinCommand(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line.push_back(' ');
    line.push_back('"');
    for (const char c : word) {
      if (c == '"' || c == '\\') line.push_back('\\');
      line.push_back(absl::ascii_iscntrl(static_cast<unsigned char>(c)) ? ' ' : c);
    }
    line.push_back('"');
  }
  return line;
}

}  // namespace sim
