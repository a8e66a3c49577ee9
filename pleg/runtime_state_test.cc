#include "pleg/runtime_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pleg/testing/sim_executor.h"

namespace pleg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Verdict kHealthy{true, ""};

RuntimeConditions Conditions(bool runtime, bool network) {
  return {
      RuntimeCondition{"RuntimeReady", runtime, runtime ? "" : "Down", runtime ? "" : "no shim"},
      RuntimeCondition{"NetworkReady", network, network ? "" : "NetworkPluginNotReady",
                       network ? "" : "cni plugin not initialized"}};
}

class RuntimeStateTest : public ::testing::Test {
 protected:
  std::vector<std::string> Errors(const Verdict& pleg = kHealthy) {
    return state_.RuntimeErrors(pleg, clock_.Now());
  }
  testing::SimClock clock_;
  RuntimeState state_;
};

TEST_F(RuntimeStateTest, BeforeTheFirstStatus) {
  EXPECT_THAT(Errors(), ElementsAre("container runtime status check may not have completed yet"));
  EXPECT_THAT(state_.NetworkErrors(), ElementsAre("network state unknown"));
  const NodeReady ready = state_.Ready({false, "pleg has yet to be successful"}, clock_.Now());
  EXPECT_FALSE(ready.ready);
  EXPECT_EQ(ready.reason, "KubeletNotReady");
  EXPECT_EQ(ready.message,
            "[container runtime status check may not have completed yet, PLEG is not healthy: pleg "
            "has yet to be successful, network state unknown]");
}

TEST_F(RuntimeStateTest, ReadyWhenAllIsWell) {
  state_.OnStatus(Conditions(true, true), clock_.Now());
  EXPECT_THAT(Errors(), IsEmpty());
  const NodeReady ready = state_.Ready(kHealthy, clock_.Now());
  EXPECT_TRUE(ready.ready);
  EXPECT_EQ(ready.reason, "KubeletReady");
  EXPECT_EQ(ready.message, "kubelet is posting ready status");
}

TEST_F(RuntimeStateTest, DownStrictlyAfterThirtySecondsWithoutStatus) {
  state_.OnStatus(Conditions(true, true), clock_.Now());
  clock_.Advance(absl::Seconds(30));
  EXPECT_THAT(Errors(), IsEmpty());
  clock_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(Errors(), ElementsAre("container runtime is down"));
}

TEST_F(RuntimeStateTest, ErrorsInTheKubeletsOrder) {
  state_.OnStatus(Conditions(true, true), clock_.Now());
  clock_.Advance(absl::Minutes(4));
  state_.OnStatus(Conditions(false, true), clock_.Now());
  EXPECT_THAT(
      Errors({false, "pleg was last seen active 4m0s ago; threshold is 3m0s"}),
      ElementsAre("container runtime is down",
                  "PLEG is not healthy: pleg was last seen active 4m0s ago; threshold is 3m0s",
                  "container runtime not ready: RuntimeReady=false reason:Down message:no shim"));
}

TEST_F(RuntimeStateTest, AStatusThatIsNotReadyDoesNotCountAsSync) {
  state_.OnStatus(Conditions(false, true), clock_.Now());
  EXPECT_THAT(Errors(), ElementsAre("container runtime status check may not have completed yet",
                                    "container runtime not ready: RuntimeReady=false reason:Down "
                                    "message:no shim"));
}

TEST_F(RuntimeStateTest, NetworkIsTheNodesBusinessNotTheRuntimes) {
  state_.OnStatus(Conditions(true, false), clock_.Now());
  EXPECT_THAT(Errors(), IsEmpty());
  const NodeReady ready = state_.Ready(kHealthy, clock_.Now());
  EXPECT_FALSE(ready.ready);
  EXPECT_EQ(ready.message,
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
            "message:cni plugin not initialized");
}

TEST_F(RuntimeStateTest, MissingConditionsAreNotTrue) {
  state_.OnStatus({}, clock_.Now());
  EXPECT_THAT(Errors(), ElementsAre("container runtime status check may not have completed yet",
                                    "container runtime not ready: <nil>"));
  EXPECT_THAT(state_.NetworkErrors(), ElementsAre("container runtime network not ready: <nil>"));
}

TEST(AggregateMessageTest, Rules) {
  EXPECT_EQ(AggregateMessage({}), "");
  EXPECT_EQ(AggregateMessage({"a"}), "a");
  EXPECT_EQ(AggregateMessage({"a", "a"}), "a");
  EXPECT_EQ(AggregateMessage({"a", "b", "a"}), "[a, b]");
}

}  // namespace
}  // namespace pleg
