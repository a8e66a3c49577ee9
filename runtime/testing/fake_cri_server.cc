#include "runtime/testing/fake_cri_server.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <utility>

#include "absl/time/clock.h"
#include "pleg/mutex.h"

namespace runtime::testing {
namespace {

grpc::ByteBuffer ToByteBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return "";
  return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size());
}

}  // namespace

// What survives a Stop: the answers and the counts.
class FakeCriServer::State {
 public:
  explicit State(std::string path) : path_(std::move(path)) {}

  Reply Handle(const std::string& method, const std::string& request) {
    FakeCriServer::Handler handler;
    {
      pleg::MutexLock lock(mu_);
      const auto found = handlers_.find(method);
      if (found != handlers_.end()) handler = found->second;
    }
    Reply reply =
        handler ? handler(request) : Error(grpc::StatusCode::UNIMPLEMENTED, "no " + method);
    pleg::MutexLock lock(mu_);
    ++counts_[method];
    counted_.notify_all();
    return reply;
  }

  void NoteTimeout(const std::string& method, absl::Duration timeout) {
    pleg::MutexLock lock(mu_);
    timeouts_[method] = timeout;
  }

  const std::string path_;
  std::unique_ptr<grpc::CallbackGenericService> listener_;  // one per server
  std::unique_ptr<grpc::Server> server_;

  mutable pleg::Mutex mu_;
  mutable std::condition_variable_any counted_;
  std::map<std::string, FakeCriServer::Handler, std::less<>> handlers_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, int, std::less<>> counts_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, absl::Duration, std::less<>> timeouts_ ABSL_GUARDED_BY(mu_);
};

// One call. Deletes itself at its end.
class FakeCriServer::Call : public grpc::ServerGenericBidiReactor {
 public:
  Call(State& state, std::string method) : state_(state), method_(std::move(method)) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return FinishOnce(grpc::Status(grpc::StatusCode::CANCELLED, "no request"));
    Reply reply = state_.Handle(method_, ToString(request_));
    if (reply.hang) return;
    if (!reply.status.ok()) return FinishOnce(reply.status);
    if (finished_.exchange(true)) return;
    response_ = ToByteBuffer(reply.body);
    StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
  }
  void OnCancel() override { FinishOnce(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled")); }
  void OnDone() override { delete this; }

 private:
  void FinishOnce(const grpc::Status& status) {
    if (!finished_.exchange(true)) Finish(status);
  }

  State& state_;
  const std::string method_;
  std::atomic<bool> finished_ = false;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

class FakeCriServer::Listener : public grpc::CallbackGenericService {
 public:
  explicit Listener(State& state) : state_(state) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* ctx) override {
    const std::string& path = ctx->method();
    const std::string method = path.substr(path.rfind('/') + 1);
    state_.NoteTimeout(method, absl::FromChrono(ctx->deadline()) - absl::Now());
    return new Call(state_, method);
  }

 private:
  State& state_;
};

FakeCriServer::Reply FakeCriServer::Message(const google::protobuf::MessageLite& message) {
  return Raw(message.SerializeAsString());
}
FakeCriServer::Reply FakeCriServer::Raw(std::string bytes) {
  return {grpc::Status::OK, std::move(bytes), false};
}
FakeCriServer::Reply FakeCriServer::Error(grpc::StatusCode code, const std::string& text) {
  return {grpc::Status(code, text), "", false};
}
FakeCriServer::Reply FakeCriServer::Hang() { return {grpc::Status::OK, "", true}; }

FakeCriServer::FakeCriServer(std::string socket_path)
    : state_(std::make_unique<State>(std::move(socket_path))) {}

FakeCriServer::~FakeCriServer() { Stop(); }

void FakeCriServer::On(absl::string_view method, Handler handler) {
  pleg::MutexLock lock(state_->mu_);
  state_->handlers_[std::string(method)] = std::move(handler);
}

void FakeCriServer::Always(absl::string_view method, Reply reply) {
  On(method, [reply = std::move(reply)](const std::string&) { return reply; });
}

bool FakeCriServer::Start() {
  state_->listener_ = std::make_unique<Listener>(*state_);
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + state_->path_, grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(state_->listener_.get());
  state_->server_ = builder.BuildAndStart();
  return state_->server_ != nullptr;
}

void FakeCriServer::Stop() {
  if (state_->server_ == nullptr) return;
  state_->server_->Shutdown(std::chrono::system_clock::now());
  state_->server_->Wait();
  state_->server_.reset();
  unlink(state_->path_.c_str());
}

const std::string& FakeCriServer::socket_path() const { return state_->path_; }

int FakeCriServer::Count(absl::string_view method) const {
  pleg::MutexLock lock(state_->mu_);
  const auto found = state_->counts_.find(method);
  return found == state_->counts_.end() ? 0 : found->second;
}

absl::Duration FakeCriServer::LastTimeout(absl::string_view method) const {
  pleg::MutexLock lock(state_->mu_);
  const auto found = state_->timeouts_.find(method);
  return found == state_->timeouts_.end() ? absl::ZeroDuration() : found->second;
}

void FakeCriServer::WaitForCount(absl::string_view method, int count) const {
  pleg::MutexLock lock(state_->mu_);
  while (true) {
    const auto found = state_->counts_.find(method);
    if (found != state_->counts_.end() && found->second >= count) return;
    state_->counted_.wait(state_->mu_);
  }
}

}  // namespace runtime::testing
