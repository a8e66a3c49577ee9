// What surrounds the core: the runtime's socket, the host by its probe, the kubelet. It looks
// closer, and searches for the container to blame, only while something is wrong.
//
//   Lookout lookout(options, node, runtime, clock, std::move(prober));
//   lookout.Start();   once a second: lookout.Tick();   …   lookout.Describe(facts);

#ifndef PLEGD_NODE_LOOKOUT_H_
#define PLEGD_NODE_LOOKOUT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "node/node_view.h"
#include "pleg/container_search.h"
#include "pleg/diagnosis/gather.h"
#include "pleg/history/connection_history.h"
#include "pleg/ids.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"
#include "pleg/sandbox_names.h"
#include "runtime/cri_runtime.h"
#include "runtime/host/kubelet_probe.h"
#include "runtime/host/peer.h"
#include "runtime/host/prober.h"
#include "runtime/host/run_delay.h"

namespace node {

// Start and Stop are the main thread's; OnEndpoint, OnConnection, Tick, busy and news the core's;
// LookNow, Describe and
// scheduling_delay are thread-safe.
class Lookout {
 public:
  // `prober` may be null: nothing is known of the host then. A kubelet without a URL is not asked.
  // All references outlive the lookout; `node` is read from Start on.
  Lookout(const runtime::host::KubeletProbe::Options& kubelet, const NodeView& node,
          runtime::CriRuntime& runtime, const pleg::Clock& clock,
          std::unique_ptr<runtime::host::Prober> prober);

  void Start();
  void Stop();

  // The runtime is at "unix:///run/containerd/containerd.sock" from now on.
  void OnEndpoint(absl::string_view url);
  void OnConnection(bool connected, absl::string_view reason);
  // Once a second.
  void Tick();
  // Whether something is wrong enough to look closer, as of the last Tick.
  bool busy() const { return busy_; }
  // Moves whenever host or kubelet have been looked at, and when the host's probe begins to hang.
  uint64_t news() const { return news_; }

  // Somebody wants to know: what is known of the host is brought up to date, soon.
  void LookNow() const;
  // What is known now of connection, host and kubelet.
  void Describe(pleg::GatherFacts& facts) const;
  // The most of one second of the last minute that the core's thread was runnable and did not run.
  absl::Duration scheduling_delay() const { return run_delay_.Worst(); }

 private:
  // Who is behind the runtime's socket, as last seen.
  struct Door {
    std::string socket;  // a path; empty while none is known
    runtime::host::Listener listener;
    pleg::MonoTime looked_at;
    std::optional<pleg::MonoTime> mute_since = {};  // there, and no connection came about
  };

  bool IsSomethingWrong() const;
  bool IsListFresh() const;
  // Whether the host shows what may pass in a moment, and has to be looked at again to be told from
  // what does not. The probe's thread.
  bool IsSuspicious(const pleg::HostEvidence& host) const;
  // Frozen cgroups, other than what a list of this moment says is another runtime's.
  bool HasOwnFrozen(const pleg::HostEvidence& host) const;
  bool IsTimeToLook() const;
  // Connects and hangs up: microseconds, also where nobody accepts.
  void LookAtDoor();
  void CountNews();
  // Of what the host's probe blames and nothing names, the pods.
  void AskForNames();
  void NameByStatus(pleg::HostEvidence& host) const;
  Door LastDoor() const;
  // Without a look if there is no probe.
  runtime::host::Prober::Reading LastReading() const;
  std::vector<pleg::ContainerId> Candidates() const;
  runtime::host::ProbeQuestion Question() const;

  const NodeView& node_;
  runtime::CriRuntime& runtime_;
  const pleg::Clock& clock_;
  pleg::ConnectionHistory connections_;
  pleg::ContainerSearch search_;
  pleg::SandboxNames names_;
  runtime::host::RunDelay run_delay_;
  bool busy_ = false;           // the core's, as all down to the next space
  bool new_connection_ = true;  // who is behind it has not been looked at
  uint64_t news_ = 0;
  std::shared_ptr<const runtime::host::Prober::Sighting> host_seen_;
  bool host_failed_ = false;
  pleg::MonoTime kubelet_seen_;

  std::atomic<bool> suspicious_ = false;  // the host, at the last look
  mutable pleg::Mutex mu_;
  Door door_ ABSL_GUARDED_BY(mu_);
  std::optional<runtime::host::KubeletProbe> kubelet_;
  std::unique_ptr<runtime::host::Prober> prober_;  // last: asks the rest
};

}  // namespace node

#endif  // PLEGD_NODE_LOOKOUT_H_
