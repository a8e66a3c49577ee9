#include "runtime/sim/rpc_loop.h"

#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/sim/sim_call.h"

namespace sim {

RpcLoop::RpcLoop(const CriService* service, FaultTable* faults, StatsBoard* stats,
                 LoopOptions options)
    : service_(service), faults_(faults), stats_(stats), options_(std::move(options)) {
  grpc::ServerBuilder builder;
  builder.RegisterAsyncGenericService(&generic_);
  builder.SetMaxReceiveMessageSize(16 << 20);
  queue_ = builder.AddCompletionQueue();
  server_ = builder.BuildAndStart();
  thread_ = std::thread([this] { Run(); });
  Wake();
}

RpcLoop::~RpcLoop() { Stop(); }

void RpcLoop::AddConnection(int fd) { grpc::AddInsecureChannelFromFd(server_.get(), fd); }

gpr_timespec RpcLoop::After(absl::Duration delay) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_micros(absl::ToInt64Microseconds(delay), GPR_TIMESPAN));
}

void RpcLoop::Wake() {
  pleg::MutexLock lock(mu_);
  if (!stopping_) PostWake();
}

void RpcLoop::PostWake() {
  if (wake_pending_) return;
  wake_pending_ = true;
  wake_alarm_.Set(queue_.get(), gpr_now(GPR_CLOCK_MONOTONIC), &wake_tag_);
}

void RpcLoop::Stop() {
  if (!thread_.joinable()) return;
  server_->Shutdown(std::chrono::system_clock::now());
  {
    pleg::MutexLock lock(mu_);
    stopping_ = true;
    PostWake();
  }
  thread_.join();
}

void RpcLoop::Run() {
  ::pthread_setname_np(::pthread_self(), "sim-rpc");
  AcceptNext();
  void* tag = nullptr;
  bool ok = false;
  bool draining = false;
  while (queue_->Next(&tag, &ok)) {
    static_cast<Tag*>(tag)->Complete(ok);
    if (draining || !calls_.empty()) continue;
    pleg::MutexLock lock(mu_);
    if (!stopping_ || wake_pending_) continue;
    if (churn_armed_) {
      churn_alarm_.Cancel();
      continue;
    }
    draining = true;
    queue_->Shutdown();
  }
}

void RpcLoop::AcceptNext() {
  auto* call = new SimCall(this);
  calls_.insert(call);
  call->Request();
}

void RpcLoop::SetWaiting(SimCall* call, bool waiting) {
  if (waiting) {
    waiting_.insert(call);
  } else {
    waiting_.erase(call);
  }
}

void RpcLoop::SetSubscribed(SimCall* call, bool subscribed) {
  const bool had = !subscribers_.empty();
  if (subscribed) {
    subscribers_.insert(call);
  } else {
    subscribers_.erase(call);
  }
  if (had != !subscribers_.empty()) service_->runtime().EnableEvents(!had);
}

void RpcLoop::Forget(SimCall* call) {
  SetWaiting(call, false);
  SetSubscribed(call, false);
  calls_.erase(call);
  delete call;
}

void RpcLoop::OnWake(bool) {
  {
    pleg::MutexLock lock(mu_);
    wake_pending_ = false;
  }
  const std::vector<SimCall*> waiting(waiting_.begin(), waiting_.end());
  for (SimCall* call : waiting) call->Reexamine();
  DeliverEvents();
  if (churn_armed_) {
    churn_alarm_.Cancel();
  } else {
    ArmChurn();
  }
}

void RpcLoop::DeliverEvents() {
  if (subscribers_.empty()) return;
  for (std::string& event : service_->runtime().TakeEvents()) {
    const auto bytes = std::make_shared<const std::string>(std::move(event));
    for (SimCall* call : subscribers_) call->Push(bytes);
  }
}

void RpcLoop::OnChurn(bool) {
  churn_armed_ = false;
  service_->runtime().AdvanceTo(service_->runtime().Now());
  ArmChurn();
}

void RpcLoop::ArmChurn() {
  const absl::Time next = service_->runtime().NextChange();
  {
    pleg::MutexLock lock(mu_);
    if (stopping_ || next == absl::InfiniteFuture()) return;
  }
  const absl::Duration delay = std::max(next - service_->runtime().Now(), absl::Milliseconds(1));
  churn_armed_ = true;
  churn_alarm_.Set(queue_.get(), After(delay), &churn_tag_);
}

}  // namespace sim
