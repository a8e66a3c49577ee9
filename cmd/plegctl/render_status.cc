#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cmd/plegctl/explain.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/pages.h"
#include "cmd/plegctl/relist_marks.h"
#include "cmd/plegctl/render.h"
#include "cmd/plegctl/table.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

using plegd::v1::KubeletTwin;
using plegd::v1::Node;

// Labels stand in a column of their own.
constexpr size_t kIndent = 12;
constexpr size_t kMostMarks = 60;
constexpr size_t kMostRows = 10;
// What a screen holds beside the rows of its two tables of calls, roughly.
constexpr size_t kOtherLines = 22;

// Under one label, from the first line on.
using Lines = std::vector<std::string>;

// On a narrow terminal tables begin at the left, below their label.
bool IsNarrow(const Terminal& terminal) { return terminal.width > 0 && terminal.width < 100; }

size_t TableIndent(const Terminal& terminal) { return IsNarrow(terminal) ? 2 : kIndent; }

// A label, and lines that begin with blanks, of which it takes some if they are enough.
void AddSection(absl::string_view label, Lines lines, const Terminal& terminal, Lines& screen) {
  if (lines.empty()) return;
  if (lines[0].find_first_not_of(' ') < kIndent) {
    screen.push_back(Paint(label, Style::kBold, terminal));
    screen.insert(screen.end(), lines.begin(), lines.end());
    return;
  }
  const std::string rest = lines[0].substr(kIndent);
  lines[0] = absl::StrCat(Paint(label, Style::kBold, terminal),
                          std::string(kIndent - label.size(), ' '), rest);
  screen.insert(screen.end(), lines.begin(), lines.end());
}

Lines Indented(absl::string_view visible, const Terminal& terminal) {
  const size_t width = terminal.width > kIndent + 20 ? terminal.width - kIndent : 0;
  Lines lines = Wrap(visible, width);
  for (std::string& line : lines) line.insert(0, kIndent, ' ');
  return lines;
}

void Append(const std::string& text, Style style, const Terminal& terminal, Lines& lines) {
  for (const std::string& line : Wrap(text, terminal.width)) {
    lines.push_back(Paint(line, style, terminal));
  }
}

// How the node is now, and what comes of it.
std::string Headline(const plegd::v1::Diagnosis& diagnosis, const Terminal& terminal) {
  std::string headline = Visible(diagnosis.headline(), terminal);
  if (headline.empty()) return "";
  headline[0] = absl::ascii_toupper(static_cast<unsigned char>(headline[0]));
  if (diagnosis.forecast().empty()) return headline;
  return absl::StrCat(headline, "; ", Visible(diagnosis.forecast(), terminal));
}

// What it follows from, and where to read on. How bad it is, is plegd's to say.
void AddFindings(const plegd::v1::Diagnosis& diagnosis, const Terminal& terminal, Lines& lines) {
  const auto& findings = diagnosis.findings();
  for (const plegd::v1::Finding& finding : findings) {
    Append(absl::StrCat(Visible(finding.code(), terminal, 40), ": ",
                        Visible(finding.brief(), terminal)),
           Style::kPlain, terminal, lines);
  }
  if (findings.empty() || findings[0].severity() == "none") return;
  lines.push_back(absl::StrCat("What to do: plegctl explain; see ",
                               Visible(VerdictPage(findings[0].docs()), terminal, 300)));
}

Lines HeadlineLines(const Snapshot& snapshot, const Terminal& terminal) {
  Lines lines;
  if (snapshot.diagnosis.has_value()) {
    Append(Headline(*snapshot.diagnosis, terminal), DiagnosisStyle(*snapshot.diagnosis), terminal,
           lines);
  }
  if (snapshot.diagnosis.has_value()) AddFindings(*snapshot.diagnosis, terminal, lines);
  for (const Missing& missing : snapshot.missing) {
    Append(absl::StrCat("Without ", missing.call, ": ", Visible(missing.reason, terminal, 200)),
           Style::kWarning, terminal, lines);
  }
  lines.emplace_back();
  return lines;
}

std::string NotReadyIn(const KubeletTwin& twin) {
  if (!twin.healthy()) return "now";
  if (!twin.has_seconds_to_not_ready()) return "never";
  return absl::StrCat(twin.older_than_observed() ? "within " : "in ",
                      HumanDuration(Seconds(twin.seconds_to_not_ready())));
}

std::string AfterThat(const KubeletTwin& twin) {
  if (twin.has_flapping_period_seconds()) {
    return absl::StrCat("NotReady ", HumanDuration(Seconds(twin.flapping_unhealthy_seconds())),
                        " of every ", HumanDuration(Seconds(twin.flapping_period_seconds())));
  }
  if (twin.lasting()) return "for good";
  return twin.silent() ? "Ready, but late" : "-";
}

std::string EventLag(const KubeletTwin& twin, const Terminal& terminal) {
  if (!twin.has_event_lag_worst_seconds()) return "forever";
  return ShowSeconds(twin.event_lag_worst_seconds(), terminal);
}

std::string Stage(const KubeletTwin& twin, const Terminal& terminal) {
  return absl::StrCat(Visible(twin.stage(), terminal, 20), " ",
                      HumanDuration(Seconds(twin.stage_seconds())));
}

Lines KubeletLines(const Snapshot& snapshot, const Terminal& terminal) {
  if (!snapshot.node.has_value() || snapshot.node->twins().empty()) return {};
  std::vector<Column> columns = {{.heading = "VERSION"},
                                 {.heading = "NOW"},
                                 {.heading = "NOT READY"},
                                 {.heading = "THEN"},
                                 {.heading = "EVENTS LATE", .right = true}};
  if (!IsNarrow(terminal)) columns.push_back({.heading = "IS"});
  Table table(std::move(columns));
  double restart = 0;
  bool restart_ends = true;
  uint32_t latent = 0;
  for (const KubeletTwin& twin : snapshot.node->twins()) {
    const bool counts_down = twin.has_seconds_to_not_ready() && twin.healthy();
    table.Add(
        {Visible(twin.generation(), terminal, 12),
         Cell(twin.healthy() ? "Ready" : "NotReady", twin.healthy() ? Style::kGood : Style::kBad),
         Cell(NotReadyIn(twin), counts_down ? Style::kWarning : Style::kPlain), AfterThat(twin),
         Cell(EventLag(twin, terminal), twin.silent() ? Style::kWarning : Style::kPlain),
         Stage(twin, terminal)});
    restart = std::max(restart, twin.restart_cost_seconds());
    restart_ends = restart_ends && twin.has_restart_cost_seconds();
    latent = std::max(latent, twin.latent_pods());
  }
  Lines lines = table.Lines(terminal, TableIndent(terminal));
  std::string note = restart_ends ? absl::StrCat("a kubelet restart now would cost ",
                                                 ShowSeconds(restart, terminal))
                                  : "a kubelet restarted now would not end its first relist";
  if (latent > 0) {
    absl::StrAppend(&note, "; ", Count(latent, "silent pod"), latent == 1 ? " costs" : " cost",
                    " nothing until changed");
  }
  Lines notes = Indented(note, terminal);
  if (IsNarrow(terminal)) {
    for (std::string& line : notes) line.erase(0, kIndent - TableIndent(terminal));
  }
  lines.insert(lines.end(), notes.begin(), notes.end());
  return lines;
}

Lines RelistLines(const Snapshot& snapshot, const Terminal& terminal) {
  if (!snapshot.relists.has_value()) return {};
  const plegd::v1::Relists& relists = *snapshot.relists;
  const size_t room = terminal.width > kIndent ? terminal.width - kIndent : kMostMarks;
  Lines lines;
  const std::string marks = RelistMarks(relists, std::min(room, kMostMarks), terminal);
  if (!marks.empty()) lines.push_back(absl::StrCat(std::string(kIndent, ' '), marks));
  std::string summary = RelistSummary(relists, terminal);
  if (relists.has_listing_for_seconds() && relists.listing_for_seconds() >= 1) {
    absl::StrAppend(&summary, "; listing for ",
                    ShowSeconds(relists.listing_for_seconds(), terminal));
  }
  const Lines text = Indented(summary, terminal);
  lines.insert(lines.end(), text.begin(), text.end());
  if (!relists.relists().empty() && !relists.relists().rbegin()->error().empty()) {
    const Lines error =
        Indented(Visible(relists.relists().rbegin()->error(), terminal, 300), terminal);
    lines.insert(lines.end(), error.begin(), error.end());
  }
  return lines;
}

std::string NodeText(const Node& node) {
  const plegd::v1::Counts& counts = node.counts();
  if (node.list_sizes().empty() && counts.pods() == 0) return "nothing listed yet";
  std::vector<std::string> pods = {absl::StrCat(counts.pods_ready(), " ready")};
  if (counts.pods_notready() > 0) pods.push_back(absl::StrCat(counts.pods_notready(), " not"));
  if (counts.pods_without_sandbox() > 0) {
    pods.push_back(absl::StrCat(counts.pods_without_sandbox(), " without sandbox"));
  }
  std::vector<std::string> containers = {absl::StrCat(counts.containers_running(), " running")};
  if (counts.containers_created() > 0) {
    containers.push_back(absl::StrCat(counts.containers_created(), " created"));
  }
  if (counts.containers_exited() > 0) {
    containers.push_back(absl::StrCat(counts.containers_exited(), " exited"));
  }
  if (counts.containers_unknown() > 0) {
    containers.push_back(absl::StrCat(counts.containers_unknown(), " unknown"));
  }
  return absl::StrCat(Count(counts.pods(), "pod"), " (", absl::StrJoin(pods, ", "), "), ",
                      Count(counts.containers(), "container"), " (",
                      absl::StrJoin(containers, ", "), ")");
}

std::string PendingText(const Node& node, const Terminal& terminal) {
  const plegd::v1::Counts& counts = node.counts();
  if (counts.pods_pending() == 0 && counts.inspections_running() == 0) return "";
  return absl::StrCat(Count(counts.pods_pending(), "pod"), " changed and not yet inspected, ",
                      Count(counts.inspections_running(), "inspection"),
                      " running; a kubelet would take ",
                      ShowSeconds(node.predicted_status_phase_seconds(), terminal));
}

std::string SizesText(const Node& node, const Terminal& terminal) {
  std::vector<std::string> sizes;
  for (const plegd::v1::ListSize& list : node.list_sizes()) {
    sizes.push_back(absl::StrCat(Visible(list.method(), terminal, 40), " ",
                                 HumanBytes(list.bytes()), " (",
                                 HumanPercent(list.kubelet_limit_ratio()), ")"));
  }
  return sizes.empty() ? ""
                       : absl::StrCat(absl::StrJoin(sizes, ", "), " of what a kubelet accepts");
}

std::string RuntimeText(const Snapshot& snapshot, const Terminal& terminal) {
  const Node& node = *snapshot.node;
  std::string name = Visible(node.runtime_name(), terminal, 64);
  if (name.empty()) {
    name = "has not told its name";
  } else {
    absl::StrAppend(&name, " ", Visible(node.runtime_version(), terminal, 64));
  }
  if (!node.runtime_api_version().empty()) {
    absl::StrAppend(&name, ", CRI ", Visible(node.runtime_api_version(), terminal, 16));
  }
  if (node.runtime_endpoint().empty()) {
    return absl::StrCat("none: ", Visible(node.runtime_endpoint_reason(), terminal, 300));
  }
  return absl::StrCat(name, ", at ", Visible(node.runtime_endpoint(), terminal, 200));
}

std::string DaemonText(const Node& node, const Terminal& terminal) {
  std::string text = absl::StrCat(Visible(node.version(), terminal, 40), ", up ",
                                  HumanDuration(Seconds(node.uptime_seconds())));
  if (node.loop_lag_seconds() >= 0.1) {
    absl::StrAppend(&text, ", its loop ", ShowSeconds(node.loop_lag_seconds(), terminal), " late");
  }
  return text;
}

void AddNode(const Snapshot& snapshot, const Terminal& terminal, Lines& screen) {
  if (!snapshot.node.has_value()) return;
  const Node& node = *snapshot.node;
  const auto add = [&](absl::string_view label, const std::string& text) {
    if (!text.empty()) AddSection(label, Indented(text, terminal), terminal, screen);
  };
  add("Node", NodeText(node));
  add("Changes", PendingText(node, terminal));
  add("Lists", SizesText(node, terminal));
  add("Runtime", RuntimeText(snapshot, terminal));
  add("plegd", DaemonText(node, terminal));
}

}  // namespace

std::string RenderStatus(const Snapshot& snapshot, const Terminal& terminal) {
  size_t rows = kMostRows;
  if (terminal.height > 0) {
    rows = terminal.height > kOtherLines + 4 ? (terminal.height - kOtherLines) / 2 : 2;
    rows = std::min(rows, kMostRows);
  }
  Lines screen = HeadlineLines(snapshot, terminal);
  const auto add = [&](absl::string_view label, Lines lines) {
    if (lines.empty()) return;
    AddSection(label, std::move(lines), terminal, screen);
    screen.emplace_back();
  };
  if (snapshot.calls.has_value()) {
    add("Unanswered", UnansweredLines(*snapshot.calls, rows, TableIndent(terminal), terminal));
  }
  add("Kubelet", KubeletLines(snapshot, terminal));
  add("Relists", RelistLines(snapshot, terminal));
  if (snapshot.calls.has_value()) {
    const Lines running = RunningLines(*snapshot.calls, rows, TableIndent(terminal), terminal);
    add("Calls", running.empty() ? Indented("none running", terminal) : running);
  }
  AddNode(snapshot, terminal, screen);
  while (!screen.empty() && screen.back().empty()) screen.pop_back();
  return absl::StrCat(absl::StrJoin(screen, "\n"), "\n");
}

}  // namespace plegctl
