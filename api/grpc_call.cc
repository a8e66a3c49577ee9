#include "api/grpc_call.h"

#include <grpc/support/time.h>
#include <grpcpp/support/slice.h>

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "api/grpc_methods.h"

namespace api {
namespace {

constexpr absl::string_view kGetPod = "/plegd.v1.Plegd/GetPod";
constexpr size_t kMaxQuoted = 100;

std::string Flat(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

gpr_timespec After(absl::Duration delay) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_micros(absl::ToInt64Microseconds(delay), GPR_TIMESPAN));
}

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

}  // namespace

void GrpcCalls::AcceptNext() {
  ++waited_for;
  new GrpcCall(*this);
}

GrpcCall::GrpcCall(GrpcCalls& calls) : calls_(calls) {
  context_.AsyncNotifyWhenDone(&done_tag_);
  calls_.service.RequestCall(&context_, &stream_, &calls_.queue, &calls_.queue, &accepted_tag_);
}

GrpcCall::~GrpcCall() {
  calls_.pending_bytes -= pending_bytes_;
  if (begun_) --calls_.calls;
  if (counted_) calls_.quota.Return(user_);
}

void GrpcCall::OnAccepted(bool ok) {
  --calls_.waited_for;
  if (!ok) {  // The server stops; the end of a call never begun is not announced.
    delete this;
    return;
  }
  calls_.AcceptNext();
  begun_ = true;
  out_ = 1;  // the call's end
  ++calls_.calls;
  user_ = calls_.user(context_.peer());
  counted_ = calls_.quota.Take(user_);
  // Before its request is read, which may never come.
  if (!counted_) return Finish(absl::ResourceExhaustedError("too many calls are under way"));
  ++out_;
  stream_.Read(&request_, &read_tag_);
}

void GrpcCall::OnRead(bool ok) {
  if (done_) return Leave();
  const std::string path = context_.method();
  if (!ok) {
    Finish(absl::InvalidArgumentError("the call ended without a request"));
  } else if (path == kGetPod) {
    GetPod(Flat(request_));
  } else {
    Finish(Answer(Flat(request_)));
  }
  request_.Clear();
  Leave();
}

GrpcCall::Reply GrpcCall::Answer(const std::string& request) {
  const GrpcMethod* method = FindGrpcMethod(context_.method());
  if (method != nullptr) return method->answer(calls_.api, request, user_);
  return absl::UnimplementedError(
      absl::StrCat("plegd knows no call ",
                   absl::CHexEscape(absl::string_view(context_.method()).substr(0, kMaxQuoted))));
}

void GrpcCall::GetPod(const std::string& bytes) {
  plegd::v1::GetPodRequest request;
  if (absl::Status status = ParseRequest(bytes, request); !status.ok()) return Finish(status);
  mailbox_ = std::make_shared<Mailbox>();
  {
    pleg::MutexLock lock(mailbox_->mu);
    mailbox_->call = this;
  }
  ++out_;
  // On the core's thread: it hands the pod over and no more.
  auto done = [mailbox = mailbox_](absl::StatusOr<pleg::CachedPod> pod) {
    pleg::MutexLock lock(mailbox->mu);
    GrpcCall* call = std::exchange(mailbox->call, nullptr);
    if (call == nullptr) return;
    mailbox->pod = std::move(pod);
    call->alarm_.Set(&call->calls_.queue, gpr_inf_past(GPR_CLOCK_MONOTONIC), &call->pod_tag_);
  };
  wait_ = calls_.api.GetPod(request, std::move(done), user_);
}

void GrpcCall::OnPod(bool) {
  if (!done_) {
    absl::StatusOr<pleg::CachedPod> pod;
    {
      pleg::MutexLock lock(mailbox_->mu);
      pod = std::move(mailbox_->pod);
    }
    Finish(pod.ok() ? Reply(calls_.api.Describe(*pod).SerializeAsString()) : Reply(pod.status()));
  }
  Leave();
}

void GrpcCall::Finish(const Reply& reply) {
  ++out_;
  if (!reply.ok()) return stream_.Finish(ToGrpc(reply.status()), &finished_tag_);
  const size_t with_this = calls_.pending_bytes + reply->size();
  if (calls_.pending_bytes > 0 && with_this > calls_.max_pending_bytes) {
    const auto full = absl::ResourceExhaustedError("too many answers wait for slow readers");
    return stream_.Finish(ToGrpc(full), &finished_tag_);
  }
  ++out_;
  late_alarm_.Set(&calls_.queue, After(calls_.answer_timeout), &late_tag_);
  pending_bytes_ = reply->size();
  calls_.pending_bytes += pending_bytes_;
  const grpc::Slice slice(*reply);
  stream_.WriteAndFinish(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), grpc::Status::OK,
                         &finished_tag_);
}

void GrpcCall::OnFinished(bool) {
  finished_ = true;
  late_alarm_.Cancel();
  Leave();
}

void GrpcCall::OnLate(bool) {
  if (!finished_) calls_.drop(context_.peer());
  Leave();
}

void GrpcCall::OnDone(bool) {
  done_ = true;
  if (mailbox_ != nullptr) {
    bool waits = false;
    {
      pleg::MutexLock lock(mailbox_->mu);
      waits = std::exchange(mailbox_->call, nullptr) != nullptr;
    }
    calls_.api.Cancel(wait_);
    if (waits) --out_;
  }
  Leave();
}

void GrpcCall::Leave() {
  if (--out_ == 0) delete this;
}

}  // namespace api
