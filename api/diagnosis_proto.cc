#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
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
  out.set_severity(Text(pleg::SeverityName(finding.severity)));
  out.set_settled(finding.settled);
  out.set_brief(ToValidUtf8(finding.brief));
  for (pleg::SignId id : finding.signs) out.add_signs(Text(pleg::SignLabel(id)));
}

pleg::Severity SeverityFromName(absl::string_view name) {
  for (pleg::Severity severity :
       {pleg::Severity::kNone, pleg::Severity::kInfo, pleg::Severity::kWarn}) {
    if (pleg::SeverityName(severity) == name) return severity;
  }
  return pleg::Severity::kPage;
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
  finding.severity = SeverityFromName(message.severity());
  finding.settled = message.settled();
  finding.brief = message.brief();
  for (const std::string& label : message.signs()) {
    if (const auto id = pleg::ParseSignLabel(label)) finding.signs.push_back(*id);
  }
  return finding;
}

void SignToProto(const pleg::Sign& sign, v1::Sign& out) {
  const pleg::SignMeaning& meaning = pleg::MeaningOf(sign.id);
  out.set_sign(Text(pleg::SignLabel(sign.id)));
  out.set_state(Text(pleg::SignStateName(sign.state)));
  out.set_why(Text(pleg::IgnoranceName(sign.why)));
  out.set_value(ToValidUtf8(sign.value));
  out.set_limit(Text(meaning.limit));
  if (const auto& since = sign.since; since.has_value() && IsFinite(*since)) {
    out.set_since_seconds(Seconds(*since));
  }
  if (!sign.object.id.empty() || !sign.object.pod_name.empty()) {
    ObjectToProto(sign.object, *out.mutable_object());
  }
  out.set_source(Text(meaning.source));
  out.set_meaning(Text(meaning.meaning));
  out.set_severity(Text(pleg::SeverityName(sign.severity)));
  out.set_held(sign.held);
}

// Of a sign that this version does not know nothing is kept.
std::optional<pleg::Sign> SignFromProto(const v1::Sign& message) {
  const std::optional<pleg::SignId> id = pleg::ParseSignLabel(message.sign());
  if (!id.has_value()) return std::nullopt;
  pleg::Sign sign;
  sign.id = *id;
  for (pleg::SignState state : {pleg::SignState::kGood, pleg::SignState::kBad}) {
    if (pleg::SignStateName(state) == message.state()) sign.state = state;
  }
  for (pleg::Ignorance why : {pleg::Ignorance::kNone, pleg::Ignorance::kByChoice,
                              pleg::Ignorance::kNotAllowed, pleg::Ignorance::kTooOld}) {
    if (pleg::IgnoranceName(why) == message.why()) sign.why = why;
  }
  sign.value = message.value();
  sign.since = OptionalSeconds(message.has_since_seconds(), message.since_seconds());
  if (message.has_object()) sign.object = ObjectFromProto(message.object());
  sign.severity = SeverityFromName(message.severity());
  sign.held = message.held();
  return sign;
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
  out.set_node(ToValidUtf8(diagnosis.node));
  if (const auto& ago = diagnosis.host_seen_ago) out.set_host_seen_seconds(Seconds(*ago));
  out.set_headline(ToValidUtf8(diagnosis.headline));
  out.set_forecast(ToValidUtf8(diagnosis.forecast));
  out.set_readiness(Text(pleg::ReadinessName(diagnosis.readiness)));
  out.set_starting(diagnosis.starting);
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
  for (const pleg::Sign& sign : diagnosis.signs) SignToProto(sign, *out.add_signs());
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
  diagnosis.node = message.node();
  diagnosis.host_seen_ago =
      OptionalSeconds(message.has_host_seen_seconds(), message.host_seen_seconds());
  diagnosis.headline = message.headline();
  diagnosis.forecast = message.forecast();
  for (pleg::Readiness readiness : {pleg::Readiness::kReady, pleg::Readiness::kNotReady}) {
    if (pleg::ReadinessName(readiness) == message.readiness()) diagnosis.readiness = readiness;
  }
  diagnosis.starting = message.starting();
  for (const v1::Finding& finding : message.findings()) {
    diagnosis.findings.push_back(FindingFromProto(finding));
  }
  for (const v1::Exclusion& exclusion : message.exclusions()) {
    diagnosis.exclusions.push_back(ExclusionFromProto(exclusion));
  }
  for (const v1::Sign& sign : message.signs()) {
    if (auto known = SignFromProto(sign)) diagnosis.signs.push_back(*std::move(known));
  }
  for (const std::string& line : message.particulars()) diagnosis.particulars.push_back(line);
  for (const v1::Hint& hint : message.hints()) {
    diagnosis.hints.push_back({hint.text(), hint.source()});
  }
  return diagnosis;
}

}  // namespace api
