#include "journal/event_json.h"

#include <random>
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "journal/boot_id.h"
#include "pleg/utf8.h"
#include "plegd/v1/event.pb.h"

namespace journal {
namespace {

pleg::Event SampleEvent() {
  pleg::Event event;
  event.seq = 42;
  event.time = absl::FromUnixNanos(1'700'000'000'123'456'789);
  event.type = pleg::EventType::kContainerDied;
  event.pod_uid = pleg::PodUid("uid-1");
  event.pod_name = "web-0";
  event.pod_namespace = "default";
  event.id = pleg::ContainerId("0123abcd");
  event.container_name = "nginx";
  event.exit_code = 0;
  return event;
}

std::string Line(const pleg::Event& event) {
  std::string line;
  AppendEventLine(line, event, "boot");
  return line;
}

// Parses the line by the schema; fails on anything the schema does not know.
plegd::v1::Event Parse(const std::string& line) {
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  plegd::v1::Event parsed;
  const auto status = google::protobuf::util::JsonStringToMessage(line, &parsed);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << line;
  return parsed;
}

TEST(EventJsonTest, IsTheDocumentedLine) {
  EXPECT_EQ(Line(SampleEvent()),
            R"({"time":"2023-11-14T22:13:20.123456789Z","boot_id":"boot","seq":42,)"
            R"("type":"ContainerDied","pod_uid":"uid-1","pod_namespace":"default",)"
            R"("pod_name":"web-0","id":"0123abcd","container":"nginx","exit_code":0})"
            "\n");
}

TEST(EventJsonTest, LeavesTheExitCodeOutWhenThereIsNone) {
  pleg::Event event = SampleEvent();
  event.exit_code.reset();
  EXPECT_FALSE(Parse(Line(event)).has_exit_code());
  event.exit_code = -1;
  EXPECT_EQ(Parse(Line(event)).exit_code(), -1);
  event.exit_code = 0;
  EXPECT_TRUE(Parse(Line(event)).has_exit_code());
}

TEST(EventJsonTest, WritesSeqAsANumberOfAnySize) {
  pleg::Event event = SampleEvent();
  event.seq = (uint64_t{1} << 53) - 1;
  EXPECT_THAT(Line(event), ::testing::HasSubstr("\"seq\":9007199254740991,"));
  EXPECT_EQ(Parse(Line(event)).seq(), event.seq);
}

TEST(EventJsonTest, KeepsToTheYearsOfRfc3339) {
  pleg::Event event = SampleEvent();
  for (absl::Time time : {absl::InfinitePast(), absl::InfiniteFuture(), absl::UnixEpoch()}) {
    event.time = time;
    Parse(Line(event));
  }
  event.time = absl::InfinitePast();
  EXPECT_THAT(Line(event), ::testing::HasSubstr("\"0001-01-01T00:00:00.000000000Z\""));
}

// Names of arbitrary bytes: what the schema's own parser reads back is the same text, repaired.
TEST(EventJsonTest, ReadsBackByTheSchema) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto bytes = [&random] {
    std::string text(random() % 24, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  };
  for (int i = 0; i < 2000; ++i) {
    pleg::Event event = SampleEvent();
    event.pod_uid = pleg::PodUid(bytes());
    event.pod_name = bytes();
    event.pod_namespace = bytes();
    event.id = pleg::ContainerId(bytes());
    event.container_name = bytes();
    event.type = static_cast<pleg::EventType>(random() % 4);
    const plegd::v1::Event parsed = Parse(Line(event));
    ASSERT_EQ(parsed.pod_uid(), pleg::ToValidUtf8(event.pod_uid.value()));
    ASSERT_EQ(parsed.pod_name(), pleg::ToValidUtf8(event.pod_name));
    ASSERT_EQ(parsed.pod_namespace(), pleg::ToValidUtf8(event.pod_namespace));
    ASSERT_EQ(parsed.id(), pleg::ToValidUtf8(event.id.value()));
    ASSERT_EQ(parsed.container(), pleg::ToValidUtf8(event.container_name));
    ASSERT_EQ(parsed.type(), std::string(pleg::EventTypeName(event.type)));
    ASSERT_EQ(parsed.time().nanos(), 123456789);
    ASSERT_EQ(parsed.boot_id(), "boot");
  }
}

TEST(BootIdTest, IsARandomUuid) {
  EXPECT_THAT(NewBootId(),
              ::testing::MatchesRegex(
                  "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(NewBootId(), NewBootId());
}

}  // namespace
}  // namespace journal
