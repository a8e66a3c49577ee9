#include "cmd/plegctl/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace plegctl {
namespace {

constexpr size_t kGap = 2;
// A column does not shrink below this: less names nothing any more.
constexpr size_t kLeast = 12;

}  // namespace

std::vector<size_t> Table::Widths(const Terminal& terminal, size_t indent) const {
  std::vector<size_t> widths;
  size_t all = indent;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = Width(columns_[i].heading);
    for (const std::vector<Cell>& row : rows_) width = std::max(width, Width(row[i].text));
    widths.push_back(width);
    all += width + (i > 0 ? kGap : 0);
  }
  if (terminal.width == 0 || terminal.full_ids) return widths;
  while (all > terminal.width) {
    // The widest gives first.
    size_t widest = columns_.size();
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!columns_[i].shrinks || widths[i] <= kLeast) continue;
      if (widest == columns_.size() || widths[i] > widths[widest]) widest = i;
    }
    if (widest == columns_.size()) break;
    --widths[widest];
    --all;
  }
  return widths;
}

std::vector<std::string> Table::Lines(const Terminal& terminal, size_t indent) const {
  const std::vector<size_t> widths = Widths(terminal, indent);
  std::vector<std::string> lines;
  const auto add = [&](const auto& text_of, const auto& style_of) {
    std::string line(indent, ' ');
    size_t blanks = 0;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string text = columns_[i].shrinks ? FitMiddle(text_of(i), widths[i], terminal)
                                                   : std::string(text_of(i));
      const size_t rest = widths[i] - std::min(widths[i], Width(text));
      if (columns_[i].right) blanks += rest;
      if (!text.empty()) {
        line.append(blanks, ' ');
        blanks = 0;
        absl::StrAppend(&line, Paint(text, style_of(i), terminal));
      }
      blanks += (columns_[i].right ? 0 : rest) + kGap;
    }
    lines.push_back(std::move(line));
  };
  add([&](size_t i) { return columns_[i].heading; }, [](size_t) { return Style::kFaint; });
  for (const std::vector<Cell>& row : rows_) {
    add([&](size_t i) { return row[i].text; }, [&](size_t i) { return row[i].style; });
  }
  return lines;
}

std::string Table::Text(const Terminal& terminal) const {
  std::string out;
  for (const std::string& line : Lines(terminal)) absl::StrAppend(&out, line, "\n");
  return out;
}

}  // namespace plegctl
