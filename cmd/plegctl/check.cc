#include "cmd/plegctl/check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/pages.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

using plegd::v1::Diagnosis;
using plegd::v1::Finding;

// node-problem-detector keeps 80 bytes of what a plugin says.
constexpr size_t kKept = 80;
// It goes into conditions and mails.
constexpr Terminal kPlain;

absl::string_view LevelWord(Level level) {
  switch (level) {
    case Level::kOk:
      return "OK: ";
    case Level::kProblem:
      return "PROBLEM: ";
    case Level::kUnknown:
      return "UNKNOWN: ";
  }
  return "";
}

// The pod matters more than which of its containers.
std::string FitTarget(plegd::v1::CallTarget target, size_t width) {
  std::string name = TargetName(target, kPlain);
  if (Width(name) <= width) return name;
  target.clear_container();
  return FitMiddle(TargetName(target, kPlain), width, kPlain);
}

// Whom it is about: its first culprit, else its first sign.
std::string About(const Finding& finding, size_t width) {
  if (!finding.culprits().empty()) {
    const std::string name = FitTarget(finding.culprits(0).target(), width);
    if (!name.empty()) return absl::StrCat(" ", name);
  }
  if (finding.signs().empty()) return "";
  return absl::StrCat(" (", Visible(finding.signs(0), kPlain, 40), ")");
}

bool IsPage(const Finding& finding) { return finding.severity() == "page"; }

bool IsYoung(const Finding& finding, absl::Duration patience) {
  return finding.has_since_seconds() && Seconds(finding.since_seconds()) < patience;
}

void Add(absl::string_view text, std::string& line) {
  if (!text.empty()) absl::StrAppend(&line, "; ", Visible(text, kPlain));
}

}  // namespace

Level CheckLevel(const Diagnosis& diagnosis, absl::Duration patience) {
  if (diagnosis.findings().empty() || diagnosis.starting()) return Level::kUnknown;
  const Finding& first = diagnosis.findings(0);
  if (!IsPage(first)) return Level::kOk;
  if (!IsYoung(first, patience) || diagnosis.readiness() == "not ready") return Level::kProblem;
  return diagnosis.readiness() == "ready" ? Level::kOk : Level::kUnknown;
}

std::string StableCheckLine(const Diagnosis& diagnosis, absl::Duration patience) {
  const Level level = CheckLevel(diagnosis, patience);
  if (diagnosis.findings().empty()) return absl::StrCat(LevelWord(level), "plegd gave no verdict");
  const Finding& first = diagnosis.findings(0);
  std::string line = absl::StrCat(LevelWord(level), Visible(first.code(), kPlain, 40));
  const size_t room = kKept - std::min(kKept - 1, line.size() + 1);
  absl::StrAppend(&line, About(first, room));
  return line;
}

std::string CheckLine(const Diagnosis& diagnosis, absl::Duration patience) {
  std::string line = StableCheckLine(diagnosis, patience);
  if (diagnosis.findings().empty()) return line;
  const Finding& first = diagnosis.findings(0);
  absl::StrAppend(&line, ": ", Visible(first.brief(), kPlain));
  Add(diagnosis.headline(), line);
  Add(diagnosis.forecast(), line);
  if (IsPage(first) && CheckLevel(diagnosis, patience) != Level::kProblem) {
    Add(absl::StrCat("a problem after ", HumanDuration(patience), ", or once the node is NotReady"),
        line);
  }
  if (first.severity() != "none") Add(absl::StrCat("see ", VerdictPage(first.docs())), line);
  return line;
}

int CheckExitCode(Level level) {
  switch (level) {
    case Level::kOk:
      return 0;
    case Level::kProblem:
      return 1;
    case Level::kUnknown:
      return 2;
  }
  return 2;
}

}  // namespace plegctl
