#include "test/fuzz/record_check.h"

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "api/evidence_proto.h"
#include "api/evidence_record.h"
#include "pleg/diagnosis/diagnosis.h"
#include "pleg/diagnosis/explain_text.h"
#include "pleg/diagnosis/text.h"
#include "plegd/v1/diagnosis.pb.h"

namespace fuzz {
namespace {

std::string Explain(const plegd::v1::Evidence& evidence) {
  plegd::v1::Diagnosis message;
  api::DiagnosisToProto(pleg::Diagnose(api::EvidenceFromProto(evidence)), message);
  return pleg::ExplainText(api::DiagnosisFromProto(message), {.all = true, .recorded = true});
}

}  // namespace

std::string CheckRecord(const std::string& text) {
  const absl::StatusOr<plegd::v1::Evidence> evidence = api::ParseEvidence(text);
  if (!evidence.ok()) {
    const std::string message(evidence.status().message());
    const bool printable = !message.empty() && pleg::Printable(message) == message;
    return printable ? "" : absl::StrCat("an error that cannot be printed: ", message);
  }
  const std::string printed = api::PrintEvidence(*evidence);
  const absl::StatusOr<plegd::v1::Evidence> again = api::ParseEvidence(printed);
  // What is printed may have outgrown the limit: the limit holds for it, too.
  if (again.ok() && api::PrintEvidence(*again) != printed)
    return "it does not come out as it went in";
  if (!again.ok() && printed.size() <= api::kMaxRecordBytes) {
    return absl::StrCat("what was printed is not read: ", std::string(again.status().message()));
  }
  const std::string explained = Explain(*evidence);
  if (explained != Explain(*evidence)) return "the verdict differs from one run to the next";
  if (!absl::StartsWith(explained, "recorded ")) return "it does not say that it is a record";
  for (const absl::string_view line : absl::StrSplit(explained, '\n')) {
    if (pleg::Printable(line) != line) return absl::StrCat("a line cannot be printed: ", line);
  }
  return "";
}

}  // namespace fuzz
