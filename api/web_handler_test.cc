#include "api/web_handler.h"

#include <string>

#include "api/landing_page.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/testing/fake_node_view.h"
#include "pleg/testing/sim_executor.h"

namespace api {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FakePages : public ProcessPages {
 public:
  std::string Metrics() override { return "pleg_healthy 1\n"; }
  std::string DebugText() override { return "threads 7\n"; }
  std::string LogLevel() override { return level; }
  absl::Status SetLogLevel(absl::string_view name) override {
    if (name != "debug") return absl::InvalidArgumentError("no such level");
    level = std::string(name);
    return absl::OkStatus();
  }

  std::string level = "info";
};

class WebHandlerTest : public ::testing::Test {
 protected:
  WebHandlerTest() {
    node_.core->last_relist = exec_.clock().Now();
    node_.runtime.endpoint = "unix:///run/<b>.sock";
    node_.runtime.endpoint_reason = "it answered & was first";
    node_.runtime.connection = "none: no such socket, for 3s";
    node_.runtime.version = pleg::RuntimeVersion{"containerd", "1.7.27", "v1"};
    node_.runtime.node_ready = {true, "KubeletReady", "kubelet is posting ready status"};
  }
  Response Ask(const Request& request) const { return web_(request); }
  Response Get(const std::string& path, bool api = true) const {
    Request request;
    request.method = "GET";
    request.path = path;
    request.api_allowed = api;
    return Ask(request);
  }

  pleg::testing::SimExecutor exec_;
  node::testing::FakeNodeView node_{exec_, exec_.clock()};
  NodeApi api_{node_, exec_.clock()};
  FakePages pages_;
  const WebHandler web_{{.metrics_type = "text/plain; version=0.0.4"}, node_, pages_, api_};
};

TEST_F(WebHandlerTest, TheLogLevelIsToldAndChangedOnUnixSocketsOnly) {
  Request request{.method = "GET", .path = "/debug/log-level", .host = {}, .unix_socket = true};
  EXPECT_EQ(Ask(request).body, "info\n");
  request.method = "PUT";
  request.query = "level=debug";
  EXPECT_EQ(Ask(request).body, "debug\n");
  EXPECT_EQ(pages_.level, "debug");
  for (const char* query : {"", "debug", "level=loud", "level="}) {
    request.query = query;
    EXPECT_EQ(Ask(request).status, 400) << query;
  }
  EXPECT_EQ(pages_.level, "debug");
  request.unix_socket = false;
  request.query = "level=debug";
  EXPECT_EQ(Ask(request).status, 403);
}

TEST_F(WebHandlerTest, TheConnectionIsOnThePageAndInTheVerboseHealth) {
  EXPECT_THAT(Get("/").body, HasSubstr("<dt>Connection</dt><dd>none: no such socket, for 3s"));
  Request request{.method = "GET", .path = "/healthz", .query = "verbose", .host = {}};
  EXPECT_THAT(Ask(request).body, HasSubstr("\nconnection: none: no such socket, for 3s\n"));
}

TEST_F(WebHandlerTest, Metrics) {
  const Response response = Get("/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.content_type, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_EQ(response.body, "pleg_healthy 1\n");
}

TEST_F(WebHandlerTest, HealthzIsTheKubeletsVerdict) {
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_EQ(Get("/healthz").body, "ok");
  node_.verdict = {false, "pleg was last seen active 3m7.6s ago; threshold is 3m0s"};
  EXPECT_EQ(Get("/healthz").status, 503);
  EXPECT_EQ(Get("/healthz").body,
            "PLEG is not healthy: pleg was last seen active 3m7.6s ago; threshold is 3m0s");
}

TEST_F(WebHandlerTest, VerboseHealthzHasALineForEachCheck) {
  Request request;
  request.method = "GET";
  request.path = "/healthz";
  request.query = "verbose";
  EXPECT_EQ(Ask(request).body,
            "[+]PLEG ok\n[+]runtime ok\n[+]network ok\n"
            "endpoint: unix:///run/<b>.sock (it answered & was first)\n"
            "connection: none: no such socket, for 3s\n"
            "runtime: containerd 1.7.27\n"
            "node Ready=True reason=KubeletReady message=kubelet is posting ready status\n");
  node_.verdict = {false, "pleg has yet to be successful"};
  node_.runtime.runtime_errors = {"container runtime is down", "a\nforged line"};
  node_.runtime.node_ready = {false, "KubeletNotReady", "[a, b]"};
  const Response bad = Ask(request);
  EXPECT_EQ(bad.status, 503);
  EXPECT_THAT(
      bad.body,
      AllOf(HasSubstr("[-]PLEG failed: PLEG is not healthy: pleg has yet to be successful\n"),
            HasSubstr("[-]runtime failed: container runtime is down\n"),
            HasSubstr("[-]runtime failed: a forged line\n"),
            HasSubstr("node Ready=False reason=KubeletNotReady message=[a, b]\n")));
}

TEST_F(WebHandlerTest, DebugOnUnixSocketsOnly) {
  Request request;
  request.method = "GET";
  request.path = "/debug/";
  request.api_allowed = true;
  EXPECT_EQ(Ask(request).status, 403);
  request.unix_socket = true;
  EXPECT_EQ(Ask(request).body, "threads 7\n");
}

TEST_F(WebHandlerTest, LivezIsOfTheLoopAlone) {
  node_.verdict = {false, "pleg has yet to be successful"};
  node_.core->last_relist.reset();
  EXPECT_EQ(Get("/livez").status, 200);
  node_.loop_age = absl::Seconds(10);
  EXPECT_EQ(Get("/livez").status, 200);
  node_.loop_age = absl::Milliseconds(12500);
  EXPECT_EQ(Get("/livez").status, 503);
  EXPECT_EQ(Get("/livez").body, "the core's loop last turned 12.5s ago; limit is 10s");
}

TEST_F(WebHandlerTest, ReadyzWaitsForTheFirstRelist) {
  EXPECT_EQ(Get("/readyz").status, 200);
  node_.core->last_relist.reset();
  EXPECT_EQ(Get("/readyz").status, 503);
}

TEST_F(WebHandlerTest, LandingPageEscapesAndLinks) {
  node_.verdict = {false, "<script>"};
  const Response response = Get("/", /*api=*/true);
  EXPECT_THAT(response.content_type, HasSubstr("text/html"));
  EXPECT_THAT(response.body,
              AllOf(HasSubstr("1.2.3"), HasSubstr("unix:///run/&lt;b&gt;.sock"),
                    HasSubstr("it answered &amp; was first"), HasSubstr("&lt;script&gt;"),
                    Not(HasSubstr("<script")), HasSubstr("href=\"/metrics\""),
                    HasSubstr("href=\"/api/v1/pods\"")));
  EXPECT_THAT(Get("/", /*api=*/false).body, Not(HasSubstr("/api/v1/pods")));
}

TEST_F(WebHandlerTest, UnknownPathsAreNamedHarmlessly) {
  for (const char* path : {"/x\x1b[2J", "/metrics/", "/api/v1/", "/api/v1/podsx", "*", ""}) {
    const Response response = Get(path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_THAT(response.body, Not(HasSubstr("\x1b"))) << path;
  }
}

TEST_F(WebHandlerTest, TheApiIsOnlyServedWhereAllowed) {
  EXPECT_EQ(Get("/api/v1/pods").status, 200);
  EXPECT_THAT(Get("/api/v1/pods").body, HasSubstr("\"pods\""));
  for (const char* path : {"/api/v1/pods", "/api/v1/nothing"}) {
    const Response response = Get(path, /*api=*/false);
    EXPECT_EQ(response.status, 403) << path;
    EXPECT_THAT(response.body, HasSubstr("--web.enable-api"));
  }
}

}  // namespace
}  // namespace api
