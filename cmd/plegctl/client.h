// plegd's API over its socket. All of plegctl's gRPC is behind this.

#ifndef PLEGD_CMD_PLEGCTL_CLIENT_H_
#define PLEGD_CMD_PLEGCTL_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "cmd/plegctl/failure.h"
#include "cmd/plegctl/snapshot.h"
#include "plegd/v1/calls.pb.h"
#include "plegd/v1/diagnosis.pb.h"
#include "plegd/v1/evidence.pb.h"
#include "plegd/v1/node.pb.h"
#include "plegd/v1/pod.pb.h"
#include "plegd/v1/relists.pb.h"

namespace plegctl {

template <typename T>
using Answer = std::variant<T, Failure>;

// Every method blocks until an answer, or for `timeout`. Thread-compatible.
class Client {
 public:
  explicit Client(Attempt attempt);
  ~Client();

  const Attempt& attempt() const { return attempt_; }

  // Asks for everything at once. A Failure only if nothing was answered.
  Answer<Snapshot> GetSnapshot(uint32_t relists);

  Answer<plegd::v1::Node> GetNode();
  Answer<plegd::v1::Calls> GetCalls();
  Answer<plegd::v1::Relists> GetRelists(uint32_t limit);
  Answer<plegd::v1::PodList> ListPods();
  Answer<plegd::v1::Diagnosis> GetDiagnosis();
  Answer<plegd::v1::Evidence> GetEvidence();
  // What plegd observes after it got this; it asks the runtime. Gives plegd a little less time than
  // this client has, so that plegd's own error arrives.
  Answer<plegd::v1::PodStatus> GetFreshPod(const std::string& uid);

 private:
  struct Rpc;

  Failure MakeFailure(std::string call, absl::Status status) const;
  template <typename Reply, typename Request, typename Prepare>
  Answer<Reply> Ask(const char* call, const Request& request, Prepare prepare);

  const Attempt attempt_;
  const std::unique_ptr<Rpc> rpc_;
};

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_CLIENT_H_
