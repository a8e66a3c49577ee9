#include "api/web_handler.h"

#include <map>
#include <memory>
#include <string>

#include "api/landing_page.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "pleg/testing/sim_executor.h"
#include "plegd/v1/pod.pb.h"

namespace api {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

pleg::CachedPod FoundPod(const std::string& uid) {
  auto status = std::make_shared<pleg::PodStatus>();
  status->uid = pleg::PodUid(uid);
  pleg::CachedPod pod;
  pod.status = std::move(status);
  pod.found = true;
  return pod;
}

class WebHandlerTest : public ::testing::Test {
 protected:
  WebHandler Make() {
    WebSources sources;
    sources.metrics = [] { return "pleg_healthy 1\n"; };
    sources.verdict = [this] { return verdict_; };
    sources.loop_age = [this] { return loop_age_; };
    sources.ready = [this] { return ready_; };
    sources.pods = [this] {
      std::vector<pleg::CachedPod> pods;
      for (const auto& [uid, pod] : pods_) pods.push_back(pod);
      return pods;
    };
    sources.pod = [this](const pleg::PodUid& uid) {
      const auto found = pods_.find(uid.value());
      if (found != pods_.end()) return found->second;
      pleg::CachedPod miss = FoundPod(uid.value());
      miss.found = false;
      return miss;
    };
    sources.runtime = [this] { return runtime_; };
    sources.debug = [] { return std::string("threads 7\n"); };
    sources.log_level = [this] { return log_level_; };
    sources.set_log_level = [this](absl::string_view level) {
      if (level != "debug") return absl::InvalidArgumentError("no such level");
      log_level_ = std::string(level);
      return absl::OkStatus();
    };
    return WebHandler({.version = "1.2.3", .metrics_type = "text/plain; version=0.0.4"}, sources,
                      clock_);
  }
  Response Get(const std::string& path, bool api = true) {
    Request request;
    request.method = "GET";
    request.path = path;
    request.api_allowed = api;
    return Make()(request);
  }

  pleg::testing::SimClock clock_;
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
  std::map<std::string, pleg::CachedPod> pods_;
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

TEST_F(WebHandlerTest, HealthAsJson) {
  runtime_.network_errors = {"network state unknown"};
  const Response response = Get("/api/v1/health");
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_THAT(response.body,
              AllOf(HasSubstr("\"pleg_healthy\":true"), HasSubstr("\"node_ready\":true"),
                    HasSubstr("\"network_errors\":[\"network state unknown\"]"),
                    HasSubstr("\"runtime\":\"containerd 1.7.27\"")));
  EXPECT_EQ(Get("/api/v1/health", /*api=*/false).status, 403);
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
  pods_["a"] = FoundPod("a");
  for (const char* path : {"/api/v1/pods", "/api/v1/pods/a", "/api/v1/pods/b"}) {
    const Response response = Get(path, /*api=*/false);
    EXPECT_EQ(response.status, 403) << path;
    EXPECT_THAT(response.body, HasSubstr("--web.enable-api"));
  }
}

TEST_F(WebHandlerTest, ListsPods) {
  pods_["a"] = FoundPod("a");
  pods_["b"] = FoundPod("b");
  const Response response = Get("/api/v1/pods");
  EXPECT_EQ(response.content_type, "application/json");
  plegd::v1::PodList list;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(response.body, &list).ok());
  ASSERT_EQ(list.pods_size(), 2);
  EXPECT_EQ(list.pods(0).uid(), "a");
  EXPECT_EQ(list.pods(1).uid(), "b");
}

TEST_F(WebHandlerTest, FindsAPodByItsDecodedUid) {
  pods_["a/b c"] = FoundPod("a/b c");
  const Response response = Get("/api/v1/pods/a%2Fb%20c");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr("\"uid\":\"a/b c\""));
}

TEST_F(WebHandlerTest, AListedPodWithoutAStatusIsServedAsPending) {
  pods_["a"] = FoundPod("a");
  pods_["a"].found = false;
  pods_["a"].pending = true;
  const Response response = Get("/api/v1/pods/a");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr("\"pending\":true"));
}

TEST_F(WebHandlerTest, AnUnknownPodIsNamed) {
  EXPECT_EQ(Get("/api/v1/pods/no%0Asuch").status, 404);
  EXPECT_EQ(Get("/api/v1/pods/no%0Asuch").body, "no pod has the UID \"no\\nsuch\"\n");
  EXPECT_EQ(Get("/api/v1/pods/").status, 404);
  for (const char* uid : {"%", "%4", "%zz", "a%2"}) {
    EXPECT_EQ(Get(std::string("/api/v1/pods/") + uid).status, 400) << uid;
  }
}

TEST(EscapeHtmlTest, Escapes) {
  EXPECT_EQ(EscapeHtml("<a href='x'>\"&\xFF"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\xEF\xBF\xBD");
}

}  // namespace
}  // namespace api
