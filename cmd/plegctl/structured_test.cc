#include "cmd/plegctl/structured.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <string>

#include "cmd/plegctl/testing/scenarios.h"
#include "plegd/v1/pod.pb.h"

namespace plegctl {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

plegd::v1::CallTarget Target() {
  plegd::v1::CallTarget target;
  target.set_pod_name("web-0");
  return target;
}

TEST(StructuredTest, JsonSaysWhatItIs) {
  EXPECT_EQ(WriteMessage("CallTarget", Target(), Structure::kJson),
            R"({
  "api_version": "plegd/v1",
  "kind": "CallTarget",
  "id": "",
  "pod_uid": "",
  "pod_namespace": "",
  "pod_name": "web-0",
  "container": ""
}
)");
  EXPECT_EQ(WriteMessage("CallTarget", Target(), Structure::kJsonLine),
            "{\"api_version\":\"plegd/v1\",\"kind\":\"CallTarget\",\"id\":\"\",\"pod_uid\":\"\","
            "\"pod_namespace\":\"\",\"pod_name\":\"web-0\",\"container\":\"\"}\n");
}

TEST(StructuredTest, YamlIsTheSame) {
  plegd::v1::PodList list;
  plegd::v1::PodStatus& pod = *list.add_pods();
  pod.set_name("web-0");
  pod.set_namespace_("no");
  pod.add_ips("10.0.0.1");
  pod.add_ips("::1");
  pod.set_age_seconds(0.5);
  (*pod.add_sandboxes()->mutable_labels())["a: b"] = "\U000e0041\n";
  const std::string yaml = WriteMessage("PodList", list, Structure::kYaml);
  EXPECT_THAT(yaml, StartsWith(R"(api_version: plegd/v1
kind: PodList
pods:
  - uid: ""
    name: web-0
    namespace: "no"
    ips:
      - "10.0.0.1"
      - "::1"
    sandboxes:
      - id: ""
        name: ""
)"));
  EXPECT_THAT(yaml, HasSubstr("        labels:\n          \"a: b\": \"\\U000e0041\\n\"\n"));
  EXPECT_THAT(yaml, HasSubstr("\n    containers: []\n"));
  EXPECT_THAT(yaml, HasSubstr("\n    age_seconds: 0.5\n"));
}

TEST(StructuredTest, AFieldOfANewerDaemonIsLeftOut) {
  plegd::v1::CallTarget target = Target();
  std::string wire = target.SerializeAsString();
  wire += std::string(
      "\xa2\x06\x05"
      "stale",
      8);  // field 100
  ASSERT_TRUE(target.ParseFromString(wire));
  EXPECT_EQ(WriteMessage("CallTarget", target, Structure::kJson),
            WriteMessage("CallTarget", Target(), Structure::kJson));
}

TEST(StructuredTest, SnapshotsSayWhatIsMissing) {
  const std::string json = WriteSnapshot(plegctl_testing::Half(), Structure::kJsonLine);
  EXPECT_THAT(json, StartsWith("{\"api_version\":\"plegd/v1\",\"kind\":\"Status\",\"health\":{"));
  EXPECT_THAT(json, HasSubstr(",\"missing\":[{\"call\":\"GetCalls\",\"reason\":\"no answer within "
                              "2s\"},{\"call\":\"GetRelists\""));
  EXPECT_THAT(json, Not(HasSubstr("\"calls\":{")));
}

// What is written reads back as the message it was.
TEST(StructuredTest, JsonReadsBack) {
  plegd::v1::PodList list = plegctl_testing::Pods();
  list.mutable_pods(0)->set_name("a\"b\\c\x1b\u202e\U000e0041{},:[]");
  std::string json = WriteMessage("PodList", list, Structure::kJson);
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  plegd::v1::PodList back;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &back, options).ok()) << json;
  EXPECT_EQ(back.SerializeAsString(), list.SerializeAsString());
}

TEST(StructuredTest, NothingThatATerminalObeys) {
  for (const Structure structure : {Structure::kJson, Structure::kJsonLine, Structure::kYaml}) {
    const std::string text =
        WriteFields("Version", {{"server_version", plegctl_testing::HostileName()}}, structure);
    for (const absl::string_view bad : {"\x1b", "\x07", "\u202e", "\u200b", "\xff"}) {
      EXPECT_THAT(text, Not(HasSubstr(bad)));
    }
  }
}

TEST(JsonToYamlTest, OddShapes) {
  EXPECT_EQ(JsonToYaml(R"({"a":{},"b":[],"c":[{}],"d":[1,true,null],"e":"true","f":"1"})"),
            "a: {}\nb: []\nc:\n  - {}\nd:\n  - 1\n  - true\n  - ~\ne: \"true\"\nf: \"1\"\n");
  EXPECT_EQ(JsonToYaml("{}"), "{}\n");
  for (const char* broken : {"", "{", "{\"a", "{\"a\":", "[1,", "{\"a\":\"\\"}) {
    EXPECT_EQ(JsonToYaml(broken), "~\n");
  }
}

}  // namespace
}  // namespace plegctl
