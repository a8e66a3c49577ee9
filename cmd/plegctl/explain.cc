#include "cmd/plegctl/explain.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <utility>
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

using google::protobuf::TextFormat;
using plegd::v1::Diagnosis;
using plegd::v1::Evidence;

constexpr size_t kIndent = 12;  // of what stands beside a title
constexpr size_t kLargestRecord = size_t{64} << 20;
constexpr char kRecordHead[] =
    "# proto-file: plegd/v1/evidence.proto\n# proto-message: plegd.v1.Evidence\n";

// Keeps the first error alone.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat("line ", line + 1, ":", column + 1, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

Style StyleOf(const Diagnosis& diagnosis) {
  const std::string severity =
      diagnosis.findings().empty() ? "page" : diagnosis.findings(0).severity();
  if (severity == "none") return Style::kGood;
  return severity == "warn" || severity == "info" ? Style::kWarning : Style::kBad;
}

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

// Unknown fields are left out, so that another kind of message comes out empty.
absl::StatusOr<Evidence> SomeEvidence(Evidence evidence) {
  if (evidence.ByteSizeLong() > 0) return evidence;
  return absl::InvalidArgumentError("there is no field of evidence in it");
}

absl::Status FileError(const char* what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

}  // namespace

std::string RenderDiagnosis(const Diagnosis& diagnosis, bool all, absl::TimeZone zone,
                            const Terminal& terminal) {
  const std::string text =
      pleg::ExplainText(api::DiagnosisFromProto(diagnosis), {.all = all, .zone = zone});
  std::string out;
  bool first = true;
  for (const absl::string_view line : absl::StrSplit(absl::StripSuffix(text, "\n"), '\n')) {
    const std::string visible = Visible(WithPage(line), terminal);
    if (first) {
      for (const std::string& part : Wrap(visible, terminal.width)) {
        absl::StrAppend(&out, Paint(part, StyleOf(diagnosis), terminal), "\n");
      }
      first = false;
    } else if (visible.empty()) {
      out += '\n';
    } else {
      AddWrapped(visible, terminal, out);
    }
  }
  return out;
}

int DiagnosisExitCode(const Diagnosis& diagnosis) {
  if (diagnosis.findings().empty()) return 2;
  const plegd::v1::Finding& first = diagnosis.findings(0);
  if (first.code() == "STARTING") return 2;
  const bool older = first.severity().empty();  // a plegd that tells no severity
  return first.severity() == "page" || (older && first.code() != "HEALTHY") ? 1 : 0;
}

Diagnosis DiagnoseEvidence(const Evidence& evidence) {
  Diagnosis diagnosis;
  api::DiagnosisToProto(pleg::Diagnose(api::EvidenceFromProto(evidence)), diagnosis);
  return diagnosis;
}

absl::StatusOr<Evidence> ParseEvidence(const std::string& text) {
  Evidence evidence;
  const absl::string_view start = absl::StripLeadingAsciiWhitespace(text);
  if (start.empty()) return absl::InvalidArgumentError("it is empty");
  if (start[0] == '{') {
    if (absl::StrContains(start.substr(0, 200), "\"kind\": \"Diagnosis\"")) {
      return absl::InvalidArgumentError(
          "it is a diagnosis, not what it was judged from: plegctl explain --save keeps that");
    }
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = true;
    const auto status = google::protobuf::util::JsonStringToMessage(text, &evidence, options);
    if (status.ok()) return SomeEvidence(std::move(evidence));
    return absl::InvalidArgumentError(Visible(std::string(status.message()), Terminal{}, 300));
  }
  FirstError error;
  TextFormat::Parser parser;
  parser.AllowUnknownField(true);
  parser.RecordErrorsTo(&error);
  if (parser.ParseFromString(text, &evidence)) return SomeEvidence(std::move(evidence));
  return absl::InvalidArgumentError(Visible(error.text(), Terminal{}, 300));
}

std::string PrintEvidence(const Evidence& evidence) {
  TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(evidence, &text);
  return absl::StrCat(kRecordHead, text);
}

absl::StatusOr<std::string> ReadRecord(const std::string& path) {
  std::FILE* file = path == "-" ? stdin : std::fopen(path.c_str(), "re");
  if (file == nullptr) return FileError("cannot open", path);
  std::string text;
  char buffer[1 << 16];
  size_t size = 0;
  while (text.size() <= kLargestRecord &&
         (size = std::fread(buffer, 1, sizeof(buffer), file)) > 0) {
    text.append(buffer, size);
  }
  const absl::Status failed =
      std::ferror(file) != 0 ? FileError("cannot read", path) : absl::OkStatus();
  if (path != "-") std::fclose(file);
  if (!failed.ok()) return failed;
  if (text.size() > kLargestRecord) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is larger than 64 MiB"));
  }
  return text;
}

absl::Status WriteRecord(const std::string& path, const std::string& text) {
  std::FILE* file = path == "-" ? stdout : std::fopen(path.c_str(), "we");
  if (file == nullptr) return FileError("cannot create", path);
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool ended = path == "-" ? std::fflush(file) == 0 : std::fclose(file) == 0;
  return written && ended ? absl::OkStatus() : FileError("cannot write", path);
}

bool IsSettled(const Diagnosis& diagnosis) {
  return !diagnosis.findings().empty() && diagnosis.findings(0).settled();
}

}  // namespace plegctl
