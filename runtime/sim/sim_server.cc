#include "runtime/sim/sim_server.h"

#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "runtime/sim/acceptor.h"
#include "runtime/sim/rpc_loop.h"
#include "runtime/sim/unix_socket.h"

namespace sim {

SimServer::SimServer(ServerOptions options, std::shared_ptr<SimRuntime> runtime)
    : options_(std::move(options)),
      runtime_(std::move(runtime)),
      service_(runtime_, options_.service),
      faults_([this] { loop_->Wake(); }) {}

absl::StatusOr<std::unique_ptr<SimServer>> SimServer::Start(ServerOptions options,
                                                            std::shared_ptr<SimRuntime> runtime) {
  absl::StatusOr<ListenSocket> socket = ListenSocket::Open(options.socket_path);
  if (!socket.ok()) return socket.status();
  std::unique_ptr<SimServer> server(new SimServer(std::move(options), std::move(runtime)));
  SimServer* self = server.get();
  // gRPC calls a connection that it was given "fd:<number>".
  const auto drop = [self](absl::string_view peer) {
    int fd = -1;
    if (absl::ConsumePrefix(&peer, "fd:") && absl::SimpleAtoi(peer, &fd)) self->acceptor_->Drop(fd);
  };
  self->loop_ = std::make_shared<RpcLoop>(
      &self->service_, &self->faults_, &self->stats_,
      LoopOptions{.status_latency = self->options_.status_latency, .drop = drop});
  self->ApplyWorldRules();
  self->runtime_->SetListener([weak = std::weak_ptr<RpcLoop>(self->loop_)] {
    if (const std::shared_ptr<RpcLoop> loop = weak.lock()) loop->Wake();
  });
  self->acceptor_ = std::make_unique<Acceptor>(*std::move(socket),
                                               [self](int fd) { self->loop_->AddConnection(fd); });
  return server;
}

SimServer::~SimServer() { Stop(); }

void SimServer::Stop() {
  runtime_->SetListener(nullptr);
  acceptor_->StopAccepting();
  loop_->Stop();
  acceptor_->DropAll();
}

void SimServer::ApplyWorldRules() {
  pleg::MutexLock lock(rules_mu_);
  if (world() != nullptr) faults_.SetRules(world()->Current()->rules);
}

void SimServer::Freeze() {
  acceptor_->SetPaused(true);
  faults_.Freeze();
}

void SimServer::Thaw() {
  faults_.Thaw();
  acceptor_->SetPaused(false);
}

size_t SimServer::DropConnections() { return acceptor_->DropAll(); }

ServerStats SimServer::Stats() const {
  ServerStats stats = stats_.Get();
  stats.connections = acceptor_->connections();
  stats.accepted = acceptor_->accepted();
  return stats;
}

bool SimServer::AwaitHung(Rpc rpc, uint64_t count, absl::Duration timeout) {
  return stats_.Await([=](const ServerStats& s) { return s.of(rpc).hung >= count; }, timeout);
}

bool SimServer::AwaitCalls(Rpc rpc, uint64_t count, absl::Duration timeout) {
  return stats_.Await([=](const ServerStats& s) { return s.of(rpc).calls >= count; }, timeout);
}

bool SimServer::AwaitInFlight(Rpc rpc, uint64_t count, absl::Duration timeout) {
  return stats_.Await([=](const ServerStats& s) { return s.of(rpc).in_flight == count; }, timeout);
}

}  // namespace sim
