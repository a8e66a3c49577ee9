#include "runtime/cri_runtime.h"

#include <condition_variable>
#include <functional>
#include <future>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/convert.h"
#include "runtime/event_loop.h"
#include "runtime/system_clock.h"
#include "runtime/testing/fake_cri_server.h"
#include "runtime/testing/recording_observer.h"
#include "runtime/testing/temp_dir.h"
#include "runtime/v1/api.pb.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;
using testing::FakeCriServer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using SandboxResult = absl::StatusOr<std::shared_ptr<const pleg::SandboxStatus>>;
using ContainerResult = absl::StatusOr<std::shared_ptr<const pleg::ContainerStatus>>;

template <typename Request>
Request Parse(const std::string& bytes) {
  Request request;
  EXPECT_TRUE(request.ParseFromString(bytes));
  return request;
}

v1::VersionResponse GoodVersion() {
  v1::VersionResponse version;
  version.set_version("0.1.0");
  version.set_runtime_name("fake");
  version.set_runtime_version("1.2.3");
  version.set_runtime_api_version("v1");
  return version;
}

v1::ListPodSandboxResponse OneSandbox() {
  v1::ListPodSandboxResponse response;
  v1::PodSandbox& sandbox = *response.add_items();
  sandbox.set_id("s1");
  sandbox.mutable_metadata()->set_name("web");
  sandbox.mutable_metadata()->set_namespace_("default");
  sandbox.mutable_metadata()->set_uid("uid-1");
  sandbox.set_created_at(1);
  return response;
}

v1::ListContainersResponse OneContainer() {
  v1::ListContainersResponse response;
  v1::Container& container = *response.add_containers();
  container.set_id("c1");
  container.set_pod_sandbox_id("s1");
  container.mutable_metadata()->set_name("app");
  container.mutable_image()->set_image("nginx");
  container.set_state(v1::CONTAINER_RUNNING);
  (*container.mutable_labels())[std::string(kPodUidLabel)] = "uid-1";
  return response;
}

v1::ContainerStatusResponse GoodContainerStatus() {
  v1::ContainerStatusResponse response;
  v1::ContainerStatus& status = *response.mutable_status();
  status.set_id("c1");
  status.mutable_metadata()->set_name("app");
  status.set_created_at(5);
  status.mutable_image()->set_image("nginx");
  status.set_image_ref("ref");
  status.set_state(v1::CONTAINER_EXITED);
  status.set_exit_code(3);
  return response;
}

v1::PodSandboxStatusResponse GoodSandboxStatus() {
  v1::PodSandboxStatusResponse response;
  v1::PodSandboxStatus& status = *response.mutable_status();
  status.set_id("s1");
  status.mutable_metadata()->set_name("web");
  status.mutable_metadata()->set_namespace_("default");
  status.mutable_metadata()->set_uid("uid-1");
  status.set_created_at(5);
  status.mutable_network()->set_ip("10.0.0.1");
  return response;
}

// Counts lines by message, and keeps the last reason of each. Thread-safe.
class RecordingLog : public pleg::Log {
 public:
  bool Enabled(pleg::LogLevel) const override { return true; }
  void Write(pleg::LogLevel, absl::string_view message,
             std::initializer_list<pleg::LogField> fields) override {
    pleg::MutexLock lock(mu_);
    ++counts_[std::string(message)];
    for (const pleg::LogField& field : fields) {
      if (field.key == "reason") reasons_[std::string(message)] = field.value;
    }
    written_.notify_all();
  }
  void WaitFor(const std::string& message, int count) {
    pleg::MutexLock lock(mu_);
    while (counts_[message] < count) written_.wait(mu_);
  }
  std::string reason(const std::string& message) {
    pleg::MutexLock lock(mu_);
    return reasons_[message];
  }
  std::map<std::string, int> counts() {
    pleg::MutexLock lock(mu_);
    return counts_;
  }

 private:
  pleg::Mutex mu_;
  std::condition_variable_any written_;
  std::map<std::string, int> counts_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::string> reasons_ ABSL_GUARDED_BY(mu_);
};

constexpr char kConnected[] = "connected to the container runtime";
constexpr char kWaiting[] = "waiting for the container runtime";
constexpr char kLost[] = "lost the connection to the container runtime";
constexpr char kIdentified[] = "the container runtime said who it is";
constexpr char kHandshakeFailed[] = "the handshake with the container runtime failed";

class CriRuntimeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    loop_.Start();
    server_.Always("Version", FakeCriServer::Message(GoodVersion()));
    server_.Always("ListPodSandbox", FakeCriServer::Message(OneSandbox()));
    server_.Always("ListContainers", FakeCriServer::Message(OneContainer()));
    server_.Always("PodSandboxStatus", FakeCriServer::Message(GoodSandboxStatus()));
    server_.Always("ContainerStatus", FakeCriServer::Message(GoodContainerStatus()));
  }
  void TearDown() override {
    OnLoop([this] { runtime_.reset(); });
    loop_.Stop();
  }

  void Make(absl::Duration timeout = absl::Minutes(2), size_t max_reply_bytes = 1 << 20) {
    OnLoop([&] {
      runtime_ =
          std::make_unique<CriRuntime>(CriOptions{.endpoint = Endpoint(server_.socket_path()),
                                                  .request_timeout = timeout,
                                                  .handshake_retry = absl::Milliseconds(5),
                                                  .max_reply_bytes = max_reply_bytes},
                                       loop_, clock_, observer_, log_);
      runtime_->Connect();
    });
  }
  void Start() {
    ASSERT_TRUE(server_.Start());
    Make();
  }

  template <typename F>
  void OnLoop(F f) {
    std::promise<void> done;
    loop_.Post([&] {
      f();
      done.set_value();
    });
    done.get_future().wait();
  }
  // Starts a call on the core's thread and waits for its answer, which must come there too.
  template <typename T>
  T Ask(absl::AnyInvocable<void(absl::AnyInvocable<void(T)>)> start) {
    std::promise<T> answer;
    loop_.Post([&] {
      auto returned = std::make_shared<bool>(false);
      start([&answer, returned, core = std::this_thread::get_id()](T value) {
        EXPECT_TRUE(*returned);
        EXPECT_EQ(std::this_thread::get_id(), core);
        answer.set_value(std::move(value));
      });
      *returned = true;
    });
    return answer.get_future().get();
  }
  absl::StatusOr<pleg::Listing> List(std::optional<pleg::PodUid> pod = std::nullopt) {
    return Ask<absl::StatusOr<pleg::Listing>>(
        [&](auto done) { runtime_->List(pod, std::move(done)); });
  }
  SandboxResult SandboxStatus() {
    pleg::SandboxInfo info;
    info.id = pleg::ContainerId("s1");
    return Ask<SandboxResult>(
        [&](auto done) { runtime_->GetSandboxStatus(info, std::move(done)); });
  }
  ContainerResult ContainerStatus() {
    pleg::ContainerInfo info;
    info.id = pleg::ContainerId("c1");
    info.sandbox_id = pleg::ContainerId("s1");
    return Ask<ContainerResult>(
        [&](auto done) { runtime_->GetContainerStatus(info, std::move(done)); });
  }
  absl::StatusOr<RuntimeIdentity> Handshake() {
    return Ask<absl::StatusOr<RuntimeIdentity>>(
        [&](auto done) { runtime_->Handshake(std::move(done)); });
  }

  testing::TempDir dir_;
  FakeCriServer server_{dir_.File("cri.sock")};
  SystemClock clock_;
  testing::RecordingObserver observer_;
  RecordingLog log_;
  EventLoop loop_;
  std::unique_ptr<CriRuntime> runtime_;
};

TEST_F(CriRuntimeTest, ListsSandboxesThenContainers) {
  std::promise<bool> sandboxes_first;
  server_.On("ListContainers", [&](const std::string& bytes) {
    sandboxes_first.set_value(server_.Count("ListPodSandbox") == 1);
    EXPECT_TRUE(Parse<v1::ListContainersRequest>(bytes).has_filter());
    EXPECT_THAT(Parse<v1::ListContainersRequest>(bytes).filter().label_selector(), IsEmpty());
    return FakeCriServer::Message(OneContainer());
  });
  Start();
  const pleg::MonoTime before = clock_.Now();
  const absl::StatusOr<pleg::Listing> listing = List();
  ASSERT_TRUE(listing.ok()) << listing.status();
  EXPECT_TRUE(sandboxes_first.get_future().get());
  ASSERT_THAT(listing->sandboxes, SizeIs(1));
  EXPECT_EQ(listing->sandboxes[0].info->pod_uid, pleg::PodUid("uid-1"));
  EXPECT_EQ(listing->sandboxes[0].state, pleg::SandboxState::kReady);
  ASSERT_THAT(listing->containers, SizeIs(1));
  EXPECT_EQ(listing->containers[0].info->sandbox_id, pleg::ContainerId("s1"));
  EXPECT_EQ(listing->containers[0].state, pleg::ContainerState::kRunning);
  EXPECT_GE(listing->started_at, before);
  EXPECT_GT(listing->list_sandboxes_took, absl::ZeroDuration());
  EXPECT_GT(listing->list_containers_took, absl::ZeroDuration());
}

TEST_F(CriRuntimeTest, ListsOnePodByItsUidLabel) {
  std::promise<std::string> sandbox_filter;
  std::promise<std::string> container_filter;
  server_.On("ListPodSandbox", [&](const std::string& bytes) {
    sandbox_filter.set_value(Parse<v1::ListPodSandboxRequest>(bytes).filter().label_selector().at(
        "io.kubernetes.pod.uid"));
    return FakeCriServer::Raw("");
  });
  server_.On("ListContainers", [&](const std::string& bytes) {
    container_filter.set_value(Parse<v1::ListContainersRequest>(bytes).filter().label_selector().at(
        "io.kubernetes.pod.uid"));
    return FakeCriServer::Raw("");
  });
  Start();
  const absl::StatusOr<pleg::Listing> listing = List(pleg::PodUid("uid-7"));
  ASSERT_TRUE(listing.ok()) << listing.status();
  EXPECT_THAT(listing->sandboxes, IsEmpty());
  EXPECT_THAT(listing->containers, IsEmpty());
  EXPECT_EQ(sandbox_filter.get_future().get(), "uid-7");
  EXPECT_EQ(container_filter.get_future().get(), "uid-7");
  EXPECT_THAT(runtime_->Snapshot().list_sizes, IsEmpty());
}

TEST_F(CriRuntimeTest, EitherListFailingFailsTheCall) {
  Start();
  server_.Always("ListContainers", FakeCriServer::Error(grpc::StatusCode::UNKNOWN, "boom"));
  absl::Status status = List().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(std::string(status.message()), "ListContainers failed: boom");
  EXPECT_EQ(GoErrorText(status), "rpc error: code = Unknown desc = boom");
  const int before = server_.Count("ListContainers");
  server_.Always("ListPodSandbox", FakeCriServer::Error(grpc::StatusCode::INTERNAL, "bang"));
  status = List().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(std::string(status.message()), "ListPodSandbox failed: bang");
  EXPECT_EQ(server_.Count("ListContainers"), before);
}

TEST_F(CriRuntimeTest, ADamagedListFailsAndNamesTheCall) {
  Start();
  server_.Always("ListPodSandbox", FakeCriServer::Raw("\x0A\x7F"));
  EXPECT_EQ(std::string(List().status().message()),
            "ListPodSandbox: malformed reply: damaged at byte 0 of 2");
  server_.Always("ListPodSandbox", FakeCriServer::Message(OneSandbox()));
  server_.Always("ListContainers", FakeCriServer::Raw("\x07"));
  EXPECT_THAT(std::string(List().status().message()), HasSubstr("ListContainers: malformed reply"));
  server_.Always("ListContainers", FakeCriServer::Message(OneContainer()));
  EXPECT_TRUE(List().ok());
}

TEST_F(CriRuntimeTest, ListSizesAreInTheSnapshot) {
  Start();
  ASSERT_TRUE(List().ok());
  const pleg::CallSnapshot snapshot = runtime_->Snapshot();
  ASSERT_THAT(snapshot.list_sizes, SizeIs(2));
  EXPECT_EQ(snapshot.list_sizes[0].bytes, OneSandbox().ByteSizeLong());
  EXPECT_EQ(snapshot.list_sizes[1].bytes, OneContainer().ByteSizeLong());
}

TEST_F(CriRuntimeTest, StatusesAreConvertedAndNeverVerbose) {
  server_.On("PodSandboxStatus", [](const std::string& bytes) {
    const auto request = Parse<v1::PodSandboxStatusRequest>(bytes);
    EXPECT_EQ(request.pod_sandbox_id(), "s1");
    EXPECT_FALSE(request.verbose());
    return FakeCriServer::Message(GoodSandboxStatus());
  });
  server_.On("ContainerStatus", [](const std::string& bytes) {
    const auto request = Parse<v1::ContainerStatusRequest>(bytes);
    EXPECT_EQ(request.container_id(), "c1");
    EXPECT_FALSE(request.verbose());
    return FakeCriServer::Message(GoodContainerStatus());
  });
  Start();
  const SandboxResult sandbox = SandboxStatus();
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  EXPECT_EQ((*sandbox)->primary_ip, "10.0.0.1");
  const ContainerResult container = ContainerStatus();
  ASSERT_TRUE(container.ok()) << container.status();
  EXPECT_EQ((*container)->exit_code, 3);
  EXPECT_EQ((*container)->sandbox_id, pleg::ContainerId("s1"));
}

TEST_F(CriRuntimeTest, NotFoundMeansGone) {
  server_.Always("ContainerStatus", FakeCriServer::Error(grpc::StatusCode::NOT_FOUND, "no c1"));
  server_.Always("PodSandboxStatus", FakeCriServer::Error(grpc::StatusCode::NOT_FOUND, "no s1"));
  Start();
  EXPECT_TRUE(IsGone(ContainerStatus().status()));
  EXPECT_EQ(std::string(ContainerStatus().status().message()),
            "ContainerStatus of container c1 failed: no c1");
  EXPECT_TRUE(IsGone(SandboxStatus().status()));
  EXPECT_EQ(std::string(SandboxStatus().status().message()),
            "PodSandboxStatus of sandbox s1 failed: no s1");
  EXPECT_THAT(runtime_->Snapshot().unanswered, IsEmpty());
}

TEST_F(CriRuntimeTest, BadStatusRepliesFailWithTheFieldAndTheObject) {
  Start();
  server_.Always("ContainerStatus", FakeCriServer::Raw(""));
  EXPECT_EQ(ContainerStatus().status(),
            absl::InternalError("ContainerStatus of container c1: container status is nil"));
  server_.Always("PodSandboxStatus", FakeCriServer::Raw(""));
  EXPECT_EQ(SandboxStatus().status(),
            absl::InternalError("PodSandboxStatus of sandbox s1: pod sandbox status is nil"));
  v1::ContainerStatusResponse no_image = GoodContainerStatus();
  no_image.mutable_status()->clear_image_ref();
  server_.Always("ContainerStatus", FakeCriServer::Message(no_image));
  EXPECT_EQ(ContainerStatus().status(),
            absl::InternalError("ContainerStatus of container c1: status.ImageRef is not set"));
  v1::PodSandboxStatusResponse no_id = GoodSandboxStatus();
  no_id.mutable_status()->clear_id();
  server_.Always("PodSandboxStatus", FakeCriServer::Message(no_id));
  EXPECT_EQ(SandboxStatus().status(),
            absl::InternalError("PodSandboxStatus of sandbox s1: status.Id is not set"));
  server_.Always("ContainerStatus", FakeCriServer::Raw("\x0A\x7F"));
  EXPECT_EQ(ContainerStatus().status(),
            absl::InternalError("ContainerStatus of container c1: malformed reply"));
}

TEST_F(CriRuntimeTest, AStatusWithTextThatIsNotUtf8IsRepaired) {
  v1::ContainerStatusResponse response = GoodContainerStatus();
  response.mutable_status()->set_reason("?why");
  std::string bytes = response.SerializeAsString();
  bytes[bytes.find("?why")] = '\xff';
  server_.Always("ContainerStatus", FakeCriServer::Raw(bytes));
  Start();
  const ContainerResult container = ContainerStatus();
  ASSERT_TRUE(container.ok()) << container.status();
  EXPECT_EQ((*container)->reason, "\xEF\xBF\xBDwhy");
}

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
  Make(absl::Minutes(2), 5'000);
  const absl::Status status = List().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("(plegd receives up to 5000 bytes, the kubelet up to 16777216)"));
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
  log_.WaitFor(kIdentified, 1);
  EXPECT_TRUE(runtime_->Connected());
  EXPECT_TRUE(List().ok());
  EXPECT_EQ(log_.counts()[kWaiting], 1);
  EXPECT_EQ(log_.counts()[kConnected], 1);
}

TEST_F(CriRuntimeTest, SurvivesARestartAndShakesHandsAgain) {
  Start();
  log_.WaitFor(kIdentified, 1);
  ASSERT_TRUE(List().ok());
  server_.Stop();
  log_.WaitFor(kLost, 1);
  EXPECT_EQ(List().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(runtime_->Identity()->version, "1.2.3");  // who it was
  v1::VersionResponse upgraded = GoodVersion();
  upgraded.set_runtime_version("2.0.0");
  server_.Always("Version", FakeCriServer::Message(upgraded));
  ASSERT_TRUE(server_.Start());
  log_.WaitFor(kIdentified, 2);
  EXPECT_EQ(runtime_->Identity()->version, "2.0.0");
  EXPECT_TRUE(List().ok());
  EXPECT_EQ(log_.counts()[kLost], 1);
  EXPECT_EQ(log_.counts()[kConnected], 2);
}

TEST_F(CriRuntimeTest, VersionMustHaveAllFieldsAndTheRightVersion) {
  Start();
  log_.WaitFor(kIdentified, 1);
  server_.On("Version", [](const std::string& bytes) {
    EXPECT_EQ(Parse<v1::VersionRequest>(bytes).version(), "0.1.0");
    return FakeCriServer::Message(GoodVersion());
  });
  EXPECT_EQ(*Handshake(), (RuntimeIdentity{"fake", "1.2.3", "v1"}));
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

TEST_F(CriRuntimeTest, AFailedHandshakeIsTriedAgainAndLoggedOnce) {
  server_.Always("Version", FakeCriServer::Error(grpc::StatusCode::UNKNOWN, "not initialized yet"));
  Start();
  server_.WaitForCount("Version", 4);
  EXPECT_EQ(log_.counts()[kHandshakeFailed], 1);
  server_.Always("Version", FakeCriServer::Message(GoodVersion()));
  log_.WaitFor(kIdentified, 1);
  EXPECT_EQ(runtime_->Identity()->name, "fake");
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
  log_.WaitFor(kIdentified, 1);
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
