// What plegd gathers to explain a hang: its own snapshots, the host probe, the kubelet. It looks
// closer, and searches for the container to blame, only while something is wrong.
//
//   EvidenceWatch evidence(options, clock, std::move(prober));
//   evidence.Connect({…});   evidence.Start();   …   pleg::Diagnose(evidence.Gather())

#ifndef PLEGD_RUNTIME_HOST_EVIDENCE_WATCH_H_
#define PLEGD_RUNTIME_HOST_EVIDENCE_WATCH_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/container_search.h"
#include "pleg/diagnosis/evidence.h"
#include "pleg/generic_pleg.h"
#include "pleg/history/call_history.h"
#include "pleg/history/connection_history.h"
#include "pleg/history/loop_lag.h"
#include "pleg/history/relist_ring.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"
#include "pleg/sandbox_names.h"
#include "pleg/twin/twin_feed.h"
#include "runtime/cri_runtime.h"
#include "runtime/host/kubelet_probe.h"
#include "runtime/host/peer.h"
#include "runtime/host/prober.h"
#include "runtime/host/run_delay.h"

namespace runtime::host {

// Connect, Start and Stop are the main thread's; OnEndpoint, OnConnection and Tick the core's;
// Refresh and Gather are thread-safe.
class EvidenceWatch {
 public:
  struct Options {
    std::string version;  // of this program
    absl::Duration relist_period = absl::Seconds(1);
    absl::Duration relist_threshold = absl::Minutes(3);
    KubeletProbe::Options kubelet = {};  // without a URL it is not asked
  };

  // `prober` may be null: nothing is known of the host then. `clock` outlives the watch.
  EvidenceWatch(Options options, const pleg::Clock& clock, std::unique_ptr<Prober> prober);

  struct Parts {
    pleg::GenericPleg& pleg;
    CriRuntime& runtime;
    const pleg::NodeTwin& twin;
    const pleg::CallHistory& history;
    const pleg::RelistRing& relists;
    const pleg::LoopLag& loop_lag;
    // "unix:///run/containerd/containerd.sock"; empty while none is known. Thread-safe.
    std::function<std::string()> endpoint;
  };
  void Connect(Parts parts);
  void Start();
  void Stop();

  // Parts::endpoint answers something else from now on.
  void OnEndpoint();
  void OnConnection(bool connected, absl::string_view reason);
  // Once a second.
  void Tick();
  // Whether something is wrong enough to look closer, as of the last Tick.
  bool busy() const { return busy_; }

  // Somebody wants to know: what is known of the host is brought up to date, soon. Does not block.
  void Refresh() const;

  // All that is known now. Does not block; O(objects of the node).
  pleg::Evidence Gather() const;

 private:
  // Who is behind the runtime's socket, as last seen.
  struct Door {
    Listener listener;
    pleg::MonoTime looked_at;
    std::optional<pleg::MonoTime> mute_since = {};  // there, and no connection came about
  };

  bool IsSomethingWrong() const;
  bool IsListFresh() const;
  // Whether the host shows what may pass in a moment, and has to be looked at again to be told from
  // what does not. The probe's thread.
  bool IsSuspicious(pleg::HostEvidence host) const;
  bool IsTimeToLook() const;
  // Connects and hangs up: microseconds, also where nobody accepts.
  void LookAtDoor();
  // Of what the host's probe blames and nothing names, the pods.
  void AskForNames();
  void NameByStatus(pleg::HostEvidence& host) const;
  Door LastDoor() const;
  std::vector<pleg::ContainerId> Candidates() const;
  ProbeQuestion Question() const;

  const Options options_;
  const pleg::Clock& clock_;
  pleg::ConnectionHistory connections_;
  std::optional<Parts> parts_;
  std::optional<pleg::ContainerSearch> search_;
  std::optional<pleg::SandboxNames> names_;
  RunDelay run_delay_;
  bool busy_ = false;                     // the core's
  bool new_connection_ = true;            // the same: who is behind it has not been looked at
  std::atomic<bool> suspicious_ = false;  // the host, at the last look
  mutable pleg::Mutex mu_;
  Door door_ ABSL_GUARDED_BY(mu_);
  std::optional<KubeletProbe> kubelet_;
  std::unique_ptr<Prober> prober_;  // last: asks the rest
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_EVIDENCE_WATCH_H_
