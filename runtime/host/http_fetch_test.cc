#include "runtime/host/http_fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "pleg/testing/sanitizers.h"
#include "runtime/host/testing/tls_server.h"

namespace runtime::host {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Answers one request with a fixed text, on loopback.
class OneReplyServer {
 public:
  explicit OneReplyServer(std::string reply) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
    socklen_t size = sizeof(address);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this, reply = std::move(reply)] {
      const int peer = accept(fd_, nullptr, nullptr);
      char buffer[4096];
      const ssize_t got = recv(peer, buffer, sizeof(buffer), 0);
      if (got > 0) request_.assign(buffer, static_cast<size_t>(got));
      send(peer, reply.data(), reply.size(), MSG_NOSIGNAL);
      close(peer);
    });
  }
  ~OneReplyServer() { close(fd_); }
  std::string url() const { return absl::StrCat("http://127.0.0.1:", port_, "/metrics"); }
  // After the reply.
  const std::string& request() {
    if (thread_.joinable()) thread_.join();
    return request_;
  }

 private:
  const int fd_;
  int port_ = 0;
  std::string request_;
  std::jthread thread_;
};

constexpr char kAbc[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

class FetcherTest : public testing::Test {
 protected:
  void SetUp() override {
    if (pleg::testing::kThreadSanitized) {
      GTEST_SKIP() << "libcurl and its TLS library are not instrumented";
    }
    absl::StatusOr<Fetcher> fetcher = Fetcher::Load();
    if (!fetcher.ok()) GTEST_SKIP() << fetcher.status();
    fetcher_ = std::make_unique<Fetcher>(*std::move(fetcher));
  }
  std::unique_ptr<Fetcher> fetcher_;
};

TEST_F(FetcherTest, ReturnsTheReplyAndSendsNoTokenThatItWasNotGiven) {
  OneReplyServer server(kAbc);
  const auto reply = fetcher_->Get({.url = server.url()});
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->code, 200);
  EXPECT_EQ(reply->body, "abc");
  EXPECT_THAT(server.request(), Not(HasSubstr("Authorization")));
}

TEST_F(FetcherTest, ATokenNeverGoesOverHttp) {
  OneReplyServer server(kAbc);
  const auto reply = fetcher_->Get({.url = server.url(), .bearer_token = "secret"});
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(fetcher_->Get({.url = server.url()}).ok());
  EXPECT_THAT(server.request(), Not(HasSubstr("secret"))) << "it was asked before";
}

TEST_F(FetcherTest, FollowsNoRedirect) {
  OneReplyServer elsewhere(kAbc);
  for (const std::string& location : {std::string("file:///etc/passwd"), elsewhere.url()}) {
    OneReplyServer server(absl::StrCat("HTTP/1.1 302 Found\r\nLocation: ", location,
                                       "\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_EQ(fetcher_->Get({.url = server.url()})->code, 302);
  }
  EXPECT_TRUE(fetcher_->Get({.url = elsewhere.url() + "?itself"}).ok());
  EXPECT_THAT(elsewhere.request(), HasSubstr("?itself")) << "it was asked before";
}

TEST_F(FetcherTest, SendsTheTokenToWhomTheAuthorityOrThePinProves) {
  const SelfSigned own("localhost");
  const SelfSigned other("localhost");
  const struct {
    const char* what;
    FetchRequest request;
    bool by_name;  // asks for localhost, not for the address
    bool ok;
  } cases[] = {
      {"system's authorities", {}, true, false},
      {"authority", {.ca_file = own.cert_file()}, true, true},
      {"authority, for another name", {.ca_file = own.cert_file()}, false, false},
      {"authority of another", {.ca_file = other.cert_file()}, true, false},
      {"pin, whatever the name", {.pinned_cert = own.cert_file()}, false, true},
      {"pin of another of the same name", {.pinned_cert = other.cert_file()}, true, false},
      {"pin that is missing", {.pinned_cert = "/nonexistent"}, true, false},
      {"no verification", {.skip_verification = true}, false, true},
  };
  for (const auto& c : cases) {
    TlsServer server(own, kAbc);
    FetchRequest request = c.request;
    request.url = server.url(c.by_name ? "localhost" : "127.0.0.1");
    request.bearer_token = "secret";
    const auto reply = fetcher_->Get(request);
    EXPECT_EQ(reply.ok(), c.ok) << c.what << ": " << reply.status();
    const std::string& seen = server.request();
    EXPECT_EQ(absl::StrContains(seen, "Authorization: Bearer secret"), c.ok) << c.what;
  }
}

TEST_F(FetcherTest, BoundsTheReply) {
  OneReplyServer server("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'x'));
  EXPECT_EQ(fetcher_->Get({.url = server.url(), .max_bytes = 1000}).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(FetcherTest, NamesTheUrlThatCannotBeAsked) {
  const auto refused = fetcher_->Get({.url = "http://127.0.0.1:1/metrics"});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("http://127.0.0.1:1/metrics"));
  EXPECT_FALSE(fetcher_->Get({.url = "file:///etc/passwd"}).ok());
}

}  // namespace
}  // namespace runtime::host
