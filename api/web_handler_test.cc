#include "api/web_handler.h"

#include <memory>
#include <optional>
#include <string>

#include "api/landing_page.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace api {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class WebHandlerTest : public ::testing::Test {
 protected:
  WebHandler Make() {
    WebSources sources;
    sources.metrics = [] { return "pleg_healthy 1\n"; };
    sources.verdict = [this] { return verdict_; };
    sources.loop_age = [this] { return loop_age_; };
    sources.ready = [this] { return ready_; };
    sources.api = [](const Request& request) -> std::optional<Response> {
      if (request.path != "/api/v1/pods") return std::nullopt;
      return Response{.body = "{\"pods\":[]}\n"};
    };
    sources.runtime = [this] { return runtime_; };
    sources.debug = [] { return std::string("threads 7\n"); };
    sources.log_level = [this] { return log_level_; };
    sources.set_log_level = [this](absl::string_view level) {
      if (level != "debug") return absl::InvalidArgumentError("no such level");
      log_level_ = std::string(level);
      return absl::OkStatus();
    };
    return WebHandler({.version = "1.2.3", .metrics_type = "text/plain; version=0.0.4"}, sources);
  }
  Response Get(const std::string& path, bool api = true) {
    Request request;
    request.method = "GET";
    request.path = path;
    request.api_allowed = api;
    return Make()(request);
  }

  pleg::Verdict verdict_{true, ""};
  absl::Duration loop_age_ = absl::Milliseconds(3);
  bool ready_ = true;
  std::string log_level_ = "info";
  RuntimeView runtime_{.endpoint = "unix:///run/<b>.sock",
                       .endpoint_reason = "it answered & was first",
                       .connection = "none: no such socket, for 3s",
                       .identity = "containerd 1.7.27",
                       .runtime_errors = {},
                       .network_errors = {},
                       .node_ready = {true, "KubeletReady", "kubelet is posting ready status"}};
};

TEST_F(WebHandlerTest, TheLogLevelIsToldAndChangedOnUnixSocketsOnly) {
  Request request{.method = "GET", .path = "/debug/log-level", .host = {}, .unix_socket = true};
  EXPECT_EQ(Make()(request).body, "info\n");
  request.method = "PUT";
  request.query = "level=debug";
  EXPECT_EQ(Make()(request).body, "debug\n");
  EXPECT_EQ(log_level_, "debug");
  for (const char* query : {"", "debug", "level=loud", "level="}) {
    request.query = query;
    EXPECT_EQ(Make()(request).status, 400) << query;
  }
  EXPECT_EQ(log_level_, "debug");
  request.unix_socket = false;
  request.query = "level=debug";
  EXPECT_EQ(Make()(request).status, 403);
}

TEST_F(WebHandlerTest, TheConnectionIsOnThePageAndInTheVerboseHealth) {
  EXPECT_THAT(Get("/").body, HasSubstr("<dt>Connection</dt><dd>none: no such socket, for 3s"));
  Request request{.method = "GET", .path = "/healthz", .query = "verbose", .host = {}};
  EXPECT_THAT(Make()(request).body, HasSubstr("\nconnection: none: no such socket, for 3s\n"));
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
  verdict_ = {false, "pleg was last seen active 3m7.6s ago; threshold is 3m0s"};
  EXPECT_EQ(Get("/healthz").status, 503);
  EXPECT_EQ(Get("/healthz").body,
            "PLEG is not healthy: pleg was last seen active 3m7.6s ago; threshold is 3m0s");
}

TEST_F(WebHandlerTest, VerboseHealthzHasALineForEachCheck) {
  Request request;
  request.method = "GET";
  request.path = "/healthz";
  request.query = "verbose";
  EXPECT_EQ(Make()(request).body,
            "[+]PLEG ok\n[+]runtime ok\n[+]network ok\n"
            "endpoint: unix:///run/<b>.sock (it answered & was first)\n"
            "connection: none: no such socket, for 3s\n"
            "runtime: containerd 1.7.27\n"
            "node Ready=True reason=KubeletReady message=kubelet is posting ready status\n");
  verdict_ = {false, "pleg has yet to be successful"};
  runtime_.runtime_errors = {"container runtime is down", "a\nforged line"};
  runtime_.node_ready = {false, "KubeletNotReady", "[a, b]"};
  const Response bad = Make()(request);
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
  EXPECT_EQ(Make()(request).status, 403);
  request.unix_socket = true;
  EXPECT_EQ(Make()(request).body, "threads 7\n");
}

TEST_F(WebHandlerTest, LivezIsOfTheLoopAlone) {
  verdict_ = {false, "pleg has yet to be successful"};
  ready_ = false;
  EXPECT_EQ(Get("/livez").status, 200);
  loop_age_ = absl::Seconds(10);
  EXPECT_EQ(Get("/livez").status, 200);
  loop_age_ = absl::Milliseconds(12500);
  EXPECT_EQ(Get("/livez").status, 503);
  EXPECT_EQ(Get("/livez").body, "the core's loop last turned 12.5s ago; limit is 10s");
}

TEST_F(WebHandlerTest, ReadyzWaitsForTheFirstRelist) {
  EXPECT_EQ(Get("/readyz").status, 200);
  ready_ = false;
  EXPECT_EQ(Get("/readyz").status, 503);
}

TEST_F(WebHandlerTest, LandingPageEscapesAndLinks) {
  verdict_ = {false, "<script>"};
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
  EXPECT_EQ(Get("/api/v1/pods").body, "{\"pods\":[]}\n");
  for (const char* path : {"/api/v1/pods", "/api/v1/nothing"}) {
    const Response response = Get(path, /*api=*/false);
    EXPECT_EQ(response.status, 403) << path;
    EXPECT_THAT(response.body, HasSubstr("--web.enable-api"));
  }
}

}  // namespace
}  // namespace api
