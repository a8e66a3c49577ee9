#include "runtime/sim/world_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"

namespace sim {
namespace {

namespace cri = ::runtime::v1;
using ::testing::StartsWith;

const absl::Time kOrigin = absl::FromUnixSeconds(1'800'000'000);

absl::StatusOr<FixedWorld> Read(std::string json) {
  const absl::StatusOr<JsonText> text = JsonText::Parse("node.json", std::move(json));
  if (!text.ok()) return text.status();
  return ReadWorldFile(*text, kOrigin);
}

TEST(WorldFileTest, ALittleIsEnoughForAWholeNode) {
  const auto world = Read(R"({
    "sandboxes": [{"id": "s", "metadata": {"name": "web-0", "namespace": "shop", "uid": "u"}}],
    "containers": [{"id": "c", "pod_sandbox_id": "s", "metadata": {"name": "app"},
                    "state": "running", "created_at": "-1h"}]})");
  ASSERT_TRUE(world.ok()) << world.status();
  const cri::Container& listed = world->containers.at(0).listed;
  EXPECT_EQ(listed.labels().at("io.kubernetes.pod.uid"), "u");
  EXPECT_EQ(listed.labels().at("io.kubernetes.pod.name"), "web-0");
  EXPECT_EQ(listed.labels().at("io.kubernetes.container.name"), "app");
  EXPECT_EQ(listed.state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(listed.created_at(), absl::ToUnixNanos(kOrigin - absl::Hours(1)));
  EXPECT_NE(listed.image().image(), "");
  EXPECT_NE(listed.image_ref(), "");
  const cri::ContainerStatus& status = world->containers.at(0).status;
  EXPECT_EQ(status.started_at(), listed.created_at());
  EXPECT_EQ(status.labels().at("io.kubernetes.pod.uid"), "u");
  EXPECT_EQ(status.image_ref(), listed.image_ref());
  EXPECT_EQ(world->sandboxes.at(0).status.created_at(),
            absl::ToUnixNanos(kOrigin - absl::Hours(1)));
  EXPECT_EQ(world->sandboxes.at(0).listed.labels().at("io.kubernetes.pod.namespace"), "shop");
  EXPECT_NE(world->sandboxes.at(0).status.network().ip(), "");
  ASSERT_EQ(world->status.conditions_size(), 2);
  EXPECT_TRUE(world->status.conditions(1).status());
}

TEST(WorldFileTest, AStatusSaysWhatTheListSaysExceptWhereItIsTold) {
  const auto world = Read(R"({"containers": [{
    "id": "c", "metadata": {"name": "app", "attempt": 3}, "state": 1, "created_at": "123",
    "labels": {"a": "b"},
    "status": {"state": "CONTAINER_CREATED", "startedAt": 0, "exit_code": 137}}]})");
  ASSERT_TRUE(world.ok()) << world.status();
  const cri::ContainerStatus& status = world->containers.at(0).status;
  EXPECT_EQ(status.state(), cri::CONTAINER_CREATED);  // The enum's zero, and yet said.
  EXPECT_EQ(status.started_at(), 0);
  EXPECT_EQ(status.exit_code(), 137);
  EXPECT_EQ(status.created_at(), 123);
  EXPECT_EQ(status.metadata().attempt(), 3u);
  EXPECT_EQ(status.labels().at("a"), "b");
}

TEST(WorldFileTest, TimesAreReadAsPeopleWriteThem) {
  const std::pair<const char*, int64_t> cases[] = {
      {"1796084213634405686", 1796084213634405686},
      {R"("1796084213634405686")", 1796084213634405686},
      {R"("2026-01-02T03:04:05.5+01:00")", 1767319445500000000},
      {R"("0001-01-01T00:00:00Z")", 0},
      {R"("-90s")", absl::ToUnixNanos(kOrigin - absl::Seconds(90))},
      {"0", 0},
  };
  for (const auto& [text, nanos] : cases) {
    const auto world =
        Read(absl::StrCat(R"({"sandboxes": [{"id": "s", "created_at": )", text, "}]}"));
    ASSERT_TRUE(world.ok()) << text << world.status();
    EXPECT_EQ(world->sandboxes.at(0).listed.created_at(), nanos) << text;
  }
}

TEST(WorldFileTest, RulesAreFaultsAndAnObjectsOwnComeFirst) {
  const auto world = Read(R"({
    "rules": {"ContainerStatus": [{"share": 0.25, "latency": "2s"}, {"hang": true}],
              "*": {"latency_ms": 10}},
    "containers": [{"id": "c", "rule": {"error": {"code": "CANCELLED", "message": "given up"},
                                         "latency_ms": 9000}}]})");
  ASSERT_TRUE(world.ok()) << world.status();
  ASSERT_EQ(world->rules.size(), 4u);
  EXPECT_EQ(FormatFault(world->rules[0]),
            "ContainerStatus --id c latency=9s error=CANCELLED:given up");
  EXPECT_EQ(FormatFault(world->rules[1]), "ContainerStatus latency=2s share=0.25");
  EXPECT_EQ(FormatFault(world->rules[2]), "ContainerStatus hang");
  EXPECT_EQ(FormatFault(world->rules[3]), "* latency=10ms");
}

TEST(WorldFileTest, AMistakeIsNamedByFileLineAndField) {
  const std::pair<const char*, const char*> cases[] = {
      {"{\n \"sandboxes\": [\n}", "node.json:3: no JSON: "},
      {"", "node.json:1: no JSON: "},
      {"[]", "node.json:1: a world is an object"},
      {"{\n\n\"pods\": []}", "node.json:3: pods: is no field of a world"},
      {"{\"rules\": {},\n\"rules\": {}}", "node.json:2: the key \"rules\" stands here"},
      {"{\"sandboxes\": 3}", "node.json:1: sandboxes: is not a list"},
      {"{\"sandboxes\": [\n{\"id\": \"a\"},\n{\"state\": 1}]}",
       "node.json:3: sandboxes[1]: has no id"},
      {"{\"sandboxes\": [\n{\"id\": \"a\"},\n{\n\"id\": \"a\"}]}",
       "node.json:4: sandboxes[1].id: stands here for the second time: a"},
      {"{\"sandboxes\": [{\"id\": \"a\",\n\"colour\": 1}]}",
       "node.json:2: sandboxes[0].colour: is no field of a PodSandbox"},
      {"{\"sandboxes\": [{\"id\": \"a\", \"metadata\":\n{\"attempt\":\n-1\n}}]}",
       "node.json:3: sandboxes[0].metadata.attempt: -1 is not a whole number that fits"},
      {"{\"sandboxes\": [{\"id\": \"a\", \"state\":\n\"asleep\"}]}",
       "node.json:2: sandboxes[0].state: \"asleep\" is none of SANDBOX_READY, SANDBOX_NOTREADY"},
      {"{\"sandboxes\": [{\"id\": \"a\", \"created_at\":\n\"yesterday\"}]}",
       "node.json:2: sandboxes[0].created_at: \"yesterday\" is no time"},
      {"{\"containers\": [{\"id\": \"a\",\n\"status\": {\"exit_code\": 1.5}}]}",
       "node.json:2: containers[0].status.exit_code: 1.5 is not a whole number"},
      {"{\"containers\": [{\"id\": \"a\", \"labels\": {\n\"x\": 1}}]}",
       "node.json:2: containers[0].labels.x: is not a string"},
      {"{\"rules\": {\n\"Exec\": {\"hang\": true}}}", "node.json:2: rules.Exec: is no method"},
      {"{\"rules\": {\"Status\":\n{}}}", "node.json:2: rules.Status: does nothing"},
      {"{\"rules\": {\"Status\": {\n\"latency_ms\": -1}}}",
       "node.json:2: rules.Status.latency_ms: -1 is not between 0 and a day"},
      {"{\"rules\": {\"Status\": {\n\"latency\": \"soon\"}}}",
       "node.json:2: rules.Status.latency: \"soon\" is neither milliseconds nor a duration"},
      {"{\"rules\": {\"Status\": [{\"hang\": true,\n\"share\": 2}]}}",
       "node.json:2: rules.Status[0].share: 2 is not a number above 0 and up to 1"},
      {"{\"rules\": {\"Status\": {\"error\": {\n\"code\": \"OOPS\"}}}}",
       "node.json:2: rules.Status.error.code: \"OOPS\" is no gRPC code"},
      {"{\"rules\": {\"Status\": {\"error\":\n{\"message\": \"m\"}}}}",
       "node.json:2: rules.Status.error: has no code"},
      {"{\"rules\": {\"Status\":\n{\"hang\": true, \"error\": {\"code\": 2}}}}",
       "node.json:2: rules.Status: has both hang and error"},
      {"{\"conditions\": [\n{\"type\": \"RuntimeReady\", \"status\": \"no\"}]}",
       "node.json:2: conditions[0].status: is neither true nor false"},
  };
  for (const auto& [json, message] : cases) {
    const auto world = Read(json);
    EXPECT_EQ(world.status().code(), absl::StatusCode::kInvalidArgument) << json;
    EXPECT_THAT(std::string(world.status().message()), StartsWith(message)) << json;
  }
}

// The page's example is a world, with what the page says of it.
TEST(WorldFileTest, TheExampleOfTheDocumentation) {
  std::ifstream page(PLEGD_CRI_SIM_PAGE);
  const std::string text(std::istreambuf_iterator<char>(page), {});
  const std::vector<std::string> parts = absl::StrSplit(text, "```json\n");
  ASSERT_EQ(parts.size(), 2u);
  const auto world = Read(parts[1].substr(0, parts[1].find("```")));
  ASSERT_TRUE(world.ok()) << world.status();
  EXPECT_EQ(Describe(*world), "2 sandboxes, 1 container and 3 rules");
  EXPECT_EQ(FormatFault(world->rules[0]),
            "ContainerStatus --id ac21064c09a9 error=UNKNOWN:its record cannot be read");
  EXPECT_EQ(FormatFault(world->rules[1]), "PodSandboxStatus --id 66b2529a4225 hang");
  EXPECT_EQ(FormatFault(world->rules[2]), "ListContainers latency=9s share=0.25");
  EXPECT_EQ(world->containers[0].status.exit_code(), 137);
  EXPECT_FALSE(world->status.conditions(0).status());
}

TEST(WorldFileTest, ResolvesWhatAPersonCallsAnObject) {
  const auto world = Read(R"({
    "sandboxes": [
      {"id": "aaaa1", "metadata": {"name": "web", "namespace": "shop", "uid": "u", "attempt": 1}},
      {"id": "aaaa0", "metadata": {"name": "web", "namespace": "shop", "uid": "u"}}],
    "containers": [
      {"id": "cccc1", "pod_sandbox_id": "aaaa1", "metadata": {"name": "app", "attempt": 1}},
      {"id": "dddd0", "pod_sandbox_id": "aaaa1", "metadata": {"name": "app"}}]})");
  ASSERT_TRUE(world.ok()) << world.status();
  EXPECT_EQ(world->Resolve("shop/web")->value(), "aaaa1");
  EXPECT_EQ(world->Resolve("web")->value(), "aaaa1");
  EXPECT_EQ(world->Resolve("shop/web/app")->value(), "cccc1");
  EXPECT_EQ(world->Resolve("dddd")->value(), "dddd0");
  EXPECT_TRUE(absl::IsNotFound(world->Resolve("shop/db").status()));
  EXPECT_TRUE(absl::IsNotFound(world->Resolve("aaaa").status()));  // Two begin so.
  const std::vector<PodInfo> pods = PodsOf(*world);
  ASSERT_EQ(pods.size(), 1u);
  EXPECT_EQ(pods[0].sandboxes.size(), 2u);
  EXPECT_EQ(pods[0].containers.size(), 2u);
}

}  // namespace
}  // namespace sim
