// plegd against real pods: every event and the whole cache compared with what was done, and nothing
// else reported.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "plegd/v1/pod.pb.h"
#include "test/containerd/real_pods_test_base.h"
#include "test/containerd/scripted_pod.h"
#include "test/process/plegd_process.h"
#include "test/process/status_testing.h"

namespace plegd_testing {
namespace {

using PlegdTest = RealPodsTest;

TEST_F(PlegdTest, ReportsEveryEventAndTheRightCacheOfTwentyPods) {
  const auto has_sidecar = [](int i) { return i % 3 == 0; };
  const auto keeps_dead_app = [](int i) { return i % 3 == 1; };
  const auto is_recreated = [](int i) { return i % 4 == 0; };
  AddPods(20);

  ForEachPod("run", [](ScriptedPod& pod, int) { return pod.RunSandbox(); });
  ForEachPod("start", [](ScriptedPod& pod, int) { return pod.StartContainer("app"); });
  ForEachPod("start sidecars", [&](ScriptedPod& pod, int i) {
    return has_sidecar(i) ? pod.StartContainer("sidecar") : absl::OkStatus();
  });
  ForEachPod("exit", [](ScriptedPod& pod, int i) { return pod.Exit("app", i); });
  ExpectCacheIsRight();
  ForEachPod("restart", [](ScriptedPod& pod, int) { return pod.StartContainer("app"); });
  ExpectCacheIsRight();
  ForEachPod("remove the first", [](ScriptedPod& pod, int) { return pod.RemoveOldest("app"); });
  ForEachPod("kill", [](ScriptedPod& pod, int) { return pod.Kill("app"); });
  ExpectCacheIsRight();
  ForEachPod("remove the second", [&](ScriptedPod& pod, int i) {
    return keeps_dead_app(i) ? absl::OkStatus() : pod.RemoveOldest("app");
  });
  ForEachPod("stop", [](ScriptedPod& pod, int) { return pod.StopSandbox(); });
  ExpectCacheIsRight();
  ForEachPod("recreate", [&](ScriptedPod& pod, int i) {
    return is_recreated(i) ? pod.RunSandbox() : absl::OkStatus();
  });
  ExpectCacheIsRight();
  ForEachPod("remove", [](ScriptedPod& pod, int) { return pod.RemoveOldestSandbox(); });
  ExpectCacheIsRight();
  ForEachPod("stop the recreated", [&](ScriptedPod& pod, int i) {
    return is_recreated(i) ? pod.StopSandbox() : absl::OkStatus();
  });
  ForEachPod("remove the recreated", [&](ScriptedPod& pod, int i) {
    return is_recreated(i) ? pod.RemoveOldestSandbox() : absl::OkStatus();
  });
  ExpectCacheIsRight();

  EXPECT_TRUE(plegd_->WaitForTwoRelists());
  ASSERT_OK_AND_ASSIGN(const int code, plegd_->Terminate());
  EXPECT_EQ(code, 0);
  EXPECT_EQ(ReportedEvents(), ExpectedEvents());
  ExpectEventsOfOneRun();
}

TEST_F(PlegdTest, ServesOnePodAsInTheList) {
  AddPods(2);
  ForEachPod("run", [](ScriptedPod& pod, int) { return pod.RunSandbox(); });
  ForEachPod("start", [](ScriptedPod& pod, int) { return pod.StartContainer("app"); });

  ASSERT_OK_AND_ASSIGN(const plegd::v1::PodStatus status, plegd_->Pod("uid-1"));
  EXPECT_EQ(status.uid(), "uid-1");
  EXPECT_EQ(status.name(), "pod-1");
  EXPECT_EQ(status.namespace_(), "odd");
  EXPECT_EQ(Describe(status), pods_[1].ExpectedStatus());
  EXPECT_THAT(status.active_container_ids(), testing::ElementsAre(pods_[1].ContainerIdOf("app")));
  EXPECT_THAT(status.ips(), testing::IsEmpty());
  EXPECT_EQ(plegd_->Pod("uid-2").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(PlegdTest, ReportsADeathOfWhatLivedBetweenTwoRelists) {
  AddPods(3);
  ForEachPod("run", [](ScriptedPod& pod, int) { return pod.RunSandbox(); });
  ASSERT_TRUE(plegd_->WaitForTwoRelists());
  plegd_->Freeze();
  for (ScriptedPod& pod : pods_) ASSERT_OK(pod.RunToEnd("job", 42));
  plegd_->Thaw();
  ExpectAllReported();
  ExpectCacheIsRight();
}

TEST_F(PlegdTest, ReportsWhatAlreadyRanWhenItStarts) {
  AddPods(2);
  ForEachPod("run", [](ScriptedPod& pod, int) { return pod.RunSandbox(); });
  ASSERT_OK_AND_ASSIGN(const int code, plegd_->Terminate());
  EXPECT_EQ(code, 0);
  const auto before = plegd_->Events();
  ASSERT_OK(before);

  // A second run appends to the same log, as another boot, and counts from 1 again.
  ASSERT_OK_AND_ASSIGN(plegd_, PlegdProcess::Start(node_->endpoint(), node_->dir()));
  ASSERT_TRUE(WaitUntil([&] {
    const auto events = plegd_->Events();
    return events.ok() && events->size() == 2 * before->size();
  }));
  const auto after = plegd_->Events();
  ASSERT_OK(after);
  EXPECT_NE(after->back().boot_id(), before->back().boot_id());
  EXPECT_EQ(after->back().seq(), before->size());
  ExpectCacheIsRight();
}

}  // namespace
}  // namespace plegd_testing
