// CriRuntime when the runtime hangs, is away, answers too much or goes.

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/testing/cri_runtime_fixture.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

TEST_F(CriRuntimeTest, AHangEndsAtTheDeadlineAndStaysInTheLedgerAsSilence) {
  server_.Always("ContainerStatus", FakeCriServer::Hang());
  ASSERT_TRUE(server_.Start());
  Make(absl::Seconds(1));
  EXPECT_EQ(ContainerStatus().status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ContainerStatus().status().code(), absl::StatusCode::kDeadlineExceeded);
  const auto silence = [this]() -> uint32_t {
    for (const auto& row : runtime_->Snapshot().unanswered) {
      if (row.target == "c1") return row.attempts;
    }
    return 0;
  };
  EXPECT_EQ(silence(), 2u);
  ASSERT_TRUE(List().ok());
  EXPECT_EQ(silence(), 2u);  // still listed
  server_.Always("ListContainers", FakeCriServer::Raw(""));
  ASSERT_TRUE(List().ok());
  EXPECT_EQ(silence(), 0u);  // gone, and its row with it
  for (const pleg::CallRecord& call : observer_.calls()) {
    if (call.method != "ContainerStatus") continue;
    EXPECT_EQ(call.target, "c1");
    EXPECT_EQ(call.code, absl::StatusCode::kDeadlineExceeded);
    EXPECT_EQ(call.response_bytes, 0u);
  }
}

TEST_F(CriRuntimeTest, AReplyOverTheLimitSaysSo) {
  v1::ListContainersResponse big = OneContainer();
  big.mutable_containers(0)->set_image_ref(std::string(10'000, 'x'));
  server_.Always("ListContainers", FakeCriServer::Message(big));
  ASSERT_TRUE(server_.Start());
  Make(absl::Minutes(2), {.bytes = 5'000});
  const absl::Status status = List().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("(plegd receives up to 5000 bytes, the kubelet up to 16777216)"));
}

// What is known of a list that is too large stands until one fits.
TEST_F(CriRuntimeTest, AListOverTheBudgetIsInTheSnapshotUntilOneFits) {
  v1::ListContainersResponse big = OneContainer();
  big.mutable_containers(0)->set_image_ref(std::string(10'000, 'x'));
  server_.Always("ListContainers", FakeCriServer::Message(big));
  ASSERT_TRUE(server_.Start());
  Make(absl::Minutes(2), {.bytes = 5'000});
  EXPECT_FALSE(List().ok());
  const auto excess_of = [this](absl::string_view method) -> std::optional<pleg::ListExcess> {
    for (const auto& size : runtime_->Snapshot().list_sizes) {
      if (size.method == method) return size.excess;
    }
    return std::nullopt;
  };
  const std::optional<pleg::ListExcess> first = excess_of("ListContainers");
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->bytes, big.ByteSizeLong());
  EXPECT_EQ(first->limit_bytes, 5'000u);
  EXPECT_FALSE(excess_of("ListPodSandbox").has_value());
  EXPECT_FALSE(List().ok());
  EXPECT_EQ(excess_of("ListContainers")->since, first->since);
  EXPECT_EQ((observer_.invalid()[{"ListContainers", "too_large"}]), 2);
  server_.Always("ListContainers", FakeCriServer::Message(OneContainer()));
  EXPECT_TRUE(List().ok());
  EXPECT_FALSE(excess_of("ListContainers").has_value());
}

// Sandboxes and containers share it.
TEST_F(CriRuntimeTest, ObjectsOfBothListsCountAgainstTheBudget) {
  ASSERT_TRUE(server_.Start());
  Make(absl::Minutes(2), {.bytes = 5'000, .items = 1});
  EXPECT_TRUE(absl::IsResourceExhausted(List().status()));
  OnLoop([this] { runtime_.reset(); });
  Make(absl::Minutes(2), {.bytes = 5'000, .items = 2});
  EXPECT_TRUE(List().ok());
}

TEST_F(CriRuntimeTest, WaitsForARuntimeThatIsAbsentAndSaysSoOnce) {
  Make();
  log_.WaitFor(kWaiting, 1);
  EXPECT_EQ(List().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(List().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(log_.reason(kWaiting), HasSubstr("cri.sock: no such socket"));
  EXPECT_FALSE(runtime_->Connected());
  EXPECT_FALSE(runtime_->Identity().ok());
  ASSERT_TRUE(server_.Start());
  OnLoop([this] { runtime_->ResetConnectionBackoff(); });
  log_.WaitFor(kThere, 1);
  EXPECT_TRUE(runtime_->Connected());
  EXPECT_TRUE(List().ok());
  EXPECT_EQ(log_.counts()[kWaiting], 1);
  EXPECT_EQ(log_.counts()[kConnected], 1);
  EXPECT_EQ(log_.counts()["GenericPLEG: Unable to retrieve pods"], 0);
}

TEST_F(CriRuntimeTest, SurvivesARestartAndShakesHandsAgain) {
  Start();
  log_.WaitFor(kThere, 1);
  ASSERT_TRUE(List().ok());
  server_.Stop();
  log_.WaitFor(kLost, 1);
  EXPECT_EQ(List().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(runtime_->Identity()->version, "1.2.3");  // who it was
  v1::VersionResponse upgraded = GoodVersion();
  upgraded.set_runtime_version("2.0.0");
  server_.Always("Version", FakeCriServer::Message(upgraded));
  ASSERT_TRUE(server_.Start());
  log_.WaitFor(kBack, 1);
  EXPECT_EQ(runtime_->Identity()->version, "2.0.0");
  EXPECT_TRUE(List().ok());
  EXPECT_EQ(log_.counts()[kLost], 1);
  EXPECT_EQ(log_.counts()[kConnected], 2);
}

TEST_F(CriRuntimeTest, VersionMustHaveAllFieldsAndTheRightVersion) {
  Start();
  log_.WaitFor(kThere, 1);
  server_.On("Version", [](const std::string& bytes) {
    EXPECT_EQ(Parse<v1::VersionRequest>(bytes).version(), "0.1.0");
    return FakeCriServer::Message(GoodVersion());
  });
  EXPECT_EQ(*Handshake(), (pleg::RuntimeVersion{"fake", "1.2.3", "v1"}));
  const std::vector<std::function<void(v1::VersionResponse&)>> spoilers = {
      [](auto& v) { v.clear_version(); }, [](auto& v) { v.clear_runtime_name(); },
      [](auto& v) { v.clear_runtime_version(); }, [](auto& v) { v.clear_runtime_api_version(); }};
  for (const auto& spoil : spoilers) {
    v1::VersionResponse version = GoodVersion();
    spoil(version);
    server_.Always("Version", FakeCriServer::Message(version));
    const absl::Status status = Handshake().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(status.message()), HasSubstr("not all fields are set"));
    EXPECT_FALSE(runtime_->Identity().ok());
  }
  v1::VersionResponse other = GoodVersion();
  other.set_version("0.2.0");
  server_.Always("Version", FakeCriServer::Message(other));
  EXPECT_EQ(Handshake().status().code(), absl::StatusCode::kFailedPrecondition);
  server_.Always("Version", FakeCriServer::Raw("\x07"));
  EXPECT_EQ(Handshake().status(), absl::InternalError("Version: malformed reply"));
  EXPECT_TRUE(List().ok());  // no call waits for the handshake
}

TEST_F(CriRuntimeTest, AFailedHandshakeIsTriedAgain) {
  server_.Always("Version", FakeCriServer::Error(grpc::StatusCode::UNKNOWN, "not initialized yet"));
  Start();
  server_.WaitForCount("Version", 4);
  EXPECT_EQ(log_.counts()[kThere], 0);
  server_.Always("Version", FakeCriServer::Message(GoodVersion()));
  log_.WaitFor(kThere, 1);
  EXPECT_EQ(runtime_->Identity()->name, "fake");
}

TEST_F(CriRuntimeTest, ADamagedReplyIsNoGoodAnswerAndToldOncePerObject) {
  Start();
  log_.WaitFor(kThere, 1);
  for (const char* method : {"Version", "Status", "ContainerStatus", "PodSandboxStatus"}) {
    server_.Always(method, FakeCriServer::Raw("\x07"));
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Handshake().status().code(), absl::StatusCode::kInternal);
    EXPECT_EQ(Conditions().status().code(), absl::StatusCode::kInternal);
    EXPECT_EQ(ContainerStatus().status().code(), absl::StatusCode::kInternal);
    EXPECT_EQ(SandboxStatus().status().code(), absl::StatusCode::kInternal);
  }
  std::map<std::string, int> damaged;
  for (const pleg::CallRecord& call : observer_.calls()) {
    if (call.code == absl::StatusCode::kInternal) ++damaged[std::string(call.method)];
  }
  EXPECT_THAT(damaged, ElementsAre(Pair("ContainerStatus", 2), Pair("PodSandboxStatus", 2),
                                   Pair("Status", 2), Pair("Version", 2)));
  EXPECT_EQ((observer_.invalid()[{"ContainerStatus", "damaged_reply"}]), 2);
  EXPECT_EQ((observer_.invalid()[{"Version", "damaged_reply"}]), 2);
  EXPECT_EQ(log_.counts()[kBadReply], 4);
  // Once it has answered well, a bad reply is news again.
  server_.Always("ContainerStatus", FakeCriServer::Message(GoodContainerStatus()));
  EXPECT_TRUE(ContainerStatus().ok());
  server_.Always("ContainerStatus", FakeCriServer::Raw("\x07"));
  EXPECT_FALSE(ContainerStatus().ok());
  EXPECT_EQ(log_.counts()[kBadReply], 5);
}

TEST_F(CriRuntimeTest, ShutdownDuringAHangDropsTheCallbacks) {
  for (const char* method : {"ListPodSandbox", "ContainerStatus", "Version"}) {
    server_.Always(method, FakeCriServer::Hang());
  }
  Start();
  auto token = std::make_shared<int>(0);
  OnLoop([&] {
    runtime_->List(std::nullopt, [token](auto) { ++*token; });
    runtime_->GetContainerStatus({}, [token](auto) { ++*token; });
    runtime_->Handshake([token](auto) { ++*token; });
  });
  server_.WaitForCount("ListPodSandbox", 1);
  server_.WaitForCount("ContainerStatus", 1);
  EXPECT_EQ(token.use_count(), 4);
  OnLoop([&] { runtime_->Shutdown(); });
  EXPECT_EQ(token.use_count(), 1);
  OnLoop([&] {
    runtime_->List(std::nullopt, [token](auto) { ++*token; });
    runtime_->Shutdown();
    runtime_.reset();
  });
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(*token, 0);
}

TEST_F(CriRuntimeTest, AnAnswerThatIsPostedWhenTheRuntimeDiesIsDropped) {
  Start();
  log_.WaitFor(kThere, 1);
  auto token = std::make_shared<int>(0);
  OnLoop([&] {
    runtime_->GetContainerStatus({}, [token](auto) { ++*token; });
    // The core is busy until the answer is queued behind it.
    server_.WaitForCount("ContainerStatus", 1);
    while (loop_.QueueDepth() == 0) std::this_thread::yield();
    runtime_.reset();
  });
  OnLoop([] {});
  EXPECT_EQ(*token, 0);
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(CriRuntimeTest, ProbeTellsWhoIsThereOrWhyNot) {
  const Endpoint endpoint(server_.socket_path());
  EXPECT_EQ(ProbeVersion(endpoint, absl::Seconds(10)).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(server_.Start());
  EXPECT_EQ(ProbeVersion(endpoint, absl::Minutes(1))->name, "fake");
  server_.Always("Version",
                 FakeCriServer::Error(grpc::StatusCode::UNIMPLEMENTED, "unknown service"));
  EXPECT_EQ(ProbeVersion(endpoint, absl::Minutes(1)).status().code(),
            absl::StatusCode::kUnimplemented);
  server_.Always("Version", FakeCriServer::Hang());
  EXPECT_EQ(ProbeVersion(endpoint, absl::Milliseconds(50)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace runtime
