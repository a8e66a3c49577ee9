// A list that is too large, beside the connections that come and go because it is given up.

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/time/time.h"
#include "pleg/diagnosis/diagnosis.h"
#include "pleg/diagnosis/testing/ailing_node.h"

namespace pleg {
namespace {

constexpr uint64_t kMebibyte = 1 << 20;

// Each list is given up at plegd's budget, relist after relist.
Evidence TooLarge() {
  Evidence e = testing::HealthyNode();
  for (MethodEvidence& method : e.methods) {
    if (method.method != "ListContainers") continue;
    method.failing = {absl::Seconds(40), "RESOURCE_EXHAUSTED",
                      "plegd's buffers for replies are full", 40, true};
  }
  for (ListSizeEvidence& list : e.list_sizes) {
    if (list.method != "ListContainers") continue;
    list.excess = {.age = absl::Seconds(40),
                   .bytes = 29 * kMebibyte,
                   .given_up = true,
                   .limit_bytes = 29 * kMebibyte};
  }
  e.relist.last_good_ago = absl::Seconds(41);
  e.kubelet.reset();  // else: it may stream its lists
  for (GenerationReport& twin : e.twins) twin.report.healthy = false;
  return e;
}

void LoseConnections(Evidence& e) {
  e.runtime.connection_for = absl::Seconds(1);
  e.runtime.reconnected_ago = {absl::Seconds(1), absl::Seconds(12), absl::Seconds(20),
                               absl::Seconds(31)};
}

const Finding* Find(const Diagnosis& diagnosis, VerdictCode code) {
  const auto found = std::find_if(diagnosis.findings.begin(), diagnosis.findings.end(),
                                  [code](const Finding& finding) { return finding.code == code; });
  return found == diagnosis.findings.end() ? nullptr : &*found;
}

void ExpectAlone(const Diagnosis& diagnosis) {
  EXPECT_EQ(diagnosis.findings.front().code, VerdictCode::kMessageTooLarge);
  EXPECT_EQ(diagnosis.findings.front().confidence, Confidence::kHigh);
  for (const VerdictCode code :
       {VerdictCode::kRuntimeRestarting, VerdictCode::kUnexplained, VerdictCode::kWarning}) {
    EXPECT_EQ(Find(diagnosis, code), nullptr) << VerdictCodeName(code);
  }
}

TEST(MessageTooLargeTest, ConnectionsThatEndWhilePlegdGivesListsUpAreNoRestarts) {
  Evidence e = TooLarge();
  LoseConnections(e);
  ExpectAlone(Diagnose(e));
  e.host.reset();  // nothing is known of the runtime's process then
  ExpectAlone(Diagnose(e));
}

TEST(MessageTooLargeTest, OneSuchConnectionIsNoReturnOfTheRuntime) {
  Evidence e = TooLarge();
  e.runtime.connection_for = absl::Seconds(30);
  e.runtime.reconnected_ago = {absl::Seconds(30)};
  ExpectAlone(Diagnose(e));
}

TEST(MessageTooLargeTest, ARuntimeThatDoesRestartIsNamedAfterIt) {
  Evidence e = TooLarge();
  LoseConnections(e);
  e.host->runtime_process->age = absl::Seconds(2);
  const Diagnosis diagnosis = Diagnose(e);
  EXPECT_EQ(diagnosis.findings.front().code, VerdictCode::kMessageTooLarge);
  EXPECT_NE(Find(diagnosis, VerdictCode::kRuntimeRestarting), nullptr);
}

TEST(MessageTooLargeTest, WhatTheRuntimeRefusesExplainsNoLostConnection) {
  Evidence e = TooLarge();
  LoseConnections(e);
  e.list_sizes.back().excess->by_runtime = true;
  const Diagnosis diagnosis = Diagnose(e);
  EXPECT_EQ(diagnosis.findings.front().code, VerdictCode::kMessageTooLarge);
  EXPECT_NE(Find(diagnosis, VerdictCode::kRuntimeRestarting), nullptr);
}

// What was read of the list is of before.
TEST(MessageTooLargeTest, ARuntimeThatIsGoneComesFirst) {
  Evidence e = TooLarge();
  e.runtime.connected = false;
  e.runtime.connection_for = absl::Seconds(20);
  e.runtime.disconnected_reason = "connection refused";
  e.host->runtime_process.reset();
  EXPECT_EQ(Diagnose(e).findings.front().code, VerdictCode::kRuntimeDown);
  e.runtime.reconnected_ago = {absl::Seconds(60), absl::Seconds(90), absl::Seconds(120)};
  EXPECT_EQ(Diagnose(e).findings.front().code, VerdictCode::kRuntimeRestarting);
}

}  // namespace
}  // namespace pleg
