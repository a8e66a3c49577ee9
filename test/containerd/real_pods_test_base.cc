#include "test/containerd/real_pods_test_base.h"

#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <iostream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "plegd/v1/event.pb.h"
#include "runtime/v1/api.pb.h"
#include "test/process/status_testing.h"

namespace plegd_testing {
namespace {

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace

void RealPodsTest::SetUp() {
  ASSERT_OK_AND_ASSIGN(node_, Containerd::Start());
  if (!start_plegd_) return;
  ASSERT_OK_AND_ASSIGN(plegd_, PlegdProcess::Start(node_->endpoint(), node_->dir(), options_));
}

void RealPodsTest::TearDown() {
  if (!HasFailure()) return;
  if (plegd_ != nullptr) std::cout << "plegd's log:\n" << plegd_->LogTail() << std::endl;
  if (node_ != nullptr) std::cout << "containerd's log:\n" << node_->LogTail() << std::endl;
}

void RealPodsTest::AddPods(int count) {
  for (int i = 0; i < count; ++i) {
    pods_.emplace_back(*node_, PodSpec{.name = absl::StrCat("pod-", i),
                                       .uid = absl::StrCat("uid-", i),
                                       .pod_namespace = i % 2 == 0 ? "even" : "odd"});
  }
}

EventsByPod RealPodsTest::ExpectedEvents() const {
  EventsByPod result;
  for (const ScriptedPod& pod : pods_) {
    if (!pod.expected_events().empty()) result[pod.spec().uid] = pod.expected_events();
  }
  return result;
}

EventsByPod RealPodsTest::ReportedEvents() const {
  EventsByPod result;
  const auto events = plegd_->Events();
  if (!events.ok()) return {{events.status().ToString(), {}}};
  for (const plegd::v1::Event& event : *events) {
    result[event.pod_uid()].push_back(Describe(event));
  }
  return result;
}

void RealPodsTest::ExpectAllReported() {
  WaitUntil([this] { return ReportedEvents() == ExpectedEvents(); });
  EXPECT_EQ(ReportedEvents(), ExpectedEvents());
}

void RealPodsTest::ExpectEventsOfOneRun() const {
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

StatusByPod RealPodsTest::ExpectedStatuses() const {
  StatusByPod result;
  for (const ScriptedPod& pod : pods_) {
    if (const std::string status = pod.ExpectedStatus(); !status.empty()) {
      result[pod.spec().uid] = status;
    }
  }
  return result;
}

void RealPodsTest::ExpectAgrees(const plegd::v1::ContainerStatus& cached) {
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

void RealPodsTest::ForEachPod(const std::string& phase,
                              const std::function<absl::Status(ScriptedPod&, int)>& action) {
  if (HasFailure()) return;
  SCOPED_TRACE(phase);
  for (size_t i = 0; i < pods_.size(); ++i) ASSERT_OK(action(pods_[i], static_cast<int>(i)));
  ExpectAllReported();
}

void RealPodsTest::RunPods(int count) {
  AddPods(count);
  ForEachPod("run", [](ScriptedPod& pod, int) { return pod.RunSandbox(); });
  ForEachPod("start", [](ScriptedPod& pod, int) { return pod.StartContainer("app"); });
}

void RealPodsTest::ExpectCacheIsRight() { ExpectCacheIs(ExpectedStatuses()); }

void RealPodsTest::ExpectCacheIs(const StatusByPod& expected) {
  ASSERT_OK_AND_ASSIGN(const plegd::v1::PodList list, plegd_->Pods());
  StatusByPod cached;
  for (const plegd::v1::PodStatus& status : list.pods()) {
    cached[status.uid()] = Describe(status);
    EXPECT_EQ(status.error(), "");
    EXPECT_FALSE(status.pending());
    for (const auto& container : status.containers()) ExpectAgrees(container);
  }
  EXPECT_EQ(cached, expected);
  EXPECT_EQ(static_cast<size_t>(list.pods_size()), cached.size());
}

std::string RealPodsTest::Health() const {
  const absl::StatusOr<HttpReply> reply = plegd_->Get("/healthz?verbose");
  return reply.ok() ? reply->body : reply.status().ToString();
}

void RealPodsTest::ExpectHealthy() const {
  const std::string expected = ExpectedHealth({}, "");
  WaitUntil([&] { return HealthWords(Health()).text() == expected; });
  EXPECT_EQ(HealthWords(Health()).text(), expected);
  EXPECT_EQ(Metric("pleg_healthy"), 1);
  EXPECT_EQ(Metric("pleg_runtime_ready"), 1);
  EXPECT_EQ(Metric("pleg_network_ready"), 1);
}

double RealPodsTest::GoodRelists() const {
  return Metric("pleg_relist_phase_duration_seconds_count{phase=\"diff\"}");
}

void RealPodsTest::ExpectListedSoonAfterRestart(double good_relists_before) {
  ASSERT_TRUE(WaitUntil([&] { return GoodRelists() > good_relists_before; }));
  const absl::Duration took = absl::Now() - node_->answered_at();
  std::cout << "first good relist seen " << took << " after the runtime's first answer"
            << std::endl;
  EXPECT_LE(took, kReconnectBudget);
}

int RealPodsTest::LogLines(absl::string_view message) const {
  return plegd_testing::LogLines(plegd_->Log(), message);
}

void RealPodsTest::ExpectLogLines(absl::string_view message, int count) const {
  WaitUntil([&] { return LogLines(message) >= count; });
  EXPECT_EQ(LogLines(message), count) << message;
}

}  // namespace plegd_testing
