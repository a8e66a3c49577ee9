#include "runtime/list_receiver.h"

#include <grpcpp/support/slice.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/convert.h"
#include "runtime/grpc_status.h"
#include "runtime/testing/recording_observer.h"
#include "runtime/wire.h"

namespace runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Receiver = ListReceiver<ContainerListDecoder>;

std::string Item(const std::string& id, size_t padding = 0, bool dead = false) {
  v1::Container container;
  container.set_id(id);
  container.mutable_metadata()->set_name("app");
  container.mutable_image()->set_image("nginx");
  container.set_state(dead ? v1::CONTAINER_EXITED : v1::CONTAINER_RUNNING);
  (*container.mutable_labels())[std::string(kPodUidLabel)] = "uid-1";
  (*container.mutable_labels())[std::string(kPodNameLabel)] = "web";
  (*container.mutable_labels())[std::string(kPodNamespaceLabel)] = "shop";
  (*container.mutable_annotations())["notes"] = std::string(padding, 'x');
  std::string field;
  AppendBytesField(1, container.SerializeAsString(), field);
  return field;
}

ReplyBody Body(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  grpc::ByteBuffer buffer(&slice, 1);
  ReplyBody body;
  body.buffer().Swap(&buffer);
  return body;
}

class ListReceiverTest : public ::testing::Test {
 protected:
  Receiver Make(const ListBudget& budget) { return {decoder_, budget, std::nullopt}; }

  testing::RecordingObserver observer_;
  ContainerListDecoder decoder_{observer_, pleg::NullLog()};
};

TEST_F(ListReceiverTest, AWholeReplyAndAStreamAreTheSame) {
  const std::string first = Item("c1");
  const std::string second = Item("c2", 100'000);
  Receiver whole = Make({});
  EXPECT_THAT(*whole.Finish(Body(first + second)), SizeIs(2));
  EXPECT_EQ(whole.bytes(), first.size() + second.size());
  Receiver streamed = Make({});
  EXPECT_TRUE(streamed.OnMessage(Body(first)).ok());
  EXPECT_TRUE(streamed.OnMessage(Body(second)).ok());
  EXPECT_THAT(*streamed.Finish(ReplyBody()), SizeIs(2));
  EXPECT_EQ(streamed.bytes(), whole.bytes());
  EXPECT_FALSE(streamed.excess().has_value());
  Receiver none = Make({});
  EXPECT_THAT(*none.Finish(ReplyBody()), IsEmpty());
}

TEST_F(ListReceiverTest, AStreamIsCountedAndGivenUpBeyondItsBytes) {
  Receiver before = Make({});
  ASSERT_TRUE(before.Finish(Body(Item("known"))).ok());
  Receiver receiver = Make({.bytes = 10'000, .items = 1000});
  grpc::Status go_on;
  int messages = 0;
  for (; go_on.ok() && messages < 1000; ++messages) {
    go_on = receiver.OnMessage(Body(Item(absl::StrCat("c", messages), 1000, messages % 2 == 0)));
  }
  EXPECT_EQ(go_on.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(go_on.error_message(), HasSubstr("longer than 10000 bytes"));
  // What comes after it counts no more.
  EXPECT_FALSE(receiver.OnMessage(Body(Item("late"))).ok());
  const auto listed = receiver.Finish(absl::CancelledError("ended by us"));
  EXPECT_TRUE(absl::IsResourceExhausted(listed.status())) << listed.status();

  ASSERT_TRUE(receiver.excess().has_value());
  const pleg::ListExcess& excess = *receiver.excess();
  EXPECT_TRUE(excess.given_up);
  EXPECT_FALSE(excess.by_runtime);
  EXPECT_GT(excess.bytes, 10'000u);
  EXPECT_LT(excess.bytes, 12'000u);
  EXPECT_EQ(excess.limit_bytes, 10'000u);
  EXPECT_EQ(excess.makeup.items, static_cast<uint64_t>(messages) - 1);
  EXPECT_EQ(excess.makeup.dead, (excess.makeup.items + 1) / 2);
  EXPECT_GT(excess.makeup.label_bytes, excess.makeup.items * 1000);
  EXPECT_EQ(excess.makeup.largest_pod.name, "web");
  EXPECT_EQ(excess.makeup.largest_pod.pod_namespace, "shop");
  EXPECT_TRUE(decoder_.Knows(pleg::ContainerId("known")));
  EXPECT_FALSE(decoder_.Knows(pleg::ContainerId("c0")));
}

TEST_F(ListReceiverTest, ObjectsAreCountedWhicheverWayTheyCome) {
  std::string items;
  for (int i = 0; i < 20; ++i) items += Item(absl::StrCat("c", i));
  for (const bool streamed : {false, true}) {
    Receiver receiver = Make({.bytes = 1'000'000, .items = 25});
    receiver.TakeFromBudget(10);
    if (streamed) {
      EXPECT_EQ(receiver.OnMessage(Body(items)).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    }
    const auto listed = receiver.Finish(Body(streamed ? "" : items));
    EXPECT_TRUE(absl::IsResourceExhausted(listed.status())) << listed.status();
    EXPECT_THAT(std::string(listed.status().message()), HasSubstr("more than 15 objects"));
    ASSERT_TRUE(receiver.excess().has_value());
    EXPECT_EQ(receiver.excess()->limit_items, 15u);
    EXPECT_EQ(receiver.excess()->limit_bytes, 0u);
    EXPECT_EQ(receiver.excess()->bytes, items.size());
    EXPECT_EQ(receiver.excess()->given_up, streamed);
  }
}

TEST_F(ListReceiverTest, WhatWasRefusedUnreadSaysHowLargeItIs) {
  Receiver ours = Make({.bytes = 30'000'000});
  const absl::Status refused = absl::ResourceExhaustedError(
      "ListContainers failed: CLIENT: Received message larger than max (120000123 vs. 30000000)");
  EXPECT_EQ(ours.Finish(refused).status(), refused);
  ASSERT_TRUE(ours.excess().has_value());
  EXPECT_EQ(ours.excess()->bytes, 120'000'123u);
  EXPECT_EQ(ours.excess()->limit_bytes, 30'000'000u);
  EXPECT_FALSE(ours.excess()->by_runtime);
  EXPECT_FALSE(ours.excess()->given_up);

  Receiver theirs = Make({.bytes = 30'000'000});
  ASSERT_FALSE(theirs
                   .Finish(absl::ResourceExhaustedError(
                       "grpc: trying to send message larger than max (16777533 vs. 16777216)"))
                   .ok());
  EXPECT_TRUE(theirs.excess()->by_runtime);
  EXPECT_EQ(theirs.excess()->limit_bytes, 16'777'216u);

  Receiver unfinished = Make({.bytes = 30'000'000});
  ASSERT_FALSE(unfinished
                   .Finish(MapStatus({grpc::StatusCode::RESOURCE_EXHAUSTED, "Buffers full"},
                                     {.method = "ListContainers"}))
                   .ok());
  EXPECT_FALSE(unfinished.excess()->by_runtime);
  EXPECT_TRUE(unfinished.excess()->given_up);
  EXPECT_EQ(unfinished.excess()->bytes, 30'000'000u);

  Receiver unknown = Make({});
  ASSERT_FALSE(unknown.Finish(absl::ResourceExhaustedError("no file descriptors")).ok());
  EXPECT_TRUE(unknown.excess()->by_runtime);
  EXPECT_EQ(unknown.excess()->bytes, 0u);
  Receiver other = Make({});
  ASSERT_FALSE(other.Finish(absl::InternalError("boom")).ok());
  EXPECT_FALSE(other.excess().has_value());
}

TEST_F(ListReceiverTest, ADamagedStreamEndsAtOnce) {
  Receiver receiver = Make({});
  EXPECT_TRUE(receiver.OnMessage(Body(Item("c1"))).ok());
  EXPECT_EQ(receiver.OnMessage(Body("\x0A\x7F")).error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_TRUE(absl::IsInternal(receiver.Finish(ReplyBody()).status()));
  EXPECT_FALSE(receiver.excess().has_value());
  EXPECT_FALSE(decoder_.Knows(pleg::ContainerId("c1")));
}

TEST_F(ListReceiverTest, AStreamThatBreaksLeavesNothing) {
  Receiver receiver = Make({});
  EXPECT_TRUE(receiver.OnMessage(Body(Item("c1"))).ok());
  EXPECT_TRUE(absl::IsUnavailable(receiver.Finish(absl::UnavailableError("gone")).status()));
  EXPECT_FALSE(decoder_.Knows(pleg::ContainerId("c1")));
}

TEST(RefusedSizeTest, OfTheWordsOfGrpc) {
  EXPECT_EQ(ParseRefusedSize("larger than max (1 vs. 2)")->bytes, 1u);
  for (const char* text :
       {"", "larger than max", "larger than max (", "larger than max (1", "larger than max (1 vs. ",
        "larger than max (x vs. 2)", "larger than max (99999999999999999999999 vs. 2)"}) {
    EXPECT_FALSE(ParseRefusedSize(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace runtime
