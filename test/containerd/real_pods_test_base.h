// What tests of plegd against real pods share: a containerd, a plegd on it, scripted pods, and what
// both must say.

#ifndef PLEGD_TEST_CONTAINERD_REAL_PODS_TEST_BASE_H_
#define PLEGD_TEST_CONTAINERD_REAL_PODS_TEST_BASE_H_

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "plegd/v1/pod.pb.h"
#include "test/containerd/churn.h"
#include "test/containerd/containerd_fixture.h"
#include "test/containerd/event_tail.h"
#include "test/containerd/health_words.h"
#include "test/containerd/scripted_pod.h"
#include "test/process/plegd_process.h"

namespace plegd_testing {

using StatusByPod = std::map<std::string, std::string>;

// A runtime that answers again must have been listed within this time.
inline constexpr absl::Duration kReconnectBudget = absl::Milliseconds(1500);

class RealPodsTest : public testing::Test {
 protected:
  explicit RealPodsTest(PlegdOptions options = {}) : options_(std::move(options)) {}
  // For a test that starts its own.
  enum NoPlegd { kNoPlegd };
  explicit RealPodsTest(NoPlegd /*unused*/) : start_plegd_(false) {}

  void SetUp() override;
  void TearDown() override;

  void AddPods(int count);
  // Does something to every pod, then waits until plegd has reported it. Not after a failure, whose
  // consequences would only take time.
  void ForEachPod(const std::string& phase,
                  const std::function<absl::Status(ScriptedPod&, int)>& action);
  // The usual beginning: `count` pods with a container "app" that runs.
  void RunPods(int count);

  EventsByPod ExpectedEvents() const;
  EventsByPod ReportedEvents() const;
  // What was done must be in the event log, and nothing else.
  void ExpectAllReported();
  // What an event says besides: its place in the order, and its pod's names.
  void ExpectEventsOfOneRun() const;

  // The cache must say what was done, and agree with the runtime in the rest.
  void ExpectCacheIsRight();
  void ExpectCacheIs(const StatusByPod& expected);

  // A sample of /metrics; -1 without one.
  double Metric(absl::string_view series) const { return plegd_->Metric(series).value_or(-1); }
  // Relists whose lists succeeded.
  double GoodRelists() const;
  // /healthz?verbose, which tells also while it is 500.
  std::string Health() const;
  // Waits until a node that is well says so in the kubelet's words.
  void ExpectHealthy() const;
  // Waits until plegd has listed the runtime that answers now, and expects that it did in time.
  void ExpectListedSoonAfterRestart(double good_relists_before);
  // How many lines of plegd's log have this message.
  int LogLines(absl::string_view message) const;
  // Waits for them; lines reach the file a little later than what they tell of.
  void ExpectLogLines(absl::string_view message, int count) const;

  std::unique_ptr<Containerd> node_;
  std::unique_ptr<PlegdProcess> plegd_;
  std::vector<ScriptedPod> pods_;

 private:
  StatusByPod ExpectedStatuses() const;
  void ExpectAgrees(const plegd::v1::ContainerStatus& cached);

  const PlegdOptions options_;
  const bool start_plegd_ = true;
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_CONTAINERD_REAL_PODS_TEST_BASE_H_
