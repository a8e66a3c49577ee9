#include "api/evidence_proto.h"

#include "api/message_fields.h"
#include "plegd/v1/evidence.pb.h"

namespace api {

namespace v1 = plegd::v1;

void TargetToProto(const pleg::ObjectRef& object, v1::CallTarget& out) {
  WriteFields(pleg::TargetOf<const pleg::ObjectRef>{object}, out);
}

void ObjectToProto(const pleg::ObjectRef& object, v1::Object& out) { WriteFields(object, out); }

void TwinToProto(const pleg::GenerationReport& report, v1::KubeletTwin& out) {
  WriteFields(report, out);
}

void HostEvidenceToProto(const pleg::HostEvidence& host, v1::HostEvidence& out) {
  WriteFields(host, out);
}

void EvidenceToProto(const pleg::Evidence& evidence, v1::Evidence& out) {
  WriteFields(evidence, out);
}

pleg::ObjectRef ObjectFromProto(const v1::Object& message) {
  pleg::ObjectRef object;
  ReadFields(message, object);
  return object;
}

pleg::HostEvidence HostEvidenceFromProto(const v1::HostEvidence& message) {
  pleg::HostEvidence host;
  ReadFields(message, host);
  return host;
}

pleg::Evidence EvidenceFromProto(const v1::Evidence& message) {
  pleg::Evidence evidence;
  ReadFields(message, evidence);
  return evidence;
}

std::string SerializeHostEvidence(const pleg::HostEvidence& host) {
  v1::HostEvidence message;
  HostEvidenceToProto(host, message);
  return message.SerializeAsString();
}

absl::StatusOr<pleg::HostEvidence> ParseHostEvidence(absl::string_view bytes) {
  v1::HostEvidence message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("these bytes are no host evidence");
  }
  return HostEvidenceFromProto(message);
}

}  // namespace api
