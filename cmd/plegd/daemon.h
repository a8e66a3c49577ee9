// All the parts of plegd, wired together.
//
//   Daemon daemon(flags, log, clock, manager);
//   if (absl::Status status = daemon.Start({}); !status.ok()) …
//   daemon.Use(found);  …  daemon.Stop();

#ifndef PLEGD_CMD_PLEGD_DAEMON_H_
#define PLEGD_CMD_PLEGD_DAEMON_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api/http_server.h"
#include "api/web_handler.h"
#include "cmd/plegd/find_runtime.h"
#include "cmd/plegd/flags.h"
#include "cmd/plegd/node_watch.h"
#include "cmd/plegd/service_manager.h"
#include "cmd/plegd/service_manager_sockets.h"
#include "journal/event_log.h"
#include "journal/structured_log.h"
#include "metrics/metrics.h"
#include "pleg/event_hub.h"
#include "pleg/generic_pleg.h"
#include "pleg/mutex.h"
#include "pleg/pod_cache.h"
#include "pleg/runtime_state.h"
#include "pleg/status_sweep.h"
#include "runtime/cri_runtime.h"
#include "runtime/event_loop.h"
#include "runtime/socket_watcher.h"
#include "runtime/state_log.h"
#include "runtime/status_poller.h"

namespace plegd {

// Confined to the main thread.
class Daemon {
 public:
  // `prober` may be null; all else outlives the daemon.
  Daemon(const Flags& flags, journal::StructuredLog& log, const pleg::Clock& clock,
         ServiceManager& manager, std::unique_ptr<runtime::host::Prober> prober);
  ~Daemon();

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
  absl::Status StartWeb(const std::vector<InheritedSocket>& inherited);
  void ListenToRuntime();
  void MakeEventLog();
  void ConnectMetrics();
  // Once a second on the core's thread.
  void Tick();
  std::string StatusLine();
  api::RuntimeView DescribeRuntime() const;
  std::string DebugText();

  const Flags flags_;
  journal::StructuredLog& log_;
  const pleg::Clock& clock_;
  ServiceManager& manager_;

  metrics::Metrics metrics_;
  runtime::EventLoop loop_;
  pleg::EventHub hub_;
  pleg::PodCache cache_;
  pleg::RuntimeState state_;
  runtime::StateLog story_;
  NodeWatch watch_;
  runtime::CriRuntime runtime_;
  runtime::StatusPoller poller_;
  pleg::GenericPleg pleg_;
  pleg::StatusSweep sweep_;
  std::optional<journal::EventLog> event_log_;
  std::unique_ptr<api::HttpServer> http_;
  std::optional<runtime::SocketWatcher> watcher_;
  bool started_ = false;
  bool has_runtime_ = false;

  mutable pleg::Mutex mu_;
  FoundRuntime found_ ABSL_GUARDED_BY(mu_);
};

}  // namespace plegd

#endif  // PLEGD_CMD_PLEGD_DAEMON_H_
