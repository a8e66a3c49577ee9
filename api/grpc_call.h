// One call to the gRPC server, from the moment at which it is waited for to its end. Private to
// grpc_server.cc.

#ifndef PLEGD_API_GRPC_CALL_H_
#define PLEGD_API_GRPC_CALL_H_

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/node_api.h"
#include "api/user_quota.h"
#include "pleg/mutex.h"

namespace api {

class GrpcCall;

// What all calls of a server share. Confined to its thread, apart from what is atomic.
struct GrpcCalls {
  NodeApi& api;
  grpc::AsyncGenericService& service;
  grpc::ServerCompletionQueue& queue;
  UserQuota quota;  // calls under way
  size_t max_pending_bytes = 0;
  absl::Duration answer_timeout;
  // Cuts the connection of a client that does not read; `peer` as gRPC calls it.
  std::function<void(const std::string& peer)> drop;
  std::function<NodeApi::User(const std::string& peer)> user;  // whose connection it is
  std::atomic<size_t> calls{0};                                // that have begun and not ended
  std::atomic<size_t> pending_bytes{0};
  size_t waited_for = 0;  // calls that have not begun

  // Waits for one more call.
  void AcceptNext();
};

// Deletes itself. Confined to the server's thread.
class GrpcCall {
 public:
  // What the completion queue hands back.
  struct Tag {
    GrpcCall* call;
    void (GrpcCall::*complete)(bool ok);
  };

  explicit GrpcCall(GrpcCalls& calls);
  ~GrpcCall();
  GrpcCall(const GrpcCall&) = delete;
  GrpcCall& operator=(const GrpcCall&) = delete;

 private:
  using Reply = absl::StatusOr<std::string>;
  // Where the core leaves the pod that a GetPod waits for. It may outlive the call.
  struct Mailbox {
    pleg::Mutex mu;
    GrpcCall* call ABSL_GUARDED_BY(mu) = nullptr;  // null once nobody waits any more
    absl::StatusOr<pleg::CachedPod> pod ABSL_GUARDED_BY(mu);
  };

  void OnAccepted(bool ok);
  void OnRead(bool ok);
  void OnPod(bool ok);
  void OnFinished(bool ok);
  void OnLate(bool ok);
  void OnDone(bool ok);

  Reply Answer(const std::string& request);
  void GetPod(const std::string& bytes);
  void Finish(const Reply& reply);
  // One of the operations that are out has ended.
  void Leave();

  GrpcCalls& calls_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  grpc::ByteBuffer request_;
  bool begun_ = false;
  bool counted_ = false;  // in the quota, as one of user_
  NodeApi::User user_ = {};
  bool done_ = false;
  int out_ = 0;  // operations whose tags are still to come
  size_t pending_bytes_ = 0;
  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<NodeApi::Wait> wait_;
  grpc::Alarm alarm_;
  grpc::Alarm late_alarm_;  // the answer should have been read
  bool finished_ = false;

  Tag accepted_tag_{this, &GrpcCall::OnAccepted};
  Tag read_tag_{this, &GrpcCall::OnRead};
  Tag pod_tag_{this, &GrpcCall::OnPod};
  Tag finished_tag_{this, &GrpcCall::OnFinished};
  Tag late_tag_{this, &GrpcCall::OnLate};
  Tag done_tag_{this, &GrpcCall::OnDone};
};

}  // namespace api

#endif  // PLEGD_API_GRPC_CALL_H_
