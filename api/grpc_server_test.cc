#include "api/grpc_server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/security/credentials.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/testing/raw_call.h"
#include "api/testing/raw_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/testing/fake_node_view.h"
#include "pleg/executor.h"
#include "pleg/mutex.h"
#include "pleg/testing/sanitizers.h"
#include "plegd/v1/service.grpc.pb.h"

namespace api {
namespace {

using plegd::v1::Plegd;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using testing::RawClient;
using ::testing::SizeIs;

// A clock that moves only when told. Thread-safe.
class ManualClock : public pleg::Clock {
 public:
  pleg::MonoTime Now() const override { return pleg::MonoTime::FromNanos(nanos_); }
  absl::Time WallNow() const override {
    return absl::FromUnixSeconds(1'700'000'000) + absl::Nanoseconds(nanos_.load());
  }
  void Advance(absl::Duration by) { nanos_ += absl::ToInt64Nanoseconds(by); }

 private:
  std::atomic<int64_t> nanos_{1'000'000'000'000};
};

// The core's thread.
class CoreThread : public pleg::Executor {
 public:
  explicit CoreThread(const pleg::Clock& clock) : clock_(clock), thread_([this] { Run(); }) {}
  ~CoreThread() override {
    stop_ = true;
    thread_.join();
  }
  CoreThread(const CoreThread&) = delete;
  CoreThread& operator=(const CoreThread&) = delete;

  void Post(Task task) override {
    pleg::MutexLock lock(mu_);
    tasks_.push_back(std::move(task));
  }
  TimerId PostAt(pleg::MonoTime when, Task task) override {
    pleg::MutexLock lock(mu_);
    timers_.emplace(++last_timer_, std::make_pair(when, std::move(task)));
    return last_timer_;
  }
  void Cancel(TimerId id) override {
    pleg::MutexLock lock(mu_);
    timers_.erase(id);
  }
  // Runs `task` on the core's thread and waits for it.
  void Do(const std::function<void()>& task) {
    std::atomic<bool> done{false};
    Post([&] {
      task();
      done = true;
    });
    while (!done) std::this_thread::yield();
  }

 private:
  void Run() {
    while (!stop_) {
      for (Task& task : TakeDue()) task();
      std::this_thread::sleep_for(milliseconds(1));
    }
  }
  std::vector<Task> TakeDue() {
    pleg::MutexLock lock(mu_);
    std::vector<Task> due = std::exchange(tasks_, {});
    for (auto timer = timers_.begin(); timer != timers_.end();) {
      if (timer->second.first > clock_.Now()) {
        ++timer;
        continue;
      }
      due.push_back(std::move(timer->second.second));
      timer = timers_.erase(timer);
    }
    return due;
  }

  const pleg::Clock& clock_;
  pleg::Mutex mu_;
  std::vector<Task> tasks_ ABSL_GUARDED_BY(mu_);
  std::map<TimerId, std::pair<pleg::MonoTime, Task>> timers_ ABSL_GUARDED_BY(mu_);
  TimerId last_timer_ ABSL_GUARDED_BY(mu_) = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class GrpcServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "/grpc-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    core_.Do([this] { node_.Observe("u1", "default", "web"); });
  }
  void TearDown() override {
    server_.reset();
    core_.Do([] {});  // what was posted before refers to the node
    std::filesystem::remove_all(directory_);
  }

  std::string path() const { return directory_ + "/plegd.sock"; }
  GrpcServerOptions Options() const {
    return {.address = {.is_unix = true, .host = "", .port = 0, .path = path()}};
  }
  absl::Status TryStart(const GrpcServerOptions& options) {
    auto server = GrpcServer::Start(options, api_);
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    return absl::OkStatus();
  }
  void Start(const GrpcServerOptions& options) {
    const absl::Status status = TryStart(options);
    ASSERT_TRUE(status.ok()) << status;
  }
  void Start() { Start(Options()); }
  // On a connection of its own.
  std::unique_ptr<Plegd::Stub> Client() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    return Plegd::NewStub(
        grpc::CreateCustomChannel("unix:" + path(), grpc::InsecureChannelCredentials(), arguments));
  }
  static void SetDeadline(grpc::ClientContext& context, milliseconds in = milliseconds(10'000)) {
    context.set_deadline(std::chrono::system_clock::now() + in);
  }
  grpc::Status GetPod(const plegd::v1::GetPodRequest& request,
                      milliseconds deadline = milliseconds(10'000),
                      plegd::v1::PodStatus* pod = nullptr) {
    grpc::ClientContext context;
    SetDeadline(context, deadline);
    plegd::v1::PodStatus ignored;
    return Client()->GetPod(&context, request, pod == nullptr ? &ignored : pod);
  }
  bool WaitUntil(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(milliseconds(2));
    }
    return true;
  }

  ManualClock clock_;
  CoreThread core_{clock_};
  node::testing::FakeNodeView node_{core_, clock_};
  NodeApi api_{node_, clock_};
  std::string directory_;
  std::unique_ptr<GrpcServer> server_;
};

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// An empty frame of them.
std::string Settings() { return std::string("\0\0\0\4\0\0\0\0\0", 9); }

plegd::v1::GetPodRequest Pod(const std::string& uid, bool fresh = false) {
  plegd::v1::GetPodRequest request;
  request.set_uid(uid);
  request.set_fresh(fresh);
  return request;
}

TEST_F(GrpcServerTest, AnswersEveryCall) {
  Start();
  const auto client = Client();
  auto call = [&](auto method, auto request, auto reply) {
    grpc::ClientContext context;
    SetDeadline(context);
    const grpc::Status status = ((*client).*method)(&context, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  };
  using namespace plegd::v1;  // NOLINT(google-build-using-namespace): eight messages of one package
  EXPECT_TRUE(call(&Plegd::Stub::GetHealth, GetHealthRequest(), Health()).pleg_healthy());
  EXPECT_EQ(call(&Plegd::Stub::GetNode, GetNodeRequest(), Node()).version(), "1.2.3");
  EXPECT_TRUE(call(&Plegd::Stub::GetCalls, GetCallsRequest(), Calls()).has_time());
  EXPECT_TRUE(call(&Plegd::Stub::GetRelists, GetRelistsRequest(), Relists()).has_time());
  EXPECT_THAT(call(&Plegd::Stub::ListPods, ListPodsRequest(), PodList()).pods(), SizeIs(1));
  EXPECT_EQ(call(&Plegd::Stub::GetPod, Pod("u1"), PodStatus()).name(), "web");
  RequestRelistRequest relist;
  relist.set_uid("u1");
  call(&Plegd::Stub::RequestRelist, relist, RequestRelistResponse());
  clock_.Advance(absl::Seconds(1));  // one request a second for a pod
  RequestReinspectRequest reinspect;
  reinspect.set_uid("u1");
  call(&Plegd::Stub::RequestReinspect, reinspect, RequestReinspectResponse());
  EXPECT_THAT(node_.requests(), ::testing::ElementsAre("relist u1", "reinspect u1"));
  EXPECT_TRUE(WaitUntil([&] { return server_->stats().calls == 0; }));
}

TEST_F(GrpcServerTest, ErrorsHaveTheirCodes) {
  Start();
  EXPECT_EQ(GetPod(Pod("nobody")).error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(GetPod(Pod("")).error_code(), grpc::INVALID_ARGUMENT);
  plegd::v1::GetPodRequest request = Pod("u1");
  request.set_newer_than("never");
  EXPECT_EQ(GetPod(request).error_code(), grpc::INVALID_ARGUMENT);
}

TEST_F(GrpcServerTest, TheSocketIsForOwnerAndGroup) {
  Start();
  struct stat info {};
  ASSERT_EQ(stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0660u);
  server_.reset();
  EXPECT_NE(stat(path().c_str(), &info), 0) << "the socket is left behind";
}

TEST_F(GrpcServerTest, ALiveSocketIsNotTakenAndADeadOneIs) {
  Start();
  const auto second = GrpcServer::Start(Options(), api_);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("serves there"));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(path()));
  EXPECT_TRUE(GetPod(Pod("u1")).ok());
  server_.reset();
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path().copy(name.sun_path, sizeof(name.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  close(fd);
  Start();
  EXPECT_TRUE(GetPod(Pod("u1")).ok());
  GrpcServerOptions nowhere = Options();
  nowhere.address.path = directory_ + "/none/plegd.sock";
  EXPECT_EQ(GrpcServer::Start(nowhere, api_).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(GrpcServerTest, FreshWaitsForTheCoreAndHonoursTheDeadline) {
  Start();
  core_.Do([this] { clock_.Advance(absl::Seconds(1)); });
  EXPECT_EQ(GetPod(Pod("u1", /*fresh=*/true), milliseconds(50)).error_code(),
            grpc::DEADLINE_EXCEEDED);
  // The client is gone: so is the wait.
  EXPECT_TRUE(WaitUntil([&] { return api_.waits() == 0 && server_->stats().calls == 0; }));
  plegd::v1::PodStatus pod;
  std::thread observer([this] {
    EXPECT_TRUE(WaitUntil([&] { return api_.waits() == 1; }));
    core_.Do([this] {
      clock_.Advance(absl::Seconds(1));
      node_.pods.SetObservedTime(pleg::PodUid("u1"), clock_.Now());
    });
  });
  const grpc::Status status = GetPod(Pod("u1", /*fresh=*/true), milliseconds(20'000), &pod);
  observer.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(pod.name(), "web");
}

TEST_F(GrpcServerTest, StopsWhileClientsWait) {
  Start();
  std::vector<std::thread> clients;
  clients.reserve(10);
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back([this] {
      const grpc::StatusCode code = GetPod(Pod("u1", /*fresh=*/true)).error_code();
      EXPECT_TRUE(code == grpc::UNAVAILABLE || code == grpc::CANCELLED) << code;
    });
  }
  EXPECT_TRUE(WaitUntil([&] { return api_.waits() == 10; }));
  const auto start = std::chrono::steady_clock::now();
  server_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(WaitUntil([&] { return api_.waits() == 0; }));
}

TEST_F(GrpcServerTest, AThousandClientsAreServedInTurn) {
  Start();
  std::atomic<int> next{0};
  std::atomic<int> served{0};
  std::vector<std::thread> threads;
  threads.reserve(50);
  for (int i = 0; i < 50; ++i) {
    threads.emplace_back([&] {
      while (next++ < 1000) {
        grpc::ClientContext context;
        SetDeadline(context, milliseconds(60'000));
        context.set_wait_for_ready(true);
        plegd::v1::Node node;
        if (Client()->GetNode(&context, {}, &node).ok()) ++served;
        EXPECT_LE(server_->stats().connections, Options().max_connections);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served, 1000);
}

TEST_F(GrpcServerTest, ConnectionsAreBoundedAndGivenBack) {
  GrpcServerOptions options = Options();
  options.max_connections = 4;
  Start(options);
  std::vector<RawClient> clients;
  clients.reserve(20);
  for (int i = 0; i < 20; ++i) clients.emplace_back(options.address);
  EXPECT_TRUE(WaitUntil([&] { return server_->stats().connections == 4; }));
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(server_->stats().connections, 4u);
  clients.clear();
  EXPECT_TRUE(GetPod(Pod("u1")).ok());
}

TEST_F(GrpcServerTest, AClientThatSaysNothingIsClosed) {
  GrpcServerOptions options = Options();
  options.ping_timeout = absl::Hours(1);
  options.preface_timeout = absl::Milliseconds(100);
  Start(options);
  // Nothing, and a part of what a client begins with, and that without its settings.
  for (const char* part : {"", "PRI * HTTP", kPreface}) {
    RawClient silent(options.address);
    ASSERT_TRUE(silent.Send(part));
    EXPECT_EQ(silent.ReadAll(), "");  // until the server closes
  }
  EXPECT_TRUE(WaitUntil([&] { return server_->stats().connections == 0; }));
}

TEST_F(GrpcServerTest, AClientThatFallsSilentAfterItsPrefaceIsClosed) {
  GrpcServerOptions options = Options();
  options.ping_timeout = absl::Milliseconds(100);
  Start(options);
  RawClient silent(options.address);
  ASSERT_TRUE(silent.Send(absl::StrCat(kPreface, Settings())));
  silent.ReadAll();  // until the server closes
  EXPECT_TRUE(WaitUntil([&] { return server_->stats().connections == 0; }));
}

TEST_F(GrpcServerTest, ClientsThatSayNothingShutNobodyOut) {
  Start();
  std::vector<RawClient> silent;
  for (size_t i = 0; i < Options().max_connections; ++i) silent.emplace_back(Options().address);
  EXPECT_TRUE(WaitUntil([&] { return server_->stats().connections >= silent.size(); }));
  EXPECT_TRUE(GetPod(Pod("u1"), milliseconds(4'000)).ok());  // sooner than they are closed
}

TEST_F(GrpcServerTest, GarbageCostsItsSenderOnly) {
  Start();
  RawClient garbage(Options().address);
  garbage.Send(std::string(1 << 20, '\xff'));
  garbage.ReadAll();
  EXPECT_TRUE(GetPod(Pod("u1")).ok());
}

TEST_F(GrpcServerTest, LargeRequestsAndMetadataAreRefused) {
  Start();
  EXPECT_EQ(GetPod(Pod(std::string(70'000, 'x'))).error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(GetPod(Pod(std::string(60'000, 'x'))).error_code(), grpc::NOT_FOUND);
  grpc::ClientContext context;
  SetDeadline(context);
  context.AddMetadata("x-large", std::string(20'000, 'x'));
  plegd::v1::Node node;
  EXPECT_EQ(Client()->GetNode(&context, {}, &node).error_code(), grpc::RESOURCE_EXHAUSTED);
  grpc::ClientContext compressed;
  SetDeadline(compressed);
  compressed.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  plegd::v1::PodStatus pod;
  EXPECT_EQ(Client()->GetPod(&compressed, Pod(std::string(50'000, 'x')), &pod).error_code(),
            grpc::UNIMPLEMENTED);
  EXPECT_TRUE(GetPod(Pod("u1")).ok());
}

TEST_F(GrpcServerTest, AnUnknownCallIsUnimplemented) {
  Start();
  const auto channel = grpc::CreateChannel("unix:" + path(), grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  SetDeadline(context);
  plegd::v1::GetNodeRequest request;
  plegd::v1::Node reply;
  const grpc::internal::RpcMethod method("/plegd.v1.Plegd/GetEverything",
                                         grpc::internal::RpcMethod::NORMAL_RPC);
  const grpc::Status status =
      grpc::internal::BlockingUnaryCall<plegd::v1::GetNodeRequest, plegd::v1::Node,
                                        google::protobuf::MessageLite,
                                        google::protobuf::MessageLite>(channel.get(), method,
                                                                       &context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("GetEverything"));
}

TEST_F(GrpcServerTest, CallsBeyondTheLimitAreRefused) {
  GrpcServerOptions options = Options();
  options.max_calls = 2;
  Start(options);
  std::vector<std::thread> clients;
  clients.reserve(2);
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([this] { GetPod(Pod("u1", /*fresh=*/true)); });
  }
  EXPECT_TRUE(WaitUntil([&] { return api_.waits() == 2; }));
  EXPECT_EQ(GetPod(Pod("u1")).error_code(), grpc::RESOURCE_EXHAUSTED);
  core_.Do([this] {
    clock_.Advance(absl::Seconds(1));
    node_.pods.UpdateTime(clock_.Now());
  });
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(WaitUntil([&] { return GetPod(Pod("u1")).ok(); }));
}

// Another user's calls, whose requests never come.
TEST_F(GrpcServerTest, CallsOfOneUserLeaveTheOthersTheirs) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become another";
  GrpcServerOptions options = Options();
  options.max_calls = 8;
  Start(options);
  const std::filesystem::path socket = options.address.path;
  ASSERT_EQ(chmod(socket.parent_path().c_str(), 0711), 0);
  ASSERT_EQ(chmod(socket.c_str(), 0666), 0);
  std::vector<RawClient> clients;
  std::thread([&] {
    ASSERT_EQ(syscall(SYS_setresuid, 70'001, 70'001, 70'001), 0);  // of this thread alone
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back(options.address);
      clients.back().Send(RawCall("/plegd.v1.Plegd/GetPod", {}, /*asks=*/false));
    }
  }).join();
  EXPECT_TRUE(WaitUntil([&] { return server_->stats().calls == 4; }));
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(GetPod(Pod("u1")).ok());
}

// Clients that ask for 2 MB each and never read.
TEST_F(GrpcServerTest, AnswersThatNobodyReadsAreBounded) {
  GrpcServerOptions options = Options();
  options.max_pending_bytes = 5 << 20;
  // Long enough that three answers are there before the first client is cut.
  options.answer_timeout = options.ping_timeout =
      absl::Seconds(pleg::testing::kThreadSanitized ? 10 : 4);
  Start(options);
  core_.Do([this] {
    auto status = std::make_shared<pleg::PodStatus>();
    status->uid = pleg::PodUid("big");
    status->ips.assign(2, std::string(1 << 20, '1'));
    node_.pods.Set(pleg::PodUid("big"), std::move(status), absl::OkStatus(), clock_.Now());
  });
  std::vector<RawClient> clients;
  clients.reserve(6);
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back(options.address);
    clients.back().Send(RawCall("/plegd.v1.Plegd/GetPod", Pod("big")));
  }
  EXPECT_TRUE(WaitUntil([&] { return server_->stats().pending_bytes > (4 << 20); }));
  std::thread other([this] {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(GetPod(Pod("u1")).ok());
  });
  other.join();
  EXPECT_TRUE(WaitUntil([&] {
    EXPECT_LE(server_->stats().pending_bytes, options.max_pending_bytes);
    return server_->stats().connections == 0;  // they did not read
  }));
  EXPECT_TRUE(WaitUntil([&] { return server_->stats().pending_bytes == 0; }));
}

}  // namespace
}  // namespace api
