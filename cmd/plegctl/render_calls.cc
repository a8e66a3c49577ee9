#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/render.h"
#include "cmd/plegctl/table.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

using plegd::v1::Calls;
using plegd::v1::CallTarget;
using plegd::v1::MethodHistory;

// "default/web-0", "-" where no listing names it.
std::string PodName(const CallTarget& target, const Terminal& terminal) {
  if (target.pod_name().empty()) return "-";
  CallTarget pod;
  pod.set_pod_namespace(target.pod_namespace());
  pod.set_pod_name(target.pod_name());
  return TargetName(pod, terminal);
}

std::string OrDash(std::string text) { return text.empty() ? "-" : std::move(text); }

std::vector<Column> TargetColumns() {
  return {{.heading = "METHOD"},
          {.heading = "POD", .shrinks = true},
          {.heading = "CONTAINER", .shrinks = true},
          {.heading = "ID"}};
}

std::vector<Cell> TargetCells(const std::string& method, const CallTarget& target,
                              const Terminal& terminal) {
  return {Visible(method, terminal, 64), PodName(target, terminal),
          OrDash(Visible(target.container(), terminal, 253)),
          OrDash(ShortId(target.id(), terminal))};
}

// The oldest first, whatever order they came in.
template <typename Messages>
auto OldestFirst(const Messages& messages) {
  std::vector<const typename Messages::value_type*> sorted;
  for (const auto& message : messages) sorted.push_back(&message);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
    return a->age_seconds() > b->age_seconds();
  });
  return sorted;
}

void NoteMore(size_t all, size_t most, size_t indent, std::vector<std::string>& lines) {
  if (all > most) {
    lines.push_back(
        absl::StrCat(std::string(indent, ' '), "and ", all - most, " more: plegctl calls"));
  }
}

std::string HistoryText(const Calls& calls, const Terminal& terminal) {
  Table table({{.heading = "METHOD"},
               {.heading = "ENDED", .right = true},
               {.heading = "FAILED", .right = true},
               {.heading = "MEDIAN", .right = true},
               {.heading = "SLOWEST", .right = true},
               {.heading = "CODE"},
               {.heading = "WHEN", .right = true},
               {.heading = "OF", .shrinks = true}});
  for (const MethodHistory& method : calls.methods()) {
    std::vector<Cell> cells = {
        Visible(method.method(), terminal, 64), absl::StrCat(method.ended()),
        Cell(absl::StrCat(method.failed()), method.failed() > 0 ? Style::kWarning : Style::kPlain),
        ShowSeconds(method.median_seconds(), terminal)};
    // The slowest one, or with -o wide all that are kept.
    const int shown = terminal.exact ? method.slowest_size() : std::min(method.slowest_size(), 1);
    for (int i = 0; i < std::max(shown, 1); ++i) {
      if (i > 0) cells = {"", "", "", ""};
      if (shown == 0) {
        for (int blank = 0; blank < 4; ++blank) cells.emplace_back("-");
      } else {
        const plegd::v1::EndedCall& call = method.slowest(i);
        cells.emplace_back(ShowSeconds(call.duration_seconds(), terminal));
        cells.emplace_back(Visible(call.code(), terminal, 32));
        cells.emplace_back(absl::StrCat(Ago(call.ended_at(), calls.time(), terminal), " ago"));
        cells.emplace_back(OrDash(TargetName(call.target(), terminal)));
      }
      table.Add(cells);
    }
  }
  return table.empty() ? "" : table.Text(terminal);
}

std::string Section(absl::string_view title, const std::vector<std::string>& lines,
                    const Terminal& terminal) {
  return absl::StrCat(Paint(title, Style::kBold, terminal), "\n", absl::StrJoin(lines, "\n"),
                      "\n\n");
}

// A call that ends within it would only flicker on a screen.
constexpr absl::Duration kShown = absl::Seconds(1);

}  // namespace

std::vector<std::string> UnansweredLines(const Calls& calls, size_t most, size_t indent,
                                         const Terminal& terminal) {
  std::vector<Column> columns = TargetColumns();
  columns.push_back({.heading = "UNANSWERED", .right = true});
  columns.push_back({.heading = "TRIES", .right = true});
  Table table(std::move(columns));
  size_t all = 0;
  for (const plegd::v1::UnansweredTarget* target : OldestFirst(calls.unanswered())) {
    if (Seconds(target->age_seconds()) < kShown || ++all > most) continue;
    std::vector<Cell> cells = TargetCells(target->method(), target->target(), terminal);
    cells.emplace_back(ShowSeconds(target->age_seconds(), terminal));
    cells.emplace_back(absl::StrCat(target->attempts()));
    table.Add(std::move(cells));
  }
  if (all == 0) return {};
  std::vector<std::string> lines = table.Lines(terminal, indent);
  NoteMore(all, most, indent, lines);
  return lines;
}

std::vector<std::string> RunningLines(const Calls& calls, size_t most, size_t indent,
                                      const Terminal& terminal) {
  std::vector<Column> columns = TargetColumns();
  columns.push_back({.heading = "AGE", .right = true});
  columns.push_back({.heading = "ENDS IN", .right = true});
  Table table(std::move(columns));
  size_t all = 0;
  for (const plegd::v1::RunningCall* call : OldestFirst(calls.running())) {
    if (++all > most) continue;
    std::vector<Cell> cells = TargetCells(call->method(), call->target(), terminal);
    cells.emplace_back(ShowSeconds(call->age_seconds(), terminal));
    cells.emplace_back(ShowSeconds(call->remaining_seconds(), terminal));
    table.Add(std::move(cells));
  }
  if (all == 0) return {};
  std::vector<std::string> lines = table.Lines(terminal, indent);
  NoteMore(all, most, indent, lines);
  return lines;
}

std::string RenderCalls(const Calls& calls, const Terminal& terminal) {
  constexpr size_t kAll = SIZE_MAX;
  std::string out;
  const std::vector<std::string> unanswered = UnansweredLines(calls, kAll, 0, terminal);
  const std::vector<std::string> running = RunningLines(calls, kAll, 0, terminal);
  if (unanswered.empty()) {
    absl::StrAppend(&out, "Every call is answered.\n\n");
  } else {
    absl::StrAppend(&out, Section("Unanswered, over all tries", unanswered, terminal));
  }
  if (running.empty()) {
    absl::StrAppend(&out, "No call runs.\n\n");
  } else {
    absl::StrAppend(&out, Section("Running", running, terminal));
  }
  const std::string history = HistoryText(calls, terminal);
  if (!history.empty()) {
    absl::StrAppend(&out, Paint("Ended in the last hour", Style::kBold, terminal), "\n", history);
  } else {
    out.pop_back();
  }
  return out;
}

}  // namespace plegctl
