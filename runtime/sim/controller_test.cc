#include "runtime/sim/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "runtime/sim/control_socket.h"
#include "runtime/sim/testing/temp_dir.h"

namespace sim {
namespace {

using ::testing::HasSubstr;
using Result = ControlReply::Result;

// Reads one JSON value at `at` and moves behind it; false when there is none. (protobuf's Struct
// would do, but its map has another layout under ThreadSanitizer than in Debian's library.)
bool SkipJson(absl::string_view text, size_t& at);

bool SkipJsonString(absl::string_view text, size_t& at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (static_cast<unsigned char>(text[at]) < 0x20) return false;
    if (text[at] == '\\') ++at;
  }
  return at++ < text.size();
}

bool SkipJsonList(absl::string_view text, size_t& at, char end) {
  if (++at < text.size() && text[at] == end) return ++at, true;
  for (; at < text.size(); ++at) {
    if (end == '}' && !(text[at] == '"' && SkipJsonString(text, at) && text[at++] == ':')) {
      return false;
    }
    if (!SkipJson(text, at) || at >= text.size()) return false;
    if (text[at] == end) return ++at, true;
    if (text[at] != ',') return false;
  }
  return false;
}

bool SkipJson(absl::string_view text, size_t& at) {
  if (at >= text.size()) return false;
  if (text[at] == '"') return SkipJsonString(text, at);
  if (text[at] == '{') return SkipJsonList(text, at, '}');
  if (text[at] == '[') return SkipJsonList(text, at, ']');
  const size_t start = at;
  while (at < text.size() && (absl::ascii_isalnum(static_cast<unsigned char>(text[at])) ||
                              absl::StrContains("+-.", text[at]))) {
    ++at;
  }
  const absl::string_view word = text.substr(start, at - start);
  double number = 0;
  return word == "true" || word == "false" || absl::SimpleAtod(word, &number);
}

bool IsJson(absl::string_view text) {
  size_t at = 0;
  return SkipJson(text, at) && at == text.size();
}

size_t Count(absl::string_view text, absl::string_view part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != absl::string_view::npos; ++at) ++count;
  return count;
}

class ControllerTest : public ::testing::Test {
 protected:
  ControllerTest() : runtime_(std::make_shared<SimRuntime>(RuntimeOptions{.pods = 2})) {
    auto server = SimServer::Start({.socket_path = dir_.File("cri.sock")}, runtime_);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    controller_ = std::make_unique<Controller>(server_.get());
  }

  std::string Ok(const std::string& line) {
    const ControlReply reply = controller_->Execute(line);
    EXPECT_EQ(reply.result, Result::kOk) << line << ": " << reply.text;
    return std::string(absl::StripSuffix(reply.text, "\n"));
  }
  PodInfo Web() {
    for (const PodInfo& pod : runtime_->Pods()) {
      if (pod.name == "web") return pod;
    }
    return {};
  }

  TempDir dir_;
  std::shared_ptr<SimRuntime> runtime_;
  std::unique_ptr<SimServer> server_;
  std::unique_ptr<Controller> controller_;
};

TEST_F(ControllerTest, TheLifeOfAPod) {
  const std::string uid = Ok("add-pod name=web namespace=shop containers=app,proxy created");
  EXPECT_EQ(Web().uid.value(), uid);
  EXPECT_EQ(Web().containers[0].state, kContainerCreated);
  Ok("start web/app");
  EXPECT_EQ(Web().containers[0].state, kContainerRunning);
  Ok("exit shop/web/app 137 reason=OOMKilled \"message=out of memory\"");
  EXPECT_EQ(Web().containers[0].exit_code, 137);
  const std::string next = Ok("add-container web app start");
  EXPECT_EQ(Web().containers[2].id.value(), next);
  EXPECT_EQ(Web().containers[2].attempt, 1u);
  Ok("set-state web/app unknown");
  EXPECT_EQ(Web().containers[2].state, kContainerUnknown);
  Ok(absl::StrCat("set-state ", next.substr(0, 8), " -7"));
  EXPECT_EQ(Web().containers[2].state, -7);
  Ok(absl::StrCat("remove-container ", next));
  EXPECT_EQ(Web().containers.size(), 2u);
  Ok("stop-sandbox web");
  EXPECT_EQ(Web().sandboxes[0].state, kSandboxNotReady);
  const std::string sandbox = Ok("new-attempt web");
  EXPECT_EQ(Web().sandboxes[1].id.value(), sandbox);
  Ok(absl::StrCat("remove-sandbox ", Web().sandboxes[0].id.value()));
  Ok("remove-pod web");
  EXPECT_EQ(Web().name, "");
  EXPECT_THAT(Ok("history 3"), HasSubstr("sandbox removed"));
}

TEST_F(ControllerTest, AContainerCanMoveToAnotherPod) {
  const std::string uid = Ok("add-pod name=web containers=app");
  const std::string other = Ok("add-pod name=db containers=sql");
  const std::string id = Web().containers[0].id.value();
  Ok("move-container web/app db");
  EXPECT_TRUE(Web().containers.empty());
  EXPECT_EQ(runtime_->FindContainer("db/app")->value(), id);
  EXPECT_THAT(Ok("dump"), HasSubstr(other));
}

TEST_F(ControllerTest, ReportsAreJson) {
  ASSERT_FALSE(IsJson("{\"a\":[1,]}"));
  const std::string list = Ok("list");
  EXPECT_TRUE(IsJson(list)) << list;
  EXPECT_EQ(Count(list, "\"uid\""), 2u);
  EXPECT_EQ(Count(list, "CONTAINER_RUNNING"), 4u);
  const std::string dump = Ok("dump");
  EXPECT_TRUE(IsJson(dump)) << dump;
  EXPECT_EQ(Count(dump, "SANDBOX_READY"), 2u);
  EXPECT_EQ(Count(dump, "\"exit_code\""), 4u);
  const std::string stats = Ok("stats");
  EXPECT_TRUE(IsJson(stats)) << stats;
  EXPECT_EQ(Count(stats, "\"in_flight\""), kRpcCount);
  EXPECT_THAT(stats, HasSubstr("\"containers\":4,"));
  EXPECT_THAT(stats, HasSubstr("\"cpu_seconds\":"));
  EXPECT_TRUE(IsJson(Ok("history 1")));
}

TEST_F(ControllerTest, NamesThatNeedEscaping) {
  Ok(R"(add-pod "name=a \"b\" \\")");
  EXPECT_TRUE(IsJson(Ok("list")));
  EXPECT_THAT(Ok("list"), HasSubstr(R"("a \"b\" \\")"));
}

TEST_F(ControllerTest, FaultsAndConvoys) {
  EXPECT_EQ(Ok("fault add ListContainers latency=5ms error=UNAVAILABLE:try_later"), "1");
  const std::string id = runtime_->Pods()[0].containers[0].id.value();
  EXPECT_EQ(Ok("fault add ContainerStatus --id " + id.substr(0, 8) + " hang"), "2");
  EXPECT_EQ(Ok("fault list"),
            "1 ListContainers latency=5ms error=UNAVAILABLE:try_later hits=0\n"
            "2 ContainerStatus --id " +
                id + " hang hits=0");
  Ok("fault clear 1");
  EXPECT_EQ(server_->faults().List().size(), 1u);
  EXPECT_EQ(Ok("convoy " + id), id);
  EXPECT_EQ(server_->faults().List().size(), 4u);
  Ok("convoy clear");
  Ok("fault clear");
  EXPECT_EQ(Ok("fault list"), "");
  Ok("freeze");
  EXPECT_TRUE(server_->frozen());
  Ok("thaw");
  EXPECT_FALSE(server_->frozen());
}

TEST_F(ControllerTest, Churn) {
  EXPECT_EQ(Ok("churn"), "0");
  Ok("churn 2.5");
  EXPECT_EQ(Ok("churn"), "2.5");
  Ok("churn 0");
  EXPECT_EQ(Ok("change-many 2"), "2");
}

TEST_F(ControllerTest, TellsIds) {
  Ok("add-pod name=web containers=app");
  const PodInfo pod = server_->runtime().Pods().back();
  EXPECT_EQ(Ok("id web/app"), pod.containers[0].id.value());
  EXPECT_EQ(Ok("id web"), pod.sandboxes[0].id.value());
}

TEST_F(ControllerTest, TheDeadPileUpAndAreCleared) {
  const size_t alive = server_->runtime().container_count();
  Ok("add-pod name=batch");
  Ok("add-exited 5");
  Ok("add-exited 7 batch");
  EXPECT_EQ(server_->runtime().container_count(), alive + 1 + 12);
  size_t of_batch = 0;
  for (const PodInfo& pod : server_->runtime().Pods()) {
    if (pod.name == "batch") of_batch = pod.containers.size();
  }
  EXPECT_GT(of_batch, 7u);
  EXPECT_EQ(Ok("remove-exited"), "12");
  EXPECT_EQ(server_->runtime().container_count(), alive + 1) << "what runs stays";
}

TEST_F(ControllerTest, BadInputIsNamed) {
  struct Case {
    const char* line;
    Result result;
    const char* text;
  };
  const Case cases[] = {
      {"", Result::kUsage, "no command"},
      {"frobnicate", Result::kUsage, "'frobnicate'"},
      {"exit \"half", Result::kUsage, "quote"},
      {"exit", Result::kUsage, "usage: exit CONTAINER"},
      {"exit nobody", Result::kFailed, "no container 'nobody'"},
      {"exit web/app x", Result::kUsage, "'x'"},
      {"start web/app", Result::kFailed, "no pod 'web'"},
      {"stop-sandbox web", Result::kFailed, "no sandbox 'web'"},
      {"remove-pod a b", Result::kUsage, "usage: remove-pod POD"},
      {"set-state nobody running", Result::kFailed, "no container or sandbox 'nobody'"},
      {"set-state nobody sleeping", Result::kUsage, "'sleeping'"},
      {"add-pod colour=red", Result::kUsage, "'colour=red'"},
      {"add-pod containers=a,,b", Result::kUsage, "'a,,b'"},
      {"add-pod containers=99999", Result::kUsage, "'99999'"},
      {"add-container nobody app", Result::kFailed, "no pod 'nobody'"},
      {"churn fast", Result::kUsage, "'fast'"},
      {"churn -1", Result::kUsage, "'-1'"},
      {"churn nan", Result::kUsage, "'nan'"},
      {"change-many 0", Result::kUsage, "'0'"},
      {"add-exited none", Result::kUsage, "'none'"},
      {"add-exited 1 nobody", Result::kFailed, "no pod 'nobody'"},
      {"history 0", Result::kUsage, "'0'"},
      {"fault add", Result::kUsage, "which RPC"},
      {"fault add Nothing hang", Result::kUsage, "'Nothing'"},
      {"fault add ContainerStatus --id nobody hang", Result::kFailed, "'nobody'"},
      {"fault remove 1", Result::kUsage, "'remove 1'"},
      {"fault clear x", Result::kUsage, "'x'"},
      {"fault clear 9", Result::kFailed, "no fault 9"},
      {"convoy nobody", Result::kFailed, "'nobody'"},
  };
  for (const Case& c : cases) {
    const ControlReply reply = controller_->Execute(c.line);
    EXPECT_EQ(reply.result, c.result) << c.line << ": " << reply.text;
    EXPECT_THAT(reply.text, HasSubstr(c.text)) << c.line;
    EXPECT_THAT(reply.text, Not(HasSubstr("\n"))) << c.line;
  }
}

TEST_F(ControllerTest, OverTheSocket) {
  const std::string path = dir_.File("ctl");
  auto control = ControlServer::Start(path, controller_.get());
  ASSERT_TRUE(control.ok()) << control.status();
  auto reply = SendControl(path, "add-pod name=web");
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->result, Result::kOk);
  EXPECT_EQ(reply->text, Web().uid.value() + "\n");
  reply = SendControl(path, "remove-pod nobody");
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->result, Result::kFailed);
  EXPECT_EQ(reply->text, "remove-pod: no pod 'nobody'");
  reply = SendControl(path, std::string(100'000, 'x'));
  ASSERT_TRUE(!reply.ok() || reply->result == Result::kUsage);
  {
    const auto silent = ConnectUnix(path);  // Says nothing and goes.
    ASSERT_TRUE(silent.ok());
    ::shutdown(silent->get(), SHUT_WR);
  }
  reply = SendControl(path, "list");
  ASSERT_TRUE(reply.ok());
  EXPECT_GT(reply->text.size(), 100u);
  control->reset();
  EXPECT_TRUE(absl::IsUnavailable(SendControl(path, "list").status()));
}

}  // namespace
}  // namespace sim
