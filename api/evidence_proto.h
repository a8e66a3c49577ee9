// Evidence and diagnoses as messages of proto/plegd/v1, and back: what is recorded, sent and
// replayed.
//
//   plegd::v1::Evidence message;  EvidenceToProto(evidence, message);
//   pleg::Diagnosis diagnosis = pleg::Diagnose(EvidenceFromProto(message));
//
// Nothing fails: text that is not UTF-8 is repaired on the way out; on the way in a number that is
// none, or negative where it is a duration, is 0, and a name that is not known is the least of its
// kind. Durations keep microseconds.

#ifndef PLEGD_API_EVIDENCE_PROTO_H_
#define PLEGD_API_EVIDENCE_PROTO_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pleg/diagnosis/evidence.h"
#include "pleg/diagnosis/host_evidence.h"
#include "pleg/diagnosis/verdict.h"
#include "pleg/twin/kubelet_twin.h"

namespace plegd::v1 {
class CallTarget;
class Diagnosis;
class Evidence;
class HostEvidence;
class KubeletTwin;
class Object;
}  // namespace plegd::v1

namespace api {

// Each fills `out`, which is empty.
void EvidenceToProto(const pleg::Evidence& evidence, plegd::v1::Evidence& out);
void HostEvidenceToProto(const pleg::HostEvidence& host, plegd::v1::HostEvidence& out);
void DiagnosisToProto(const pleg::Diagnosis& diagnosis, plegd::v1::Diagnosis& out);
void ObjectToProto(const pleg::ObjectRef& object, plegd::v1::Object& out);
void TargetToProto(const pleg::ObjectRef& object, plegd::v1::CallTarget& out);
void TwinToProto(const pleg::GenerationReport& report, plegd::v1::KubeletTwin& out);

pleg::Evidence EvidenceFromProto(const plegd::v1::Evidence& message);
pleg::HostEvidence HostEvidenceFromProto(const plegd::v1::HostEvidence& message);
pleg::Diagnosis DiagnosisFromProto(const plegd::v1::Diagnosis& message);
pleg::ObjectRef ObjectFromProto(const plegd::v1::Object& message);

// Host evidence as bytes, for another process, and back: kInvalidArgument for bytes that are none.
std::string SerializeHostEvidence(const pleg::HostEvidence& host);
absl::StatusOr<pleg::HostEvidence> ParseHostEvidence(absl::string_view bytes);

}  // namespace api

#endif  // PLEGD_API_EVIDENCE_PROTO_H_
