#include "cmd/plegctl/verdict_line.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/pages.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

using plegd::v1::Finding;

constexpr size_t kBriefBytes = 80;
constexpr size_t kWord = 9;  // "PROBLEM: "
// How bad a finding is, is the engine's to say (plegd.v1.Finding.severity).
constexpr absl::string_view kPage = "page";
constexpr absl::string_view kWarn = "warn";

// Null unless it hurts somebody, or threatens to by a cause that is known: a lone warning is for
// who asks to have the node explained.
const Finding* FirstProblem(const Snapshot& snapshot) {
  if (!snapshot.diagnosis.has_value() || snapshot.diagnosis->findings().empty()) return nullptr;
  const Finding& first = snapshot.diagnosis->findings(0);
  const bool threat = first.severity() == kWarn && first.code() != "WARNING";
  return first.severity() == kPage || threat ? &first : nullptr;
}

// It only says which sign is bad.
bool NamesNoCause(const Finding& finding) { return finding.code() == "UNEXPLAINED"; }

std::string CulpritName(const Finding& finding, size_t width, const Terminal& terminal) {
  if (finding.culprits().empty()) return "";
  plegd::v1::CallTarget target = finding.culprits(0).target();
  std::string name = TargetName(target, terminal);
  if (Width(name) > width) {
    target.clear_container();
    name = FitMiddle(TargetName(target, terminal), width, terminal);
  }
  return name;
}

}  // namespace

std::string VerdictLine(const Snapshot& snapshot, const Terminal& terminal) {
  const Finding* finding = FirstProblem(snapshot);
  if (finding == nullptr) return "";
  return absl::StrCat(Visible(finding->code(), terminal, 40), ": ",
                      Visible(finding->sentence(), terminal));
}

void ApplyVerdict(const Snapshot& snapshot, absl::Duration patience, const Terminal& terminal,
                  Headline& headline) {
  const Finding* finding = FirstProblem(snapshot);
  if (finding == nullptr) return;
  const bool seen = headline.level != Level::kOk;
  if (!seen) {
    headline.level = Level::kNotice;
    headline.brief.clear();
  }
  if (finding->severity() == kPage && Seconds(finding->since_seconds()) >= patience) {
    headline.level = Level::kProblem;
  }
  // Of what is in the calls this screen knows the object.
  if (seen && NamesNoCause(*finding)) return;
  std::string brief = Visible(finding->code(), terminal, 40);
  const size_t used = kWord + brief.size() + 1;
  const std::string name = CulpritName(
      *finding, std::max<size_t>(kBriefBytes - std::min(kBriefBytes, used), 1), terminal);
  if (!name.empty()) absl::StrAppend(&brief, " ", name);
  headline.subject = brief;
  headline.page = Visible(VerdictPage(finding->docs()), terminal, 300);
  headline.brief = absl::StrCat(
      brief, ": ",
      headline.brief.empty() ? Visible(finding->sentence(), terminal, 300) : headline.brief);
}

}  // namespace plegctl
