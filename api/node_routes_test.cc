#include "api/node_routes.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/message_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/testing/fake_node_view.h"
#include "pleg/testing/sim_executor.h"

namespace api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class NodeRoutesTest : public ::testing::Test {
 protected:
  NodeRoutesTest() { node_.Observe("u1", "default", "web"); }

  static Request Ask(const std::string& target, const std::string& method = "GET",
                     bool unix_socket = true) {
    Request request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
    request.unix_socket = unix_socket;
    request.api_allowed = true;
    return request;
  }
  // The answer, also one that comes later; empty while that has not come, or for no route.
  std::shared_ptr<std::optional<Response>> Serve(const Request& request) {
    auto answer = std::make_shared<std::optional<Response>>();
    std::optional<Response> now = routes_.Serve(request);
    if (!now.has_value()) return answer;
    if (now->later) {
      now->later([answer](const std::function<Response()>& make) { *answer = make(); });
    } else {
      *answer = std::move(now);
    }
    exec_.Settle();
    return answer;
  }
  Response Get(const std::string& target) {
    const auto answer = Serve(Ask(target));
    return answer->value_or(Response{.status = 0});
  }

  pleg::testing::SimExecutor exec_;
  node::testing::FakeNodeView node_{exec_, exec_.clock()};
  NodeApi api_{node_, exec_.clock()};
  NodeRoutes routes_{api_};
};

// One pod after another, and the same text as of the list as a whole.
TEST_F(NodeRoutesTest, ThePodsAreThoseOfTheWholeList) {
  EXPECT_EQ(Get("/api/v1/pods").body, MessageJson(api_.ListPods()));
  node_.Observe("u2", "default", "api");
  node_.Observe("u3", "kube-system", "dns");
  EXPECT_EQ(Get("/api/v1/pods").body, MessageJson(api_.ListPods()));
}

TEST_F(NodeRoutesTest, EveryReadingCall) {
  const std::pair<const char*, const char*> expected[] = {
      {"/api/v1/health", "{\"pleg_healthy\":true"},
      {"/api/v1/node", "{\"version\":\"1.2.3\""},
      {"/api/v1/calls", "{\"running\":[],\"unanswered\":["},
      {"/api/v1/relists", "{\"relists\":[],"},
      {"/api/v1/relists?limit=60", "{\"relists\":[],"},
      {"/api/v1/pods", "{\"pods\":[{\"uid\":\"u1\""},
      {"/api/v1/pods/u1", "{\"uid\":\"u1\",\"name\":\"web\""},
      {"/api/v1/pods/u%31", "{\"uid\":\"u1\""},
  };
  for (const auto& [target, body] : expected) {
    const Response response = Get(target);
    EXPECT_EQ(response.status, 200) << target;
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_THAT(response.body, StartsWith(body)) << target;
  }
}

TEST_F(NodeRoutesTest, OtherPathsAreNotServed) {
  for (const char* target : {"/", "/metrics", "/api/v1/", "/api/v1/nodes", "/api/v1/pods/a/b/c",
                             "/api/v1/pods/u1/delete", "/api/v2/node"}) {
    EXPECT_FALSE(routes_.Serve(Ask(target)).has_value()) << target;
  }
}

TEST_F(NodeRoutesTest, ErrorsHaveTheirStatus) {
  for (const char* target : {"/api/v1/node?x=1", "/api/v1/relists?limit=-1",
                             "/api/v1/relists?limit=1&limit=2", "/api/v1/pods/u1?fresh=yes",
                             "/api/v1/pods/u1?timeout_seconds=soon", "/api/v1/pods/u1?newer_than=",
                             "/api/v1/pods/u1?newer_than=x", "/api/v1/pods/%zz", "/api/v1/pods/"}) {
    EXPECT_EQ(Get(target).status, 400) << target;
  }
  const Response missing = Get("/api/v1/pods/no%1Bway");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body, "no pod has the UID \"no\\x1bway\"\n");
}

TEST_F(NodeRoutesTest, FreshComesLaterOr504) {
  const auto late = Serve(Ask("/api/v1/pods/u1?fresh=true&timeout_seconds=2"));
  EXPECT_FALSE(late->has_value());
  exec_.Advance(absl::Seconds(3));
  ASSERT_TRUE(late->has_value());
  EXPECT_EQ((*late)->status, 504);
  const auto fresh = Serve(Ask("/api/v1/pods/u1?fresh=true"));
  exec_.Advance(absl::Seconds(1));
  node_.pods.SetObservedTime(pleg::PodUid("u1"), exec_.clock().Now());
  exec_.Settle();
  ASSERT_TRUE(fresh->has_value());
  EXPECT_EQ((*fresh)->status, 200);
  EXPECT_THAT((*fresh)->body, HasSubstr("\"token\":\"" + std::string(node::testing::kBootId)));
}

TEST_F(NodeRoutesTest, OnlyWhatHasToWaitIsAnsweredLater) {
  for (const char* target :
       {"/api/v1/pods/u1", "/api/v1/pods/nobody", "/api/v1/pods/u1?fresh=false"}) {
    const std::optional<Response> response = routes_.Serve(Ask(target));
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->later, nullptr) << target;
  }
  const std::optional<Response> response =
      routes_.Serve(Ask("/api/v1/pods/u1?fresh=true&timeout_seconds=600"));
  ASSERT_TRUE(response.has_value());
  ASSERT_NE(response->later, nullptr);
  bool answered = false;
  const std::function<void()> cancel = response->later([&](const auto&) { answered = true; });
  exec_.Settle();
  EXPECT_EQ(api_.waits(), 1u);
  cancel();
  exec_.Settle();
  EXPECT_EQ(api_.waits(), 0u);
  EXPECT_FALSE(answered);
}

TEST_F(NodeRoutesTest, FreshIsForUnixSockets) {
  EXPECT_EQ((*Serve(Ask("/api/v1/pods/u1?fresh=true", "GET", false)))->status, 403);
  EXPECT_EQ((*Serve(Ask("/api/v1/pods/u1?fresh=false", "GET", false)))->status, 200);
  EXPECT_THAT(node_.requests(), IsEmpty());
}

TEST_F(NodeRoutesTest, ChangesArePostedToUnixSockets) {
  EXPECT_EQ((*Serve(Ask("/api/v1/pods/u1/relist", "POST")))->body, "{}\n");
  const Response soon = **Serve(Ask("/api/v1/pods/u1/relist", "POST"));
  EXPECT_EQ(soon.status, 429);
  EXPECT_THAT(soon.headers, ElementsAre(std::pair("Retry-After", "1")));
  exec_.Advance(absl::Seconds(1));
  EXPECT_EQ((*Serve(Ask("/api/v1/pods/u1/reinspect", "POST")))->status, 200);
  EXPECT_THAT(node_.requests(), ElementsAre("relist u1", "reinspect u1"));
  EXPECT_EQ((*Serve(Ask("/api/v1/pods/u9/reinspect", "POST")))->status, 404);
  EXPECT_EQ((*Serve(Ask("/api/v1/pods/u9/relist", "POST")))->status, 404);
  EXPECT_EQ((*Serve(Ask("/api/v1/pods/u1/relist?now=1", "POST")))->status, 400);
  EXPECT_EQ((*Serve(Ask("/api/v1/pods/u1/relist", "POST", false)))->status, 403);
  EXPECT_EQ((*Serve(Ask("/api/v1/pods/u1/relist", "GET")))->status, 405);
  for (const char* target :
       {"/api/v1/node", "/api/v1/relists", "/api/v1/pods", "/api/v1/pods/u1"}) {
    EXPECT_EQ((*Serve(Ask(target, "POST")))->status, 405) << target;
  }
  EXPECT_EQ(node_.requests().size(), 2u);
}

}  // namespace
}  // namespace api
