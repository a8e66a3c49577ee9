// All the parts of plegd, wired together.
//
//   Daemon daemon(flags, log, clock, manager);
//   if (absl::Status status = daemon.Start({}); !status.ok()) …
//   daemon.Use(found);  …  daemon.Stop();

#ifndef PLEGD_CMD_PLEGD_DAEMON_H_
#define PLEGD_CMD_PLEGD_DAEMON_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/grpc_server.h"
#include "api/http_server.h"
#include "api/node_api.h"
#include "api/web_handler.h"
#include "cmd/plegd/find_runtime.h"
#include "cmd/plegd/flags.h"
#include "cmd/plegd/service_manager.h"
#include "cmd/plegd/service_manager_sockets.h"
#include "journal/event_log.h"
#include "journal/structured_log.h"
#include "metrics/metrics.h"
#include "node/node.h"
#include "pleg/mono_time.h"
#include "runtime/host/prober.h"

namespace plegd {

// Confined to the main thread, apart from what it serves of itself.
class Daemon : private api::ProcessPages {
 public:
  // `prober` may be null; all else outlives the daemon.
  Daemon(const Flags& flags, journal::StructuredLog& log, const pleg::Clock& clock,
         ServiceManager& manager, std::unique_ptr<runtime::host::Prober> prober);
  ~Daemon() override;

  // Opens what can be refused (listeners, event log) before anything runs; then begins to relist.
  // Serves `inherited` in place of the addresses of the flags, unless it is empty. Does not wait
  // for the runtime.
  absl::Status Start(const std::vector<InheritedSocket>& inherited);
  // What has been found so far; the first that is settled is used from then on.
  void Use(const FoundRuntime& found);
  // Tells the service manager, once the calls that are due now have been sent.
  void TellReady();
  // kInvalidArgument for what is no level. `by`: who asked.
  absl::Status SetLogLevel(absl::string_view name, absl::string_view by);
  // Opens what plegd writes by path (the event log) anew, on the thread that writes it.
  void ReopenFiles();
  // Writes what /debug/ serves to the log.
  void LogDebugText();
  // Ends everything in well under two seconds, unless a disk or a client hangs.
  void Stop();

  // Where it serves HTTP, with real ports, and the API.
  std::vector<std::string> addresses() const;

 private:
  // Opens the API's socket, if there is to be one. That the default one cannot be opened is only
  // logged: plegd is then of use without it.
  absl::Status StartApi();
  absl::Status StartWeb(const std::vector<InheritedSocket>& inherited);
  void MakeEventLog();
  void ConnectMetrics();
  // Once a second on the core's thread.
  void Tick();
  std::string StatusLine() const;

  // Any thread.
  std::string Metrics() override { return metrics_.Render(); }
  std::string DebugText() override;
  std::string LogLevel() override;
  absl::Status SetLogLevel(absl::string_view name) override { return SetLogLevel(name, "API"); }

  const Flags flags_;
  journal::StructuredLog& log_;
  const pleg::Clock& clock_;
  ServiceManager& manager_;

  metrics::Metrics metrics_;
  node::Node node_;
  api::NodeApi api_;
  std::optional<journal::EventLog> event_log_;
  std::unique_ptr<api::GrpcServer> grpc_;
  std::unique_ptr<api::HttpServer> http_;
  bool started_ = false;
  bool has_runtime_ = false;
  uint32_t ticks_ = 0;  // the core's
};

}  // namespace plegd

#endif  // PLEGD_CMD_PLEGD_DAEMON_H_
