#include "api/http_server.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/listen_socket.h"
#include "api/testing/raw_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace api {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::RawClient;
using ::testing::StartsWith;

constexpr char kBig[] = "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr char kGet[] = "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr size_t kBigBytes = size_t{8} << 20;

// Answers with what it was asked; /big is more than any socket buffers.
Response Echo(const Request& request) {
  if (request.path == "/big") return {.body = std::string(kBigBytes, 'x')};
  return {.body = absl::StrCat(request.method, " ", request.path,
                               request.api_allowed ? " api" : " no api"),
          .headers = {{"X-Test", "yes"}}};
}

class HttpServerTest : public ::testing::Test {
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

  std::string UnixAddress() const { return absl::StrCat("unix://", directory_, "/plegd.sock"); }

  absl::Status TryStart(const std::vector<std::string>& addresses, HttpServerOptions options = {}) {
    for (const std::string& address : addresses) {
      options.addresses.push_back(*ParseListenAddress(address));
    }
    absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(options, Echo);
    if (!server.ok()) return server.status();
    server_ = *std::move(server);
    return absl::OkStatus();
  }
  void Start(const std::vector<std::string>& addresses, HttpServerOptions options = {}) {
    const absl::Status status = TryStart(addresses, std::move(options));
    ASSERT_TRUE(status.ok()) << status;
  }
  RawClient Connect(size_t index = 0) { return RawClient(server_->addresses().at(index)); }
  // One that has asked for much and reads no more than that the answer has begun.
  RawClient StuckReader(size_t index = 0) {
    RawClient client = Connect(index);
    client.Send(kBig);
    char byte = 0;
    EXPECT_EQ(recv(client.fd(), &byte, 1, MSG_PEEK), 1);
    return client;
  }
  // One request on a connection of its own.
  std::string Ask(absl::string_view request, size_t index = 0) {
    RawClient client = Connect(index);
    EXPECT_TRUE(client.connected());
    client.Send(request);
    return client.ReadResponse();
  }

  std::string directory_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersOverIpv4) {
  Start({"127.0.0.1:0"});
  EXPECT_NE(server_->addresses().at(0).port, 0);
  EXPECT_THAT(Ask(kGet),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 16\r\n"),
                    HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"),
                    HasSubstr("Cache-Control: no-store\r\n"), HasSubstr("X-Test: yes\r\n"),
                    EndsWith("\r\n\r\nGET /echo no api")));
}

TEST_F(HttpServerTest, AnswersOverIpv6AndTakesNoIpv4There) {
  if (const absl::Status status = TryStart({"[::1]:0"}); !status.ok()) {
    GTEST_SKIP() << "no IPv6 here: " << status;
  }
  EXPECT_THAT(Ask(kGet), EndsWith("GET /echo no api"));
  const uint16_t port = server_->addresses().at(0).port;
  EXPECT_FALSE(RawClient({false, "127.0.0.1", port, ""}).connected());
}

TEST_F(HttpServerTest, AUnixSocketServesTheApiToOwnerAndGroup) {
  Start({UnixAddress()});
  EXPECT_THAT(Ask(kGet), EndsWith("GET /echo api"));
  struct stat info {};
  ASSERT_EQ(stat((directory_ + "/plegd.sock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0660u);
  server_.reset();
  EXPECT_NE(stat((directory_ + "/plegd.sock").c_str(), &info), 0) << "the socket is left behind";
}

TEST_F(HttpServerTest, ServesAllListenersWithOneThread) {
  Start({"127.0.0.1:0", UnixAddress(), "127.0.0.1:0"}, {.api_on_tcp = true});
  ASSERT_EQ(server_->addresses().size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_THAT(Ask(kGet, i), EndsWith("GET /echo api"));
}

TEST_F(HttpServerTest, KeepsConnectionsAndAnswersHead) {
  Start({"127.0.0.1:0"});
  RawClient client = Connect();
  for (int i = 0; i < 3; ++i) {
    client.Send("HEAD /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(client.ReadResponse(/*head=*/true),
                AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Length: 17\r\n"),
                      EndsWith("\r\n\r\n")));
    client.Send(kGet);
    EXPECT_THAT(client.ReadResponse(), EndsWith("GET /echo no api"));
  }
}

TEST_F(HttpServerTest, PassesThePathOnEncodedAndWithoutTheQuery) {
  Start({"127.0.0.1:0"});
  EXPECT_THAT(Ask("GET /a%2Fb%00%zz?query=%41 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
              EndsWith("GET /a%2Fb%00%zz no api"));
}

TEST_F(HttpServerTest, OnlyReads) {
  Start({"127.0.0.1:0"});
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"}) {
    EXPECT_THAT(Ask(absl::StrCat(method, " /echo HTTP/1.1\r\nHost: localhost\r\n",
                                 "Content-Length: 1000000\r\n\r\n")),
                AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")))
        << method;
  }
  EXPECT_THAT(Ask("GET /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask("GET /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, OnlyTheLogLevelTakesPutAndOnlyOnUnixSockets) {
  Start({"127.0.0.1:0", UnixAddress()});
  const std::string put = "PUT /debug/log-level?level=debug HTTP/1.1\r\nHost: localhost\r\n";
  EXPECT_THAT(Ask(put + "Content-Length: 0\r\n\r\n", 1), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Ask(put + "\r\n", 1), EndsWith("PUT /debug/log-level api"));
  EXPECT_THAT(Ask(put + "\r\n", 0), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Ask(put + "Content-Length: 5\r\n\r\nhello", 1), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask("PUT /echo HTTP/1.1\r\nHost: localhost\r\n\r\n", 1), StartsWith("HTTP/1.1 405 "));
}

TEST_F(HttpServerTest, ServesSocketsThatItInheritsAndLeavesTheirFiles) {
  std::vector<ListenSocket> made = *Listen(*ParseListenAddress("127.0.0.1:0"));
  std::vector<ListenSocket> made_unix = *Listen(*ParseListenAddress(UnixAddress()));
  HttpServerOptions options;
  options.inherited_fds = {dup(made[0].fd()), dup(made_unix[0].fd())};
  Start({}, options);
  ASSERT_EQ(server_->addresses().size(), 2u);
  EXPECT_EQ(server_->addresses()[0].port, made[0].address().port);
  EXPECT_EQ(server_->addresses()[1].ToString(), UnixAddress());
  EXPECT_THAT(Ask(kGet, 0), EndsWith("GET /echo no api"));
  EXPECT_THAT(Ask(kGet, 1), EndsWith("GET /echo api"));
  server_.reset();
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/plegd.sock"));
  // The sockets outlive the server: what comes meanwhile waits for the next one.
  EXPECT_TRUE(RawClient(made[0].address()).connected());
}

TEST_F(HttpServerTest, RejectsReboundNamesOnTcpOnly) {
  Start({"127.0.0.1:0", UnixAddress()}, {.host_names = {"node-1"}});
  const std::string rebound = "GET /echo HTTP/1.1\r\nHost: attacker.example:10270\r\n\r\n";
  EXPECT_THAT(Ask(rebound, 0), AllOf(StartsWith("HTTP/1.1 403 "), HasSubstr("attacker.example")));
  EXPECT_THAT(Ask(rebound, 1), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Ask("GET /echo HTTP/1.1\r\nHost: node-1:1\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  for (const char* path : {"/metrics", "/healthz?verbose", "/livez", "/readyz"}) {
    EXPECT_THAT(Ask(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: node-7.example\r\n\r\n")),
                StartsWith("HTTP/1.1 200 "))
        << path;
  }
  EXPECT_THAT(Ask("GET /echo HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Ask("GET /echo HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, SurvivesMalformedRequests) {
  // What is cut off rather than wrong is closed for idleness.
  Start({"127.0.0.1:0"}, {.idle_timeout = absl::Seconds(1)});
  for (const char* garbage :
       {"\r\n\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01\xfc\x03\x03", "GET / HTTP/1.1\r\nNo colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    RawClient client = Connect();
    client.Send(garbage);
    shutdown(client.fd(), SHUT_WR);
    EXPECT_THAT(client.ReadAll(), Not(HasSubstr(" 200 "))) << garbage;
  }
  EXPECT_THAT(Ask(kGet), EndsWith("GET /echo no api"));
}

TEST_F(HttpServerTest, RejectsOversizedHeaders) {
  Start({"127.0.0.1:0"});
  const std::string filler(size_t{64} * 1024, 'a');
  RawClient header = Connect();
  header.Send(absl::StrCat("GET /echo HTTP/1.1\r\nHost: localhost\r\nX: ", filler, "\r\n\r\n"));
  EXPECT_THAT(header.ReadResponse(), Not(HasSubstr(" 200 ")));
  RawClient path = Connect();
  path.Send(absl::StrCat("GET /", filler, " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_THAT(path.ReadResponse(), Not(HasSubstr(" 200 ")));
  EXPECT_THAT(Ask(kGet), EndsWith("GET /echo no api"));
}

TEST_F(HttpServerTest, AClientThatNeverReadsHoldsNobodyUp) {
  Start({"127.0.0.1:0"});
  std::vector<RawClient> stuck;
  for (int i = 0; i < 4; ++i) {
    stuck.push_back(Connect());
    stuck.back().Send(kBig);
  }
  for (int i = 0; i < 20; ++i) EXPECT_THAT(Ask(kGet), EndsWith("GET /echo no api"));
  // It is there in full once it reads after all.
  EXPECT_THAT(stuck[0].ReadResponse().size(), ::testing::Gt(kBigBytes));
}

TEST_F(HttpServerTest, BoundsWhatWaitsForSlowReaders) {
  Start({"127.0.0.1:0"}, {.max_pending_bytes = kBigBytes + 1000});
  RawClient stuck = StuckReader();
  EXPECT_THAT(Ask(kBig), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Ask(kGet), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(stuck.ReadResponse().size(), ::testing::Gt(kBigBytes));
  // What was read counts no more.
  EXPECT_THAT(Ask(kBig), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, AnAnswerThatIsTooLargeIsTheOnlyOne) {
  Start({"127.0.0.1:0"}, {.max_pending_bytes = kBigBytes / 2});
  RawClient stuck = StuckReader();
  EXPECT_THAT(Ask(kGet), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(stuck.ReadResponse().size(), ::testing::Gt(kBigBytes));
  EXPECT_THAT(Ask(kGet), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, EachListenerHasAnEqualPartOfWhatMayWait) {
  Start({"127.0.0.1:0", UnixAddress()}, {.max_pending_bytes = 3 * kBigBytes});
  const RawClient first = StuckReader(0);
  const RawClient second = StuckReader(1);
  for (const size_t listener : {0u, 1u}) {
    EXPECT_THAT(Ask(kBig, listener), StartsWith("HTTP/1.1 503 "));
  }
}

TEST_F(HttpServerTest, TwoHundredConnectionsAreAllAnswered) {
  Start({"127.0.0.1:0"}, {.max_connections = 16});
  std::vector<RawClient> clients;
  // The backlog holds what the limit does not admit.
  std::thread opener([&] {
    for (int i = 0; i < 200; ++i) {
      clients.push_back(Connect());
      clients.back().Send("GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    }
  });
  opener.join();
  for (RawClient& client : clients) EXPECT_THAT(client.ReadAll(), EndsWith("GET /echo no api"));
}

TEST_F(HttpServerTest, AnExhaustedTcpPortLeavesTheUnixSocketUsable) {
  Start({"127.0.0.1:0", UnixAddress()}, {.max_connections = 4});
  std::vector<RawClient> idle;
  idle.reserve(8);
  for (int i = 0; i < 8; ++i) idle.push_back(Connect(0));
  EXPECT_THAT(Ask(kGet, 1), EndsWith("GET /echo api"));
}

TEST_F(HttpServerTest, SlowReadersOfTheTcpPortLeaveTheUnixSocketUsable) {
  Start({"127.0.0.1:0", UnixAddress()}, {.max_pending_bytes = 2 * (kBigBytes + 1000)});
  RawClient stuck = StuckReader(0);
  EXPECT_THAT(Ask(kBig, 0), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Ask(kBig, 1), StartsWith("HTTP/1.1 200 "));
}

bool HasInputWithin(const RawClient& client, absl::Duration limit) {
  pollfd input{client.fd(), POLLIN, 0};
  return poll(&input, 1, static_cast<int>(absl::ToInt64Milliseconds(limit))) == 1;
}

constexpr char kLivez[] = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

// Clients that send a header byte by byte until the server has closed on all of them.
class DrippingClients {
 public:
  DrippingClients(const ListenAddress& address, int count) {
    for (int i = 0; i < count; ++i) {
      clients_.emplace_back(address);
      clients_.back().Send("GET /metrics HTTP/1.1\r\nX-Drip: ");
    }
    thread_ = std::jthread([this] {
      while (!clients_.empty()) {
        std::erase_if(clients_, [](RawClient& client) { return !client.Send("x"); });
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    });
  }
  void WaitUntilAllAreClosed() { thread_.join(); }

 private:
  std::list<RawClient> clients_;
  std::jthread thread_;
};

TEST_F(HttpServerTest, ClientsThatDripSilenceNobodyAndAreClosed) {
  // As many as fit, with and without a queue behind them.
  for (const int count : {64, 200}) {
    Start({"127.0.0.1:0"}, {.head_timeout = absl::Seconds(2)});
    DrippingClients dripping(server_->addresses()[0], count);
    EXPECT_THAT(Ask(kLivez), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(Ask(kGet), StartsWith("HTTP/1.1 200 "));
    dripping.WaitUntilAllAreClosed();
    server_.reset();
  }
}

TEST_F(HttpServerTest, ListensAgainAfterAllOfTooManyHaveLeftAtOnce) {
  Start({"127.0.0.1:0"});
  // How long it takes until they are all accepted, and none has had to make room yet, differs.
  for (int wait = 0; wait <= 120; wait += 10) {
    std::vector<RawClient> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(Connect());
    std::this_thread::sleep_for(std::chrono::milliseconds(wait));
    clients.clear();
    RawClient next = Connect();
    next.Send(kLivez);
    ASSERT_TRUE(HasInputWithin(next, absl::Seconds(20))) << wait;
  }
}

TEST_F(HttpServerTest, AReaderHasATimeForAllOfItsAnswer) {
  Start({"127.0.0.1:0"},
        {.idle_timeout = absl::Hours(1), .request_timeout = absl::Milliseconds(500)});
  RawClient slow = Connect();
  slow.Send(kBig);
  pollfd end{slow.fd(), 0, 0};
  EXPECT_EQ(poll(&end, 1, -1), 1);  // without reading
  EXPECT_THAT(Ask(kGet), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, HealthIsServedWhileReadersTakeAllConnections) {
  Start({"127.0.0.1:0"}, {.max_connections = 2});
  std::vector<RawClient> stuck;
  for (int i = 0; i < 2; ++i) {
    stuck.push_back(StuckReader());
  }
  EXPECT_THAT(Ask(kLivez), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Ask(kGet), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("only health")));
  EXPECT_THAT(Ask(kLivez), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, HealthIsServedWhileTooMuchWaitsForReaders) {
  Start({"127.0.0.1:0"}, {.max_pending_bytes = kBigBytes});
  RawClient stuck = StuckReader();
  EXPECT_THAT(Ask(kGet), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Ask(kLivez), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, AReaderWhoTakesLongMakesRoom) {
  Start({"127.0.0.1:0"}, {.max_connections = 2, .head_timeout = absl::Milliseconds(200)});
  RawClient first = Connect();
  first.Send(kBig);
  RawClient second = Connect();
  second.Send(kBig);
  while (!absl::StartsWith(Ask(kGet), "HTTP/1.1 200 ")) {
  }
}

TEST_F(HttpServerTest, StopsWhileClientsAreConnected) {
  Start({"127.0.0.1:0", UnixAddress()});
  RawClient idle = Connect(0);
  RawClient half = Connect(1);
  half.Send("GET /echo HTT");
  RawClient reader = StuckReader(0);
  server_.reset();
  EXPECT_THAT(idle.ReadAll(), IsEmpty());
  EXPECT_THAT(half.ReadAll(), IsEmpty());
}

TEST_F(HttpServerTest, NamesTheAddressInUse) {
  Start({"127.0.0.1:0"});
  const std::string taken = server_->addresses().at(0).ToString();
  std::unique_ptr<HttpServer> first = std::move(server_);
  const absl::Status status = TryStart({UnixAddress(), taken});
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(absl::StrCat("cannot listen on ", taken)),
                    HasSubstr("Address already in use")));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/plegd.sock")) << "all or none";
}

}  // namespace
}  // namespace api
