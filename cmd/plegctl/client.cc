#include "cmd/plegctl/client.h"

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "plegd/v1/service.grpc.pb.h"

namespace plegctl {
namespace {

using plegd::v1::Plegd;

// Twenty thousand containers with long names and labels.
constexpr int kLargestReply = 256 << 20;

std::shared_ptr<grpc::Channel> Connect(const std::string& socket) {
  // What gRPC has to say is in the status; its log lines are no output of ours.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) {
    gpr_set_log_function([](gpr_log_func_args*) {});
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kLargestReply);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  return grpc::CreateCustomChannel(absl::StrCat("unix:", socket),
                                   grpc::InsecureChannelCredentials(), arguments);
}

// errno of connecting there, 0 if somebody accepts. Does not block.
int ConnectError(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  // The kernel refuses a connection to a file as it does one to a socket without a listener.
  struct stat file = {};
  if (stat(path.c_str(), &file) == 0 && !S_ISSOCK(file.st_mode)) return ENOTSOCK;
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const int result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = result == 0 ? 0 : errno;
  close(fd);
  return error;
}

absl::Status ToAbsl(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

// One unary call under way.
template <typename Reply>
struct Pending {
  grpc::ClientContext context;
  Reply reply;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Reply>> reader;

  void Start(std::unique_ptr<grpc::ClientAsyncResponseReader<Reply>> prepared) {
    reader = std::move(prepared);
    reader->StartCall();
    reader->Finish(&reply, &status, this);
  }
};

}  // namespace

struct Client::Rpc {
  explicit Rpc(const std::string& socket) : stub(Plegd::NewStub(Connect(socket))) {}

  const std::unique_ptr<Plegd::Stub> stub;
  grpc::CompletionQueue queue;

  // Calls end by their deadlines at the latest.
  void Await(size_t calls) {
    void* tag = nullptr;
    bool ok = false;
    while (calls > 0 && queue.Next(&tag, &ok)) --calls;
  }
};

Client::Client(Attempt attempt)
    : attempt_(std::move(attempt)), rpc_(std::make_unique<Rpc>(attempt_.socket)) {}

Client::~Client() = default;

Failure Client::MakeFailure(std::string call, absl::Status status) const {
  Failure failure = {std::move(call), std::move(status)};
  const absl::StatusCode code = failure.status.code();
  if (code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDeadlineExceeded) {
    failure.connect_error = ConnectError(attempt_.socket);
  }
  return failure;
}

template <typename Reply, typename Request, typename Prepare>
Answer<Reply> Client::Ask(const char* call, const Request& request, Prepare prepare) {
  Pending<Reply> pending;
  pending.context.set_deadline(std::chrono::system_clock::now() +
                               absl::ToChronoNanoseconds(attempt_.timeout));
  pending.Start(((*rpc_->stub).*prepare)(&pending.context, request, &rpc_->queue));
  rpc_->Await(1);
  if (!pending.status.ok()) return MakeFailure(call, ToAbsl(pending.status));
  return std::move(pending.reply);
}

Answer<Snapshot> Client::GetSnapshot(uint32_t relists) {
  Pending<plegd::v1::Health> health;
  Pending<plegd::v1::Node> node;
  Pending<plegd::v1::Calls> calls;
  Pending<plegd::v1::Relists> ring;
  Pending<plegd::v1::Diagnosis> diagnosis;
  const auto deadline =
      std::chrono::system_clock::now() + absl::ToChronoNanoseconds(attempt_.timeout);
  for (grpc::ClientContext* context :
       {&health.context, &node.context, &calls.context, &ring.context, &diagnosis.context}) {
    context->set_deadline(deadline);
  }
  plegd::v1::GetRelistsRequest newest;
  newest.set_limit(relists);
  Plegd::Stub& stub = *rpc_->stub;
  health.Start(stub.PrepareAsyncGetHealth(&health.context, {}, &rpc_->queue));
  node.Start(stub.PrepareAsyncGetNode(&node.context, {}, &rpc_->queue));
  calls.Start(stub.PrepareAsyncGetCalls(&calls.context, {}, &rpc_->queue));
  ring.Start(stub.PrepareAsyncGetRelists(&ring.context, newest, &rpc_->queue));
  diagnosis.Start(stub.PrepareAsyncGetDiagnosis(&diagnosis.context, {}, &rpc_->queue));
  rpc_->Await(5);

  Snapshot snapshot;
  std::optional<Failure> first;
  const auto take = [&](const char* call, auto& pending, auto& part) {
    if (pending.status.ok()) {
      part = std::move(pending.reply);
      return;
    }
    const Failure failure = {call, ToAbsl(pending.status)};
    snapshot.missing.push_back({call, Brief(failure, attempt_)});
    if (!first.has_value()) first = failure;
  };
  take("GetHealth", health, snapshot.health);
  take("GetNode", node, snapshot.node);
  take("GetCalls", calls, snapshot.calls);
  take("GetRelists", ring, snapshot.relists);
  take("GetDiagnosis", diagnosis, snapshot.diagnosis);
  if (snapshot.missing.size() == 5) return MakeFailure(first->call, first->status);
  return snapshot;
}

Answer<plegd::v1::Node> Client::GetNode() {
  return Ask<plegd::v1::Node>("GetNode", plegd::v1::GetNodeRequest(),
                              &Plegd::Stub::PrepareAsyncGetNode);
}

Answer<plegd::v1::Calls> Client::GetCalls() {
  return Ask<plegd::v1::Calls>("GetCalls", plegd::v1::GetCallsRequest(),
                               &Plegd::Stub::PrepareAsyncGetCalls);
}

Answer<plegd::v1::Relists> Client::GetRelists(uint32_t limit) {
  plegd::v1::GetRelistsRequest request;
  request.set_limit(limit);
  return Ask<plegd::v1::Relists>("GetRelists", request, &Plegd::Stub::PrepareAsyncGetRelists);
}

Answer<plegd::v1::PodList> Client::ListPods() {
  return Ask<plegd::v1::PodList>("ListPods", plegd::v1::ListPodsRequest(),
                                 &Plegd::Stub::PrepareAsyncListPods);
}

Answer<plegd::v1::Diagnosis> Client::GetDiagnosis() {
  return Ask<plegd::v1::Diagnosis>("GetDiagnosis", plegd::v1::GetDiagnosisRequest(),
                                   &Plegd::Stub::PrepareAsyncGetDiagnosis);
}

Answer<plegd::v1::Evidence> Client::GetEvidence() {
  return Ask<plegd::v1::Evidence>("GetEvidence", plegd::v1::GetEvidenceRequest(),
                                  &Plegd::Stub::PrepareAsyncGetEvidence);
}

Answer<plegd::v1::PodStatus> Client::GetFreshPod(const std::string& uid) {
  plegd::v1::GetPodRequest request;
  request.set_uid(uid);
  request.set_fresh(true);
  request.set_timeout_seconds(absl::ToDoubleSeconds(attempt_.timeout * 0.9));
  return Ask<plegd::v1::PodStatus>("GetPod", request, &Plegd::Stub::PrepareAsyncGetPod);
}

}  // namespace plegctl
