// A client of the CRI that shows exactly what came: bytes and status.
//
//   RawClient client(server->target());
//   RawReply reply = client.Call("Version", "");

#ifndef PLEGD_RUNTIME_SIM_TESTING_RAW_CLIENT_H_
#define PLEGD_RUNTIME_SIM_TESTING_RAW_CLIENT_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "runtime/sim/rpc.h"

namespace sim {

struct RawReply {
  grpc::Status status;
  std::vector<std::string> messages;
};

// One call, unary or streaming; the destructor cancels it and waits for its end. Thread-compatible.
class RawCall {
 public:
  RawCall(grpc::GenericStub& stub, const std::string& method, const std::string& request,
          absl::Duration deadline) {
    context_.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(deadline));
    const grpc::Slice slice(request);
    const grpc::ByteBuffer buffer(&slice, 1);
    stream_ = stub.PrepareCall(&context_, method, &queue_);
    stream_->StartCall(nullptr);
    Next();
    stream_->WriteLast(buffer, grpc::WriteOptions(), nullptr);
    Next();
  }
  ~RawCall() {
    context_.TryCancel();
    if (!finished_) Finish();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  // Blocks for the next message; false at the end.
  bool Read(std::string* message) {
    grpc::ByteBuffer buffer;
    stream_->Read(&buffer, nullptr);
    if (!Next()) return false;
    std::vector<grpc::Slice> slices;
    message->clear();
    if (!buffer.Dump(&slices).ok()) return false;
    for (const grpc::Slice& s : slices) {
      message->append(reinterpret_cast<const char*>(s.begin()), s.size());
    }
    return true;
  }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish() {
    grpc::Status status;
    stream_->Finish(&status, nullptr);
    Next();
    finished_ = true;
    return status;
  }
  RawReply Drain() {
    RawReply reply;
    std::string message;
    while (Read(&message)) reply.messages.push_back(std::move(message));
    reply.status = Finish();
    return reply;
  }

 private:
  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  bool finished_ = false;
};

// Thread-safe.
class RawClient {
 public:
  static constexpr absl::Duration kDeadline = absl::Seconds(30);

  explicit RawClient(const std::string& target) : channel_(MakeChannel(target)), stub_(channel_) {}

  // `method` without the service, unless it begins with a slash.
  std::unique_ptr<RawCall> Start(const std::string& method, const std::string& request,
                                 absl::Duration deadline = kDeadline) {
    const std::string path =
        method[0] == '/' ? method : absl::StrCat("/", kServiceName, "/", method);
    return std::make_unique<RawCall>(stub_, path, request, deadline);
  }
  RawReply Call(const std::string& method, const std::string& request,
                absl::Duration deadline = kDeadline) {
    return Start(method, request, deadline)->Drain();
  }

 private:
  static std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target) {
    grpc::ChannelArguments args;
    args.SetMaxReceiveMessageSize(-1);
    args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), args);
  }

  std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_TESTING_RAW_CLIENT_H_
