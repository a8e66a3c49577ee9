// The gRPC side of the simulation: one thread turns one completion queue, and a call that waits,
// however long, costs a little memory and no thread.

#ifndef PLEGD_RUNTIME_SIM_RPC_LOOP_H_
#define PLEGD_RUNTIME_SIM_RPC_LOOP_H_

#include <grpc/support/time.h>
#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "pleg/mutex.h"
#include "runtime/sim/cri_service.h"
#include "runtime/sim/fault_table.h"
#include "runtime/sim/server_stats.h"

namespace sim {

class SimCall;

// What the completion queue hands back.
class Tag {
 public:
  virtual ~Tag() = default;
  virtual void Complete(bool ok) = 0;
};

// Calls a member. Lives in the object it calls.
template <typename T, void (T::*Method)(bool)>
class MemberTag : public Tag {
 public:
  explicit MemberTag(T* object) : object_(object) {}
  void Complete(bool ok) override { (object_->*Method)(ok); }

 private:
  T* const object_;
};

struct LoopOptions {
  absl::Duration status_latency;  // Before each inspection is answered.
  // Closes the connection that gRPC calls `peer`.
  std::function<void(const std::string& peer)> drop;
};

// Owns the thread "sim-rpc". AddConnection, Wake and Stop are thread-safe, the rest is confined to
// that thread and for SimCall alone.
class RpcLoop {
 public:
  // All must outlive the loop.
  RpcLoop(const CriService* service, FaultTable* faults, StatsBoard* stats, LoopOptions options);
  ~RpcLoop();
  RpcLoop(const RpcLoop&) = delete;
  RpcLoop& operator=(const RpcLoop&) = delete;

  // Serves a connected, non-blocking socket; takes the descriptor.
  void AddConnection(int fd);
  // Soon, on the loop's thread: held calls look whether they still are, events go out, churn is
  // planned.
  void Wake();
  // Cancels all calls and ends the thread; no connection may be added any more. Idempotent.
  void Stop();

  grpc::AsyncGenericService& generic() { return generic_; }
  grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  const CriService& service() const { return *service_; }
  FaultTable& faults() { return *faults_; }
  StatsBoard& stats() { return *stats_; }
  const LoopOptions& options() const { return options_; }

  // What an alarm of the queue wants; does not follow steps of the wall clock.
  static gpr_timespec After(absl::Duration delay);
  void AcceptNext();
  void SetWaiting(SimCall* call, bool waiting);  // To be told of changed faults.
  void SetSubscribed(SimCall* call, bool subscribed);
  void Forget(SimCall* call);  // Destroys it.

 private:
  void PostWake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Run();
  void OnWake(bool ok);
  void OnChurn(bool ok);
  void ArmChurn();
  void DeliverEvents();

  const CriService* const service_;
  FaultTable* const faults_;
  StatsBoard* const stats_;
  const LoopOptions options_;
  grpc::AsyncGenericService generic_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;

  std::set<SimCall*> calls_;  // Owned.
  std::set<SimCall*> waiting_;
  std::set<SimCall*> subscribers_;
  grpc::Alarm churn_alarm_;
  MemberTag<RpcLoop, &RpcLoop::OnChurn> churn_tag_{this};
  bool churn_armed_ = false;

  pleg::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool wake_pending_ ABSL_GUARDED_BY(mu_) = false;
  grpc::Alarm wake_alarm_ ABSL_GUARDED_BY(mu_);
  MemberTag<RpcLoop, &RpcLoop::OnWake> wake_tag_{this};
  std::thread thread_;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_RPC_LOOP_H_
