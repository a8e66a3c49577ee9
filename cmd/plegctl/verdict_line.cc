#include "cmd/plegctl/verdict_line.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/pages.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

using plegd::v1::Finding;

constexpr size_t kBriefBytes = 80;
constexpr size_t kWord = 9;  // "PROBLEM: "
constexpr absl::string_view kNoProblem[] = {"HEALTHY", "STARTING", "WARNING", "UNEXPLAINED"};
// They announce something, or are over.
constexpr absl::string_view kNotYet[] = {"MESSAGE_TOO_LARGE_SOON", "RUNTIME_RESTARTING"};

template <size_t n>
bool IsOneOf(const std::string& code, const absl::string_view (&codes)[n]) {
  return std::find(std::begin(codes), std::end(codes), code) != std::end(codes);
}

// Null without one that says more than what is seen anyway.
const Finding* FirstProblem(const Snapshot& snapshot) {
  if (!snapshot.diagnosis.has_value() || snapshot.diagnosis->findings().empty()) return nullptr;
  const Finding& first = snapshot.diagnosis->findings(0);
  return IsOneOf(first.code(), kNoProblem) ? nullptr : &first;
}

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
  if (headline.level == Level::kOk) {
    headline.level = Level::kNotice;
    headline.brief.clear();
  }
  if (Seconds(finding->since_seconds()) >= patience && !IsOneOf(finding->code(), kNotYet)) {
    headline.level = Level::kProblem;
  }
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
