// The log as a story: each test is one fault as the log tells it.

#include "runtime/state_log.h"

#include <initializer_list>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pleg/testing/sim_executor.h"
#include "runtime/grpc_status.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LinesLog : public pleg::Log {
 public:
  bool Enabled(pleg::LogLevel) const override { return true; }
  void Write(pleg::LogLevel, absl::string_view message,
             std::initializer_list<pleg::LogField> fields) override {
    std::string line(message);
    for (const pleg::LogField& field : fields) {
      if (field.key == "change" || field.key == "plegd") continue;
      line += absl::StrCat(" ", field.key, "=", field.value);
    }
    lines.push_back(line);
  }
  std::vector<std::string> lines;
};

class StateLogTest : public ::testing::Test {
 protected:
  static absl::Status NoConnection(const char* text) {
    absl::Status status = absl::UnavailableError(text);
    MarkUnanswered(status);
    return status;
  }
  std::vector<std::string> Lines() { return std::exchange(log_.lines, {}); }
  // A healthy node, watched for a while.
  void Run() {
    story_.OnEndpoint("unix:///x.sock");
    story_.OnConnection(true, "");
    story_.OnIdentity(kContainerd);
    story_.OnList(absl::OkStatus());
    story_.OnStatus(Conditions(true));
    Pass(absl::Seconds(60));
    Lines();
  }
  static pleg::RuntimeConditions Conditions(bool network) {
    return {.runtime_ready = pleg::RuntimeCondition{"RuntimeReady", true, "", ""},
            .network_ready = pleg::RuntimeCondition{"NetworkReady", network, "", ""}};
  }
  void Pass(absl::Duration duration) {
    for (absl::Duration passed; passed < duration; passed += absl::Seconds(1)) {
      clock_.Advance(absl::Seconds(1));
      facts_.calls.taken_at = clock_.Now();
      story_.Tick(facts_);
    }
  }

  const pleg::RuntimeVersion kContainerd{"containerd", "1.7.27", "v1"};
  pleg::testing::SimClock clock_;
  LinesLog log_;
  StateLog story_{clock_, log_};
  StateLog::Facts facts_{.verdict = {true, ""},
                         .node = {true, "KubeletReady", "kubelet is posting ready status"},
                         .calls = {}};
};

TEST_F(StateLogTest, AGoodStart) {
  story_.OnEndpoint("unix:///x.sock");
  facts_.verdict = {false, "pleg has yet to be successful"};
  facts_.node = {false, "KubeletNotReady", "[…]"};
  story_.Tick(facts_);
  story_.OnConnection(true, "");
  story_.OnIdentity(kContainerd);
  story_.OnList(absl::OkStatus());
  facts_.verdict = {true, ""};
  facts_.node = {true, "KubeletReady", "kubelet is posting ready status"};
  Pass(absl::Seconds(100));
  EXPECT_THAT(Lines(),
              ElementsAre("the container runtime is there endpoint=unix:///x.sock waited=0s "
                          "name=containerd version=1.7.27 api_version=v1",
                          "PLEG is healthy after=0s",
                          "the kubelet would post the node as Ready reason=KubeletReady "
                          "message=kubelet is posting ready status after=0s"));
}

TEST_F(StateLogTest, AnAbsentRuntimeIsOneLineAndItsComingAnother) {
  story_.OnEndpoint("unix:///x.sock");
  facts_.verdict = {false, "pleg has yet to be successful"};
  facts_.node = {false, "KubeletNotReady", "[…]"};
  story_.OnConnection(false, "/x.sock: no such socket");
  for (int i = 0; i < 1000; ++i) {
    story_.OnList(NoConnection("failed to connect to all addresses"));
    story_.OnStatus(NoConnection("failed to connect to all addresses"));
    Pass(absl::Seconds(1));
  }
  EXPECT_THAT(Lines(), ElementsAre("waiting for the container runtime endpoint=unix:///x.sock "
                                   "reason=/x.sock: no such socket"));
  story_.OnConnection(true, "");
  story_.OnIdentity(kContainerd);
  EXPECT_THAT(Lines(), ElementsAre("the container runtime is there endpoint=unix:///x.sock "
                                   "waited=16m40s name=containerd version=1.7.27 api_version=v1"));
}

TEST_F(StateLogTest, ALostRuntimeIsOneLineAndItsReturnAnother) {
  Run();
  story_.OnConnection(false, "the connection has ended");
  story_.OnList(NoConnection("Socket closed"));
  story_.OnStatus(NoConnection("Socket closed"));
  Pass(absl::Seconds(12));
  story_.OnConnection(true, "");
  story_.OnList(absl::OkStatus());
  story_.OnIdentity(pleg::RuntimeVersion{"containerd", "2.0.0", "v1"});
  story_.OnStatus(Conditions(true));
  Pass(absl::Seconds(20));
  EXPECT_THAT(Lines(), ElementsAre("the container runtime is lost endpoint=unix:///x.sock "
                                   "reason=the connection has ended",
                                   "the container runtime is back endpoint=unix:///x.sock "
                                   "away=12s name=containerd version=2.0.0 api_version=v1"));
}

TEST_F(StateLogTest, ARuntimeThatComesAndGoesAllTheTimeIsToldNowAndThen) {
  Run();
  for (int i = 0; i < 300; ++i) {
    story_.OnConnection(false, "the connection has ended");
    Pass(absl::Seconds(1));
    story_.OnConnection(true, "");
    story_.OnIdentity(kContainerd);
    Pass(absl::Seconds(1));
  }
  Pass(absl::Minutes(2));
  const std::vector<std::string> lines = Lines();
  EXPECT_LE(lines.size(), 120u);
  EXPECT_GE(lines.size(), 20u);
  EXPECT_THAT(lines.back(), HasSubstr("the container runtime is back"));
}

TEST_F(StateLogTest, WhoeverAcceptsAndSpeaksNoGrpcIsNamed) {
  story_.OnEndpoint("unix:///x.sock");
  facts_.verdict = {false, "pleg has yet to be successful"};
  facts_.node = {false, "KubeletNotReady", "[…]"};
  story_.OnConnection(false, "");
  EXPECT_THAT(Lines(), IsEmpty());
  story_.OnList(NoConnection("ListPodSandbox failed: … Trying to connect an http1.x server"));
  story_.OnList(NoConnection("ListPodSandbox failed: … Trying to connect an http1.x server"));
  Pass(absl::Seconds(20));
  EXPECT_THAT(Lines(), ElementsAre("waiting for the container runtime endpoint=unix:///x.sock "
                                   "reason=an HTTP/1 server listens there, no container runtime"));
}

TEST_F(StateLogTest, AServerWithoutCriIsOneLine) {
  story_.OnEndpoint("unix:///x.sock");
  facts_.verdict = {true, ""};
  story_.OnConnection(true, "");
  story_.OnList(absl::UnimplementedError("unknown service"));
  story_.OnStatus(absl::UnimplementedError("unknown service"));
  story_.OnIdentity(absl::UnimplementedError("unknown service"));
  for (int i = 0; i < 10; ++i) {
    story_.OnIdentity(absl::UnimplementedError("unknown service"));
    story_.OnList(absl::UnimplementedError("unknown service"));
  }
  EXPECT_THAT(Lines(), ElementsAre(HasSubstr(
                           "what listens there is not a container runtime endpoint=unix:///x.sock "
                           "reason=speaks gRPC but not CRI v1")));
}

TEST_F(StateLogTest, AServerThatKnowsCriAfterAllIsNoStrangerAnyMore) {
  story_.OnEndpoint("unix:///x.sock");
  facts_.verdict = {true, ""};
  story_.OnConnection(true, "");
  story_.OnIdentity(absl::UnimplementedError("unknown service"));
  story_.OnIdentity(absl::InternalError("starting"));
  EXPECT_THAT(Lines(), ElementsAre(HasSubstr("what listens there is not a container runtime"),
                                   HasSubstr("answers Version with an error")));
  EXPECT_THAT(story_.Connection(), HasSubstr("starting"));
}

TEST_F(StateLogTest, ARuntimeThatIsConnectedAndSilentIsNamedAfterAWhile) {
  story_.OnEndpoint("unix:///x.sock");
  facts_.verdict = {false, "pleg has yet to be successful"};
  facts_.node = {false, "KubeletNotReady", "[…]"};
  story_.OnConnection(true, "");
  facts_.calls.unanswered = {{"ListPodSandbox", "", clock_.Now(), 1}};
  Pass(absl::Seconds(20));
  EXPECT_THAT(Lines(),
              ElementsAre("the container runtime is connected but does not answer Version "
                          "endpoint=unix:///x.sock since=5s",
                          "PLEG is not healthy reason=pleg has yet to be successful "
                          "unanswered=ListPodSandbox for 5s",
                          "the kubelet would post the node as NotReady reason=KubeletNotReady "
                          "message=[…] after=0s"));
}

TEST_F(StateLogTest, AListErrorIsToldAtItsStartItsChangeAndItsEnd) {
  Run();
  for (int i = 0; i < 100; ++i) {
    story_.OnList(absl::ResourceExhaustedError("too large"));
    Pass(absl::Seconds(1));
  }
  story_.OnList(absl::InternalError("broken"));
  story_.OnList(absl::InternalError("broken in another way"));
  Pass(absl::Seconds(30));
  story_.OnList(absl::OkStatus());
  EXPECT_THAT(
      Lines(),
      ElementsAre("GenericPLEG: Unable to retrieve pods code=RESOURCE_EXHAUSTED error=too large",
                  "GenericPLEG: Unable to retrieve pods code=INTERNAL error=broken",
                  "GenericPLEG: pods are retrieved again after=30s"));
}

TEST_F(StateLogTest, UnavailableFromTheRuntimeItselfIsAListError) {
  Run();
  story_.OnList(absl::UnavailableError("shim is busy"));
  EXPECT_THAT(Lines(), ElementsAre(HasSubstr("code=UNAVAILABLE error=shim is busy")));
}

TEST_F(StateLogTest, TheVerdictAndTheReadyConditionWithTheCallToBlame) {
  Run();
  facts_.calls.unanswered = {{"ContainerStatus", "c1", clock_.Now() + absl::Seconds(-9), 1},
                             {"ListContainers", "", clock_.Now(), 2}};
  facts_.calls.running = {{"ListContainers", "", clock_.Now()}};
  Pass(absl::Seconds(30));
  EXPECT_THAT(Lines(), ElementsAre("a call to the container runtime is not answered "
                                   "method=ListContainers target= since=30s "
                                   "unanswered_targets=1"));
  facts_.verdict = {false, "pleg was last seen active 3m0.5s ago; threshold is 3m0s"};
  facts_.node = {false, "KubeletNotReady", "PLEG is not healthy: …"};
  Pass(absl::Seconds(10));
  facts_.verdict.reason = "pleg was last seen active 3m10.5s ago; threshold is 3m0s";
  Pass(absl::Seconds(10));
  EXPECT_THAT(
      Lines(),
      ElementsAre("PLEG is not healthy reason=pleg was last seen active 3m0.5s ago; threshold "
                  "is 3m0s unanswered=ListContainers for 31s, ContainerStatus of c1 for 40s",
                  "the kubelet would post the node as NotReady reason=KubeletNotReady "
                  "message=PLEG is not healthy: … after=1m30s"));
  facts_.calls.unanswered.clear();
  facts_.calls.running.clear();
  facts_.verdict = {true, ""};
  facts_.node = {true, "KubeletReady", "kubelet is posting ready status"};
  Pass(absl::Seconds(10));
  EXPECT_THAT(Lines(),
              ElementsAre("the container runtime has answered after all, or the object is gone "
                          "method=ListContainers target= after=51s",
                          "PLEG is healthy again after=20s",
                          "the kubelet would post the node as Ready reason=KubeletReady "
                          "message=kubelet is posting ready status after=20s"));
}

TEST_F(StateLogTest, StatusAndItsConditions) {
  story_.OnConnection(true, "");
  story_.OnIdentity(kContainerd);
  story_.OnStatus(Conditions(false));
  Lines();
  story_.OnStatus(Conditions(true));
  story_.OnStatus(Conditions(true));
  story_.OnStatus(absl::DeadlineExceededError("Status failed"));
  story_.OnStatus(absl::DeadlineExceededError("Status failed"));
  story_.OnStatus(Conditions(true));
  EXPECT_THAT(Lines(),
              ElementsAre("the container runtime's conditions are conditions=RuntimeReady=true "
                          "reason: message:; NetworkReady=true reason: message:",
                          "Container runtime sanity check failed code=DEADLINE_EXCEEDED "
                          "error=Status failed",
                          "the container runtime answers Status again after=0s"));
}

TEST_F(StateLogTest, WhatALostConnectionLeftUnansweredIsNoHang) {
  Run();
  facts_.calls.unanswered = {{"ContainerStatus", "c1", clock_.Now(), 1}};
  Pass(absl::Seconds(100));
  EXPECT_THAT(Lines(), IsEmpty());
}

TEST_F(StateLogTest, ManySilentContainersAreCountedNotListed) {
  Run();
  for (int i = 0; i < 500; ++i) {
    facts_.calls.unanswered.push_back({"ContainerStatus", absl::StrCat("c", i), clock_.Now(), 1});
    facts_.calls.running.push_back({"ContainerStatus", absl::StrCat("c", i), clock_.Now()});
  }
  Pass(absl::Seconds(60));
  const std::vector<std::string> lines = Lines();
  ASSERT_EQ(lines.size(), StateLog::kMaxUnanswered);
  EXPECT_THAT(lines[0], HasSubstr("unanswered_targets=500"));
}

}  // namespace
}  // namespace runtime
