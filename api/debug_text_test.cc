#include "api/debug_text.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace api {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(DebugTextTest, TellsEachPart) {
  const pleg::MonoTime now = pleg::MonoTime::FromNanos(0) + absl::Seconds(100);
  DebugFacts facts;
  facts.version = "1.2.3";
  facts.flags = "relist-period=1s\nsweep=on\n";
  facts.connection = "up, for 3m0s";
  facts.threads = {{"pleg-core", 7, 1.25}};
  facts.loop_queued = 3;
  facts.loop_age = absl::Milliseconds(20);
  facts.subscriber_queues = {4, 0};
  facts.log_queued_bytes = 99;
  facts.writers = {{"event log", "dropped=1 errors=2"}};
  facts.core.sandboxes = 10;
  facts.core.containers_running = 20;
  facts.calls.taken_at = now;
  facts.calls.running = {{"ContainerStatus", "c1\nforged: yes", now + absl::Seconds(-5)}};
  facts.calls.unanswered = {{"ContainerStatus", "c1", now + absl::Seconds(-65), 2}};
  facts.calls.list_sizes = {{"ListContainers", 4096}};
  const std::string text = DebugText(facts);
  EXPECT_THAT(text, AllOf(HasSubstr("build: plegd 1.2.3, "), HasSubstr("flag: sweep=on\n"),
                          HasSubstr("thread: pleg-core id=7 cpu=1.25s\n"),
                          HasSubstr("queue: core tasks=3 last_turn=20ms ago\n"),
                          HasSubstr("queue: subscribers=2 events=[4 0]\n"),
                          HasSubstr("queue: log bytes=99\n"),
                          HasSubstr("writer: event log dropped=1 errors=2\n"),
                          HasSubstr("ledger: in_flight=1 unanswered=1\n"),
                          HasSubstr("unanswered: ContainerStatus c1 for 1m5s, 2 calls\n")));
  EXPECT_THAT(text, AllOf(HasSubstr("memory: last_lists=4096 "), HasSubstr("malloc_in_use="),
                          HasSubstr("memory: resident="), Not(HasSubstr("memory: resident=0\n")),
                          Not(HasSubstr("memory: records=0 "))));
  EXPECT_THAT(text, Not(HasSubstr("\nforged")));
}

}  // namespace
}  // namespace api
