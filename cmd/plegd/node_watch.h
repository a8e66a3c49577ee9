// What plegd remembers of its node and foresees for its kubelet, and the API that serves it, wired
// to the core.
//
//   NodeWatch watch(flags, metrics, loop, clock, std::move(prober));
//   … runtime(…, watch.call_observer()), pleg(…, watch.pleg_observer()) …
//   watch.Connect({…});   watch.Serve(log);   loop.Post([&] { watch.Start(); });

#ifndef PLEGD_CMD_PLEGD_NODE_WATCH_H_
#define PLEGD_CMD_PLEGD_NODE_WATCH_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/grpc_server.h"
#include "api/node_api.h"
#include "api/runtime_view.h"
#include "cmd/plegd/flags.h"
#include "metrics/live_gauges.h"
#include "metrics/metrics.h"
#include "pleg/generic_pleg.h"
#include "pleg/history/call_history.h"
#include "pleg/history/fan_out.h"
#include "pleg/history/loop_lag.h"
#include "pleg/history/relist_ring.h"
#include "pleg/log.h"
#include "pleg/pod_cache.h"
#include "pleg/runtime_state.h"
#include "pleg/twin/twin_feed.h"
#include "runtime/cri_runtime.h"
#include "runtime/event_loop.h"
#include "runtime/host/evidence_watch.h"
#include "runtime/host/prober.h"

namespace plegd {

// The child that looks at the host, forked; null with --host-probe=off. To be called before there
// is any thread.
absl::StatusOr<std::unique_ptr<runtime::host::Prober>> ForkProber(const Flags& flags,
                                                                  const pleg::Clock& clock);

// Confined to the main thread, apart from Start, Tick and Stop, which are the core's, and from what
// it hands out.
class NodeWatch {
 public:
  // `prober` may be null; all else outlives the watch.
  NodeWatch(const Flags& flags, metrics::Metrics& metrics, runtime::EventLoop& loop,
            const pleg::Clock& clock, std::unique_ptr<runtime::host::Prober> prober);

  pleg::PlegObserver& pleg_observer() { return pleg_observers_; }
  pleg::CallObserver& call_observer() { return call_observers_; }
  // Names this run of plegd.
  const std::string& boot_id() const { return boot_id_; }

  // What is watched; outlives the watch's last answer.
  struct Parts {
    pleg::GenericPleg& pleg;
    runtime::CriRuntime& runtime;
    pleg::PodCache& cache;
    pleg::RuntimeState& state;
    std::function<api::RuntimeView()> view;
  };
  // Once, before anything below.
  void Connect(Parts parts);

  // Opens the API's socket, if there is to be one. That the default one cannot be opened is only
  // logged: plegd is then of use without it.
  absl::Status Serve(pleg::Log& log);
  void StopServing() { grpc_ = nullptr; }
  // Where the API is served; empty if nowhere.
  std::string address() const;

  void Start();
  void Stop();
  void OnEndpoint() { evidence_.OnEndpoint(); }
  void OnConnection(bool connected, absl::string_view reason) {
    evidence_.OnConnection(connected, reason);
  }
  // Once a second.
  void Tick();
  // What is wrong, "CODE: sentence"; empty while nothing is. Judged anew once a second while a call
  // is silent or PLEG is not healthy, else every 5 s. The core's.
  const std::string& Trouble();

  api::NodeApi& api() { return *api_; }
  // Adds what it has to tell to the metrics' sources.
  void AddTo(metrics::LiveSources& sources) const;

 private:
  const Flags& flags_;
  runtime::EventLoop& loop_;
  const pleg::Clock& clock_;
  const std::string boot_id_;
  pleg::CallHistory history_;
  pleg::RelistRing relists_;
  pleg::LoopLag loop_lag_;
  pleg::PlegFanOut pleg_observers_;
  pleg::CallFanOut call_observers_;
  std::optional<Parts> parts_;
  std::optional<pleg::NodeTwin> twin_;
  runtime::host::EvidenceWatch evidence_;
  std::string trouble_;                      // the core's
  std::optional<pleg::MonoTime> judged_at_;  // the same
  std::optional<api::NodeApi> api_;
  std::unique_ptr<api::GrpcServer> grpc_;
};

}  // namespace plegd

#endif  // PLEGD_CMD_PLEGD_NODE_WATCH_H_
