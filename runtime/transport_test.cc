#include "runtime/transport.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pleg/mutex.h"
#include "runtime/byte_buffer.h"
#include "runtime/endpoint.h"
#include "runtime/testing/fake_cri_server.h"
#include "runtime/testing/temp_dir.h"

namespace runtime {
namespace {

using testing::FakeCriServer;
using ::testing::HasSubstr;

// Long enough that a test which runs into it has failed.
constexpr absl::Duration kLong = absl::Minutes(5);

// Connection changes in order, to be waited for.
class Connections {
 public:
  Transport::ConnectionCallback Callback() {
    return [this](bool connected) {
      pleg::MutexLock lock(mu_);
      seen_.push_back(connected);
      changed_.notify_all();
    };
  }
  std::vector<bool> WaitFor(size_t count) {
    pleg::MutexLock lock(mu_);
    while (seen_.size() < count) changed_.wait(mu_);
    return seen_;
  }

 private:
  pleg::Mutex mu_;
  std::condition_variable_any changed_;
  std::vector<bool> seen_ ABSL_GUARDED_BY(mu_);
};

class TransportTest : public ::testing::Test {
 protected:
  std::unique_ptr<Transport> Make(Transport::ConnectionCallback on_connection = nullptr,
                                  size_t max_reply_bytes = 1 << 20) {
    return std::make_unique<Transport>(
        Transport::Options{.target = Endpoint(server_.socket_path()).GrpcTarget(),
                           .max_list_bytes = max_reply_bytes},
        std::move(on_connection));
  }
  static Transport::Reply Call(Transport& transport, absl::Duration timeout = kLong,
                               absl::string_view request = "") {
    std::promise<Transport::Reply> answer;
    transport.Start(kListContainers, request, timeout,
                    [&](Transport::Reply&& reply) { answer.set_value(std::move(reply)); });
    return answer.get_future().get();
  }

  testing::TempDir dir_;
  FakeCriServer server_{dir_.File("cri.sock")};
};

TEST_F(TransportTest, CarriesBytesBothWays) {
  server_.On("ListContainers",
             [](const std::string& request) { return FakeCriServer::Raw(request + "!"); });
  ASSERT_TRUE(server_.Start());
  auto transport = Make();
  for (const std::string& request :
       {std::string(), std::string("a\0b", 3), std::string(500'000, 'x')}) {
    const Transport::Reply reply = Call(*transport, kLong, request);
    ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
    EXPECT_TRUE(reply.answered);
    EXPECT_EQ(FlatReply(reply.body).view(), request + "!");
  }
}

TEST_F(TransportTest, AnErrorOfTheRuntimeIsAnAnswer) {
  ASSERT_TRUE(server_.Start());
  auto transport = Make();
  for (const auto code : {grpc::StatusCode::NOT_FOUND, grpc::StatusCode::UNKNOWN,
                          grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::DEADLINE_EXCEEDED}) {
    server_.Always("ListContainers", FakeCriServer::Error(code, "says the runtime"));
    const Transport::Reply reply = Call(*transport);
    EXPECT_EQ(reply.status.error_code(), code);
    EXPECT_EQ(reply.status.error_message(), "says the runtime");
    EXPECT_TRUE(reply.answered) << code;
  }
}

TEST_F(TransportTest, ADeadlineEndsACallAndIsNoAnswer) {
  server_.Always("ListContainers", FakeCriServer::Hang());
  ASSERT_TRUE(server_.Start());
  auto transport = Make();
  const Transport::Reply reply = Call(*transport, absl::Milliseconds(50));
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_FALSE(reply.answered);
  EXPECT_EQ(Call(*transport, -absl::InfiniteDuration()).status.error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(TransportTest, EachCallHasADeadlineOfItsOwn) {
  server_.Always("ListContainers", FakeCriServer::Hang());
  ASSERT_TRUE(server_.Start());
  auto transport = Make();
  std::vector<std::promise<Transport::Reply>> answers(3);
  const absl::Duration timeouts[] = {kLong, absl::Milliseconds(60), absl::Milliseconds(30)};
  for (size_t i = 0; i < answers.size(); ++i) {
    transport->Start(kListContainers, "", timeouts[i], [&answers, i](Transport::Reply&& reply) {
      answers[i].set_value(std::move(reply));
    });
  }
  std::future<Transport::Reply> slow = answers[0].get_future();
  EXPECT_EQ(answers[1].get_future().get().status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(answers[2].get_future().get().status.error_message(), "Deadline Exceeded");
  EXPECT_EQ(slow.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  transport.reset();
}

TEST_F(TransportTest, TheRuntimeIsToldTheDeadline) {
  server_.Always("ListContainers", FakeCriServer::Raw(""));
  ASSERT_TRUE(server_.Start());
  auto transport = Make();
  EXPECT_TRUE(Call(*transport, absl::Minutes(2)).status.ok());
  EXPECT_GT(server_.LastTimeout("ListContainers"), absl::Seconds(110));
  EXPECT_LE(server_.LastTimeout("ListContainers"), absl::Seconds(120));
  EXPECT_TRUE(Call(*transport, absl::Hours(100)).status.ok());
  EXPECT_GT(server_.LastTimeout("ListContainers"), absl::Hours(99));
}

TEST_F(TransportTest, CancelEndsACallAndIsNoAnswer) {
  server_.Always("ListContainers", FakeCriServer::Hang());
  ASSERT_TRUE(server_.Start());
  auto transport = Make();
  std::promise<Transport::Reply> answer;
  const Transport::CallId id =
      transport->Start(kListContainers, "", absl::InfiniteDuration(),
                       [&](Transport::Reply&& reply) { answer.set_value(std::move(reply)); });
  server_.WaitForCount("ListContainers", 1);
  transport->Cancel(id);
  const Transport::Reply reply = answer.get_future().get();
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_FALSE(reply.answered);
  transport->Cancel(id);
  transport->Cancel(12345);
}

TEST_F(TransportTest, WithoutARuntimeACallFailsAtOnce) {
  auto transport = Make();
  const Transport::Reply reply = Call(*transport);
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(reply.answered);
  EXPECT_THAT(reply.status.error_message(), HasSubstr("No such file or directory"));
}

TEST_F(TransportTest, ABrokenConnectionIsNoAnswer) {
  server_.Always("ListContainers", FakeCriServer::Hang());
  ASSERT_TRUE(server_.Start());
  auto transport = Make();
  std::promise<Transport::Reply> answer;
  transport->Start(kListContainers, "", kLong,
                   [&](Transport::Reply&& reply) { answer.set_value(std::move(reply)); });
  server_.WaitForCount("ListContainers", 1);
  server_.Stop();
  const Transport::Reply reply = answer.get_future().get();
  EXPECT_FALSE(reply.status.ok());
  EXPECT_FALSE(reply.answered) << reply.status.error_code() << " " << reply.status.error_message();
}

TEST_F(TransportTest, AConnectionThatIsDroppedWithoutAWordIsNoAnswer) {
  const std::string path = dir_.File("rude.sock");
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(listener, 5), 0);
  // Says the HTTP/2 server preface (empty SETTINGS), reads the client's first bytes and hangs up.
  std::jthread rude([listener] {
    const int peer = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    const char settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    EXPECT_EQ(write(peer, settings, sizeof(settings)), static_cast<ssize_t>(sizeof(settings)));
    char buffer[4096];
    std::string got;
    while (got.find("ListContainers") == std::string::npos) {
      const ssize_t n = read(peer, buffer, sizeof(buffer));
      if (n <= 0) break;
      got.append(buffer, static_cast<size_t>(n));
    }
    close(peer);
    close(listener);
  });
  Transport transport({.target = Endpoint(path).GrpcTarget()}, nullptr);
  const Transport::Reply reply = Call(transport);
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(reply.answered) << reply.status.error_message();
}

TEST_F(TransportTest, AReplyOverTheLimitIsAnAnswerAndTheNextCallWorks) {
  server_.Always("ListContainers", FakeCriServer::Raw(std::string(2000, 'x')));
  ASSERT_TRUE(server_.Start());
  auto transport = Make(nullptr, 1000);
  const Transport::Reply reply = Call(*transport);
  EXPECT_EQ(reply.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(reply.answered);
  server_.Always("ListContainers", FakeCriServer::Raw("ok"));
  EXPECT_TRUE(Call(*transport).status.ok());
}

// A list may be long, the status of one object may not.
TEST_F(TransportTest, EachMethodHasItsLimit) {
  server_.Always("ListContainers", FakeCriServer::Raw(std::string(5000, 'x')));
  server_.Always("ContainerStatus", FakeCriServer::Raw(std::string(5000, 'x')));
  server_.Always("Version", FakeCriServer::Raw(std::string(1000, 'x')));
  ASSERT_TRUE(server_.Start());
  Transport transport({.target = Endpoint(server_.socket_path()).GrpcTarget(),
                       .max_list_bytes = 10'000,
                       .max_reply_bytes = 2000},
                      nullptr);
  const auto call = [&](const CriMethod& method) {
    std::promise<grpc::Status> answer;
    transport.Start(method, "", kLong, [&](Transport::Reply&& r) { answer.set_value(r.status); });
    return answer.get_future().get();
  };
  EXPECT_TRUE(call(kListContainers).ok());
  EXPECT_TRUE(call(kVersion).ok());
  const grpc::Status refused = call(kContainerStatus);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), ::testing::HasSubstr("larger than max (5000 vs. 2000)"));
}

// The message that is too much ends the stream, as if the runtime had said so.
TEST_F(TransportTest, AStreamEndsWithTheRefusalOfAMessage) {
  server_.Always("StreamContainers", FakeCriServer::Raw("message"));
  ASSERT_TRUE(server_.Start());
  auto transport = Make();
  for (const bool refuse : {false, true}) {
    std::promise<Transport::Reply> answer;
    transport->StartStream(
        kStreamContainers, "", kLong,
        [refuse](ReplyBody message) {
          EXPECT_EQ(FlatReply(message).view(), "message");
          return refuse ? grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "enough")
                        : grpc::Status::OK;
        },
        [&](Transport::Reply&& reply) { answer.set_value(std::move(reply)); });
    const Transport::Reply reply = answer.get_future().get();
    EXPECT_TRUE(reply.answered);
    EXPECT_EQ(reply.status.error_message(), refuse ? "enough" : "");
    EXPECT_EQ(reply.status.ok(), !refuse);
  }
}

TEST_F(TransportTest, TellsEveryChangeOfTheConnectionOnce) {
  server_.Always("ListContainers", FakeCriServer::Raw("ok"));
  Connections connections;
  auto transport = Make(connections.Callback());
  transport->Connect();
  EXPECT_EQ(connections.WaitFor(1), (std::vector<bool>{false}));
  ASSERT_TRUE(server_.Start());
  transport->ResetConnectionBackoff();
  EXPECT_EQ(connections.WaitFor(2), (std::vector<bool>{false, true}));
  EXPECT_TRUE(Call(*transport).status.ok());
  for (size_t round = 0; round < 3; ++round) {
    server_.Stop();
    connections.WaitFor(3 + 2 * round);
    ASSERT_TRUE(server_.Start());
    connections.WaitFor(4 + 2 * round);
    EXPECT_TRUE(Call(*transport).status.ok());
  }
  transport->Shutdown();
  EXPECT_EQ(connections.WaitFor(8),
            (std::vector<bool>{false, true, false, true, false, true, false, true}));
}

TEST_F(TransportTest, ManyCallsAreInFlightAtOnce) {
  constexpr int kCalls = 64;
  server_.Always("ListContainers", FakeCriServer::Hang());
  ASSERT_TRUE(server_.Start());
  auto transport = Make();
  std::atomic<int> ended = 0;
  absl::Notification all;
  std::vector<Transport::CallId> ids;
  for (int i = 0; i < kCalls; ++i) {
    ids.push_back(transport->Start(kListContainers, "", kLong, [&](Transport::Reply) {
      if (++ended == kCalls) all.Notify();
    }));
  }
  server_.WaitForCount("ListContainers", kCalls);
  EXPECT_EQ(ended, 0);
  for (Transport::CallId id : ids) transport->Cancel(id);
  all.WaitForNotification();
}

TEST_F(TransportTest, ShutdownDropsHangingCallsUnrun) {
  server_.Always("ListContainers", FakeCriServer::Hang());
  ASSERT_TRUE(server_.Start());
  Connections connections;
  auto transport = Make(connections.Callback());
  transport->Connect();
  auto token = std::make_shared<int>(0);
  for (int i = 0; i < 3; ++i) {
    transport->Start(kListContainers, "", absl::InfiniteDuration(),
                     [token](Transport::Reply) { ++*token; });
  }
  server_.WaitForCount("ListContainers", 3);
  transport->Shutdown();
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(*token, 0);
  transport->Start(kListContainers, "", kLong, [token](Transport::Reply) { ++*token; });
  transport->Cancel(1);
  transport->ResetConnectionBackoff();
  transport->Shutdown();
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(*token, 0);
}

TEST_F(TransportTest, ShutdownWhileConnectingAndWithoutARuntime) {
  auto connecting = Make([](bool) {});
  connecting->Connect();
  connecting->Shutdown();
  auto idle = Make();
  idle->Shutdown();
  Connections connections;
  auto absent = Make(connections.Callback());
  absent->Connect();
  connections.WaitFor(1);
  absent.reset();
}

}  // namespace
}  // namespace runtime
