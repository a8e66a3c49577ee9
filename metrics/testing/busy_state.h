// A state in which every metric has something to tell, for the tests of the exposition.

#ifndef PLEGD_METRICS_TESTING_BUSY_STATE_H_
#define PLEGD_METRICS_TESTING_BUSY_STATE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "metrics/metrics.h"
#include "node/testing/fake_node_view.h"
#include "pleg/runtime_state.h"
#include "pleg/testing/sim_executor.h"

namespace metrics::testing {

// A call that ended; every reply has 1 MiB.
inline pleg::CallRecord Call(absl::string_view method, absl::StatusCode code,
                             absl::Duration duration = absl::ZeroDuration()) {
  pleg::CallRecord call;
  call.method = method;
  call.target = "0123abcd";
  call.code = code;
  call.duration = duration;
  call.response_bytes = size_t{1} << 20;
  return call;
}

inline pleg::RelistRecord BusyRelist() {
  pleg::RelistRecord relist;
  relist.list_sandboxes = absl::Milliseconds(4);
  relist.list_containers = absl::Milliseconds(8);
  relist.diff = absl::Microseconds(500);
  relist.inspect = absl::Milliseconds(250);
  relist.total = absl::Microseconds(262500);
  return relist;
}

inline pleg::RuntimeCondition Condition(std::string type, bool status) {
  return {.type = std::move(type), .status = status, .reason = "", .message = ""};
}

// The node's part of it.
class BusyNode : public node::testing::FakeNodeView {
 public:
  explicit BusyNode(const pleg::Clock& clock) : FakeNodeView(clock) {
    const pleg::MonoTime now = clock.Now();
    calls.taken_at = now;
    calls.running = {{"ListContainers", "", now + absl::Milliseconds(-2500)}};
    calls.unanswered = {{"ContainerStatus", "0123abcd", now + absl::Seconds(-300), 3}};
    calls.list_sizes = {{"ListPodSandbox", size_t{4} << 20}, {"ListContainers", size_t{12} << 20}};
    core->last_relist = now + absl::Seconds(-1);
    core->last_relist_wall = absl::FromUnixMillis(1699999999900);
    core->pods_ready = 110;
    core->pods_notready = 3;
    core->pods_no_sandbox = 1;
    core->containers_running = 220;
    core->containers_exited = 7;
    core->inspections_running = 1;
    core->pods_pending = 2;
    pleg::GenerationReport old;
    old.generation = pleg::KubeletGeneration::kTwice;
    old.report.healthy = false;
    old.report.to_not_ready = absl::ZeroDuration();
    old.report.lag.best = absl::Seconds(240);
    old.report.restart_cost = absl::Seconds(120.5);
    old.report.status_phase = absl::Milliseconds(4500);
    pleg::GenerationReport newest;
    newest.report.lag.best = absl::Seconds(120);
    newest.report.status_phase = absl::Milliseconds(3750);
    assessment->twins = {old, newest};
    assessment->evidence.self.loop_lag = absl::Microseconds(2500);
    conditions.emplace();
    conditions->runtime_ready = Condition("RuntimeReady", true);
    conditions->network_ready = Condition("NetworkReady", false);
  }
};

// `node` outlives the metrics' last scrape.
inline void MakeBusy(Metrics& metrics, const BusyNode& node) {
  metrics.OnRelistInterval(absl::Milliseconds(1250));
  metrics.OnRelistEnd(BusyRelist());
  metrics.OnPodRelistEnd(absl::Milliseconds(3));
  metrics.OnInspectionEnd(pleg::InspectionResult::kOk, absl::Milliseconds(5));
  metrics.OnInspectionEnd(pleg::InspectionResult::kGone, absl::Milliseconds(5));
  metrics.OnEvent(pleg::EventType::kContainerStarted);
  metrics.OnEvent(pleg::EventType::kContainerDied);
  metrics.OnEventsDiscarded(9);
  metrics.OnRelistRequestDropped();
  metrics.OnCallEnd(Call("ListPodSandbox", absl::StatusCode::kOk, absl::Milliseconds(4)));
  metrics.OnCallEnd(Call("ContainerStatus", absl::StatusCode::kDeadlineExceeded, absl::Minutes(2)));
  metrics.OnCallEnd(Call("ContainerStatus", absl::StatusCode::kNotFound, absl::Milliseconds(1)));
  metrics.OnInvalidItem("ListContainers", "malformed");
  metrics.Watch(node);
  metrics.Count(Writer::kEventLog, [] { return WriterTotals{4, 2}; });
  metrics.Count(Writer::kLog, [] { return WriterTotals{6, 1}; });
}

}  // namespace metrics::testing

#endif  // PLEGD_METRICS_TESTING_BUSY_STATE_H_
