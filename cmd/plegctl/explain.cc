#include "cmd/plegctl/explain.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/evidence_proto.h"
#include "cmd/plegctl/pages.h"
#include "cmd/plegctl/text.h"
#include "pleg/diagnosis/diagnosis.h"
#include "pleg/diagnosis/explain_text.h"

namespace plegctl {
namespace {

using pleg::ExplainLine;
using plegd::v1::Diagnosis;
using plegd::v1::Evidence;

// What stands beside a title is broken to the width that is left, unless there is hardly any.
void AddBeside(const ExplainLine& line, const std::string& visible, const Terminal& terminal,
               std::string& out) {
  std::string title = line.title;
  title.resize(pleg::kExplainTitle, ' ');
  if (line.kind == ExplainLine::Kind::kCommand) {
    absl::StrAppend(&out, title, std::string(pleg::kExplainCommand, ' '), visible, "\n");
    return;
  }
  const bool hangs = terminal.width > 2 * pleg::kExplainTitle;
  if (!hangs) {
    for (const std::string& part : Wrap(absl::StrCat(title, visible), terminal.width)) {
      absl::StrAppend(&out, part, "\n");
    }
    return;
  }
  for (const std::string& part : Wrap(visible, terminal.width - pleg::kExplainTitle)) {
    absl::StrAppend(&out, title, part, "\n");
    title.assign(pleg::kExplainTitle, ' ');
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
  using Kind = ExplainLine::Kind;
  const pleg::ExplainTextOptions all_of = {
      .all = options.all, .recorded = options.recorded, .zone = options.zone};
  std::string out;
  for (const ExplainLine& line : pleg::ExplainLines(api::DiagnosisFromProto(diagnosis), all_of)) {
    // A page is named by where it is.
    const std::string visible =
        Visible(line.kind == Kind::kPage ? VerdictPage(line.text) : line.text, terminal);
    if (line.kind == Kind::kHeading || line.kind == Kind::kAcross) {
      const Style style = line.kind == Kind::kHeading ? DiagnosisStyle(diagnosis) : Style::kPlain;
      for (const std::string& part : Wrap(visible, terminal.width)) {
        absl::StrAppend(&out, Paint(part, style, terminal), "\n");
      }
    } else {
      AddBeside(line, visible, terminal, out);
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
