// Asks the node's kubelet how it is: kubelet_pleg_last_seen_seconds is the truth that plegd's own
// relist is compared with. Optional, and never needed for anything else.
//
//   KubeletProbe probe({.metrics_url = "https://127.0.0.1:10250/metrics", …}, clock);
//   probe.Start();  …  std::optional<pleg::KubeletEvidence> evidence = probe.Latest();

#ifndef PLEGD_RUNTIME_HOST_KUBELET_PROBE_H_
#define PLEGD_RUNTIME_HOST_KUBELET_PROBE_H_

#include <condition_variable>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pleg/diagnosis/evidence.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"
#include "runtime/host/http_fetch.h"
#include "runtime/host/kubelet_metrics.h"

namespace runtime::host {

// Thread-safe but for Start.
class KubeletProbe {
 public:
  struct Options {
    std::string metrics_url = {};  // empty: not asked
    std::string healthz_url = {};  // the same
    // Read before each request for metrics, which needs it: tokens are renewed. Healthz gets none.
    std::string token_file = {};
    std::string ca_file = {};
    // PEM file with the kubelet's certificate, in place of an authority; see FetchRequest.
    std::string pinned_cert = {};
    bool skip_verification = false;
    absl::Duration period = absl::Seconds(10);      // while all is well
    absl::Duration busy_period = absl::Seconds(5);  // and while it is not
    absl::Duration timeout = absl::Seconds(5);
    // For tests; libcurl if empty.
    std::function<absl::StatusOr<FetchReply>(const FetchRequest&)> fetch = {};
  };

  // INVALID_ARGUMENT, naming the flags of plegd and plegctl, for options that would send the token
  // over a connection that others can read, or that contradict one another.
  static absl::Status Check(const Options& options);

  // `clock` outlives the probe.
  KubeletProbe(Options options, const pleg::Clock& clock);
  KubeletProbe(const KubeletProbe&) = delete;
  KubeletProbe& operator=(const KubeletProbe&) = delete;
  // Waits for a request that is out, up to its time-out.
  ~KubeletProbe() = default;

  // Begins to ask, on a thread of its own.
  void Start();
  // Asks once; blocks. What Start does again and again.
  void Ask();
  // Whether something is wrong; it is asked at once when that begins.
  void SetBusy(bool busy);
  // Empty before the first answer or error.
  std::optional<pleg::KubeletEvidence> Latest() const;
  // When that came; the zero time before.
  pleg::MonoTime answered_at() const;

 private:
  // Until it is to be asked again; false at the end.
  bool Wait(const std::stop_token& stop, absl::Duration pause);
  absl::StatusOr<FetchReply> Fetch(const std::string& url, const std::string& token_file);
  void AskMetrics(pleg::KubeletEvidence& evidence);
  void AskHealthz(pleg::KubeletEvidence& evidence);

  const Options options_;
  const pleg::Clock& clock_;
  std::optional<absl::StatusOr<Fetcher>> fetcher_;  // of the asking thread
  std::optional<KubeletMetrics> before_;            // the same

  mutable pleg::Mutex mu_;
  std::condition_variable_any wake_;
  bool busy_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<pleg::KubeletEvidence> evidence_ ABSL_GUARDED_BY(mu_);
  pleg::MonoTime asked_at_ ABSL_GUARDED_BY(mu_);

  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_KUBELET_PROBE_H_
