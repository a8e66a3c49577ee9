#include "runtime/sim/sim_call.h"

#include <grpcpp/support/slice.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace sim {
namespace {

// Below this copying is cheaper than sharing.
constexpr size_t kCopyBelow = 4096;

// What a slice shares. gRPC may let go of it on another thread; the flag is a hand-off of our own,
// as gRPC's is invisible to ThreadSanitizer.
struct Kept {
  std::shared_ptr<const std::string> bytes;
  std::atomic<bool> handed_over{false};
};

grpc::Slice MakeSlice(const std::shared_ptr<const std::string>& bytes) {
  if (bytes->size() < kCopyBelow) return grpc::Slice(*bytes);
  auto* kept = new Kept{.bytes = bytes};
  kept->handed_over.store(true, std::memory_order_release);
  const auto release = [](void* data) {
    const auto* done = static_cast<Kept*>(data);
    if (done->handed_over.load(std::memory_order_acquire)) delete done;
  };
  return grpc::Slice(const_cast<char*>(bytes->data()), bytes->size(), release, kept);
}

grpc::ByteBuffer MakeBuffer(const Message& message) {
  std::vector<grpc::Slice> slices;
  slices.reserve(message.size() + 1);
  for (const Piece& piece : message) slices.push_back(MakeSlice(piece.bytes));
  if (slices.empty()) slices.emplace_back();
  return grpc::ByteBuffer(slices.data(), slices.size());
}

std::string Flat(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

}  // namespace

SimCall::SimCall(RpcLoop* loop) : loop_(loop) {}

void SimCall::Request() {
  context_.AsyncNotifyWhenDone(&done_tag_);
  loop_->generic().RequestCall(&context_, &stream_, loop_->queue(), loop_->queue(), &accepted_tag_);
}

void SimCall::OnAccepted(bool ok) {
  if (!ok)
    return loop_->Forget(
        this);  // The server stops; the end of a call never begun is not announced.
  loop_->AcceptNext();
  busy_ = true;
  stream_.Read(&request_bytes_, &read_tag_);
}

bool SimCall::IsEnded() {
  busy_ = false;
  if (!done_) return false;
  Leave();  // May destroy this.
  return true;
}

void SimCall::OnRead(bool ok) {
  if (IsEnded()) return;
  absl::StatusOr<CriRequest> request =
      ok ? loop_->service().Parse(context_.method(), Flat(request_bytes_))
         : absl::StatusOr<CriRequest>(absl::InternalError("the call ended without a request"));
  request_bytes_.Clear();
  if (!request.ok()) {
    loop_->stats().Change([](ServerStats& stats) { ++stats.refused; });
    return Finish(request.status());
  }
  request_ = *std::move(request);
  loop_->stats().Change([this](ServerStats& stats) {
    RpcStats& rpc = stats.rpcs[static_cast<size_t>(request_->rpc)];
    ++rpc.calls;
    ++rpc.in_flight;
    rpc.verbose += request_->verbose ? 1 : 0;
  });
  Decide(/*first=*/true);
}

void SimCall::Decide(bool first) {
  fault_ = loop_->faults().Match(request_->rpc, request_->id);
  absl::Duration wait = fault_.has_value() ? fault_->fault.latency : absl::ZeroDuration();
  if (first && IsInspection(request_->rpc)) wait += loop_->options().status_latency;
  if (wait <= absl::ZeroDuration()) return Act();
  busy_ = true;
  sleeping_ = true;
  loop_->SetWaiting(this, true);
  alarm_.Set(loop_->queue(), RpcLoop::After(wait), &alarm_tag_);
}

void SimCall::OnAlarm(bool) {
  sleeping_ = false;
  loop_->SetWaiting(this, false);
  if (IsEnded()) return;
  if (fault_.has_value() && !loop_->faults().InForce(fault_->number)) return Decide(false);
  Act();
}

void SimCall::Act() {
  if (fault() == nullptr || fault()->mid_reply) return Answer();
  switch (fault()->kind) {
    case Fault::Kind::kHang:
      return Hold();
    case Fault::Kind::kError:
      return Finish(absl::Status(fault()->code, fault()->message));
    case Fault::Kind::kDrop:
      return Drop();
    default:
      return Answer();
  }
}

void SimCall::Hold() {
  held_ = true;
  loop_->SetWaiting(this, true);
  loop_->stats().Change(
      [this](ServerStats& stats) { ++stats.rpcs[static_cast<size_t>(request_->rpc)].hung; });
  Reexamine();  // The fault may have been cleared since it matched.
}

void SimCall::Reexamine() {
  if (!fault_.has_value() || loop_->faults().InForce(fault_->number)) return;
  if (sleeping_) return alarm_.Cancel();
  if (!held_ || finished_) return;
  held_ = false;
  loop_->SetWaiting(this, false);
  loop_->stats().Change(
      [this](ServerStats& stats) { --stats.rpcs[static_cast<size_t>(request_->rpc)].hung; });
  if (!fault()->mid_reply) return Decide(false);
  fault_.reset();
  Continue();
}

// The end is announced when the transport notices.
void SimCall::Drop() { loop_->options().drop(context_.peer()); }

void SimCall::Answer() {
  reply_ = loop_->service().Answer(*request_, fault());
  size_t bytes = 0;
  for (const Message& message : reply_.messages) bytes += ByteSize(message);
  loop_->stats().Change([this, bytes](ServerStats& stats) {
    stats.rpcs[static_cast<size_t>(request_->rpc)].bytes += bytes;
  });
  const bool mid_reply = fault() != nullptr && fault()->mid_reply;
  if (mid_reply || !reply_.status.ok() || reply_.messages.size() != 1 || reply_.events ||
      reply_.endless) {
    return Continue();
  }
  busy_ = finished_ = true;
  outcome_ = absl::StatusCode::kOk;
  stream_.WriteAndFinish(MakeBuffer(reply_.messages[0]), grpc::WriteOptions(), grpc::Status::OK,
                         &finished_tag_);
}

void SimCall::Continue() {
  const bool mid_reply = fault() != nullptr && fault()->mid_reply;
  if (mid_reply && (next_message_ > 0 || reply_.messages.empty())) return ActMidReply();
  if (next_message_ == reply_.messages.size() && reply_.endless) {
    reply_.messages = {loop_->service().MoreItems(request_->rpc, ++more_messages_)};
    next_message_ = 0;
  }
  if (next_message_ < reply_.messages.size()) {
    busy_ = true;
    const grpc::ByteBuffer buffer = MakeBuffer(reply_.messages[next_message_]);
    reply_.messages[next_message_++].clear();
    return stream_.Write(buffer, &written_tag_);
  }
  if (reply_.events) return Subscribe();
  Finish(reply_.status);
}

void SimCall::ActMidReply() {
  switch (fault()->kind) {
    case Fault::Kind::kHang:
      return Hold();
    case Fault::Kind::kError:
      return Finish(absl::Status(fault()->code, fault()->message));
    default:
      return Drop();
  }
}

void SimCall::Subscribe() {
  subscribed_ = true;
  loop_->SetSubscribed(this, true);
  busy_ = true;
  stream_.SendInitialMetadata(&written_tag_);
}

void SimCall::Push(const std::shared_ptr<const std::string>& event) {
  if (done_ || events_.size() >= kQueue) return;
  events_.push_back(event);
  if (!busy_) WriteNextEvent();
}

void SimCall::WriteNextEvent() {
  if (events_.empty()) return;
  busy_ = true;
  const grpc::ByteBuffer buffer = MakeBuffer({{events_.front(), 1}});
  events_.pop_front();
  stream_.Write(buffer, &written_tag_);
}

void SimCall::OnWritten(bool ok) {
  if (IsEnded() || !ok) return;
  if (subscribed_) return WriteNextEvent();
  Continue();
}

void SimCall::Finish(const absl::Status& status) {
  busy_ = finished_ = true;
  outcome_ = status.code();
  stream_.Finish(ToGrpc(status), &finished_tag_);
}

void SimCall::OnFinished(bool) { IsEnded(); }

void SimCall::OnDone(bool) {
  done_ = true;
  if (sleeping_) alarm_.Cancel();
  if (!busy_) Leave();
}

// gRPC wants a status for every call that was accepted, also for those nobody waits for any more.
void SimCall::Leave() {
  if (!finished_) return Finish(absl::CancelledError("the client is gone"));
  if (request_.has_value()) {
    loop_->stats().Change([this](ServerStats& stats) {
      RpcStats& rpc = stats.rpcs[static_cast<size_t>(request_->rpc)];
      --rpc.in_flight;
      if (held_) --rpc.hung;
      if (context_.IsCancelled()) {
        ++rpc.cancelled;
      } else if (outcome_ == absl::StatusCode::kOk) {
        ++rpc.ok;
      } else {
        ++rpc.errors;
      }
    });
  }
  loop_->Forget(this);
}

}  // namespace sim
