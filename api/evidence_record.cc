#include "api/evidence_record.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "pleg/diagnosis/text.h"

namespace api {
namespace {

using google::protobuf::TextFormat;
using plegd::v1::Evidence;

constexpr char kRecordHead[] =
    "# proto-file: plegd/v1/evidence.proto\n# proto-message: plegd.v1.Evidence\n";
constexpr size_t kMaxMessage = 300;

absl::Status Bad(absl::string_view message) {
  return absl::InvalidArgumentError(pleg::Shorten(pleg::Printable(message), kMaxMessage));
}

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

// Unknown fields are left out, so that another kind of message comes out empty.
absl::StatusOr<Evidence> SomeEvidence(Evidence evidence) {
  if (evidence.ByteSizeLong() > 0) return evidence;
  return Bad("there is no field of evidence in it");
}

// libprotobuf nests JSON a hundred deep at most, whatever it knows of it.
absl::StatusOr<Evidence> FromJson(const std::string& text, absl::string_view start) {
  if (absl::StrContains(start.substr(0, 200), "\"kind\": \"Diagnosis\"")) {
    return Bad("it is a diagnosis, not what it was judged from: plegctl explain --save keeps that");
  }
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  Evidence evidence;
  const auto status = google::protobuf::util::JsonStringToMessage(text, &evidence, options);
  if (!status.ok()) return Bad(std::string(status.message()));
  return SomeEvidence(std::move(evidence));
}

absl::StatusOr<Evidence> FromTextproto(const std::string& text) {
  FirstError error;
  TextFormat::Parser parser;
  parser.AllowUnknownField(true);
  parser.SetRecursionLimit(kMaxRecordDepth);
  parser.RecordErrorsTo(&error);
  Evidence evidence;
  if (!parser.ParseFromString(text, &evidence)) return Bad(error.text());
  return SomeEvidence(std::move(evidence));
}

}  // namespace

absl::StatusOr<Evidence> ParseEvidence(const std::string& record) {
  if (record.size() > kMaxRecordBytes) {
    return Bad(absl::StrCat("it is larger than ", pleg::FormatBytes(kMaxRecordBytes)));
  }
  // As an editor of another system writes it, or redirection in PowerShell.
  const std::string text(absl::StripPrefix(record, "\xEF\xBB\xBF"));
  if (absl::StartsWith(text, "\xFF\xFE") || absl::StartsWith(text, "\xFE\xFF")) {
    return Bad("it is UTF-16: write it as UTF-8");
  }
  const absl::string_view start = absl::StripLeadingAsciiWhitespace(text);
  if (start.empty()) return Bad("it is empty");
  return start[0] == '{' ? FromJson(text, start) : FromTextproto(text);
}

std::string PrintEvidence(const Evidence& evidence) {
  TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(evidence, &text);
  return absl::StrCat(kRecordHead, text);
}

}  // namespace api
