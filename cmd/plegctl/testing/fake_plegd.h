// A plegd in the test's own process: gRPC on a unix socket, and answers that the test chooses.
//
//   FakePlegd plegd;
//   plegd.snapshot = Healthy();
//   plegd.Serve();

#ifndef PLEGD_CMD_PLEGCTL_TESTING_FAKE_PLEGD_H_
#define PLEGD_CMD_PLEGCTL_TESTING_FAKE_PLEGD_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <set>
#include <string>

#include "cmd/plegctl/snapshot.h"
#include "plegd/v1/service.grpc.pb.h"

namespace plegctl_testing {

// Set the answers before Serve; then it is thread-safe.
class FakePlegd : public plegd::v1::Plegd::Service {
 public:
  FakePlegd();
  ~FakePlegd() override;

  plegctl::Snapshot snapshot;
  plegd::v1::PodList pods;
  plegd::v1::PodStatus fresh;
  plegd::v1::Evidence evidence;   // GetDiagnosis is that of the snapshot
  std::set<std::string> hangs;    // names of calls without an answer
  std::set<std::string> unknown;  // and of those that an older plegd does not know

  const std::string& directory() const { return directory_; }
  std::string socket() const { return directory_ + "/plegd.sock"; }
  void Serve();
  void Stop();

 private:
  using Context = grpc::ServerContext;

  grpc::Status Answer(Context* context, const std::string& call);
  template <typename Part, typename Reply>
  grpc::Status AnswerPart(Context* context, const std::string& call, const Part& part,
                          Reply* reply);

  grpc::Status GetHealth(Context* context, const plegd::v1::GetHealthRequest* request,
                         plegd::v1::Health* reply) override;
  grpc::Status GetNode(Context* context, const plegd::v1::GetNodeRequest* request,
                       plegd::v1::Node* reply) override;
  grpc::Status GetCalls(Context* context, const plegd::v1::GetCallsRequest* request,
                        plegd::v1::Calls* reply) override;
  grpc::Status GetRelists(Context* context, const plegd::v1::GetRelistsRequest* request,
                          plegd::v1::Relists* reply) override;
  grpc::Status GetDiagnosis(Context* context, const plegd::v1::GetDiagnosisRequest* request,
                            plegd::v1::Diagnosis* reply) override;
  grpc::Status GetEvidence(Context* context, const plegd::v1::GetEvidenceRequest* request,
                           plegd::v1::Evidence* reply) override;
  grpc::Status ListPods(Context* context, const plegd::v1::ListPodsRequest* request,
                        plegd::v1::PodList* reply) override;
  grpc::Status GetPod(Context* context, const plegd::v1::GetPodRequest* request,
                      plegd::v1::PodStatus* reply) override;

  std::string directory_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace plegctl_testing

#endif  // PLEGD_CMD_PLEGCTL_TESTING_FAKE_PLEGD_H_
