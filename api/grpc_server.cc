#include "api/grpc_server.h"

#include <grpc/support/time.h>
#include <grpcpp/alarm.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <pthread.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "api/grpc_acceptor.h"
#include "api/grpc_call.h"
#include "api/listen_socket.h"

namespace api {
namespace {

constexpr char kThreadName[] = "plegd-grpc";

int Millis(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

void Limit(const GrpcServerOptions& options, grpc::ServerBuilder& builder) {
  grpc::ResourceQuota quota("plegd-api");
  quota.Resize(options.max_transport_bytes);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(options.max_request_bytes);
  // A small compressed request may be a large one.
  for (const auto algorithm : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
    builder.SetCompressionAlgorithmSupportStatus(algorithm, false);
  }
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_calls_per_connection);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.max_metadata_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Millis(options.idle_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Millis(options.ping_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Millis(options.ping_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

}  // namespace

class GrpcServer::Impl {
 public:
  Impl(const GrpcServerOptions& options, NodeApi& api, ListenSocket socket) {
    grpc::ServerBuilder builder;
    Limit(options, builder);
    builder.RegisterAsyncGenericService(&service_);
    queue_ = builder.AddCompletionQueue();
    server_ = builder.BuildAndStart();
    calls_ = std::unique_ptr<GrpcCalls>(
        new GrpcCalls{.api = api,
                      .service = service_,
                      .queue = *queue_,
                      .quota = UserQuota({.total = options.max_calls,
                                          .per_user = options.max_calls / 2,
                                          .for_root = options.max_calls / 8}),
                      .max_pending_bytes = options.max_pending_bytes,
                      .answer_timeout = options.answer_timeout,
                      .drop = [this](const std::string& peer) { Drop(peer); },
                      .user = [this](const std::string& peer) { return UserOf(peer); }});
    acceptor_.emplace(std::move(socket),
                      GrpcAcceptor::Limits{.connections = options.max_connections,
                                           .per_user = options.max_connections_per_user,
                                           .preface = options.preface_timeout},
                      [this](int fd) { grpc::AddInsecureChannelFromFd(server_.get(), fd); });
    thread_ = std::thread([this] { Run(); });
  }
  ~Impl() {
    acceptor_->StopAccepting();
    // Cancels all calls; the thread sees each of them end.
    server_->Shutdown(std::chrono::system_clock::now());
    stop_alarm_.Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), &stop_alarm_);
    thread_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  const ListenAddress& address() const { return acceptor_->address(); }
  Stats stats() const {
    return {.connections = acceptor_->connections(),
            .calls = calls_->calls,
            .pending_bytes = calls_->pending_bytes};
  }

 private:
  // gRPC calls a connection that it was given "fd:<number>".
  static std::optional<int> FdOf(absl::string_view peer) {
    int fd = -1;
    if (absl::ConsumePrefix(&peer, "fd:") && absl::SimpleAtoi(peer, &fd)) return fd;
    return std::nullopt;
  }
  void Drop(absl::string_view peer) {
    if (const std::optional<int> fd = FdOf(peer)) acceptor_->Drop(*fd);
  }
  NodeApi::User UserOf(absl::string_view peer) const {
    const std::optional<int> fd = FdOf(peer);
    return fd.has_value() ? acceptor_->UserOf(*fd) : std::nullopt;
  }

  void Run() {
    pthread_setname_np(pthread_self(), kThreadName);
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    calls_->AcceptNext();
    void* tag = nullptr;
    bool ok = false;
    bool stopping = false;
    bool draining = false;
    while (queue_->Next(&tag, &ok)) {
      if (tag == &stop_alarm_) {
        stopping = true;
      } else {
        const auto* op = static_cast<GrpcCall::Tag*>(tag);
        (op->call->*op->complete)(ok);
      }
      // Calls that end may begin operations to the last; only then the queue may close.
      if (!stopping || draining || calls_->calls != 0 || calls_->waited_for != 0) continue;
      draining = true;
      queue_->Shutdown();
    }
  }

  grpc::AsyncGenericService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<GrpcCalls> calls_;
  grpc::Alarm stop_alarm_;  // its own tag
  std::thread thread_;
  std::optional<GrpcAcceptor> acceptor_;
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcServer::~GrpcServer() = default;

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const GrpcServerOptions& options,
                                                              NodeApi& api) {
  if (!options.address.is_unix) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.address.ToString(), " is not a unix socket"));
  }
  absl::StatusOr<std::vector<ListenSocket>> sockets = Listen(options.address);
  if (!sockets.ok()) return sockets.status();
  auto impl = std::make_unique<Impl>(options, api, std::move(sockets->front()));
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

const ListenAddress& GrpcServer::address() const { return impl_->address(); }
GrpcServer::Stats GrpcServer::stats() const { return impl_->stats(); }

}  // namespace api
