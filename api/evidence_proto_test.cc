#include "api/evidence_proto.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/message_differencer.h"
#include "plegd/v1/diagnosis.pb.h"
#include "plegd/v1/evidence.pb.h"

namespace api {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;

constexpr char kSign[] = "list_containers_slow";

// What a name of a fixed set may be, by field.
std::string NameFor(const FieldDescriptor& field) {
  const std::string name = field.full_name();
  if (name == "plegd.v1.KubeletTwin.generation") return "<=1.31";
  if (name == "plegd.v1.KubeletTwin.stage") return "inspecting";
  if (name == "plegd.v1.HostProcess.state" || name == "plegd.v1.LookAlike.state") return "D";
  if (name == "plegd.v1.LastingEvidence.state") return "attempt_order";
  if (name == "plegd.v1.Finding.code") return "LIST_LOCK_CONVOY";
  if (name == "plegd.v1.Finding.confidence") return "high";
  if (name == "plegd.v1.Finding.docs") return "docs/verdicts/LIST_LOCK_CONVOY.md";
  if (name == "plegd.v1.Finding.severity" || name == "plegd.v1.Sign.severity") return "warn";
  if (name == "plegd.v1.Finding.signs" || name == "plegd.v1.Sign.sign") return kSign;
  if (name == "plegd.v1.Sign.state") return "bad";
  if (name == "plegd.v1.Sign.why") return "too old";
  const pleg::SignMeaning& meaning = pleg::MeaningOf(*pleg::ParseSignLabel(kSign));
  if (name == "plegd.v1.Sign.limit") return std::string(meaning.limit);
  if (name == "plegd.v1.Sign.source") return std::string(meaning.source);
  if (name == "plegd.v1.Sign.meaning") return std::string(meaning.meaning);
  if (name == "plegd.v1.Diagnosis.readiness") return "not ready";
  if (name == "plegd.v1.Exclusion.subject") return "kubelet";
  if (name == "plegd.v1.Exclusion.fitness") return "not fine";
  return "";
}

// Gives every field a value that no other has, so that one that is forgotten or taken for another
// shows.
void Fill(Message& message, int& next) {
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const int times = field->is_repeated() ? 2 : 1;
    for (int n = 0; n < times; ++n) {
      const int value = ++next;
      const std::string name = NameFor(*field);
      const std::string text = name.empty() ? absl::StrCat("text-", value) : name;
      const bool many = field->is_repeated();
      switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_MESSAGE:
          Fill(many ? *reflection.AddMessage(&message, field)
                    : *reflection.MutableMessage(&message, field),
               next);
          break;
        case FieldDescriptor::CPPTYPE_STRING:
          many ? reflection.AddString(&message, field, text)
               : reflection.SetString(&message, field, text);
          break;
        case FieldDescriptor::CPPTYPE_DOUBLE:
          many ? reflection.AddDouble(&message, field, value + 0.125)
               : reflection.SetDouble(&message, field, value + 0.125);
          break;
        case FieldDescriptor::CPPTYPE_BOOL:
          reflection.SetBool(&message, field, true);
          break;
        case FieldDescriptor::CPPTYPE_UINT32:
          reflection.SetUInt32(&message, field, static_cast<uint32_t>(value));
          break;
        case FieldDescriptor::CPPTYPE_UINT64:
          reflection.SetUInt64(&message, field, static_cast<uint64_t>(value));
          break;
        case FieldDescriptor::CPPTYPE_INT32:
          reflection.SetInt32(&message, field, value * 1000);
          break;
        case FieldDescriptor::CPPTYPE_INT64:
          reflection.SetInt64(&message, field, value);
          break;
        default:
          FAIL() << field->full_name() << ": a type that this test does not know";
      }
    }
  }
}

template <typename M>
std::string Difference(const M& a, const M& b) {
  MessageDifferencer differencer;
  std::string report;
  differencer.ReportDifferencesToString(&report);
  return differencer.Compare(a, b) ? "" : report;
}

TEST(EvidenceProtoTest, EveryFieldOfTheEvidenceComesBack) {
  plegd::v1::Evidence filled;
  int next = 0;
  Fill(filled, next);
  plegd::v1::Evidence again;
  EvidenceToProto(EvidenceFromProto(filled), again);
  EXPECT_EQ(Difference(filled, again), "");
}

TEST(EvidenceProtoTest, EveryFieldOfADiagnosisComesBack) {
  plegd::v1::Diagnosis filled;
  int next = 0;
  Fill(filled, next);
  plegd::v1::Diagnosis again;
  DiagnosisToProto(DiagnosisFromProto(filled), again);
  EXPECT_EQ(Difference(filled, again), "");
}

TEST(EvidenceProtoTest, WhatWasNotObservedStaysAbsent) {
  const pleg::Evidence nothing;
  plegd::v1::Evidence message;
  EvidenceToProto(nothing, message);
  const pleg::Evidence again = EvidenceFromProto(message);
  EXPECT_EQ(again.recorded_at, absl::InfinitePast());
  EXPECT_FALSE(again.relist.last_good_ago.has_value());
  EXPECT_FALSE(again.relist.listing_for.has_value());
  EXPECT_FALSE(again.runtime.runtime_ready.has_value());
  EXPECT_FALSE(again.host.has_value());
  EXPECT_FALSE(again.kubelet.has_value());
  EXPECT_EQ(again.relist.threshold, absl::Minutes(3));
}

TEST(EvidenceProtoTest, AnInfiniteDurationOfTheTwinIsAbsent) {
  pleg::Evidence evidence;
  pleg::GenerationReport twin;
  twin.report.lag.worst = absl::InfiniteDuration();
  twin.report.restart_cost = absl::InfiniteDuration();
  evidence.twins = {twin};
  plegd::v1::Evidence message;
  EvidenceToProto(evidence, message);
  EXPECT_FALSE(message.twins(0).has_seconds_to_not_ready());
  const pleg::TwinReport again = EvidenceFromProto(message).twins[0].report;
  EXPECT_EQ(again.to_not_ready, absl::InfiniteDuration());
  EXPECT_EQ(again.lag.worst, absl::InfiniteDuration());
  EXPECT_EQ(again.lag.best, absl::ZeroDuration());
  EXPECT_EQ(again.restart_cost, absl::InfiniteDuration());
}

TEST(EvidenceProtoTest, NumbersThatAreNoneBecomeZero) {
  plegd::v1::Evidence message;
  message.set_observed_for_seconds(std::numeric_limits<double>::quiet_NaN());
  message.set_predicted_status_phase_seconds(-1);
  message.mutable_self()->set_loop_lag_seconds(std::numeric_limits<double>::infinity());
  const pleg::Evidence evidence = EvidenceFromProto(message);
  EXPECT_EQ(evidence.observed_for, absl::ZeroDuration());
  EXPECT_EQ(evidence.predicted_status_phase, absl::ZeroDuration());
  EXPECT_EQ(evidence.self.loop_lag, absl::InfiniteDuration());
  EXPECT_EQ(EvidenceFromProto({}).observed_for, absl::ZeroDuration());
}

TEST(EvidenceProtoTest, BytesThatAreNotUtf8AreRepaired) {
  pleg::Evidence evidence;
  evidence.runtime.name = "a\xff";
  plegd::v1::Evidence message;
  EvidenceToProto(evidence, message);
  EXPECT_EQ(message.runtime().name(), "a\uFFFD");
}

}  // namespace
}  // namespace api
