#include "runtime/transport.h"

#include <grpc/support/time.h>
#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/slice.h>
#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"
#include "runtime/cri_channel.h"
#include "runtime/grpc_status.h"
#include "runtime/system_clock.h"

namespace runtime {
namespace {

constexpr absl::Duration kMaxTimeout = absl::Hours(24 * 365 * 10);
// gRPC backs off between attempts that fail, but not after one that succeeded: a runtime that cuts
// each connection would be called on without a pause. One that lasted so long is no such.
constexpr absl::Duration kLasting = absl::Seconds(1);

// By how much a server may be ahead with the deadline that we told it.
constexpr absl::Duration kServersHaste = absl::Milliseconds(100);
// The thread sleeps at least so long between two calls, whatever their timeouts.
constexpr absl::Duration kLeastNap = absl::Seconds(1);

gpr_timespec ToTimespec(pleg::MonoTime time) {
  return gpr_time_add(gpr_time_0(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(time.nanos(), GPR_TIMESPAN));
}

// As gRPC's wire format has it: at most eight digits.
std::string TimeoutHeader(absl::Duration timeout) {
  const int64_t millis = std::max<int64_t>(absl::ToInt64Milliseconds(timeout), 1);
  return millis < 100'000'000 ? absl::StrCat(millis, "m")
                              : absl::StrCat(absl::ToInt64Minutes(timeout), "M");
}

// A default ByteBuffer aborts the process when sent; one empty slice is the empty message.
grpc::ByteBuffer ToByteBuffer(absl::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

class Transport::Impl {
 public:
  Impl(const Options& options, ConnectionCallback on_connection);
  ~Impl() { Shutdown(); }

  void Connect();
  CallId Start(const CriMethod& method, absl::string_view request, absl::Duration timeout,
               ReplyCallback done);
  CallId StartStream(const CriMethod& method, absl::string_view request, absl::Duration timeout,
                     MessageCallback on_message, ReplyCallback done);
  void Cancel(CallId id);
  void ResetConnectionBackoff();
  void Shutdown();

 private:
  // What the completion queue hands back.
  class Tag {
   public:
    virtual ~Tag() = default;
    virtual void Complete(bool ok) = 0;
  };

  struct OpenCall : Tag {
    explicit OpenCall(Impl& owner) : impl(owner) {}

    // The last word on the outcome.
    virtual void Judge() {}

    Impl& impl;
    CallId id = 0;
    pleg::MonoTime deadline;
    bool expired = false;    // completion thread only
    bool cancelled = false;  // by us; guarded by the transport's mutex
    grpc::ClientContext context;
    Reply reply;
    ReplyCallback done;
  };

  struct UnaryCall : OpenCall {
    using OpenCall::OpenCall;
    void Complete(bool) override { impl.OnCallEnd(id); }

    std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
  };

  // Start, send the one request, read until there is no more, take the status: one step at a time.
  struct StreamCall : OpenCall {
    using OpenCall::OpenCall;
    void Complete(bool ok) override;
    void Judge() override {
      if (refusal.ok()) return;
      reply.status = refusal;
      reply.answered = true;
    }

    enum class Step { kStart, kSend, kRead, kFinish };
    Step step = Step::kStart;
    grpc::ByteBuffer request;
    ReplyBody message;
    grpc::Status refusal;  // of a message; the call is cancelled
    MessageCallback on_message;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream;
  };

  struct Waker : Tag {
    explicit Waker(Impl& owner) : impl(owner) {}
    void Complete(bool) override { impl.OnWaker(); }
    Impl& impl;
    grpc::Alarm alarm;
  };

  struct StateWatch : Tag {
    explicit StateWatch(Impl& owner) : impl(owner) {}
    void Complete(bool) override { impl.OnStateChange(); }
    Impl& impl;
  };

  void Run();
  // Enters a call that is about to start; null when draining.
  std::shared_ptr<grpc::Channel> Enter(const std::shared_ptr<OpenCall>& call,
                                       absl::Duration timeout, ReplyCallback done);
  // Sees to it that the completion thread, if it sleeps for longer, wakes at `deadline`.
  void WakeForLocked(pleg::MonoTime deadline, absl::Duration timeout)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnWaker();
  // Until when the completion thread may sleep.
  pleg::MonoTime NextWake();
  // Ends the calls whose deadline has passed.
  void ExpireCalls();
  // After a connection that did not last; longer each time.
  void PauseReconnecting();
  // Connects if the pause is over, or `now` if there is one.
  void EndPause(bool now);
  void OnCallEnd(CallId id);
  void OnMessage(StreamCall& call);
  void OnStateChange();
  // Watches for the next change from `state`, unless shutting down.
  void Watch(const std::shared_ptr<grpc::Channel>& channel, grpc_connectivity_state state);
  void TellConnection(grpc_connectivity_state state);
  std::shared_ptr<grpc::Channel> channel();

  grpc::CompletionQueue queue_;
  StateWatch watch_{*this};
  Waker waker_{*this};
  ConnectionCallback on_connection_;

  pleg::Mutex mu_;
  std::condition_variable_any drained_;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool shut_down_ ABSL_GUARDED_BY(mu_) = false;
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mu_);
  CallId last_id_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<CallId, std::shared_ptr<OpenCall>> calls_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::pair<pleg::MonoTime, CallId>> deadlines_ ABSL_GUARDED_BY(mu_);
  pleg::MonoTime sleeps_until_ ABSL_GUARDED_BY(mu_);  // past while the completion thread is awake
  absl::Duration shortest_timeout_ ABSL_GUARDED_BY(mu_) = kMaxTimeout;
  bool waker_set_ ABSL_GUARDED_BY(mu_) = false;
  pleg::MonoTime paused_until_ ABSL_GUARDED_BY(mu_) = pleg::MonoTime::Max();  // Max: no pause

  // Completion thread only, once Connect has returned.
  grpc_connectivity_state watched_state_ = GRPC_CHANNEL_IDLE;
  std::optional<bool> connected_;
  pleg::MonoTime connected_at_;
  absl::Duration pause_;

  std::jthread thread_;
};

Transport::Impl::Impl(const Options& options, ConnectionCallback on_connection)
    : on_connection_(std::move(on_connection)), channel_(MakeCriChannel(options)) {
  // Debian's Abseil looks for deadlocks on every lock that gRPC takes, as in debug builds.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  thread_ = std::jthread([this] { Run(); });
}

void Transport::Impl::Connect() {
  const std::shared_ptr<grpc::Channel> live = channel();
  if (live == nullptr) return;
  live->GetState(/*try_to_connect=*/true);
  watched_state_ = GRPC_CHANNEL_IDLE;
  Watch(live, watched_state_);
}

Transport::CallId Transport::Impl::Start(const CriMethod& method, absl::string_view request,
                                         absl::Duration timeout, ReplyCallback done) {
  auto call = std::make_shared<UnaryCall>(*this);
  const std::shared_ptr<grpc::Channel> live = Enter(call, timeout, std::move(done));
  if (live == nullptr) return call->id;
  grpc::GenericStub stub(live);
  call->reader = stub.PrepareUnaryCall(&call->context, method.path, ToByteBuffer(request), &queue_);
  call->reader->StartCall();
  call->reader->Finish(&call->reply.body.buffer(), &call->reply.status,
                       static_cast<Tag*>(call.get()));
  return call->id;
}

std::shared_ptr<grpc::Channel> Transport::Impl::Enter(const std::shared_ptr<OpenCall>& call,
                                                      absl::Duration timeout, ReplyCallback done) {
  call->done = std::move(done);
  timeout = std::clamp(timeout, absl::ZeroDuration(), kMaxTimeout);
  call->deadline = SystemClock::MonoNow() + timeout;
  call->context.AddMetadata("grpc-timeout", TimeoutHeader(timeout));
  pleg::MutexLock lock(mu_);
  call->id = ++last_id_;
  if (draining_) return nullptr;
  calls_.emplace(call->id, call);
  deadlines_.emplace(call->deadline, call->id);
  WakeForLocked(call->deadline, timeout);
  return channel_;
}

void Transport::Impl::WakeForLocked(pleg::MonoTime deadline, absl::Duration timeout) {
  shortest_timeout_ = std::min(shortest_timeout_, std::max(timeout, kLeastNap));
  if (deadline >= sleeps_until_ || waker_set_) return;
  waker_set_ = true;
  waker_.alarm.Set(&queue_, gpr_now(GPR_CLOCK_MONOTONIC), static_cast<Tag*>(&waker_));
}

void Transport::Impl::OnWaker() {
  pleg::MutexLock lock(mu_);
  waker_set_ = false;
}

pleg::MonoTime Transport::Impl::NextWake() {
  // Waking in time for calls that begin meanwhile, as long as their timeout is a usual one.
  const pleg::MonoTime latest = SystemClock::MonoNow();
  pleg::MutexLock lock(mu_);
  sleeps_until_ = latest + shortest_timeout_;
  if (!deadlines_.empty()) sleeps_until_ = std::min(sleeps_until_, deadlines_.begin()->first);
  sleeps_until_ = std::min(sleeps_until_, paused_until_);
  return sleeps_until_;
}

void Transport::Impl::ExpireCalls() {
  const pleg::MonoTime now = SystemClock::MonoNow();
  std::vector<std::shared_ptr<OpenCall>> late;
  {
    pleg::MutexLock lock(mu_);
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
      late.push_back(calls_.at(deadlines_.begin()->second));
      deadlines_.erase(deadlines_.begin());
    }
  }
  for (const std::shared_ptr<OpenCall>& call : late) {
    call->expired = true;
    call->context.TryCancel();
  }
}

Transport::CallId Transport::Impl::StartStream(const CriMethod& method, absl::string_view request,
                                               absl::Duration timeout, MessageCallback on_message,
                                               ReplyCallback done) {
  auto call = std::make_shared<StreamCall>(*this);
  call->request = ToByteBuffer(request);
  call->on_message = std::move(on_message);
  const std::shared_ptr<grpc::Channel> live = Enter(call, timeout, std::move(done));
  if (live == nullptr) return call->id;
  grpc::GenericStub stub(live);
  call->stream = stub.PrepareCall(&call->context, method.path, &queue_);
  call->stream->StartCall(static_cast<Tag*>(call.get()));
  return call->id;
}

void Transport::Impl::StreamCall::Complete(bool ok) {
  Tag* tag = this;
  if (step == Step::kFinish) return impl.OnCallEnd(id);
  if (!ok) {
    step = Step::kFinish;
    stream->Finish(&reply.status, tag);
    return;
  }
  if (step == Step::kStart) {
    step = Step::kSend;
    stream->WriteLast(request, grpc::WriteOptions(), tag);
    return;
  }
  if (step == Step::kRead) impl.OnMessage(*this);
  step = Step::kRead;
  stream->Read(&message.buffer(), tag);
}

void Transport::Impl::OnMessage(StreamCall& call) {
  {
    pleg::MutexLock lock(mu_);
    if (draining_) return;
  }
  if (!call.refusal.ok()) return;
  call.refusal = call.on_message(std::move(call.message));
  if (!call.refusal.ok()) call.context.TryCancel();
}

void Transport::Impl::Cancel(CallId id) {
  std::shared_ptr<OpenCall> call;
  {
    pleg::MutexLock lock(mu_);
    const auto found = calls_.find(id);
    if (found == calls_.end()) return;
    call = found->second;
    call->cancelled = true;
  }
  call->context.TryCancel();
}

void Transport::Impl::ResetConnectionBackoff() {
  const std::shared_ptr<grpc::Channel> live = channel();
  if (live == nullptr) return;
  grpc::experimental::ChannelResetConnectionBackoff(live.get());
  EndPause(/*now=*/true);
}

void Transport::Impl::Shutdown() {
  std::vector<std::shared_ptr<OpenCall>> calls;
  {
    pleg::MutexLock lock(mu_);
    if (shut_down_) return;
    shut_down_ = true;
    draining_ = true;
    for (const auto& [id, call] : calls_) calls.push_back(call);
  }
  for (const auto& call : calls) call->context.TryCancel();
  calls.clear();
  std::shared_ptr<grpc::Channel> last;
  {
    pleg::MutexLock lock(mu_);
    while (!calls_.empty()) drained_.wait(mu_);
    last.swap(channel_);
  }
  // The last reference gone, the channel's state is SHUTDOWN, which ends the watch.
  last.reset();
  queue_.Shutdown();
  thread_.join();
}

void Transport::Impl::Run() {
  pthread_setname_np(pthread_self(), "pleg-cri");
  void* tag = nullptr;
  bool ok = false;
  while (true) {
    const auto next = queue_.AsyncNext(&tag, &ok, ToTimespec(NextWake()));
    if (next == grpc::CompletionQueue::SHUTDOWN) return;
    {
      // Takes over what the starting thread wrote by a lock that ThreadSanitizer sees, unlike
      // gRPC's.
      pleg::MutexLock lock(mu_);
      sleeps_until_ = pleg::MonoTime();
    }
    if (next == grpc::CompletionQueue::GOT_EVENT) static_cast<Tag*>(tag)->Complete(ok);
    ExpireCalls();
    EndPause(/*now=*/false);
  }
}

void Transport::Impl::OnCallEnd(CallId id) {
  std::shared_ptr<OpenCall> call;
  std::shared_ptr<grpc::Channel> live;
  bool dropped = false;
  bool cancelled = false;
  {
    pleg::MutexLock lock(mu_);
    call = calls_.extract(id).mapped();
    cancelled = call->cancelled;
    deadlines_.erase({call->deadline, id});
    live = channel_;
    dropped = draining_;
  }
  if (!dropped) {
    Reply& reply = call->reply;
    const bool deadline_passed = SystemClock::MonoNow() + kServersHaste >= call->deadline;
    if (call->expired && reply.status.error_code() == grpc::StatusCode::CANCELLED) {
      reply.status = grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded");
    }
    const bool connected = live->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_READY;
    reply.answered = !cancelled && IsAnswer(reply.status, deadline_passed, connected);
    call->Judge();
    call->done(std::move(reply));
  }
  live.reset();
  call.reset();
  // Told only now, so that Shutdown returns after the last call and its callback are destroyed.
  pleg::MutexLock lock(mu_);
  if (draining_ && calls_.empty()) drained_.notify_all();
}

void Transport::Impl::OnStateChange() {
  const std::shared_ptr<grpc::Channel> live = channel();
  if (live == nullptr) return;
  // The watch tells that the state left, not where it is now: a short break must not be overlooked.
  bool lasted = true;
  if (watched_state_ == GRPC_CHANNEL_READY) {
    TellConnection(GRPC_CHANNEL_IDLE);
    lasted = SystemClock::MonoNow() - connected_at_ >= kLasting;
    if (lasted) {
      pause_ = absl::ZeroDuration();
    } else {
      PauseReconnecting();
    }
  }
  watched_state_ = live->GetState(/*try_to_connect=*/lasted);
  TellConnection(watched_state_);
  Watch(live, watched_state_);
}

void Transport::Impl::PauseReconnecting() {
  pause_ = std::clamp(pause_ * 2, absl::Milliseconds(kMinReconnectMillis),
                      absl::Milliseconds(kMaxReconnectMillis));
  pleg::MutexLock lock(mu_);
  paused_until_ = SystemClock::MonoNow() + pause_;
}

void Transport::Impl::EndPause(bool now) {
  std::shared_ptr<grpc::Channel> live;
  {
    pleg::MutexLock lock(mu_);
    if (paused_until_ == pleg::MonoTime::Max()) return;
    if (!now && SystemClock::MonoNow() < paused_until_) return;
    paused_until_ = pleg::MonoTime::Max();
    live = channel_;
  }
  if (live != nullptr) live->GetState(/*try_to_connect=*/true);
}

void Transport::Impl::Watch(const std::shared_ptr<grpc::Channel>& channel,
                            grpc_connectivity_state state) {
  // Under the lock, because arming a queue that is shut down aborts; it only ever queues a tag.
  pleg::MutexLock lock(mu_);
  if (draining_) return;
  channel->NotifyOnStateChange(state, gpr_inf_future(GPR_CLOCK_MONOTONIC), &queue_,
                               static_cast<Tag*>(&watch_));
}

void Transport::Impl::TellConnection(grpc_connectivity_state state) {
  const bool was_connected = connected_.value_or(false);
  const bool now_connected = state == GRPC_CHANNEL_READY;
  const bool first_failure = !connected_.has_value() && state == GRPC_CHANNEL_TRANSIENT_FAILURE;
  if (was_connected == now_connected && !first_failure) return;
  if (now_connected) connected_at_ = SystemClock::MonoNow();
  connected_ = now_connected;
  if (on_connection_ != nullptr) on_connection_(now_connected);
}

std::shared_ptr<grpc::Channel> Transport::Impl::channel() {
  pleg::MutexLock lock(mu_);
  return channel_;
}

Transport::Transport(const Options& options, ConnectionCallback on_connection)
    : impl_(std::make_unique<Impl>(options, std::move(on_connection))) {}

Transport::~Transport() = default;

void Transport::Connect() { impl_->Connect(); }

Transport::CallId Transport::Start(const CriMethod& method, absl::string_view request,
                                   absl::Duration timeout, ReplyCallback done) {
  return impl_->Start(method, request, timeout, std::move(done));
}

Transport::CallId Transport::StartStream(const CriMethod& method, absl::string_view request,
                                         absl::Duration timeout, MessageCallback on_message,
                                         ReplyCallback done) {
  return impl_->StartStream(method, request, timeout, std::move(on_message), std::move(done));
}

void Transport::Cancel(CallId id) { impl_->Cancel(id); }

void Transport::ResetConnectionBackoff() { impl_->ResetConnectionBackoff(); }

void Transport::Shutdown() { impl_->Shutdown(); }

}  // namespace runtime
