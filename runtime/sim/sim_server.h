// Serves a SimRuntime as a CRI v1 runtime on a unix socket, with faults.
//
//   auto runtime = std::make_shared<sim::SimRuntime>(sim::RuntimeOptions{.pods = 2});
//   auto server = sim::SimServer::Start({.socket_path = dir + "/cri.sock"}, runtime);
//   ASSERT_TRUE(server.ok());
//   // … a client connects to (*server)->target() …
//   pleg::ContainerId stuck = runtime->Pods()[0].containers[0].id;
//   (*server)->faults().AddConvoy(stuck);
//   ASSERT_TRUE((*server)->AwaitHung(sim::Rpc::kListContainers, 1, absl::Seconds(10)));
//   (*server)->faults().ClearAll();  // the hung call is answered

#ifndef PLEGD_RUNTIME_SIM_SIM_SERVER_H_
#define PLEGD_RUNTIME_SIM_SIM_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pleg/mutex.h"
#include "runtime/sim/cri_service.h"
#include "runtime/sim/fault_table.h"
#include "runtime/sim/server_stats.h"
#include "runtime/sim/sim_runtime.h"

namespace sim {

class Acceptor;
class RpcLoop;

struct ServerOptions {
  std::string socket_path = {};  // Absolute.
  absl::Duration status_latency =
      {};  // Before each PodSandboxStatus and ContainerStatus is answered.
  ServiceOptions service = {};
};

// Thread-safe, but for Stop(), which belongs to the owner. Two threads, however many calls wait. A
// runtime is served by one server at a time; it may outlive it and be served again, as after a
// restart.
class SimServer {
 public:
  // kAlreadyExists when the socket is served by another process; see ListenSocket.
  static absl::StatusOr<std::unique_ptr<SimServer>> Start(ServerOptions options,
                                                          std::shared_ptr<SimRuntime> runtime);
  ~SimServer();
  SimServer(const SimServer&) = delete;
  SimServer& operator=(const SimServer&) = delete;

  // Cancels all calls, closes all connections and removes the socket. Idempotent.
  void Stop();

  // What a gRPC client connects to: "unix:///…".
  std::string target() const { return "unix://" + options_.socket_path; }
  const std::string& socket_path() const { return options_.socket_path; }
  SimRuntime& runtime() const { return *runtime_; }
  FaultTable& faults() { return faults_; }

  // The world that is served; null if the runtime's own objects are.
  WorldSource* world() const { return options_.service.world.get(); }
  // Puts the rules of the world that is in force in force: after it was read.
  void ApplyWorldRules() ABSL_LOCKS_EXCLUDED(rules_mu_);

  // As a stopped process: clients connect, but nothing answers. Thaw answers what waits.
  void Freeze();
  void Thaw();
  bool frozen() const { return faults_.frozen(); }
  // Cuts all connections; returns how many there were.
  size_t DropConnections();

  ServerStats Stats() const;
  // Block until it is so, at most for the timeout; return whether it is.
  bool AwaitHung(Rpc rpc, uint64_t count, absl::Duration timeout);   // So many calls are held now.
  bool AwaitCalls(Rpc rpc, uint64_t count, absl::Duration timeout);  // So many have begun, ever.
  bool AwaitInFlight(Rpc rpc, uint64_t count, absl::Duration timeout);  // Exactly so many.

 private:
  SimServer(ServerOptions options, std::shared_ptr<SimRuntime> runtime);

  const ServerOptions options_;
  const std::shared_ptr<SimRuntime> runtime_;
  const CriService service_;
  StatsBoard stats_;
  FaultTable faults_;
  pleg::Mutex rules_mu_;           // Nobody puts older rules in force than another one just did.
  std::shared_ptr<RpcLoop> loop_;  // Shared with a listener that may be running.
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_SIM_SERVER_H_
