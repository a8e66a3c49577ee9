// All the parts of plegd, wired together.
//
//   Daemon daemon(options, log, clock);
//   if (absl::Status status = daemon.Start(); !status.ok()) …
//   …  daemon.Stop();

#ifndef PLEGD_CMD_PLEGD_DAEMON_H_
#define PLEGD_CMD_PLEGD_DAEMON_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api/http_server.h"
#include "cmd/plegd/find_runtime.h"
#include "cmd/plegd/flags.h"
#include "journal/event_log.h"
#include "journal/structured_log.h"
#include "metrics/metrics.h"
#include "pleg/event_hub.h"
#include "pleg/generic_pleg.h"
#include "pleg/pod_cache.h"
#include "runtime/cri_runtime.h"
#include "runtime/event_loop.h"

namespace plegd {

// Confined to the main thread.
class Daemon {
 public:
  // `log` and `clock` outlive the daemon.
  Daemon(const Flags& flags, FoundRuntime found, journal::StructuredLog& log,
         const pleg::Clock& clock);
  ~Daemon();

  // Opens what can be refused (listeners, event log) before anything runs; then begins to relist.
  // Does not wait for the runtime.
  absl::Status Start();
  // Where it serves HTTP: with real ports.
  std::vector<std::string> addresses() const;
  // Ends everything in well under two seconds, unless a disk or a client hangs.
  void Stop();

 private:
  // Once a second on the core's thread.
  void Tick();
  absl::Status StartEventLog();
  absl::Status StartWeb();
  void ConnectMetrics();

  const Flags flags_;
  const FoundRuntime found_;
  journal::StructuredLog& log_;
  const pleg::Clock& clock_;

  metrics::Metrics metrics_;
  runtime::EventLoop loop_;
  pleg::EventHub hub_;
  pleg::PodCache cache_;
  runtime::CriRuntime runtime_;
  pleg::GenericPleg pleg_;
  std::optional<journal::EventLog> event_log_;
  std::unique_ptr<api::HttpServer> http_;
  bool started_ = false;
};

}  // namespace plegd

#endif  // PLEGD_CMD_PLEGD_DAEMON_H_
