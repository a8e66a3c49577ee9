// What the tests of CriRuntime share: an in-process CRI server, replies for it, a core's thread.

#ifndef PLEGD_RUNTIME_TESTING_CRI_RUNTIME_FIXTURE_H_
#define PLEGD_RUNTIME_TESTING_CRI_RUNTIME_FIXTURE_H_

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
#include "gtest/gtest.h"
#include "runtime/convert.h"
#include "runtime/cri_runtime.h"
#include "runtime/event_loop.h"
#include "runtime/state_log.h"
#include "runtime/system_clock.h"
#include "runtime/testing/fake_cri_server.h"
#include "runtime/testing/recording_observer.h"
#include "runtime/testing/temp_dir.h"
#include "runtime/v1/api.pb.h"

namespace runtime {

using testing::FakeCriServer;

using SandboxResult = absl::StatusOr<std::shared_ptr<const pleg::SandboxStatus>>;
using ContainerResult = absl::StatusOr<std::shared_ptr<const pleg::ContainerStatus>>;

template <typename Request>
Request Parse(const std::string& bytes) {
  Request request;
  EXPECT_TRUE(request.ParseFromString(bytes));
  return request;
}

inline v1::VersionResponse GoodVersion() {
  v1::VersionResponse version;
  version.set_version("0.1.0");
  version.set_runtime_name("fake");
  version.set_runtime_version("1.2.3");
  version.set_runtime_api_version("v1");
  return version;
}

inline v1::ListPodSandboxResponse OneSandbox() {
  v1::ListPodSandboxResponse response;
  v1::PodSandbox& sandbox = *response.add_items();
  sandbox.set_id("s1");
  sandbox.mutable_metadata()->set_name("web");
  sandbox.mutable_metadata()->set_namespace_("default");
  sandbox.mutable_metadata()->set_uid("uid-1");
  sandbox.set_created_at(1);
  return response;
}

inline v1::ListContainersResponse OneContainer() {
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

inline v1::ContainerStatusResponse GoodContainerStatus() {
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

inline v1::PodSandboxStatusResponse GoodSandboxStatus() {
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

inline constexpr char kConnected[] = "connected to the container runtime";
inline constexpr char kWaiting[] = "waiting for the container runtime";
inline constexpr char kLost[] = "the container runtime is lost";
inline constexpr char kThere[] = "the container runtime is there";
inline constexpr char kBack[] = "the container runtime is back";
inline constexpr char kBadReply[] = "a reply of the container runtime cannot be used";

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

  void Make(absl::Duration timeout = absl::Minutes(2),
            const ListBudget& budget = {.bytes = 1 << 20}) {
    OnLoop([&] {
      runtime_ =
          std::make_unique<CriRuntime>(CriOptions{.endpoint = Endpoint(server_.socket_path()),
                                                  .request_timeout = timeout,
                                                  .handshake_retry = absl::Milliseconds(5),
                                                  .budget = budget},
                                       loop_, clock_, observer_, log_);
      runtime_->Listen({.connection = [this](bool up, auto why) { story_.OnConnection(up, why); },
                        .identity = [this](const auto& who) { story_.OnIdentity(who); },
                        .list = [this](const auto& status) { story_.OnList(status); }});
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
  absl::StatusOr<pleg::RuntimeVersion> Handshake() {
    return Ask<absl::StatusOr<pleg::RuntimeVersion>>(
        [&](auto done) { runtime_->Handshake(std::move(done)); });
  }

  absl::StatusOr<pleg::RuntimeConditions> Conditions() {
    return Ask<absl::StatusOr<pleg::RuntimeConditions>>(
        [&](auto done) { runtime_->GetConditions(std::move(done)); });
  }

  testing::TempDir dir_;
  FakeCriServer server_{dir_.File("cri.sock")};
  SystemClock clock_;
  testing::RecordingObserver observer_;
  RecordingLog log_;
  StateLog story_{clock_, log_};
  EventLoop loop_;
  std::unique_ptr<CriRuntime> runtime_;
};

}  // namespace runtime

#endif  // PLEGD_RUNTIME_TESTING_CRI_RUNTIME_FIXTURE_H_
