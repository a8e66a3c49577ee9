#include "runtime/sim/fault.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "runtime/sim/fault_table.h"

namespace sim {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> Words(const std::string& text) { return absl::StrSplit(text, ' '); }

TEST(ParseFault, RoundTrips) {
  for (const char* text :
       {"* hang", "ListContainers latency=250ms", "ContainerStatus --id abc hang",
        "ContainerStatus latency=1s error=NOT_FOUND:gone count=3", "Version drop",
        "ListContainers oversized=1024", "ListContainers malformed=bad-utf8",
        "ListPodSandbox --id abc malformed=no-metadata",
        "StreamContainers error=UNAVAILABLE mid-reply", "ListContainers drop mid-reply",
        "* malformed=garbage", "PodSandboxStatus malformed=empty", "Status hang share=0.5",
        "ListPodSandbox label=1024", "StreamContainers endless",
        "ListContainers objects=1000000"}) {
    const absl::StatusOr<Fault> fault = ParseFault(Words(text));
    ASSERT_TRUE(fault.ok()) << text << ": " << fault.status();
    EXPECT_EQ(FormatFault(*fault), text);
  }
}

TEST(ParseFault, Shorthands) {
  EXPECT_EQ(FormatFault(*ParseFault({"Version", "error=14"})), "Version error=UNAVAILABLE");
  EXPECT_EQ(FormatFault(*ParseFault({"Version", "error=DeadlineExceeded"})),
            "Version error=DEADLINE_EXCEEDED");
  EXPECT_EQ(FormatFault(*ParseFault({"Version", "malformed"})), "Version malformed=truncated");
  EXPECT_EQ(ParseFault({"Version", "oversized=2MiB"})->bytes, size_t{2} << 20);
  EXPECT_EQ(ParseFault({"Version", "oversized"})->bytes, kOversizedDefault);
  EXPECT_EQ(ParseFault({"Version", "error=INTERNAL:a: b"})->message, "a: b");
}

TEST(ParseFault, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"Vrsion hang", "'Vrsion'"},
      {"Version", "needs latency="},
      {"Version hang drop", "one of hang"},
      {"Version latency=fast", "'fast'"},
      {"Version latency=-1s", "'-1s'"},
      {"Version latency=inf", "'inf'"},
      {"Version error=OK", "'OK'"},
      {"Version error=0", "'0'"},
      {"Version error=17", "'17'"},
      {"Version malformed=ugly", "'ugly'"},
      {"Version hang share=0", "'0'"},
      {"Version hang share=1.5", "'1.5'"},
      {"Version malformed=no-id", "no items"},
      {"* malformed=no-id", "not *"},
      {"ListPodSandbox malformed=no-image", "no image"},
      {"ContainerStatus malformed=duplicate", "is no list"},
      {"Version oversized=2TB", "'2TB'"},
      {"Version oversized=2000MiB", "up to 1GiB"},
      {"Version hang count=0", "'0'"},
      {"Version oversized mid-reply", "mid-reply goes with"},
      {"Version hang --id", "--id needs a value"},
      {"Version --id x hang", "--id needs a list or status RPC"},
      {"ListContainers --id x hang", "about one item"},
      {"Version label=1024", "need a list RPC"},
      {"ListContainers endless", "needs StreamPodSandboxes or StreamContainers"},
      {"Version wobble", "'wobble'"},
      {"Version colour=red", "'colour=red'"},
  };
  for (const auto& [text, expected] : cases) {
    const absl::StatusOr<Fault> fault = ParseFault(Words(text));
    ASSERT_TRUE(absl::IsInvalidArgument(fault.status())) << text;
    EXPECT_THAT(std::string(fault.status().message()), HasSubstr(expected)) << text;
  }
}

TEST(FaultTable, FirstMatchInOrderWins) {
  FaultTable table([] {});
  table.Add(*ParseFault({"ContainerStatus", "--id", "a", "hang"}));
  table.Add(*ParseFault({"ContainerStatus", "error=INTERNAL"}));
  table.Add(*ParseFault({"*", "latency=1s"}));
  EXPECT_EQ(table.Match(Rpc::kContainerStatus, pleg::ContainerId("a"))->number, 1u);
  EXPECT_EQ(table.Match(Rpc::kContainerStatus, pleg::ContainerId("b"))->number, 2u);
  EXPECT_EQ(table.Match(Rpc::kVersion, {})->number, 3u);
  EXPECT_EQ(table.List()[0].hits, 1u);
}

TEST(FaultTable, CountIsUsedUpButStaysInForceUntilCleared) {
  int changes = 0;
  FaultTable table([&] { ++changes; });
  const uint64_t number = table.Add(*ParseFault({"Version", "hang", "count=2"}));
  EXPECT_TRUE(table.Match(Rpc::kVersion, {}).has_value());
  EXPECT_TRUE(table.Match(Rpc::kVersion, {}).has_value());
  EXPECT_FALSE(table.Match(Rpc::kVersion, {}).has_value());
  EXPECT_TRUE(table.InForce(number));
  EXPECT_EQ(table.Clear(number), 1u);
  EXPECT_EQ(changes, 1);
  EXPECT_FALSE(table.InForce(number));
  EXPECT_EQ(table.Clear(number), 0u);
  EXPECT_EQ(changes, 1);
}

TEST(FaultTable, ConvoyHitsListsAndOneStatus) {
  FaultTable table([] {});
  table.AddConvoy(pleg::ContainerId("stuck"));
  EXPECT_TRUE(table.Match(Rpc::kListContainers, {}).has_value());
  EXPECT_TRUE(table.Match(Rpc::kStreamContainers, {}).has_value());
  EXPECT_TRUE(table.Match(Rpc::kContainerStatus, pleg::ContainerId("stuck")).has_value());
  EXPECT_FALSE(table.Match(Rpc::kContainerStatus, pleg::ContainerId("other")).has_value());
  EXPECT_FALSE(table.Match(Rpc::kListPodSandbox, {}).has_value());
  EXPECT_FALSE(table.Match(Rpc::kVersion, {}).has_value());
  table.Add(*ParseFault({"Version", "hang"}));
  EXPECT_EQ(table.ClearConvoys(), 3u);
  EXPECT_EQ(table.List().size(), 1u);
}

TEST(FaultTable, FreezeHoldsEverythingAndSurvivesClear) {
  FaultTable table([] {});
  table.Freeze();
  EXPECT_EQ(table.ClearAll(), 0u);
  const auto held = table.Match(Rpc::kVersion, {});
  ASSERT_TRUE(held.has_value());
  EXPECT_TRUE(table.InForce(held->number));
  table.Thaw();
  EXPECT_FALSE(table.InForce(held->number));
  EXPECT_FALSE(table.Match(Rpc::kVersion, {}).has_value());
}

}  // namespace
}  // namespace sim
