#include "runtime/sim/churn.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "runtime/sim/sim_runtime.h"

namespace sim {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

struct Life {
  std::vector<Change> history;
  std::vector<PodInfo> pods;
};

// Sixty seconds of life, looked at every `step`.
Life Live(uint64_t seed, double rate, absl::Duration step) {
  absl::Time now = kStart;
  SimRuntime runtime({.pods = 20, .churn = rate, .seed = seed, .clock = [&now] { return now; }});
  const size_t before = runtime.History().size();
  for (; now < kStart + absl::Seconds(60); now += step) {
    runtime.AdvanceTo(now);
    (void)runtime.ListContainers({}, {});  // Clients leave no trace in the history.
  }
  runtime.AdvanceTo(kStart + absl::Seconds(60));
  Life run{runtime.History(), runtime.Pods()};
  run.history.erase(run.history.begin(), run.history.begin() + static_cast<ptrdiff_t>(before));
  return run;
}

bool SamePods(const std::vector<PodInfo>& a, const std::vector<PodInfo>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].uid != b[i].uid || a[i].containers.size() != b[i].containers.size()) return false;
    for (size_t c = 0; c < a[i].containers.size(); ++c) {
      if (a[i].containers[c].id != b[i].containers[c].id) return false;
      if (a[i].containers[c].state != b[i].containers[c].state) return false;
    }
  }
  return true;
}

TEST(Churn, SameSeedSameHistoryHoweverOftenItIsAdvanced) {
  const Life a = Live(3, 10, absl::Milliseconds(100));
  const Life b = Live(3, 10, absl::Seconds(7));
  ASSERT_FALSE(a.history.empty());
  EXPECT_TRUE(a.history == b.history);
  EXPECT_TRUE(SamePods(a.pods, b.pods));
  EXPECT_FALSE(a.history == Live(4, 10, absl::Seconds(7)).history) << "the seed has no effect";
}

TEST(Churn, HasAboutTheRateAskedForAndAllKindsOfChange) {
  const Life run = Live(5, 10, absl::Seconds(1));
  std::map<std::string, int> changes;
  for (const Change& change : run.history) ++changes[std::string(change.what)];
  // An exit and a restart each count one; so do a pod's creation, start, killing and removal. Sixty
  // seconds at 10/s are 600 changes.
  const int exits_alone = changes["container exited"] - 2 * (changes["sandbox stopped"]);
  EXPECT_GT(exits_alone, 120);
  EXPECT_LT(exits_alone, 300);
  EXPECT_GT(changes["sandbox created"], 10);
  EXPECT_GT(changes["sandbox removed"], 10);
  EXPECT_GT(changes["container started"], 120);
  EXPECT_GT(changes["container removed"], 60) << "dead instances pile up";
}

TEST(Churn, PodsAndContainersStayAboutAsMany) {
  const Life run = Live(6, 50, absl::Seconds(1));
  EXPECT_GE(run.pods.size(), 15u);
  EXPECT_LE(run.pods.size(), 30u);
  for (const PodInfo& pod : run.pods) EXPECT_LE(pod.containers.size(), 4u) << pod.name;
}

TEST(Churn, StopsWhenTheRateIsZero) {
  absl::Time now = kStart;
  SimRuntime runtime({.pods = 5, .churn = 10, .clock = [&now] { return now; }});
  runtime.AdvanceTo(now += absl::Seconds(5));
  runtime.SetChurn(0);
  runtime.AdvanceTo(now += absl::Seconds(5));  // Restarts and removals still follow.
  EXPECT_EQ(runtime.NextChange(), absl::InfiniteFuture());
  const size_t before = runtime.History().size();
  runtime.AdvanceTo(now += absl::Hours(1));
  EXPECT_EQ(runtime.History().size(), before);
}

TEST(Churn, ChangeManyRestartsOneContainerInEachPod) {
  SimRuntime runtime({.pods = 50, .clock = [] { return kStart; }});
  EXPECT_EQ(runtime.ChangeMany(30), 30u);
  size_t changed = 0;
  for (const PodInfo& pod : runtime.Pods()) {
    size_t exited = 0, running = 0;
    for (const ContainerInfo& c : pod.containers) {
      exited += c.state == kContainerExited ? 1 : 0;
      running += c.state == kContainerRunning ? 1 : 0;
    }
    EXPECT_EQ(running, 2u);
    changed += exited;
  }
  EXPECT_EQ(changed, 30u);
  EXPECT_EQ(runtime.ChangeMany(1000), 50u) << "no more than there are";
}

}  // namespace
}  // namespace sim
