#include "runtime/list_decoder.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/convert.h"
#include "runtime/testing/recording_observer.h"
#include "runtime/wire.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using State = pleg::ContainerState;

v1::Container MakeContainer(const std::string& id, v1::ContainerState state,
                            const std::string& pod = "pod-1") {
  v1::Container container;
  container.set_id(id);
  container.set_pod_sandbox_id("sandbox-of-" + pod);
  container.mutable_metadata()->set_name("app");
  container.mutable_image()->set_image("nginx:1");
  container.set_image_ref("ref");
  container.set_state(state);
  container.set_created_at(1'000);
  (*container.mutable_labels())[std::string(kPodUidLabel)] = pod;
  (*container.mutable_labels())[std::string(kPodNameLabel)] = "web";
  return container;
}

v1::PodSandbox MakeSandbox(const std::string& id, v1::PodSandboxState state) {
  v1::PodSandbox sandbox;
  sandbox.set_id(id);
  sandbox.mutable_metadata()->set_name("web");
  sandbox.mutable_metadata()->set_uid("pod-1");
  sandbox.mutable_metadata()->set_namespace_("default");
  sandbox.set_state(state);
  sandbox.set_created_at(1'000);
  return sandbox;
}

// A reply of these serialized items.
std::string Reply(const std::vector<std::string>& items) {
  std::string reply;
  for (const std::string& item : items) AppendBytesField(1, item, reply);
  return reply;
}

std::string Running(const std::string& id, const std::string& pod = "pod-1") {
  return MakeContainer(id, v1::CONTAINER_RUNNING, pod).SerializeAsString();
}
std::string Exited(const std::string& id) {
  return MakeContainer(id, v1::CONTAINER_EXITED).SerializeAsString();
}
// The item's own fields are whole, but its labels cannot be parsed.
std::string BrokenInside(const std::string& id, v1::ContainerState state) {
  v1::Container container = MakeContainer(id, state);
  container.clear_labels();
  std::string item = container.SerializeAsString();
  AppendBytesField(8, "\x0A\x7F too short", item);
  return item;
}
std::string BrokenOutside(const std::string& item) { return item.substr(0, item.size() - 1); }

using Items = std::vector<std::pair<std::string, State>>;

class ListDecoderTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { DiscardProtobufLog(); }

  // Ids and states, in order.
  Items Decode(const std::string& reply, const std::optional<pleg::PodUid>& pod = std::nullopt) {
    const auto listed = decoder_.Decode(reply, pod);
    EXPECT_TRUE(listed.ok()) << listed.status();
    Items items;
    if (!listed.ok()) return items;
    for (const pleg::ListedContainer& item : *listed) {
      items.emplace_back(item.info->id.value(), item.state);
    }
    return items;
  }
  int Count(const std::string& reason) {
    const auto invalid = observer_.invalid();
    const auto found = invalid.find({"ListContainers", reason});
    return found == invalid.end() ? 0 : found->second;
  }

  testing::RecordingObserver observer_;
  ContainerListDecoder decoder_{observer_, pleg::NullLog()};
};

TEST_F(ListDecoderTest, KeepsTheRuntimesOrderAndSkipsUnknownFields) {
  std::string reply = Reply({Running("c2"), Exited("c1")});
  AppendBytesField(7, "from a newer runtime", reply);
  reply += Reply({MakeContainer("c3", static_cast<v1::ContainerState>(17)).SerializeAsString()});
  reply += std::string("\x08\x05", 2);  // field 1 as a number: not an item
  EXPECT_THAT(Decode(reply), ElementsAre(Pair("c2", State::kRunning), Pair("c1", State::kExited),
                                         Pair("c3", State::kUnknown)));
  EXPECT_THAT(observer_.invalid(), IsEmpty());
  EXPECT_THAT(Decode(""), IsEmpty());
}

TEST_F(ListDecoderTest, AnObjectThatDidNotChangeSharesItsInfo) {
  const auto first = decoder_.Decode(Reply({Running("c1"), Running("c2")}), std::nullopt);
  v1::Container changed = MakeContainer("c2", v1::CONTAINER_RUNNING, "pod-2");
  const auto second =
      decoder_.Decode(Reply({changed.SerializeAsString(), Exited("c1")}), std::nullopt);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ((*second)[1].info, (*first)[0].info);
  EXPECT_EQ((*second)[1].state, State::kExited);
  EXPECT_NE((*second)[0].info, (*first)[1].info);  // the same id in another pod
  EXPECT_EQ((*second)[0].info->pod_uid, pleg::PodUid("pod-2"));
}

TEST_F(ListDecoderTest, WithoutMetadataImageOrIdAnUnknownItemIsSkippedAndCounted) {
  v1::Container no_metadata = MakeContainer("c1", v1::CONTAINER_RUNNING);
  no_metadata.clear_metadata();
  v1::Container no_image = MakeContainer("c2", v1::CONTAINER_RUNNING);
  no_image.clear_image();
  v1::Container no_id = MakeContainer("", v1::CONTAINER_RUNNING);
  EXPECT_THAT(Decode(Reply({no_metadata.SerializeAsString(), no_image.SerializeAsString(),
                            no_id.SerializeAsString(), Running("c4"), ""})),
              ElementsAre(Pair("c4", State::kRunning)));
  EXPECT_EQ(Count("no_metadata"), 2);
  EXPECT_EQ(Count("no_image"), 1);
  EXPECT_EQ(Count("no_id"), 1);
}

TEST_F(ListDecoderTest, AKnownItemThatLosesItsMetadataKeepsItsRecordWithTheNewState) {
  Decode(Reply({Running("c1")}));
  v1::Container bare;
  bare.set_id("c1");
  bare.set_state(v1::CONTAINER_EXITED);
  const auto listed = decoder_.Decode(Reply({bare.SerializeAsString()}), std::nullopt);
  ASSERT_TRUE(listed.ok());
  ASSERT_THAT(*listed, SizeIs(1));
  EXPECT_EQ((*listed)[0].state, State::kExited);
  EXPECT_EQ((*listed)[0].info->name, "app");
}

TEST_F(ListDecoderTest, OfDuplicatesTheFirstGoodOneCounts) {
  EXPECT_THAT(Decode(Reply({Running("c1"), Exited("c1")})),
              ElementsAre(Pair("c1", State::kRunning)));
  EXPECT_EQ(Count("duplicate_id"), 1);
  EXPECT_THAT(Decode(Reply({BrokenInside("c1", v1::CONTAINER_CREATED), Exited("c1")})),
              ElementsAre(Pair("c1", State::kExited)));
  EXPECT_THAT(Decode(Reply({Running("c1"), BrokenInside("c1", v1::CONTAINER_CREATED)})),
              ElementsAre(Pair("c1", State::kRunning)));
}

TEST_F(ListDecoderTest, TextThatIsNotUtf8CostsNothing) {
  std::string item = MakeContainer("c1", v1::CONTAINER_EXITED, "?pod").SerializeAsString();
  for (size_t at = item.find("?pod"); at != std::string::npos; at = item.find("?pod")) {
    item[at] = '\xff';
  }
  const auto listed = decoder_.Decode(Reply({Running("c0"), item}), std::nullopt);
  ASSERT_TRUE(listed.ok());
  ASSERT_THAT(*listed, SizeIs(2));
  EXPECT_EQ((*listed)[1].state, State::kExited);
  EXPECT_EQ((*listed)[1].info->pod_uid, pleg::PodUid("\xEF\xBF\xBDpod"));
  EXPECT_EQ(Count("invalid_utf8"), 1);
}

TEST_F(ListDecoderTest, AKnownItemThatCannotBeParsedKeepsItsRecord) {
  Decode(Reply({Running("c1"), Running("c2")}));
  // Damaged inside: its state can still be read. Damaged itself: its state stays.
  EXPECT_THAT(
      Decode(Reply({BrokenInside("c1", v1::CONTAINER_EXITED), BrokenOutside(Exited("c2"))})),
      UnorderedElementsAre(Pair("c1", State::kExited), Pair("c2", State::kRunning)));
  EXPECT_EQ(Count("malformed"), 2);
  EXPECT_THAT(Decode(Reply({Running("c1"), Exited("c2")})),
              ElementsAre(Pair("c1", State::kRunning), Pair("c2", State::kExited)));
}

TEST_F(ListDecoderTest, AnUnknownItemThatCannotBeParsedCostsOnlyItself) {
  EXPECT_THAT(
      Decode(Reply({Running("c1"), BrokenInside("c2", v1::CONTAINER_RUNNING), Exited("c3")})),
      ElementsAre(Pair("c1", State::kRunning), Pair("c3", State::kExited)));
  EXPECT_EQ(Count("malformed"), 1);
  EXPECT_FALSE(decoder_.Knows(pleg::ContainerId("c2")));
}

TEST_F(ListDecoderTest, WhileANewItemHasNoReadableIdNothingIsTakenForRemoved) {
  Decode(Reply({Running("c1"), Running("c2")}));
  const std::string noise = "\x0A\x7F";
  EXPECT_THAT(Decode(Reply({Running("c1"), noise})),
              UnorderedElementsAre(Pair("c1", State::kRunning), Pair("c2", State::kRunning)));
  EXPECT_THAT(Decode(Reply({Running("c1"), noise})), SizeIs(2));  // and goes on
  EXPECT_THAT(Decode(Reply({Running("c1")})), ElementsAre(Pair("c1", State::kRunning)));
  EXPECT_FALSE(decoder_.Knows(pleg::ContainerId("c2")));
}

TEST_F(ListDecoderTest, AnItemWithoutAReadableIdThatWasAlwaysThereHidesNoRemoval) {
  const std::string noise = "\x0A\x7F";
  Decode(Reply({noise, Running("c1"), Running("c2")}));
  EXPECT_THAT(Decode(Reply({noise, Running("c1")})), ElementsAre(Pair("c1", State::kRunning)));
  EXPECT_THAT(Decode(Reply({noise, noise, Running("c3")})),
              UnorderedElementsAre(Pair("c3", State::kRunning), Pair("c1", State::kRunning)));
}

TEST_F(ListDecoderTest, AListOfOnePodLeavesTheOthersKnown) {
  const auto all = decoder_.Decode(Reply({Running("a1", "a"), Running("b1", "b")}), std::nullopt);
  const auto one = decoder_.Decode(Reply({Running("b2", "b")}), pleg::PodUid("b"));
  ASSERT_TRUE(all.ok() && one.ok());
  ASSERT_THAT(*one, SizeIs(1));  // b1 is gone
  const auto again = decoder_.Decode(Reply({Running("a1", "a"), Running("b2", "b")}), std::nullopt);
  EXPECT_EQ((*again)[0].info, (*all)[0].info);
  EXPECT_EQ((*again)[1].info, (*one)[0].info);
}

TEST_F(ListDecoderTest, AListOfOnePodWithAnUnreadableItemKeepsThatPodsObjectsOnly) {
  Decode(Reply({Running("a1", "a"), Running("b1", "b")}));
  EXPECT_THAT(Decode(Reply({"\x0A\x7F"}), pleg::PodUid("b")),
              ElementsAre(Pair("b1", State::kRunning)));
}

TEST_F(ListDecoderTest, ADamagedReplyFailsAndTheLastGoodStateStays) {
  const auto before = decoder_.Decode(Reply({Running("c1")}), std::nullopt);
  const std::string reply = Reply({Exited("c1"), Running("c2")});
  const auto listed = decoder_.Decode(reply.substr(0, reply.size() - 1), std::nullopt);
  EXPECT_EQ(listed.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(listed.status().message()),
              HasSubstr("ListContainers: malformed reply: damaged at byte"));
  EXPECT_FALSE(decoder_.Knows(pleg::ContainerId("c2")));
  EXPECT_EQ(Count("damaged_reply"), 1);
  const auto after = decoder_.Decode(Reply({Running("c1")}), std::nullopt);
  EXPECT_EQ((*after)[0].info, (*before)[0].info);
}

TEST_F(ListDecoderTest, EveryTruncationFailsUnlessItEndsAnItem) {
  const std::string reply = Reply({Running("c1"), Exited("c2"), Running("c3")});
  std::set<size_t> ends = {0};
  for (const std::string& item : {Running("c1"), Exited("c2"), Running("c3")}) {
    ends.insert(*ends.rbegin() + Reply({item}).size());
  }
  int failed = 0;
  for (size_t length = 0; length <= reply.size(); ++length) {
    ContainerListDecoder decoder(observer_, pleg::NullLog());
    const auto listed = decoder.Decode(reply.substr(0, length), std::nullopt);
    ASSERT_EQ(listed.ok(), ends.contains(length)) << length;
    failed += listed.ok() ? 0 : 1;
    if (listed.ok()) {
      EXPECT_EQ(static_cast<std::ptrdiff_t>(listed->size()),
                std::distance(ends.begin(), ends.find(length)));
    }
  }
  EXPECT_THAT(observer_.invalid(),
              ElementsAre(Pair(Pair("ListContainers", "damaged_reply"), failed)));
}

TEST_F(ListDecoderTest, EveryTruncationOfAKnownItemKeepsIt) {
  const std::string item = Running("c1");
  for (size_t length = 0; length <= item.size(); ++length) {
    ContainerListDecoder decoder(observer_, pleg::NullLog());
    ASSERT_TRUE(decoder.Decode(Reply({item, Running("other")}), std::nullopt).ok());
    const auto listed =
        decoder.Decode(Reply({item.substr(0, length), Running("other")}), std::nullopt);
    ASSERT_TRUE(listed.ok());
    std::map<std::string, State> states;
    for (const auto& listed_item : *listed) {
      states[listed_item.info->id.value()] = listed_item.state;
    }
    EXPECT_EQ(states.count("c1"), 1u) << length;
    EXPECT_EQ(states["other"], State::kRunning);
  }
}

TEST(SandboxListDecoderTest, DecodesSandboxes) {
  testing::RecordingObserver observer;
  SandboxListDecoder decoder(observer, pleg::NullLog());
  v1::PodSandbox no_metadata = MakeSandbox("s3", v1::SANDBOX_READY);
  no_metadata.clear_metadata();
  const std::string reply = Reply({MakeSandbox("s1", v1::SANDBOX_READY).SerializeAsString(),
                                   MakeSandbox("s2", v1::SANDBOX_NOTREADY).SerializeAsString(),
                                   no_metadata.SerializeAsString()});
  const auto listed = decoder.Decode(reply, std::nullopt);
  ASSERT_TRUE(listed.ok());
  ASSERT_THAT(*listed, SizeIs(2));
  EXPECT_EQ((*listed)[0].state, pleg::SandboxState::kReady);
  EXPECT_EQ((*listed)[1].state, pleg::SandboxState::kNotReady);
  EXPECT_EQ((*listed)[0].info->pod_name, "web");
  EXPECT_THAT(observer.invalid(), ElementsAre(Pair(Pair("ListPodSandbox", "no_metadata"), 1)));
}

// What libprotobuf makes of a whole reply must be what the decoder makes of it item by item; and
// where libprotobuf refuses it, the decoder must have refused it or complained of an item.
class Differential {
 public:
  void Compare(const std::string& reply) {
    testing::RecordingObserver observer;
    ContainerListDecoder decoder(observer, pleg::NullLog());
    const auto listed = decoder.Decode(reply, std::nullopt);
    v1::ListContainersResponse whole;
    const bool parsed = whole.ParseFromString(reply);
    if (!parsed) {
      ++refused;
      EXPECT_TRUE(!listed.ok() || !observer.invalid().empty());
      return;
    }
    ++accepted;
    ASSERT_TRUE(listed.ok()) << listed.status();
    std::vector<pleg::ContainerInfo> expected;
    std::set<std::string> seen;
    for (const v1::Container& container : whole.containers()) {
      if (!container.has_metadata() || !container.has_image() || container.id().empty()) continue;
      if (seen.insert(container.id()).second) expected.push_back(ToContainerInfo(container));
    }
    ASSERT_EQ(listed->size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(*(*listed)[i].info, expected[i]);
  }

  int accepted = 0;
  int refused = 0;
};

TEST(ListDecoderDifferentialTest, AgreesWithLibprotobufOnMutatedReplies) {
  DiscardProtobufLog();
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  const auto below = [&random](size_t n) { return static_cast<size_t>(random() % n); };
  const std::string sound =
      Reply({Running("c1"), Exited("c2"), Running("c3", "pod-3"), Running("c1")});
  Differential differential;
  for (int round = 0; round < 20'000 && !::testing::Test::HasFailure(); ++round) {
    std::string reply = sound;
    for (size_t edits = 1 + below(3); edits > 0 && !reply.empty(); --edits) {
      const size_t at = below(reply.size());
      switch (below(4)) {
        case 0:
          reply[at] = static_cast<char>(random());
          break;
        case 1:
          reply[at] = static_cast<char>(reply[at] ^ (1 << below(8)));
          break;
        case 2:
          reply.erase(at, 1 + below(4));
          break;
        default:
          reply.insert(at, 1 + below(4), static_cast<char>(random()));
          break;
      }
    }
    differential.Compare(reply);
  }
  EXPECT_GT(differential.accepted, 100);
  EXPECT_GT(differential.refused, 100);
}

}  // namespace
}  // namespace runtime
