#include "cmd/plegctl/testing/fake_plegd.h"

#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <thread>

namespace plegctl_testing {

FakePlegd::FakePlegd() {
  std::string name = std::filesystem::temp_directory_path() / "plegctl.XXXXXX";
  directory_ = mkdtemp(name.data());
}

FakePlegd::~FakePlegd() {
  Stop();
  std::filesystem::remove_all(directory_);
}

void FakePlegd::Serve() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket(), grpc::InsecureServerCredentials());
  builder.SetMaxSendMessageSize(-1);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

void FakePlegd::Stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_ = nullptr;
}

grpc::Status FakePlegd::Answer(Context* context, const std::string& call) {
  if (unknown.count(call) > 0) return {grpc::StatusCode::UNIMPLEMENTED, ""};
  while (hangs.count(call) > 0 && !context->IsCancelled()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return grpc::Status::OK;
}

template <typename Part, typename Reply>
grpc::Status FakePlegd::AnswerPart(Context* context, const std::string& call, const Part& part,
                                   Reply* reply) {
  if (part.has_value()) *reply = *part;
  return Answer(context, call);
}

grpc::Status FakePlegd::GetHealth(Context* context, const plegd::v1::GetHealthRequest*,
                                  plegd::v1::Health* reply) {
  return AnswerPart(context, "GetHealth", snapshot.health, reply);
}

grpc::Status FakePlegd::GetNode(Context* context, const plegd::v1::GetNodeRequest*,
                                plegd::v1::Node* reply) {
  return AnswerPart(context, "GetNode", snapshot.node, reply);
}

grpc::Status FakePlegd::GetCalls(Context* context, const plegd::v1::GetCallsRequest*,
                                 plegd::v1::Calls* reply) {
  return AnswerPart(context, "GetCalls", snapshot.calls, reply);
}

grpc::Status FakePlegd::GetRelists(Context* context, const plegd::v1::GetRelistsRequest*,
                                   plegd::v1::Relists* reply) {
  return AnswerPart(context, "GetRelists", snapshot.relists, reply);
}

grpc::Status FakePlegd::GetDiagnosis(Context* context, const plegd::v1::GetDiagnosisRequest*,
                                     plegd::v1::Diagnosis* reply) {
  return AnswerPart(context, "GetDiagnosis", snapshot.diagnosis, reply);
}

grpc::Status FakePlegd::GetEvidence(Context* context, const plegd::v1::GetEvidenceRequest*,
                                    plegd::v1::Evidence* reply) {
  *reply = evidence;
  return Answer(context, "GetEvidence");
}

grpc::Status FakePlegd::ListPods(Context* context, const plegd::v1::ListPodsRequest*,
                                 plegd::v1::PodList* reply) {
  *reply = pods;
  return Answer(context, "ListPods");
}

grpc::Status FakePlegd::GetPod(Context* context, const plegd::v1::GetPodRequest* request,
                               plegd::v1::PodStatus* reply) {
  *reply = fresh;
  if (!request->fresh()) return {grpc::StatusCode::INVALID_ARGUMENT, "not fresh"};
  return Answer(context, "GetPod");
}

}  // namespace plegctl_testing
