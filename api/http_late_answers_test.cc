// Answers that come later: who waits, how many, and who has left.

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/http_server.h"
#include "api/testing/raw_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace api {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using testing::RawClient;
using ::testing::StartsWith;

// Answers to /later wait in `waiting` for whoever takes them.
class HttpServerLaterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "/http-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void StartLater(HttpServerOptions options = {}) {
    options.addresses = {*ParseListenAddress(absl::StrCat("unix://", directory_, "/plegd.sock")),
                         *ParseListenAddress("127.0.0.1:0")};
    options.api_on_tcp = true;
    auto server = HttpServer::Start(options, [this](const Request& request) {
      if (request.path != "/later") return Response{.body = "at once"};
      Response response;
      response.later = [this](Respond respond) {
        const std::lock_guard<std::mutex> lock(mu_);
        waiting_.push_back(std::move(respond));
        return [this] { ++cancelled_; };
      };
      return response;
    });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  // Blocks until `count` wait.
  std::vector<Respond> Waiting(size_t count) {
    for (;;) {
      {
        const std::lock_guard<std::mutex> lock(mu_);
        if (waiting_.size() >= count) return std::exchange(waiting_, {});
      }
      std::this_thread::yield();
    }
  }

  void WaitForCancelled(int count) const {
    while (cancelled_ < count) std::this_thread::yield();
  }
  RawClient Connect(size_t index = 0) { return RawClient(server_->addresses().at(index)); }
  std::string Ask(absl::string_view request) {
    RawClient client = Connect();
    client.Send(request);
    return client.ReadResponse();
  }

  static constexpr char kGet[] = "GET /now HTTP/1.1\r\nHost: localhost\r\n\r\n";
  static constexpr char kLater[] = "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n";
  std::mutex mu_;
  std::vector<Respond> waiting_;
  std::atomic<int> cancelled_{0};
  std::string directory_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerLaterTest, AnAnswerMayComeLaterFromAnyThread) {
  StartLater();
  RawClient client = Connect();
  client.Send(kLater);
  const std::vector<Respond> waiting = Waiting(1);
  EXPECT_THAT(Ask(kGet), EndsWith("at once"));  // others do not wait
  waiting[0]([] { return Response{.status = 404, .body = "at last"}; });
  waiting[0]([] { return Response{.body = "twice"}; });
  EXPECT_THAT(client.ReadResponse(), AllOf(StartsWith("HTTP/1.1 404 "), EndsWith("at last")));
  client.Send(kGet);
  EXPECT_THAT(client.ReadResponse(), EndsWith("at once"));
}

TEST_F(HttpServerLaterTest, AnAnswerToNobodyIsDropped) {
  StartLater();
  std::optional<RawClient> client(Connect());
  client->Send(kLater);
  const std::vector<Respond> waiting = Waiting(1);
  client.reset();
  waiting[0]([] { return Response{.body = "nobody reads it"}; });
  EXPECT_THAT(Ask(kGet), EndsWith("at once"));
}

TEST_F(HttpServerLaterTest, OnlyHalfOfTheConnectionsMayWait) {
  StartLater({.max_connections = 4});
  std::vector<RawClient> clients;
  clients.reserve(3);
  for (int i = 0; i < 2; ++i) {
    clients.push_back(Connect());
    clients.back().Send(kLater);
  }
  const std::vector<Respond> waiting = Waiting(2);
  EXPECT_THAT(Ask(kLater), StartsWith("HTTP/1.1 503 "));
  for (const Respond& respond : waiting) respond([] { return Response{.body = "now"}; });
  for (RawClient& client : clients) EXPECT_THAT(client.ReadResponse(), EndsWith("now"));
}

TEST_F(HttpServerLaterTest, EndsWhileAnswersAreWaitedFor) {
  StartLater();
  RawClient client = Connect();
  client.Send(kLater);
  const std::vector<Respond> waiting = Waiting(1);
  server_.reset();
  waiting[0]([] { return Response{.body = "too late"}; });
  client.ReadAll();
}

// A connection that is suspended does not see its end.
TEST_F(HttpServerLaterTest, ClientsThatHaveLeftWaitNoMore) {
  StartLater({.max_connections = 4});
  for (size_t listener = 0; listener < 2; ++listener) {
    cancelled_ = 0;
    for (int round = 1; round <= 3; ++round) {
      std::vector<RawClient> clients;
      for (int i = 0; i < 2; ++i) {
        clients.push_back(Connect(listener));
        clients.back().Send(kLater);
      }
      Waiting(2);
      clients.clear();
      WaitForCancelled(2 * round);
    }
    RawClient client = Connect(listener);
    client.Send(kLater);
    for (const Respond& respond : Waiting(1)) respond([] { return Response{.body = "mine"}; });
    EXPECT_THAT(client.ReadResponse(), EndsWith("mine"));
    EXPECT_EQ(cancelled_, 6);
  }
}

TEST_F(HttpServerLaterTest, WhoClosesItsSideIsToldThatItWaitsNoMore) {
  StartLater();
  RawClient client = Connect();
  client.Send(kLater);
  const std::vector<Respond> waiting = Waiting(1);
  shutdown(client.fd(), SHUT_WR);
  EXPECT_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 503 "));
  waiting[0]([] { return Response{.body = "too late"}; });
  EXPECT_THAT(Ask(kGet), EndsWith("at once"));
}

// The thread connects as another user; the others of the process keep theirs.
TEST_F(HttpServerLaterTest, NoUserTakesAllThatMayWait) {
  if (getuid() != 0) GTEST_SKIP() << "needs root, to be others";
  StartLater({.max_connections = 16});
  ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  ASSERT_EQ(chmod((directory_ + "/plegd.sock").c_str(), 0666), 0);
  std::vector<RawClient> clients;
  const auto ask_as = [&](uid_t uid) {
    std::thread([&] {
      ASSERT_EQ(syscall(SYS_setresuid, uid, uid, uid), 0);
      clients.push_back(Connect());
    }).join();
    clients.back().Send(kLater);
  };
  for (int i = 0; i < 4; ++i) ask_as(1001);
  Waiting(4);
  ask_as(1001);
  EXPECT_THAT(clients.back().ReadResponse(), StartsWith("HTTP/1.1 503 "));
  for (int i = 0; i < 2; ++i) ask_as(1002);
  Waiting(2);
  ask_as(1003);
  EXPECT_THAT(clients.back().ReadResponse(), StartsWith("HTTP/1.1 503 ")) << "the rest is root's";
  for (int i = 0; i < 2; ++i) ask_as(0);
  Waiting(2);
}

}  // namespace
}  // namespace api
