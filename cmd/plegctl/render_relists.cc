#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/relist_marks.h"
#include "cmd/plegctl/render.h"
#include "cmd/plegctl/table.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

using plegd::v1::Relist;
using plegd::v1::Relists;

std::vector<Column> Columns(const Terminal& terminal) {
  std::vector<Column> columns = {
      {.heading = terminal.exact ? "STARTED" : "AGE", .right = !terminal.exact},
      {.heading = "TOTAL", .right = true},
      {.heading = "SANDBOXES", .right = true},
      {.heading = "CONTAINERS", .right = true},
      {.heading = "INSPECT", .right = true},
      {.heading = "CHANGED", .right = true}};
  if (terminal.exact) {
    columns.push_back({.heading = "DIFF", .right = true});
    columns.push_back({.heading = "LISTED", .right = true});
    columns.push_back({.heading = "BYTES", .right = true});
  }
  columns.push_back({.heading = "ERROR", .shrinks = true});
  return columns;
}

std::vector<Cell> Row(const Relist& relist, const Relists& relists, const Terminal& terminal) {
  std::vector<Cell> cells = {terminal.exact ? WallTime(relist.started_at(), terminal)
                                            : Ago(relist.started_at(), relists.time(), terminal),
                             Cell(ShowSeconds(relist.total_seconds(), terminal),
                                  relist.total_seconds() >= 10  ? Style::kBad
                                  : relist.total_seconds() >= 1 ? Style::kWarning
                                                                : Style::kPlain),
                             ShowSeconds(relist.list_sandboxes_seconds(), terminal),
                             ShowSeconds(relist.list_containers_seconds(), terminal),
                             ShowSeconds(relist.inspect_seconds(), terminal),
                             absl::StrCat(relist.changed_pods())};
  if (terminal.exact) {
    cells.emplace_back(ShowSeconds(relist.diff_seconds(), terminal));
    cells.emplace_back(absl::StrCat(relist.sandboxes(), "+", relist.containers()));
    cells.emplace_back(
        absl::StrCat(relist.list_sandboxes_bytes(), "+", relist.list_containers_bytes()));
  }
  cells.emplace_back(Visible(relist.error(), terminal, 300), Style::kBad);
  return cells;
}

}  // namespace

std::string RenderRelists(const Relists& relists, size_t rows, const Terminal& terminal) {
  const int all = relists.relists_size();
  const int shown =
      rows == 0 ? all : static_cast<int>(std::min<size_t>(rows, static_cast<size_t>(all)));
  Table table(Columns(terminal));
  for (int i = all - shown; i < all; ++i) table.Add(Row(relists.relists(i), relists, terminal));
  std::string out;
  if (all > 0) {
    absl::StrAppend(&out, Paint("Slowest of each minute", Style::kBold, terminal), "  ",
                    HourMarks(relists, terminal), "\n", RelistSummary(relists, terminal), "\n\n",
                    table.Text(terminal));
  } else {
    absl::StrAppend(&out, "No relist has ended yet.\n");
  }
  if (relists.has_listing_for_seconds()) {
    absl::StrAppend(&out, "\nA list is out for ",
                    ShowSeconds(relists.listing_for_seconds(), terminal), ".\n");
  }
  return out;
}

}  // namespace plegctl
