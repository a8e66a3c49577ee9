#include "pleg/diagnosis/explain_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "pleg/diagnosis/text.h"

namespace pleg {
namespace {

using Kind = ExplainLine::Kind;
using Lines = std::vector<ExplainLine>;

// A block of lines behind one title.
class Block {
 public:
  Block(absl::string_view title, Lines& out) : title_(title), out_(out) {}

  void Line(absl::string_view text, Kind kind = Kind::kBeside) {
    if (text.empty()) return;
    out_.push_back({kind, std::string(first_ ? title_ : ""), Printable(text)});
    first_ = false;
  }

 private:
  const absl::string_view title_;
  Lines& out_;
  bool first_ = true;
};

void Across(absl::string_view text, Lines& out) {
  out.push_back({Kind::kAcross, "", std::string(text)});
}

bool IsKnown(absl::Time time) {
  return time != absl::InfinitePast() && time != absl::InfiniteFuture();
}

std::string RecordedText(const Diagnosis& diagnosis, absl::TimeZone zone) {
  return absl::StrCat("recorded ",
                      IsKnown(diagnosis.recorded_at)
                          ? absl::FormatTime("%Y-%m-%d %H:%M:%S %Z", diagnosis.recorded_at, zone)
                          : "at an unknown time",
                      " on ",
                      diagnosis.node.empty() ? "an unknown node" : Printable(diagnosis.node),
                      "; what follows was true then");
}

std::string SinceText(const Finding& finding, absl::Time recorded_at, absl::TimeZone zone) {
  const std::string sure = absl::StrCat("confidence ", ConfidenceName(finding.confidence));
  const std::string age = FormatAge(*finding.since);
  const absl::Time start = recorded_at - *finding.since;
  if (!IsKnown(start)) {
    return absl::StrCat(age, ", ", sure);
  }
  const absl::string_view format =
      *finding.since < absl::Hours(24) ? "%H:%M:%S %Z" : "%Y-%m-%d %H:%M:%S %Z";
  return absl::StrCat(absl::FormatTime(format, start, zone), " (", age, " ago), ", sure);
}

void Actions(const Finding& finding, const ExplainTextOptions& options, Lines& out) {
  bool first = true;
  for (const Action& action : finding.actions) {
    Block block(first ? "do next" : action.disruptive ? "disruptive" : "then", out);
    block.Line(first && action.disruptive ? absl::StrCat("(disruptive) ", action.text)
                                          : action.text);
    const bool harmful = options.recorded && NamesTheMoment(action.command);
    block.Line(action.command.empty() ? "" : absl::StrCat(harmful ? "# " : "", action.command),
               Kind::kCommand);
    first = false;
  }
}

void Exclusions(const Diagnosis& diagnosis, Lines& out) {
  constexpr std::pair<Fitness, absl::string_view> kBlocks[] = {
      {Fitness::kFine, "excluded"}, {Fitness::kNotFine, "suspect"}, {Fitness::kUnknown, "unknown"}};
  for (const auto& [fitness, title] : kBlocks) {
    Block block(title, out);
    for (const Exclusion& exclusion : diagnosis.exclusions) {
      if (exclusion.fitness != fitness) continue;
      std::string line =
          absl::StrFormat("%-9s%s", SubjectName(exclusion.subject), exclusion.figure);
      if (!exclusion.threshold.empty())
        absl::StrAppend(&line, " (limit ", exclusion.threshold, ")");
      block.Line(line);
    }
  }
}

void Why(const Finding& finding, const Diagnosis& diagnosis, const ExplainTextOptions& options,
         Lines& out) {
  if (finding.since.has_value()) {
    Block("since", out).Line(SinceText(finding, diagnosis.recorded_at, options.zone));
  } else {
    Block("confidence", out).Line(ConfidenceName(finding.confidence));
  }
  Block supports("for", out);
  for (const std::string& line : finding.supports) supports.Line(line);
  Block contradicts("against", out);
  for (const std::string& line : finding.contradicts) contradicts.Line(line);
}

std::string Heading(const Finding& finding) {
  return absl::StrCat(VerdictCodeName(finding.code), ": ", Printable(finding.sentence));
}

void Others(const Diagnosis& diagnosis, const ExplainTextOptions& options, Lines& out) {
  if (diagnosis.findings.size() < 2) return;
  if (!options.all) {
    Block block("also", out);
    for (size_t i = 1; i < diagnosis.findings.size(); ++i)
      block.Line(Heading(diagnosis.findings[i]));
    return;
  }
  for (size_t i = 1; i < diagnosis.findings.size(); ++i) {
    const Finding& finding = diagnosis.findings[i];
    Across("", out);
    Across(absl::StrCat(i + 1, ". ", Heading(finding)), out);
    Across("", out);
    Why(finding, diagnosis, options, out);
    Actions(finding, options, out);
    Block("docs", out).Line(VerdictPage(finding.code), Kind::kPage);
  }
}

std::string SignText(const Sign& sign, bool all) {
  std::string text = sign.value;
  if (sign.state == SignState::kUnknown) {
    text = absl::StrCat(IgnoranceName(sign.why), text.empty() ? "" : ": ", text);
  } else {
    absl::StrAppend(&text, " (limit ", MeaningOf(sign.id).limit, ")");
  }
  if (sign.held) absl::StrAppend(&text, ", a moment ago");
  return all ? absl::StrFormat("%-24s %s [%s]", SignLabel(sign.id), text, MeaningOf(sign.id).source)
             : absl::StrCat(SignLabel(sign.id), ": ", text);
}

// "61: calls 20, statuses 8, …"; empty without any.
std::string CountByTheme(const std::vector<Sign>& signs, SignState state) {
  std::vector<std::pair<absl::string_view, int>> themes;
  int all = 0;
  for (const Sign& sign : signs) {
    if (sign.state != state) continue;
    ++all;
    const absl::string_view theme = MeaningOf(sign.id).theme;
    if (themes.empty() || themes.back().first != theme) themes.emplace_back(theme, 0);
    ++themes.back().second;
  }
  std::string text;
  for (const auto& [theme, count] : themes) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", theme, " ", count);
  }
  return all == 0 ? "" : absl::StrCat(all, all == 1 ? " sign: " : " signs: ", text);
}

// What plegd watches over: what is good and what is unknown in a line each, but for `all`.
void Signs(const Diagnosis& diagnosis, bool all, Lines& out) {
  Block bad("bad", out);
  for (const Sign& sign : diagnosis.signs) {
    if (sign.state == SignState::kBad) bad.Line(SignText(sign, all));
  }
  constexpr std::pair<SignState, absl::string_view> kOthers[] = {
      {SignState::kGood, "good"}, {SignState::kUnknown, "not known"}};
  for (const auto& [state, title] : kOthers) {
    Block block(title, out);
    if (!all) block.Line(CountByTheme(diagnosis.signs, state));
    for (const Sign& sign : diagnosis.signs) {
      if (all && sign.state == state) block.Line(SignText(sign, all));
    }
  }
}

bool IsParticular(const std::string& text, const Diagnosis& diagnosis) {
  return std::count(diagnosis.particulars.begin(), diagnosis.particulars.end(), text) > 0;
}

std::string Print(const ExplainLine& line) {
  if (line.kind == Kind::kHeading || line.kind == Kind::kAcross) return line.text;
  std::string out = line.title;
  out.resize(kExplainTitle + (line.kind == Kind::kCommand ? kExplainCommand : 0), ' ');
  return absl::StrCat(out, line.text);
}

}  // namespace

std::vector<ExplainLine> ExplainLines(const Diagnosis& diagnosis,
                                      const ExplainTextOptions& options) {
  Lines out;
  if (diagnosis.findings.empty()) return {{Kind::kHeading, "", "UNEXPLAINED: nothing was found."}};
  const Finding& first = diagnosis.findings.front();
  if (options.recorded) Across(RecordedText(diagnosis, options.zone), out);
  out.push_back({Kind::kHeading, "", Heading(first)});
  Across("", out);
  if (diagnosis.host_seen_ago.has_value()) {
    Block("host", out)
        .Line(absl::StrCat("seen ", FormatAge(*diagnosis.host_seen_ago),
                           " ago, not now: figures of processes, pressure, disks, cgroups and "
                           "mounts are of then"));
  }
  Why(first, diagnosis, options, out);
  Exclusions(diagnosis, out);
  Actions(first, options, out);
  Block hints("hints", out);
  for (const Hint& hint : diagnosis.hints) {
    if (options.all && IsParticular(hint.text, diagnosis)) continue;  // It follows.
    hints.Line(hint.source.empty() ? hint.text : absl::StrCat(hint.text, " ", hint.source));
  }
  if (options.all) {
    Block particulars("node", out);
    for (const std::string& line : diagnosis.particulars) particulars.Line(line);
  }
  Block("docs", out).Line(VerdictPage(first.code), Kind::kPage);
  Others(diagnosis, options, out);
  if (options.all && diagnosis.findings.size() > 1 && !diagnosis.signs.empty()) Across("", out);
  Signs(diagnosis, options.all, out);
  return out;
}

std::string ExplainText(const Diagnosis& diagnosis, const ExplainTextOptions& options) {
  std::string out;
  for (const ExplainLine& line : ExplainLines(diagnosis, options)) {
    absl::StrAppend(&out, Print(line), "\n");
  }
  return out;
}

}  // namespace pleg
