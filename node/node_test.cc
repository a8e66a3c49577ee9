#include "node/node.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pleg/log.h"
#include "runtime/sim/sim_server.h"
#include "runtime/system_clock.h"
#include "runtime/testing/temp_dir.h"

namespace node {
namespace {

class NodeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = sim::SimServer::Start({.socket_path = dir_.File("cri.sock")}, simulated_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void Start(Options options = {}) {
    options.settings.relist_period = absl::Milliseconds(100);
    node_.emplace(options, clock_, pleg::NullLog(), nullptr, Node::Observers());
    node_->Start([this] { ++ticks_; });
    node_->Connect(runtime::Endpoint(server_->socket_path()), "the test says so");
  }
  bool WaitUntil(const std::function<bool()>& condition) const {
    const absl::Time end = absl::Now() + absl::Seconds(30);
    while (!condition()) {
      if (absl::Now() > end) return false;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return true;
  }
  pleg::VerdictCode LastVerdict() const {
    return node_->LastAssessment()->diagnosis.findings.front().code;
  }
  bool IsSettled() const {
    return LastVerdict() == pleg::VerdictCode::kHealthy && node_->Pods()->unsettled.empty() &&
           node_->Core()->last_relist.has_value() && node_->Conditions().has_value();
  }
  // Until the core has nothing to think of; what was made last then.
  std::shared_ptr<const Assessment> Quiet() {
    std::shared_ptr<const Assessment> last;
    EXPECT_TRUE(WaitUntil([&] {
      last = node_->LastAssessment();
      const int ticks = ticks_;
      if (!WaitUntil([&] { return ticks_ >= ticks + 2; })) return false;
      return IsSettled() && node_->LastAssessment() == last;
    }));
    return last;
  }

  const runtime::testing::TempDir dir_;
  runtime::SystemClock clock_;
  std::shared_ptr<sim::SimRuntime> simulated_ =
      std::make_shared<sim::SimRuntime>(sim::RuntimeOptions{.pods = 3});
  std::unique_ptr<sim::SimServer> server_;
  std::atomic<int> ticks_ = 0;
  std::optional<Node> node_;
};

TEST_F(NodeTest, BeforeARuntimeIsKnownItHasAnAssessmentAlready) {
  Node node({}, clock_, pleg::NullLog(), nullptr, {});
  EXPECT_EQ(node.LastAssessment()->diagnosis.findings.front().code, pleg::VerdictCode::kStarting);
  EXPECT_EQ(node.Runtime().endpoint, "");
  EXPECT_FALSE(node.Healthy().healthy);
}

TEST_F(NodeTest, ListsWhatTheRuntimeHas) {
  Start();
  ASSERT_TRUE(WaitUntil([&] { return node_->Pods()->listed.size() == 3; }));
  ASSERT_TRUE(WaitUntil([&] { return node_->Runtime().version.ok(); }));
  EXPECT_EQ(node_->Runtime().endpoint, "unix://" + server_->socket_path());
  EXPECT_EQ(node_->Runtime().endpoint_reason, "the test says so");
  EXPECT_TRUE(WaitUntil([&] { return node_->cache().All().size() == 3; }));
}

TEST_F(NodeTest, TwoReadersWithinASecondHoldTheSame) {
  Start();
  Quiet();
  const std::shared_ptr<const Assessment> first = node_->Assess();
  const std::shared_ptr<const Assessment> second = node_->Assess();
  if (clock_.Now() - first->made_at < absl::Milliseconds(900)) {
    EXPECT_EQ(first, second);
  }
  EXPECT_EQ(node_->LastAssessment(), second);
  EXPECT_EQ(second->evidence.counts.pods, 3u);
}

TEST_F(NodeTest, NothingIsMadeWhileNobodyReadsAndNothingChanges) {
  Start();
  const std::shared_ptr<const Assessment> last = Quiet();
  const int ticks = ticks_;
  const size_t relists = node_->relists().Newest(0).size();
  ASSERT_TRUE(WaitUntil([&] { return ticks_ >= ticks + 3; }));
  EXPECT_GT(node_->relists().Newest(0).size(), relists);
  EXPECT_EQ(node_->LastAssessment(), last);
}

TEST_F(NodeTest, WhatChangesIsThoughtOfThoughNobodyReads) {
  Start();
  const std::shared_ptr<const Assessment> last = Quiet();
  const pleg::ContainerId container = simulated_->Pods().front().containers.front().id;
  ASSERT_TRUE(simulated_->Exit(container, {.code = 1}).ok());
  EXPECT_TRUE(WaitUntil([&] {
    return node_->LastAssessment() != last && node_->LastAssessment()->evidence.counts.exited == 1;
  }));
}

TEST_F(NodeTest, AListThatHangsIsAVerdictThoughNobodyReads) {
  Start();
  Quiet();
  server_->faults().AddConvoy(simulated_->Pods().front().containers.front().id);
  EXPECT_TRUE(WaitUntil([&] { return LastVerdict() != pleg::VerdictCode::kHealthy; }));
  server_->faults().ClearAll();
  EXPECT_TRUE(WaitUntil([&] { return IsSettled(); }));
}

TEST_F(NodeTest, StopsWithCallsThatHang) {
  Start({.list_streaming = false});
  Quiet();
  server_->faults().AddConvoy(simulated_->Pods().front().containers.front().id);
  ASSERT_TRUE(server_->AwaitHung(sim::Rpc::kListContainers, 1, absl::Seconds(10)));
  const absl::Time begun = absl::Now();
  node_->Stop();
  EXPECT_LT(absl::Now() - begun, absl::Seconds(5));
}

}  // namespace
}  // namespace node
