// plegd against real pods: every event and the whole cache compared with what was done, and nothing
// else reported; then the same while containerd is stuck, frozen or dead.

#include <gmock/gmock.h>
#include <google/protobuf/timestamp.pb.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "plegd/v1/event.pb.h"
#include "plegd/v1/pod.pb.h"
#include "runtime/v1/api.pb.h"
#include "test/containerd/containerd_fixture.h"
#include "test/containerd/scripted_pod.h"
#include "test/process/plegd_process.h"
#include "test/process/status_testing.h"

namespace plegd_testing {
namespace {

using EventsByPod = std::map<std::string, std::vector<std::string>>;
using StatusByPod = std::map<std::string, std::string>;

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

class PlegdTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(node_, Containerd::Start());
    ASSERT_OK_AND_ASSIGN(plegd_, PlegdProcess::Start(node_->endpoint(), node_->dir()));
  }

  void TearDown() override {
    if (!HasFailure()) return;
    if (plegd_ != nullptr) std::cout << "plegd's log:\n" << plegd_->LogTail() << std::endl;
    if (node_ != nullptr) std::cout << "containerd's log:\n" << node_->LogTail() << std::endl;
  }

  void AddPods(int count) {
    for (int i = 0; i < count; ++i) {
      pods_.emplace_back(*node_, PodSpec{.name = absl::StrCat("pod-", i),
                                         .uid = absl::StrCat("uid-", i),
                                         .pod_namespace = i % 2 == 0 ? "even" : "odd"});
    }
  }

  EventsByPod ExpectedEvents() const {
    EventsByPod result;
    for (const ScriptedPod& pod : pods_) {
      if (!pod.expected_events().empty()) result[pod.spec().uid] = pod.expected_events();
    }
    return result;
  }

  EventsByPod ReportedEvents() const {
    EventsByPod result;
    const auto events = plegd_->Events();
    if (!events.ok()) return {{events.status().ToString(), {}}};
    for (const plegd::v1::Event& event : *events) {
      result[event.pod_uid()].push_back(Describe(event));
    }
    return result;
  }

  // What was done must be in the event log, and nothing else.
  void ExpectAllReported() {
    WaitUntil([this] { return ReportedEvents() == ExpectedEvents(); });
    EXPECT_EQ(ReportedEvents(), ExpectedEvents());
  }

  // What an event says besides: its place in the order, and its pod's names.
  void ExpectEventsOfOneRun() const {
    ASSERT_OK_AND_ASSIGN(const auto events, plegd_->Events());
    uint64_t seq = 0;
    for (const plegd::v1::Event& event : events) {
      EXPECT_EQ(event.seq(), ++seq);
      EXPECT_EQ(event.boot_id(), events.front().boot_id());
      EXPECT_GT(ToTime(event.time()), absl::UnixEpoch());
      for (const ScriptedPod& pod : pods_) {
        if (pod.spec().uid != event.pod_uid()) continue;
        EXPECT_EQ(event.pod_name(), pod.spec().name);
        EXPECT_EQ(event.pod_namespace(), pod.spec().pod_namespace);
      }
    }
  }

  StatusByPod ExpectedStatuses() const {
    StatusByPod result;
    for (const ScriptedPod& pod : pods_) {
      if (const std::string status = pod.ExpectedStatus(); !status.empty()) {
        result[pod.spec().uid] = status;
      }
    }
    return result;
  }

  // The cache must say what was done, and agree with the runtime in the rest.
  void ExpectCacheIsRight() {
    ASSERT_OK_AND_ASSIGN(const plegd::v1::PodList list, plegd_->Pods());
    StatusByPod cached;
    for (const plegd::v1::PodStatus& status : list.pods()) {
      cached[status.uid()] = Describe(status);
      EXPECT_EQ(status.error(), "");
      EXPECT_FALSE(status.pending());
      for (const auto& container : status.containers()) ExpectAgrees(container);
    }
    EXPECT_EQ(cached, ExpectedStatuses());
    EXPECT_EQ(static_cast<size_t>(list.pods_size()), cached.size());
  }

  void ExpectAgrees(const plegd::v1::ContainerStatus& cached) {
    SCOPED_TRACE(cached.DebugString());
    runtime::v1::ContainerStatusRequest request;
    request.set_container_id(cached.id());
    ASSERT_OK_AND_ASSIGN(const auto reply, node_->cri().Call<runtime::v1::ContainerStatusResponse>(
                                               "ContainerStatus", request));
    const runtime::v1::ContainerStatus& told = reply.status();
    EXPECT_EQ(ToTime(cached.created_at()), absl::FromUnixNanos(told.created_at()));
    EXPECT_EQ(ToTime(cached.started_at()), absl::FromUnixNanos(told.started_at()));
    EXPECT_EQ(cached.has_finished_at(), told.finished_at() != 0);
    EXPECT_EQ(ToTime(cached.finished_at()), absl::FromUnixNanos(told.finished_at()));
    EXPECT_EQ(cached.reason(), told.reason());
    EXPECT_EQ(cached.image(), told.image().image());
    EXPECT_EQ(cached.image_ref(), told.image_ref());
    EXPECT_EQ(cached.hash(), 0x5f3759dfU);
  }

  // Does something to every pod, then waits until plegd has reported it. Not after a failure, whose
  // consequences would only take time.
  void ForEachPod(const std::string& phase,
                  const std::function<absl::Status(ScriptedPod&, int)>& action) {
    if (HasFailure()) return;
    SCOPED_TRACE(phase);
    for (size_t i = 0; i < pods_.size(); ++i) ASSERT_OK(action(pods_[i], static_cast<int>(i)));
    ExpectAllReported();
  }

  std::unique_ptr<Containerd> node_;
  std::unique_ptr<PlegdProcess> plegd_;
  std::vector<ScriptedPod> pods_;
};

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

TEST_F(PlegdTest, LockConvoyIsVisibleWhileItLastsAndLosesNothing) {
  AddPods(2);
  ForEachPod("run", [](ScriptedPod& pod, int) { return pod.RunSandbox(); });
  ForEachPod("start", [](ScriptedPod& pod, int) { return pod.StartContainer("app"); });

  node_->HoldUpdates();
  std::future<absl::Status> update = std::async(std::launch::async, [&] {
    return node_->UpdateContainer(pods_[0].ContainerIdOf("app"), 200, absl::Seconds(60));
  });
  ASSERT_TRUE(node_->WaitUntilUpdateIsHeld());
  ASSERT_OK(pods_[1].Exit("app", 7));
  const auto age = [&] {
    return plegd_->Metric("pleg_cri_oldest_call_age_seconds{method=\"ListContainers\"}")
        .value_or(-1);
  };
  EXPECT_TRUE(WaitUntil([&] { return age() >= 1; })) << age();
  EXPECT_EQ(plegd_->Metric("pleg_cri_calls_in_flight{method=\"ListContainers\"}").value_or(-1), 1);
  EXPECT_EQ(plegd_->Metric("pleg_cri_calls_in_flight{method=\"ListPodSandbox\"}").value_or(-1), 0);
  ASSERT_OK_AND_ASSIGN(const HttpReply alive, plegd_->Get("/livez"));
  EXPECT_EQ(alive.code, 200);

  node_->ReleaseUpdates();
  EXPECT_OK(update.get());
  ExpectAllReported();
  ExpectCacheIsRight();
  EXPECT_TRUE(plegd_->WaitForTwoRelists());
  ExpectAllReported();
}

TEST_F(PlegdTest, RestartOfContainerdInventsAndLosesNothing) {
  AddPods(3);
  ForEachPod("run", [](ScriptedPod& pod, int) { return pod.RunSandbox(); });
  ForEachPod("start", [](ScriptedPod& pod, int) { return pod.StartContainer("app"); });

  node_->Kill();
  ASSERT_TRUE(WaitUntil([&] {
    return plegd_->Metric("pleg_cri_calls_total{code=\"Unavailable\",method=\"ListPodSandbox\"}")
               .value_or(0) > 0;
  }));
  ASSERT_OK(pods_[0].Exit("app", 11));
  ASSERT_OK(node_->Restart());
  ExpectAllReported();
  ASSERT_OK(pods_[1].Exit("app", 12));
  ExpectAllReported();
  EXPECT_TRUE(plegd_->WaitForTwoRelists());
  ExpectAllReported();
  ExpectCacheIsRight();
}

TEST_F(PlegdTest, EndsWhileContainerdIsFrozen) {
  AddPods(1);
  ForEachPod("run", [](ScriptedPod& pod, int) { return pod.RunSandbox(); });
  node_->Freeze();
  EXPECT_TRUE(WaitUntil([&] {
    return plegd_->Metric("pleg_cri_oldest_call_age_seconds{method=\"ListPodSandbox\"}")
               .value_or(0) >= 1;
  }));
  ASSERT_OK_AND_ASSIGN(const int code, plegd_->Terminate());
  EXPECT_EQ(code, 0);
  node_->Thaw();
  EXPECT_EQ(ReportedEvents(), ExpectedEvents());
}

}  // namespace
}  // namespace plegd_testing
