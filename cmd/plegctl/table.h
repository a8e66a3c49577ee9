// Rows under headings, in columns as wide as they need.
//
//   Table table({{.heading = "POD", .shrinks = true}, {.heading = "AGE", .right = true}});
//   table.Add({"default/web-0", "19s"});
//   out += table.Text(terminal);

#ifndef PLEGD_CMD_PLEGCTL_TABLE_H_
#define PLEGD_CMD_PLEGCTL_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "cmd/plegctl/terminal.h"
#include "cmd/plegctl/text.h"

namespace plegctl {

struct Column {
  std::string heading;
  bool right = false;    // numbers and durations
  bool shrinks = false;  // cut, in its middle, where the terminal is too narrow
};

// A visible text and its style. A cell never holds escape sequences of its own.
struct Cell {
  Cell(std::string visible,
       Style cell_style =
           Style::kPlain)  // NOLINT(google-explicit-constructor): rows are lists of texts
      : text(std::move(visible)), style(cell_style) {}
  Cell(const char* visible) : text(visible) {}  // NOLINT(google-explicit-constructor): as above

  std::string text;
  Style style = Style::kPlain;
};

// Thread-compatible.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns.
  void Add(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  size_t size() const { return rows_.size(); }

  // Heading and rows, each `indent` from the left, without blanks at the end. On a terminal the
  // columns that shrink make room for the rest; what does not fit even so is left to wrap.
  std::vector<std::string> Lines(const Terminal& terminal, size_t indent = 0) const;
  std::string Text(const Terminal& terminal) const;

 private:
  std::vector<size_t> Widths(const Terminal& terminal, size_t indent) const;

  const std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_TABLE_H_
