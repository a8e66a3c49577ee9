#include "api/grpc_methods.h"

#include <array>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace api {
namespace {

using absl::StatusOr;

// Reads the request and writes the reply of `call`.
template <typename Request, typename Call>
StatusOr<std::string> Answer(const std::string& bytes, const Call& call) {
  Request request;
  if (absl::Status status = ParseRequest(bytes, request); !status.ok()) return status;
  return call(request);
}

using User = NodeApi::User;

template <typename Request>
StatusOr<std::string> Done(absl::Status (NodeApi::*call)(const Request&, const User&), NodeApi& api,
                           const std::string& bytes, const User& user) {
  return Answer<Request>(bytes, [&](const Request& request) -> StatusOr<std::string> {
    if (absl::Status status = (api.*call)(request, user); !status.ok()) return status;
    return std::string();  // the reply has no fields
  });
}

// A PodList, which is the lists of one pod each one after another.
std::string SerializePods(const NodeApi& api) {
  std::string bytes;
  api.ForEachPod([&bytes](const plegd::v1::PodStatus& pod) {
    plegd::v1::PodList one;
    *one.add_pods() = pod;
    one.AppendToString(&bytes);
  });
  return bytes;
}

constexpr std::array<GrpcMethod, 10> kMethods = {{
    {"/plegd.v1.Plegd/GetHealth",
     [](NodeApi& api, const std::string& bytes, const User&) {
       return Answer<plegd::v1::GetHealthRequest>(
           bytes, [&](const auto&) { return api.GetHealth().SerializeAsString(); });
     }},
    {"/plegd.v1.Plegd/GetNode",
     [](NodeApi& api, const std::string& bytes, const User&) {
       return Answer<plegd::v1::GetNodeRequest>(
           bytes, [&](const auto&) { return api.GetNode().SerializeAsString(); });
     }},
    {"/plegd.v1.Plegd/GetCalls",
     [](NodeApi& api, const std::string& bytes, const User&) {
       return Answer<plegd::v1::GetCallsRequest>(
           bytes, [&](const auto&) { return api.GetCalls().SerializeAsString(); });
     }},
    {"/plegd.v1.Plegd/GetRelists",
     [](NodeApi& api, const std::string& bytes, const User&) {
       return Answer<plegd::v1::GetRelistsRequest>(
           bytes, [&](const auto& r) { return api.GetRelists(r).SerializeAsString(); });
     }},
    {"/plegd.v1.Plegd/GetDiagnosis",
     [](NodeApi& api, const std::string& bytes, const User&) {
       return Answer<plegd::v1::GetDiagnosisRequest>(
           bytes, [&](const auto&) { return api.GetDiagnosis().SerializeAsString(); });
     }},
    {"/plegd.v1.Plegd/GetEvidence",
     [](NodeApi& api, const std::string& bytes, const User&) {
       return Answer<plegd::v1::GetEvidenceRequest>(
           bytes, [&](const auto&) { return api.GetEvidence().SerializeAsString(); });
     }},
    {"/plegd.v1.Plegd/ListPods",
     [](NodeApi& api, const std::string& bytes, const User&) {
       return Answer<plegd::v1::ListPodsRequest>(bytes,
                                                 [&](const auto&) { return SerializePods(api); });
     }},
    {"/plegd.v1.Plegd/GetPod", nullptr},
    {"/plegd.v1.Plegd/RequestRelist",
     [](NodeApi& api, const std::string& bytes, const User& user) {
       return Done(&NodeApi::RequestRelist, api, bytes, user);
     }},
    {"/plegd.v1.Plegd/RequestReinspect",
     [](NodeApi& api, const std::string& bytes, const User& user) {
       return Done(&NodeApi::RequestReinspect, api, bytes, user);
     }},
}};

}  // namespace

const GrpcMethod* FindGrpcMethod(absl::string_view path) {
  for (const GrpcMethod& method : kMethods) {
    if (method.path == path) return &method;
  }
  return nullptr;
}

absl::Status ParseRequest(const std::string& bytes, google::protobuf::MessageLite& request) {
  if (request.ParseFromString(bytes)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the request is no ", request.GetTypeName()));
}

}  // namespace api
