#include "cmd/plegctl/explain.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "api/evidence_proto.h"
#include "cmd/plegctl/pages.h"
#include "cmd/plegctl/text.h"
#include "pleg/diagnosis/diagnosis.h"
#include "pleg/diagnosis/explain_text.h"

namespace plegctl {
namespace {

using plegd::v1::Diagnosis;
using plegd::v1::Evidence;

constexpr size_t kIndent = 12;  // of what stands beside a title

bool IsTitled(absl::string_view line) {
  return line.size() > kIndent && line[kIndent - 1] == ' ' &&
         absl::StrContains(line.substr(0, kIndent), "  ");
}

// A page is named by where it is.
std::string WithPage(absl::string_view line) {
  constexpr absl::string_view kDocs = "docs        ";
  if (!absl::StartsWith(line, kDocs)) return std::string(line);
  return absl::StrCat(kDocs, VerdictPage(line.substr(kDocs.size())));
}

bool IsCommand(absl::string_view line) {
  return absl::StartsWith(line, std::string(kIndent + 4, ' '));
}

void AddWrapped(absl::string_view line, const Terminal& terminal, std::string& out) {
  const bool hangs = IsTitled(line) && terminal.width > 2 * kIndent;
  if (!hangs || IsCommand(line)) {
    const std::vector<std::string> lines =
        IsCommand(line) ? std::vector<std::string>{std::string(line)} : Wrap(line, terminal.width);
    for (const std::string& part : lines) absl::StrAppend(&out, part, "\n");
    return;
  }
  absl::string_view title = line.substr(0, kIndent);
  for (const std::string& part : Wrap(line.substr(kIndent), terminal.width - kIndent)) {
    absl::StrAppend(&out, title, part, "\n");
    title = "            ";
  }
}

}  // namespace

Style DiagnosisStyle(const Diagnosis& diagnosis) {
  const std::string severity =
      diagnosis.findings().empty() ? "page" : diagnosis.findings(0).severity();
  if (severity == "none") return Style::kGood;
  return severity == "warn" || severity == "info" ? Style::kWarning : Style::kBad;
}

std::string RenderDiagnosis(const Diagnosis& diagnosis, const RenderOptions& options,
                            const Terminal& terminal) {
  const std::string text =
      pleg::ExplainText(api::DiagnosisFromProto(diagnosis),
                        {.all = options.all, .recorded = options.recorded, .zone = options.zone});
  const size_t heading = options.recorded ? 1 : 0;
  std::string out;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    const std::string visible = Visible(WithPage(line), terminal);
    if (number++ == heading) {
      for (const std::string& part : Wrap(visible, terminal.width)) {
        absl::StrAppend(&out, Paint(part, DiagnosisStyle(diagnosis), terminal), "\n");
      }
    } else if (visible.empty()) {
      out += '\n';
    } else {
      AddWrapped(visible, terminal, out);
    }
  }
  return out;
}

int DiagnosisExitCode(const Diagnosis& diagnosis) {
  if (diagnosis.findings().empty() || diagnosis.starting()) return 2;
  return diagnosis.findings(0).severity() == "page" ? 1 : 0;
}

Diagnosis DiagnoseEvidence(const Evidence& evidence) {
  Diagnosis diagnosis;
  api::DiagnosisToProto(pleg::Diagnose(api::EvidenceFromProto(evidence)), diagnosis);
  return diagnosis;
}

bool IsSettled(const Diagnosis& diagnosis) {
  return !diagnosis.findings().empty() && diagnosis.findings(0).settled();
}

}  // namespace plegctl
