#include "api/evidence_proto.h"
#include "api/evidence_values.h"
#include "pleg/utf8.h"
#include "plegd/v1/diagnosis.pb.h"

namespace api {
namespace {

namespace v1 = plegd::v1;
using pleg::ToValidUtf8;

std::string Text(absl::string_view text) { return std::string(text); }

void FindingToProto(const pleg::Finding& finding, v1::Finding& out) {
  out.set_code(Text(pleg::VerdictCodeName(finding.code)));
  out.set_sentence(ToValidUtf8(finding.sentence));
  if (const auto& since = finding.since; since.has_value() && IsFinite(*since)) {
    out.set_since_seconds(Seconds(*since));
  }
  out.set_confidence(Text(pleg::ConfidenceName(finding.confidence)));
  for (const std::string& line : finding.supports) out.add_supports(ToValidUtf8(line));
  for (const std::string& line : finding.contradicts) out.add_contradicts(ToValidUtf8(line));
  for (const pleg::ObjectRef& object : finding.culprits) ObjectToProto(object, *out.add_culprits());
  for (const pleg::Action& action : finding.actions) {
    v1::Action& to = *out.add_actions();
    to.set_text(ToValidUtf8(action.text));
    to.set_command(ToValidUtf8(action.command));
    to.set_disruptive(action.disruptive);
  }
  out.set_docs(pleg::VerdictPage(finding.code));
}

pleg::Finding FindingFromProto(const v1::Finding& message) {
  pleg::Finding finding;
  finding.code = pleg::ParseVerdictCode(message.code()).value_or(pleg::VerdictCode::kUnexplained);
  finding.sentence = message.sentence();
  finding.since = OptionalSeconds(message.has_since_seconds(), message.since_seconds());
  finding.confidence = pleg::Confidence::kLow;
  for (pleg::Confidence confidence : {pleg::Confidence::kMedium, pleg::Confidence::kHigh}) {
    if (pleg::ConfidenceName(confidence) == message.confidence()) finding.confidence = confidence;
  }
  finding.supports.assign(message.supports().begin(), message.supports().end());
  finding.contradicts.assign(message.contradicts().begin(), message.contradicts().end());
  for (const v1::Object& object : message.culprits()) {
    finding.culprits.push_back(ObjectFromProto(object));
  }
  for (const v1::Action& action : message.actions()) {
    finding.actions.push_back({action.text(), action.command(), action.disruptive()});
  }
  return finding;
}

pleg::Exclusion ExclusionFromProto(const v1::Exclusion& message) {
  pleg::Exclusion exclusion;
  for (pleg::Subject subject : pleg::kSubjects) {
    if (pleg::SubjectName(subject) == message.subject()) exclusion.subject = subject;
  }
  for (pleg::Fitness fitness : {pleg::Fitness::kFine, pleg::Fitness::kNotFine}) {
    if (pleg::FitnessName(fitness) == message.fitness()) exclusion.fitness = fitness;
  }
  exclusion.figure = message.figure();
  exclusion.threshold = message.threshold();
  return exclusion;
}

}  // namespace

void DiagnosisToProto(const pleg::Diagnosis& diagnosis, v1::Diagnosis& out) {
  if (HasTimestamp(diagnosis.recorded_at)) {
    SetTimestamp(diagnosis.recorded_at, *out.mutable_recorded_at());
  }
  for (const pleg::Finding& finding : diagnosis.findings) {
    FindingToProto(finding, *out.add_findings());
  }
  for (const pleg::Exclusion& exclusion : diagnosis.exclusions) {
    v1::Exclusion& to = *out.add_exclusions();
    to.set_subject(Text(pleg::SubjectName(exclusion.subject)));
    to.set_fitness(Text(pleg::FitnessName(exclusion.fitness)));
    to.set_figure(ToValidUtf8(exclusion.figure));
    to.set_threshold(ToValidUtf8(exclusion.threshold));
  }
  for (const std::string& line : diagnosis.particulars) out.add_particulars(line);
  for (const pleg::Hint& hint : diagnosis.hints) {
    v1::Hint& to = *out.add_hints();
    to.set_text(ToValidUtf8(hint.text));
    to.set_source(ToValidUtf8(hint.source));
  }
}

pleg::Diagnosis DiagnosisFromProto(const v1::Diagnosis& message) {
  pleg::Diagnosis diagnosis;
  if (message.has_recorded_at()) diagnosis.recorded_at = FromTimestamp(message.recorded_at());
  for (const v1::Finding& finding : message.findings()) {
    diagnosis.findings.push_back(FindingFromProto(finding));
  }
  for (const v1::Exclusion& exclusion : message.exclusions()) {
    diagnosis.exclusions.push_back(ExclusionFromProto(exclusion));
  }
  for (const std::string& line : message.particulars()) diagnosis.particulars.push_back(line);
  for (const v1::Hint& hint : message.hints()) {
    diagnosis.hints.push_back({hint.text(), hint.source()});
  }
  return diagnosis;
}

}  // namespace api
