// What a ListDecoder holds although a list lacks it, and for how long.

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/convert.h"
#include "runtime/lenient_parse.h"
#include "runtime/list_decoder.h"
#include "runtime/testing/recording_observer.h"
#include "runtime/wire.h"

namespace runtime {
namespace {

using ::testing::IsEmpty;
using ::testing::Lt;
using ::testing::SizeIs;
using State = pleg::ContainerState;

constexpr uint32_t kHeld = ContainerListDecoder::kHeldLists;

v1::Container MakeContainer(const std::string& id, int state, const std::string& pod = "pod-1") {
  v1::Container container;
  container.set_id(id);
  container.set_pod_sandbox_id("s-" + pod);
  container.mutable_metadata()->set_name("app");
  container.mutable_image()->set_image("nginx:1");
  container.set_state(static_cast<v1::ContainerState>(state));
  container.set_created_at(1'000);
  (*container.mutable_labels())[std::string(kPodUidLabel)] = pod;
  return container;
}
std::string Running(const std::string& id) {
  return MakeContainer(id, v1::CONTAINER_RUNNING).SerializeAsString();
}
std::string Malformed(const std::string& id) {
  std::string item = Running(id);
  item.pop_back();
  return item;
}
std::string Without(const std::string& id, bool metadata) {
  v1::Container container = MakeContainer(id, v1::CONTAINER_EXITED);
  if (metadata) {
    container.clear_metadata();
  } else {
    container.clear_image();
  }
  return container.SerializeAsString();
}
const char* const kAnonymous = "\x0A\x7F";

using Items = std::vector<std::string>;
// By id: state, pod, image.
using Seen = std::map<std::string, std::tuple<State, std::string, std::string>>;

class HoldTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { DiscardProtobufLog(); }

  static std::string ReplyOf(const Items& items) {
    std::string reply;
    for (const std::string& item : items) AppendBytesField(1, item, reply);
    return reply;
  }
  static Seen Decode(ContainerListDecoder& decoder, const Items& items,
                     const std::optional<pleg::PodUid>& pod = std::nullopt) {
    const auto listed = decoder.Decode(ReplyOf(items), pod);
    EXPECT_TRUE(listed.ok()) << listed.status();
    Seen seen;
    for (const pleg::ListedContainer& one : *listed) {
      const bool added = seen.try_emplace(one.info->id.value(), one.state,
                                          one.info->pod_uid.value(), one.info->image)
                             .second;
      EXPECT_TRUE(added) << one.info->id.value() << " is listed twice";
    }
    return seen;
  }
  Seen Decode(const Items& items, const std::optional<pleg::PodUid>& pod = std::nullopt) {
    return Decode(decoder_, items, pod);
  }

  testing::RecordingObserver observer_;
  ContainerListDecoder decoder_{observer_, pleg::NullLog()};
};

TEST_F(HoldTest, WhatIsHeldIsDroppedAfterSoManyLists) {
  const std::vector<Items> doubts = {{Running("c1"), Malformed("c2")},
                                     {Running("c1"), Without("c2", true)},
                                     {Running("c1"), Without("c2", false)},
                                     {Running("c1"), kAnonymous}};
  for (const Items& doubt : doubts) {
    ContainerListDecoder decoder(observer_, pleg::NullLog());
    Decode(decoder, {Running("c1"), Running("c2")});
    for (uint32_t i = 0; i < kHeld; ++i) ASSERT_THAT(Decode(decoder, doubt), SizeIs(2)) << i;
    EXPECT_THAT(Decode(decoder, doubt), SizeIs(1));
    EXPECT_FALSE(decoder.Knows(pleg::ContainerId("c2")));
  }
}

TEST_F(HoldTest, AGoodItemBetweenBeginsAnew) {
  Decode({Running("c1")});
  for (uint32_t i = 0; i < 50; ++i) {
    ASSERT_THAT(Decode({Malformed("c1")}), SizeIs(1)) << i;
    if (i % kHeld == kHeld - 1) ASSERT_THAT(Decode({Running("c1")}), SizeIs(1));
  }
}

// One item without an id in every list, and containers that come and go.
TEST_F(HoldTest, ChurnBesideAnAnonymousItemDoesNotAccumulate) {
  constexpr size_t kThere = 20;
  Decode({Running("c0")});
  for (size_t i = 0; i < 2000; ++i) {
    Items items = {kAnonymous};
    // Now and then a second one, so that what goes missing then is held.
    if (i % 3 == 0) items.emplace_back(kAnonymous);
    for (size_t n = 0; n < kThere; ++n) items.push_back(Running(absl::StrCat("c", i + n)));
    ASSERT_THAT(Decode(items), SizeIs(Lt(kThere + kHeld + 1))) << i;
  }
}

TEST_F(HoldTest, AListOfOnePodHoldsNoLongerThanTheListsOfAll) {
  const pleg::PodUid pod("pod-1");
  Decode({Running("c1")});
  EXPECT_THAT(Decode({kAnonymous}, pod), SizeIs(1));
  EXPECT_THAT(Decode({Malformed("c1")}, pod), SizeIs(1));
  for (uint32_t i = 0; i <= kHeld; ++i) Decode({kAnonymous});
  EXPECT_THAT(Decode({kAnonymous}, pod), IsEmpty());
}

// What replies that fail have listed is not kept, however many there are.
TEST_F(HoldTest, AnAbandonedReplyLeavesNothing) {
  Decode({Running("c1")});
  for (int i = 0; i < 100; ++i) {
    const uint64_t number = decoder_.Begin();
    const std::string good = ReplyOf({Running("c1"), Running(absl::StrCat("new", i))});
    ASSERT_TRUE(decoder_.Feed(number, {good}, [](size_t) {}).ok());
    EXPECT_FALSE(decoder_.Feed(number, {"\x0A\x7F"}, [](size_t) {}).ok());
    // Every other one is overtaken instead.
    if (i % 2 == 0) decoder_.Abandon(number);
  }
  decoder_.Begin();
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(decoder_.Knows(pleg::ContainerId(absl::StrCat("new", i))));
  }
  EXPECT_TRUE(decoder_.Knows(pleg::ContainerId("c1")));
}

TEST_F(HoldTest, TooManyItemsAreRefusedAndWhatIsKnownStays) {
  Decode({Running("c1"), Running("c2")});
  const std::string reply = ReplyOf({Running("c1"), Running("d1"), kAnonymous, Running("d2")});
  for (const size_t max_items : {size_t{3}, size_t{4}}) {
    const uint64_t number = decoder_.Begin(max_items);
    const absl::Status fed = decoder_.Feed(number, {reply}, [](size_t) {});
    EXPECT_EQ(absl::IsResourceExhausted(fed), max_items == 3) << fed;
    decoder_.Abandon(number);
    EXPECT_TRUE(decoder_.Knows(pleg::ContainerId("c2")));
    EXPECT_FALSE(decoder_.Knows(pleg::ContainerId("d1")));
  }
}

// A runtime that changes what never changes, in an item that looks the same.
TEST_F(HoldTest, AnItemThatLooksTheSameIsReadAgainInTheEnd) {
  Decode({MakeContainer("c1", v1::CONTAINER_RUNNING).SerializeAsString()});
  v1::Container moved = MakeContainer("c1", v1::CONTAINER_RUNNING);
  (*moved.mutable_labels())[std::string(kPodUidLabel)] = "pod-2";
  const Items items = {moved.SerializeAsString()};
  for (uint64_t i = 0; i < ContainerListDecoder::kRereadReplies; ++i) Decode(items);
  EXPECT_EQ(std::get<1>(Decode(items)["c1"]), "pod-2");
}

TEST_F(HoldTest, AMakeupSaysWhatALargeListIsMadeOf) {
  v1::Container noted = MakeContainer("c2", v1::CONTAINER_RUNNING, "pod-2");
  (*noted.mutable_annotations())["notes"] = std::string(200'000, 'x');
  const std::string large = noted.SerializeAsString();
  const std::string dead = MakeContainer("c3", v1::CONTAINER_EXITED).SerializeAsString();
  const uint64_t number = decoder_.Begin();
  const std::string reply = ReplyOf({Running("c1"), large, dead, kAnonymous});
  ASSERT_TRUE(decoder_.Feed(number, {reply}, [](size_t) {}).ok());
  const pleg::ListMakeup makeup = decoder_.Makeup();
  EXPECT_EQ(makeup.items, 4u);
  EXPECT_EQ(makeup.dead, 1u);
  EXPECT_EQ(makeup.dead_bytes, dead.size());
  EXPECT_NEAR(static_cast<double>(makeup.label_bytes), 200'000, 400);
  EXPECT_EQ(makeup.largest_pod.uid, pleg::PodUid("pod-2"));
  EXPECT_EQ(makeup.largest_pod.items, 1u);
  EXPECT_EQ(makeup.largest_pod.bytes, large.size());
}

// Whatever was listed before, and however it was broken: after so many equal lists the state is
// that of a decoder that never saw another one.
TEST_F(HoldTest, AfterEqualListsTheStateIsTheLists) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  const auto below = [&random](unsigned n) { return static_cast<unsigned>(random() % n); };
  const auto item = [&]() -> std::string {
    const std::string id = absl::StrCat("c", below(6));
    switch (below(8)) {
      case 0:
        return Malformed(id);
      case 1:
        return Without(id, true);
      case 2:
        return Without(id, false);
      case 3:
        return below(2) == 0 ? kAnonymous : Running("");
      default:
        return MakeContainer(id, static_cast<int>(below(4)), absl::StrCat("p", 1 << below(20)))
            .SerializeAsString();
    }
  };
  const auto list = [&] {
    Items items(below(10));
    std::generate(items.begin(), items.end(), item);
    return items;
  };
  for (int round = 0; round < 100 && !HasFailure(); ++round) {
    ContainerListDecoder decoder(observer_, pleg::NullLog());
    for (unsigned lists = below(40); lists > 0; --lists) {
      if (below(5) == 0) Decode(decoder, list(), pleg::PodUid("p1"));
      for (unsigned times = 1 + below(kHeld * 2); times > 0; --times) Decode(decoder, list());
    }
    Items last = list();
    Seen seen;
    for (uint32_t i = 0; i <= kHeld; ++i) {
      seen = Decode(decoder, last);
    }
    ContainerListDecoder fresh(observer_, pleg::NullLog());
    EXPECT_EQ(seen, Decode(fresh, last)) << "round " << round;
  }
}

}  // namespace
}  // namespace runtime
