// What one line says of a node as a whole.

#include "pleg/diagnosis/headline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "pleg/diagnosis/diagnosis.h"
#include "pleg/diagnosis/testing/ailing_node.h"

namespace pleg {
namespace {

using ::testing::IsEmpty;
using ::testing::StartsWith;

GenerationReport& Twin(Evidence& evidence, KubeletGeneration generation) {
  for (GenerationReport& twin : evidence.twins) {
    if (twin.generation == generation) return twin;
  }
  return evidence.twins.emplace_back(GenerationReport{generation, {}});
}

// Both generations, before a list that has been silent for 44 s.
Evidence HungList() {
  Evidence evidence = testing::HealthyNode();
  evidence.relist.last_good_ago = absl::Seconds(45);
  evidence.unanswered.push_back({"ListContainers", {}, absl::Seconds(44), 1, false});
  for (KubeletGeneration generation : kKubeletGenerations) {
    TwinReport& twin = Twin(evidence, generation).report;
    twin.to_not_ready = absl::Seconds(135);
    twin.lasting = true;
  }
  return evidence;
}

TEST(HeadlineTest, OfANodeThatIsWell) {
  const Diagnosis diagnosis = Diagnose(testing::HealthyNode());
  EXPECT_EQ(diagnosis.headline, "PLEG is healthy");
  EXPECT_THAT(diagnosis.forecast, IsEmpty());
  EXPECT_EQ(diagnosis.readiness, Readiness::kReady);
  EXPECT_FALSE(diagnosis.starting);
}

TEST(HeadlineTest, ACallThatHasJustBegunIsNoForecast) {
  Evidence evidence = testing::HealthyNode();
  evidence.unanswered.push_back({"ListContainers", {}, absl::Milliseconds(1300), 1, false});
  Twin(evidence, KubeletGeneration::kOnce).report.to_not_ready = absl::Seconds(178);
  const Diagnosis diagnosis = Diagnose(evidence);
  EXPECT_EQ(diagnosis.headline, "PLEG is healthy");
  EXPECT_THAT(diagnosis.forecast, IsEmpty());
}

TEST(HeadlineTest, OfAListThatHangs) {
  Evidence evidence = HungList();
  Diagnosis diagnosis = Diagnose(evidence);
  EXPECT_EQ(diagnosis.headline, "PLEG is still healthy");
  EXPECT_EQ(diagnosis.forecast, "a kubelet goes NotReady in 2m15s");
  EXPECT_EQ(diagnosis.readiness, Readiness::kReady);
  // plegd was started after it began.
  evidence.twins[0].report.older_than_observed = evidence.twins[1].report.older_than_observed =
      true;
  EXPECT_EQ(Diagnose(evidence).forecast, "a kubelet goes NotReady within 2m15s");
  // The kubelet of this node is known.
  evidence.twins.pop_back();
  evidence.twins[0].report.older_than_observed = false;
  EXPECT_EQ(Diagnose(evidence).forecast, "the kubelet goes NotReady in 2m15s");
  evidence.twins.clear();
  EXPECT_EQ(Diagnose(evidence).forecast, "the kubelet goes NotReady in 2m15s");
}

TEST(HeadlineTest, GenerationsThatFareDifferently) {
  Evidence evidence = HungList();
  TwinReport& twice = Twin(evidence, KubeletGeneration::kTwice).report;
  twice.to_not_ready = absl::Seconds(57);
  twice.lasting = false;
  twice.flapping = Flapping{absl::Seconds(241), absl::Seconds(61)};
  TwinReport& once = Twin(evidence, KubeletGeneration::kOnce).report;
  once = {};
  once.silent = true;
  once.lag.worst = absl::Seconds(122);
  EXPECT_EQ(Diagnose(evidence).forecast,
            "a kubelet <=1.31 goes NotReady in 57s, then for 1m1s of every 4m1s; "
            "a kubelet >=1.32 stays Ready, its events up to 2m2s late");
  twice.healthy = false;
  twice.to_not_ready = absl::ZeroDuration();
  twice.condition = "PLEG is not healthy: pleg was last seen active 3m1s ago; threshold is 3m0s";
  const Diagnosis now = Diagnose(evidence);
  EXPECT_EQ(now.headline,
            "a kubelet <=1.31 is NotReady now: PLEG is not healthy: pleg was last seen active "
            "3m1s ago; threshold is 3m0s");
  EXPECT_THAT(now.forecast, StartsWith("a kubelet <=1.31 is NotReady for 1m1s of every 4m1s; "));
  EXPECT_EQ(now.readiness, Readiness::kUnknown);
}

TEST(HeadlineTest, ANodeThatIsNotReadySaysWhyInTheKubeletsWords) {
  Evidence evidence = HungList();
  evidence.relist.last_good_ago = absl::Seconds(187.64);
  for (GenerationReport& twin : evidence.twins) {
    twin.report.healthy = false;
    twin.report.to_not_ready = absl::ZeroDuration();
    twin.report.condition = "[container runtime is down, PLEG is not healthy: …]";
  }
  evidence.runtime.network_ready = false;
  evidence.runtime.network_ready_text = "NetworkReady=false reason:R message:M";
  Diagnosis diagnosis = Diagnose(evidence);
  EXPECT_EQ(diagnosis.headline,
            "the node is NotReady: container runtime is down, PLEG is not healthy: …, container "
            "runtime network not ready: NetworkReady=false reason:R message:M");
  EXPECT_EQ(diagnosis.readiness, Readiness::kNotReady);
  EXPECT_THAT(diagnosis.forecast, IsEmpty());
  evidence.twins.clear();
  evidence.runtime.network_ready = true;
  EXPECT_EQ(Diagnose(evidence).headline,
            "the node is NotReady: PLEG is not healthy: pleg was last seen active 3m7.6s ago; "
            "threshold is 3m0s");
}

TEST(HeadlineTest, BeforeTheFirstRelist) {
  Evidence evidence = testing::HealthyNode();
  evidence.relist.last_good_ago.reset();
  evidence.observed_for = absl::Seconds(3);
  Diagnosis diagnosis = Diagnose(evidence);
  EXPECT_TRUE(diagnosis.starting);
  EXPECT_EQ(diagnosis.headline, "it is too early to say whether PLEG is healthy");
  EXPECT_EQ(diagnosis.readiness, Readiness::kUnknown);
  evidence.observed_for = absl::Seconds(20);
  diagnosis = Diagnose(evidence);
  EXPECT_FALSE(diagnosis.starting);
  EXPECT_EQ(diagnosis.headline, "no relist has succeeded since plegd started 20s ago");
  EXPECT_EQ(diagnosis.readiness, Readiness::kUnknown);
}

TEST(HeadlineTest, AKubeletThatIsStuckWhilePlegdIsWell) {
  Evidence evidence = testing::HealthyNode();
  evidence.kubelet.emplace().last_seen_ago = absl::Minutes(7);
  Diagnosis diagnosis = Diagnose(evidence);
  EXPECT_EQ(diagnosis.headline, "the node is NotReady: the kubelet relisted 7m ago");
  EXPECT_EQ(diagnosis.readiness, Readiness::kNotReady);
  // A process that no look has proven to be the kubelet, while it answers.
  evidence.kubelet->last_seen_ago = absl::Seconds(1);
  const auto process = std::exchange(evidence.host->kubelet_process, std::nullopt);
  EXPECT_EQ(Diagnose(evidence).headline, "PLEG is healthy");
  evidence.kubelet->error = "connection refused";
  EXPECT_EQ(Diagnose(evidence).headline,
            "the node is or will be NotReady: the kubelet does not run");
  evidence.kubelet.reset();
  evidence.host->kubelet_process = process;
  evidence.host->kubelet_process->state = 'T';
  evidence.host->kubelet_process->state_for = absl::Seconds(12);
  diagnosis = Diagnose(evidence);
  EXPECT_EQ(diagnosis.headline,
            "the node is or will be NotReady: the kubelet's process is stopped");
  EXPECT_EQ(diagnosis.readiness, Readiness::kUnknown);
}

TEST(HeadlineTest, AHangThatHurtsNobodyYet) {
  Evidence evidence = testing::HealthyNode();
  ObjectRef object;
  object.id = ContainerId("c1");
  evidence.unanswered.push_back({"ContainerStatus", object, absl::Hours(2), 60, false});
  Twin(evidence, KubeletGeneration::kOnce).report.latent_pods = 1;
  const Diagnosis diagnosis = Diagnose(evidence);
  EXPECT_EQ(diagnosis.headline, "PLEG is healthy");
  EXPECT_EQ(diagnosis.forecast,
            "no harm until the pod that hangs changes, or the kubelet restarts");
}

TEST(HeadlineTest, PrintsNoControlCharactersOfOthers) {
  Evidence evidence = testing::HealthyNode();
  evidence.runtime.network_ready = false;
  evidence.runtime.network_ready_text = "a\nb\x1b[2J";
  EXPECT_EQ(Diagnose(evidence).headline,
            "the node is NotReady: container runtime network not ready: a\\nb\\x1b[2J");
}

}  // namespace
}  // namespace pleg
