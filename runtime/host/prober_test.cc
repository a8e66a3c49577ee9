#include "runtime/host/prober.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/host/probe_wire.h"
#include "runtime/host/testing/fixture_tree.h"
#include "runtime/host/testing/wait_until.h"
#include "runtime/system_clock.h"

namespace runtime::host {
namespace {

using ::testing::HasSubstr;

// Only what these tests look at.
EvidenceCodec Codec() {
  return {[](const pleg::HostEvidence& e) { return e.kernel_version; },
          [](absl::string_view bytes) -> absl::StatusOr<pleg::HostEvidence> {
            pleg::HostEvidence evidence;
            evidence.kernel_version = std::string(bytes);
            return evidence;
          }};
}

class ProberTest : public testing::Test {
 protected:
  void Fork(absl::Duration patience = absl::Minutes(1),
            absl::Duration period = absl::Milliseconds(20)) {
    auto prober = Prober::Fork({.paths = tree_.paths(),
                                .codec = Codec(),
                                .period = period,
                                .busy_period = absl::Milliseconds(10),
                                .fresh_for = absl::ZeroDuration(),
                                .patience = patience},
                               clock_);
    ASSERT_TRUE(prober.ok()) << prober.status();
    prober_ = *std::move(prober);
  }
  template <typename F>
  bool Eventually(F condition) const {
    return WaitUntil([&] { return condition(prober_->Latest()); });
  }
  static bool HasProblem(const Prober::Reading& reading, const std::string& part) {
    const std::optional<pleg::HostEvidence> evidence = reading.Evidence();
    if (!evidence.has_value()) return false;
    return std::any_of(
        evidence->problems.begin(), evidence->problems.end(),
        [&](const auto& problem) { return problem.text.find(part) != std::string::npos; });
  }

  const FixtureTree tree_;
  runtime::SystemClock clock_;
  std::unique_ptr<Prober> prober_;
};

TEST_F(ProberTest, AsksAndIsAnswered) {
  tree_.Write("proc/sys/kernel/osrelease", "5.15.0\n");
  Fork();
  std::atomic<int> asked = 0;
  prober_->Start([&] {
    ++asked;
    return ProbeQuestion{};
  });
  EXPECT_TRUE(Eventually([](const Prober::Reading& reading) {
    return reading.Evidence().has_value() && reading.Evidence()->kernel_version == "5.15.0";
  }));
  EXPECT_TRUE(Eventually([&](const Prober::Reading&) { return asked > 2; }));
}

TEST_F(ProberTest, WhatALookFoundIsSharedNotCopied) {
  Fork(absl::Seconds(5), absl::Hours(1));
  prober_->Start([] { return ProbeQuestion{}; });
  ASSERT_TRUE(Eventually([](const Prober::Reading& r) { return r.sighting != nullptr; }));
  EXPECT_EQ(prober_->Latest().sighting, prober_->Latest().sighting);
  const std::shared_ptr<const Prober::Sighting> first = prober_->Latest().sighting;
  prober_->LookNow();
  EXPECT_TRUE(Eventually([&](const Prober::Reading& r) { return r.sighting != first; }));
}

TEST_F(ProberTest, LooksAtOnceForSomebodyWhoWantsToKnow) {
  Fork(absl::Seconds(5), absl::Hours(1));
  std::atomic<int> asked = 0;
  prober_->Start([&] {
    ++asked;
    return ProbeQuestion{};
  });
  ASSERT_TRUE(Eventually([](const Prober::Reading& r) { return r.Evidence().has_value(); }));
  EXPECT_EQ(asked, 1);
  prober_->LookNow();
  EXPECT_TRUE(Eventually([&](const Prober::Reading&) { return asked == 2; }));
}

TEST_F(ProberTest, AChildThatHangsIsEvidenceAndHoldsUpNobody) {
  Fork(absl::Milliseconds(50));
  ASSERT_EQ(kill(prober_->child(), SIGSTOP), 0);
  prober_->Start([] { return ProbeQuestion{}; });
  EXPECT_TRUE(Eventually([](const Prober::Reading& reading) {
    return HasProblem(reading, "does not answer") && reading.Evidence()->problems[0].hangs;
  }));
}

TEST_F(ProberTest, AChildThatHasDiedIsReplaced) {
  tree_.Write("proc/sys/kernel/osrelease", "5.15.0\n");
  Fork();
  std::atomic<int> forgotten = 0;
  prober_->Start([] { return ProbeQuestion{}; },
                 [&](const pleg::HostEvidence& seen) {
                   if (seen.kernel_version.empty()) ++forgotten;
                 });
  const auto good = [](const Prober::Reading& reading) {
    return reading.Evidence().has_value() && reading.Evidence()->kernel_version == "5.15.0" &&
           reading.Evidence()->problems.empty();
  };
  ASSERT_TRUE(Eventually(good));
  const pid_t first = prober_->child();
  ASSERT_EQ(kill(first, SIGKILL), 0);
  EXPECT_TRUE(Eventually([&](const Prober::Reading&) { return prober_->child() != first; }));
  EXPECT_EQ(forgotten, 1);
  tree_.Write("proc/sys/kernel/osrelease", "5.15.1\n");
  EXPECT_TRUE(Eventually([](const Prober::Reading& reading) {
    return reading.Evidence()->kernel_version == "5.15.1" && reading.Evidence()->problems.empty();
  }));
}

TEST_F(ProberTest, ThatThereCanBeNoMoreLooksIsSaidAndWhatWasSeenGrowsOld) {
  Fork();
  prober_->Start([] { return ProbeQuestion{}; });
  ASSERT_TRUE(Eventually([](const Prober::Reading& r) { return r.Evidence().has_value(); }));
  ASSERT_EQ(kill(prober_->zygote(), SIGKILL), 0);  // the child dies with it
  EXPECT_TRUE(
      Eventually([](const Prober::Reading& reading) { return HasProblem(reading, "has ended"); }));
  EXPECT_TRUE(Eventually([](const Prober::Reading& reading) {
    return reading.Evidence()->sampled_ago > absl::Milliseconds(100);
  }));
}

TEST_F(ProberTest, TheChildrenEndWithTheirParent) {
  Fork();
  const pid_t child = prober_->child();
  const pid_t zygote = prober_->zygote();
  prober_.reset();
  // It may have been reaped by the destructor or be left for us.
  waitpid(zygote, nullptr, 0);
  EXPECT_NE(kill(zygote, 0), 0);
  // Whoever adopted it reaps it.
  const auto ended = [child] {
    std::ifstream stat(absl::StrCat("/proc/", child, "/stat"));
    std::string text;
    return !std::getline(stat, text) || absl::StrContains(text, ") Z ");
  };
  EXPECT_TRUE(WaitUntil(ended));
}

TEST(ProbeWireTest, AQuestionSurvivesTheWay) {
  ProbeQuestion question;
  question.runtime_pid = 50;
  question.host.directories = {{"/r", "/r2"}, {"/k"}, {"/t"}};
  WatchedObject watched;
  watched.object = {pleg::ContainerId("c"), pleg::PodUid("u"), "ns", "pod", "app", "image"};
  watched.sandbox = pleg::ContainerId("s");
  watched.listed_state = "running";
  question.watched = {watched};
  const ProbeQuestion copy = DecodeQuestion(EncodeQuestion(question));
  EXPECT_EQ(copy.runtime_pid, 50);
  EXPECT_EQ(copy.host.directories.runtime_roots, question.host.directories.runtime_roots);
  EXPECT_EQ(copy.host.directories.kubelet_roots, question.host.directories.kubelet_roots);
  EXPECT_EQ(copy.host.directories.task_roots, question.host.directories.task_roots);
  ASSERT_EQ(copy.watched.size(), 1);
  EXPECT_EQ(copy.watched[0].object.container, "app");
  EXPECT_EQ(copy.watched[0].sandbox.value(), "s");
  EXPECT_EQ(copy.watched[0].listed_state, "running");
}

TEST(ProbeWireTest, GarbageIsTheDefaultQuestion) {
  EXPECT_TRUE(DecodeQuestion("\xff\xff\xff").watched.empty());
}

}  // namespace
}  // namespace runtime::host
