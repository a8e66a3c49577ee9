// All that a diagnosis is made of: one value that can be recorded and judged again elsewhere. Times
// are ages at the moment of the evidence. What was not observed is absent, never a default that
// looks like an observation.
//
//   Evidence evidence;  evidence.observed_for = clock.Now() - started;  …
//   Diagnosis diagnosis = Diagnose(evidence);

#ifndef PLEGD_PLEG_DIAGNOSIS_EVIDENCE_H_
#define PLEGD_PLEG_DIAGNOSIS_EVIDENCE_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/call_stats.h"
#include "pleg/diagnosis/host_evidence.h"
#include "pleg/ids.h"
#include "pleg/twin/kubelet_twin.h"

namespace pleg {

struct RuntimeEvidence {
  std::string endpoint;  // "unix:///run/containerd/containerd.sock"
  std::string name;      // as it names itself: "containerd", "cri-o"; empty before it answered
  std::string version;
  std::string api_version;
  bool connected = false;
  std::string disconnected_reason;     // "connect: connection refused"
  absl::Duration connection_for = {};  // connected, or disconnected, for so long
  // Somebody has listened at the socket for so long, and no connection came about: the kernel takes
  // them for a process that is stopped, too. Absent while connected, and if nobody listens.
  std::optional<absl::Duration> mute_for = {};
  std::vector<absl::Duration> reconnected_ago;  // of the last hour, latest first
  bool unsupported = false;                     // it answers, but not CRI v1 (UNIMPLEMENTED)
  std::string unsupported_text;
  std::optional<bool> runtime_ready = {};  // the conditions of its last Status
  std::string runtime_ready_text;          // reason and message
  std::optional<bool> network_ready = {};
  std::string network_ready_text;
};

// Of everything, also where it comes as a stream: it goes by the name of the plain call.
inline bool IsList(absl::string_view method) {
  return method == "ListPodSandbox" || method == "ListContainers";
}

struct MethodEvidence {
  std::string method;                                // "ListContainers"
  std::optional<absl::Duration> answered_ago = {};   // also with an error of the runtime's own
  absl::Duration last_duration = {};                 // of that answer
  std::optional<absl::Duration> median_recent = {};  // of the last minute
  std::optional<absl::Duration> median_hour = {};
  // Every call since then ended with an error.
  struct Failure {
    absl::Duration since = {};
    std::string code;  // "RESOURCE_EXHAUSTED", as in absl::StatusCodeToString
    std::string text;
    uint32_t in_a_row = 0;  // calls that have ended since; 0 if that is not known
    // The runtime itself sent it, rather than plegd's deadline or a broken connection; absent in
    // records that do not tell.
    std::optional<bool> answered = {};

    bool of_runtime() const;
  };
  std::optional<Failure> failing = {};
  // Rows of answers that were errors, begun in the last 5 minutes: it fails now and then.
  uint32_t error_rows = 0;
  // The last of those, whatever was answered since; absent without any.
  struct LastError {
    absl::Duration ago = {};
    std::string code;
    std::string text;
  };
  std::optional<LastError> last_error = {};

  bool is_list() const { return IsList(method); }
};

// See UnansweredTarget.
struct UnansweredEvidence {
  std::string method;
  ObjectRef object;  // empty for lists, Version and Status
  absl::Duration age = {};
  uint32_t attempts = 0;
  bool pod_pending = false;  // its pod has a change that the kubelet has to inspect
};

// See FailingTarget.
struct FailingEvidence {
  std::string method;
  ObjectRef object;
  absl::Duration since = {};
  uint32_t in_a_row = 0;
  std::string code;  // "OK" if its answers only come late
  std::string text;
  absl::Duration duration = {};
  bool pod_pending = false;  // its pod has a change that the kubelet has to inspect

  bool only_late() const { return code == "OK"; }
};

struct RunningEvidence {
  std::string method;
  ObjectRef object;
  absl::Duration age = {};
};

struct RelistEvidence {
  absl::Duration period = absl::Seconds(1);
  absl::Duration threshold = absl::Minutes(3);
  std::optional<absl::Duration> last_good_ago = {};  // start of the last whose lists succeeded
  std::optional<absl::Duration> listing_for = {};    // a list is out
  std::vector<absl::Duration> recent;                // how long the last took, latest first
  std::optional<absl::Duration> median_interval = {};
  std::string error;  // why the last one failed; empty if it did not
};

struct CountEvidence {
  uint32_t pods = 0;
  uint32_t pods_pending = 0;
  uint32_t sandboxes_ready = 0;
  uint32_t sandboxes_notready = 0;
  uint32_t created = 0;  // containers
  uint32_t running = 0;
  uint32_t exited = 0;
  uint32_t unknown = 0;
  uint32_t exited_of_one_pod = 0;  // the most
  ObjectRef most_exited_pod;
  std::optional<absl::Duration> oldest_exited = {};  // its creation: no list tells when it exited
  double changed_pods_per_minute = 0;
  // Of the last 3 minutes; what changed before, a kubelet that is Ready has inspected.
  uint32_t changed_pods_lately = 0;
};

// What objects are on the way through, and do not stay in on a node that is well.
enum class Lasting : uint8_t {
  kCreated,       // a container that was made and not started
  kUnknown,       // a container or sandbox of which the runtime does not know the state
  kNotReady,      // sandboxes of one pod that are not ready
  kReadyTwice,    // sandboxes of one pod that are ready
  kRunningTwice,  // containers of one name in one pod that run
  kAttemptOrder,  // a later attempt was created before an earlier one: the clock went back
  kNoUid,         // a pod without a UID
  kNotInspected,  // a pod whose inspection fails, though none of its statuses does
};
inline constexpr Lasting kLastings[] = {
    Lasting::kCreated,      Lasting::kUnknown,      Lasting::kNotReady, Lasting::kReadyTwice,
    Lasting::kRunningTwice, Lasting::kAttemptOrder, Lasting::kNoUid,    Lasting::kNotInspected};
// "created", "unknown", "notready", …: as records have it.
absl::string_view LastingName(Lasting lasting);

struct LastingObject {
  ObjectRef object;
  absl::Duration age = {};  // it has been so for as long as anything tells
  uint32_t count = 1;       // instances of that pod or name that are so
};

struct LastingEvidence {
  Lasting lasting = Lasting::kCreated;
  uint32_t total = 0;                // objects, or pods, that are so
  std::vector<LastingObject> worst;  // a few
};

// The wall clock was set, or the machine slept.
struct ClockStep {
  absl::Duration ago = {};
  absl::Duration by = {};  // negative: back
};

// See ListExcess.
struct ListExcessEvidence {
  absl::Duration age = {};
  uint64_t bytes = 0;
  bool given_up = false;
  uint64_t limit_bytes = 0;
  uint64_t limit_items = 0;
  bool by_runtime = false;
  ListMakeup makeup = {};
};

struct ListSizeEvidence {
  std::string method;
  uint64_t bytes = 0;               // of the last good reply; 0 before the first
  uint64_t limit_bytes = 0;         // of the kubelet
  double slope_bytes_per_hour = 0;  // over what was observed
  uint32_t objects = 0;
  ListMakeup makeup = {};                         // of the last good reply, if that is large
  std::optional<ListExcessEvidence> excess = {};  // the last reply was too large
};

// plegd itself.
struct SelfEvidence {
  std::string version;
  // The worst of the last minute: how late its loop ran what was due, and how much of one second
  // the loop's thread was runnable and did not run.
  absl::Duration loop_lag = {};
  absl::Duration scheduling_delay = {};
  std::string node = {};  // the name of the node that it runs on; empty if not known

  // By how much what it says of ages may be wrong.
  absl::Duration worst_delay() const { return std::max(loop_lag, scheduling_delay); }
};

// Calls of the kubelet to the runtime that ended between two looks at its metrics.
struct KubeletOperation {
  std::string name;  // as the kubelet calls it: "list_podsandbox"
  uint64_t count = 0;
  uint64_t errors = 0;
  absl::Duration mean = {};
};

struct KubeletEvidence {
  absl::Duration asked_ago = {};  // how old all of this is; ages in it have grown with it
  std::optional<absl::Duration> last_seen_ago = {};  // age of kubelet_pleg_last_seen_seconds
  bool never_relisted = false;                       // the gauge is 0
  bool evented = false;  // EventedPLEG: it relists every 5 minutes, and its threshold is 10
  std::string version;   // as it told when it last could be asked
  std::optional<bool> healthz_ok = {};
  std::string healthz_text;
  std::string error;  // why it could not be asked, or what it told cannot be; else empty
  // Between the last two looks at its metrics; absent before the second, and if none ended.
  std::optional<absl::Duration> relist_mean = {};
  uint64_t discarded_events = 0;             // its event channel was full
  std::vector<KubeletOperation> operations;  // that failed, or took a second and more; a few
};

// Immutable once built.
struct Evidence {
  absl::Time recorded_at = absl::InfinitePast();  // wall clock, for display: no rule reads it
  absl::Duration observed_for = {};               // since plegd started
  SelfEvidence self;
  RuntimeEvidence runtime;
  RelistEvidence relist;
  std::vector<MethodEvidence> methods;
  std::vector<UnansweredEvidence> unanswered;
  std::vector<FailingEvidence> failing;  // longest first
  std::vector<RunningEvidence> running;
  CountEvidence counts;
  std::vector<LastingEvidence> lasting;      // one of each that there is
  std::optional<ClockStep> clock_step = {};  // the last that matters
  std::vector<ListSizeEvidence> list_sizes;
  // What the kubelet's inspections would take if it relisted now.
  absl::Duration predicted_status_phase = {};
  std::vector<GenerationReport> twins;  // of both generations, or of the one that is configured
  std::optional<HostEvidence> host = {};
  std::optional<KubeletEvidence> kubelet = {};
};

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_EVIDENCE_H_
