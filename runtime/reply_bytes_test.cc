#include "runtime/reply_bytes.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/v1/api.pb.h"
#include "runtime/wire.h"

namespace runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::IsEmpty;
using ::testing::Lt;
using ::testing::SizeIs;

struct Copy {
  std::string bytes;
  size_t size = 0;
  bool cut = false;
};

// The items, and after each batch how many pieces were done.
struct Outcome {
  absl::Status status;
  std::vector<Copy> items;
  std::vector<size_t> done;
};

std::vector<absl::string_view> Cut(absl::string_view bytes, size_t piece_bytes) {
  std::vector<absl::string_view> pieces;
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) {
    pieces.push_back(bytes.substr(at, piece_bytes));
  }
  return pieces;
}

Outcome Split(absl::string_view reply, size_t piece_bytes,
              const ItemLayout& layout = kContainerLayout) {
  ItemSplitter splitter;
  Outcome outcome;
  outcome.status =
      splitter.Split("ListContainers", layout, Cut(reply, piece_bytes),
                     [&](absl::Span<const ListItem> items, size_t pieces_done) {
                       for (const ListItem& item : items) {
                         outcome.items.push_back({std::string(item.bytes), item.size, item.cut});
                       }
                       outcome.done.push_back(pieces_done);
                       return absl::OkStatus();
                     });
  return outcome;
}

v1::Container Large(size_t label_bytes) {
  v1::Container container;
  container.set_id("c1");
  container.set_pod_sandbox_id("s1");
  container.mutable_metadata()->set_name("app");
  container.mutable_image()->set_image("nginx");
  container.set_state(v1::CONTAINER_EXITED);
  container.set_created_at(1'000);
  (*container.mutable_labels())["io.kubernetes.pod.uid"] = "uid-1";
  (*container.mutable_labels())["team"] = "web";
  (*container.mutable_annotations())["io.kubernetes.container.hash"] = "abc";
  (*container.mutable_annotations())["notes"] = std::string(label_bytes, 'x');
  return container;
}

std::string ReplyOf(const std::vector<std::string>& items) {
  std::string reply;
  for (const std::string& item : items) AppendBytesField(1, item, reply);
  return reply;
}

constexpr size_t kPieces[] = {7, 1000, 16 * 1024, 1 << 30};

TEST(ReplyBytesTest, ALargeItemKeepsWhatCountsAndItsSize) {
  const std::string item = Large(3'000'000).SerializeAsString();
  for (const size_t piece_bytes : kPieces) {
    const Outcome outcome = Split(ReplyOf({item, "\x0A\x02xy"}), piece_bytes);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status;
    ASSERT_THAT(outcome.items, SizeIs(2));
    EXPECT_EQ(outcome.items[0].size, item.size());
    EXPECT_FALSE(outcome.items[0].cut);
    EXPECT_THAT(outcome.items[0].bytes, SizeIs(Lt(200u)));
    v1::Container gist;
    ASSERT_TRUE(gist.ParseFromString(outcome.items[0].bytes));
    v1::Container expected = Large(0);
    expected.mutable_annotations()->erase("notes");
    expected.mutable_labels()->erase("team");
    EXPECT_EQ(gist.DebugString(), expected.DebugString());
    EXPECT_EQ(outcome.items[1].bytes, "\x0A\x02xy");
  }
}

TEST(ReplyBytesTest, AnItemOfManySmallFieldsIsBoundedToo) {
  std::string item = Large(0).SerializeAsString();
  for (int i = 0; i < 100'000; ++i) {
    v1::Container label;
    (*label.mutable_labels())[absl::StrCat("io.kubernetes.", i)] = "x";
    item += label.SerializeAsString();
  }
  for (int i = 0; i < 100'000; ++i) item += std::string("\xF8\x7F\x01", 3);  // field 2047: 1
  const Outcome outcome = Split(ReplyOf({item}), 16 * 1024);
  ASSERT_TRUE(outcome.status.ok());
  ASSERT_THAT(outcome.items, SizeIs(1));
  EXPECT_THAT(outcome.items[0].bytes, SizeIs(Lt(100'000u)));
  EXPECT_TRUE(outcome.items[0].cut);
  v1::Container gist;
  EXPECT_TRUE(gist.ParseFromString(outcome.items[0].bytes));
  EXPECT_EQ(gist.id(), "c1");
}

TEST(ReplyBytesTest, ALayoutMayKeepLabelsAndStillHasRoomForWhatFollows) {
  ItemLayout layout = kContainerLayout;
  layout.keeps_labels = true;
  v1::Container container = Large(100'000);
  const std::string few = container.SerializeAsString();
  for (int i = 0; i < 10'000; ++i) (*container.mutable_labels())[absl::StrCat("key-", i)] = "value";
  const std::string many =
      container.SerializeAsString() + std::string("\x52\x02id", 4);  // field 10: image_id
  for (const size_t piece_bytes : kPieces) {
    const Outcome outcome = Split(ReplyOf({few, many}), piece_bytes, layout);
    ASSERT_THAT(outcome.items, SizeIs(2));
    v1::Container gist;
    ASSERT_TRUE(gist.ParseFromString(outcome.items[0].bytes));
    EXPECT_EQ(gist.labels().at("team"), "web");
    EXPECT_FALSE(gist.annotations().contains("notes"));
    EXPECT_FALSE(outcome.items[0].cut);

    ASSERT_TRUE(gist.ParseFromString(outcome.items[1].bytes));
    EXPECT_THAT(outcome.items[1].bytes, SizeIs(Lt(40'000u)));
    EXPECT_THAT(gist.labels(), SizeIs(Gt(1000)));
    EXPECT_EQ(gist.image_id(), "id");
    EXPECT_TRUE(outcome.items[1].cut);
  }
}

// Whatever is wrong with it, it costs only itself, and is still seen to be wrong.
TEST(ReplyBytesTest, ALargeItemThatIsDamagedStaysDamaged) {
  const std::string whole = Large(100'000).SerializeAsString();
  const std::vector<std::string> damaged = {whole.substr(0, whole.size() - 1),
                                            whole + "\x0A\x7Fshort",
                                            whole + "\x08",
                                            whole + std::string("\x00\x01", 2),
                                            whole + "\x0B",
                                            whole + "\x0C",
                                            whole + "\x0F"};
  for (const std::string& item : damaged) {
    for (const size_t piece_bytes : kPieces) {
      const Outcome outcome = Split(ReplyOf({item, "next"}), piece_bytes);
      ASSERT_TRUE(outcome.status.ok()) << outcome.status;
      ASSERT_THAT(outcome.items, SizeIs(2));
      v1::Container gist;
      EXPECT_FALSE(gist.ParseFromString(outcome.items[0].bytes));
      EXPECT_EQ(outcome.items[1].bytes, "next");
    }
  }
}

TEST(ReplyBytesTest, PiecesAreDoneAsItemsAreTaken) {
  const std::string reply = ReplyOf(std::vector<std::string>(2000, std::string(1500, 'x')));
  const Outcome outcome = Split(reply, 16 * 1024);
  EXPECT_THAT(outcome.items, SizeIs(2000));
  EXPECT_THAT(outcome.done, SizeIs(Gt(8u)));
  // Behind the reading by no more than a batch.
  for (size_t i = 0; i < outcome.done.size(); ++i) EXPECT_GE(outcome.done[i], 15 * (i + 1)) << i;
  EXPECT_EQ(outcome.done.back(), Cut(reply, 16 * 1024).size());
}

TEST(ReplyBytesTest, AnErrorOfTheTakerEndsIt) {
  ItemSplitter splitter;
  const std::string reply = ReplyOf(std::vector<std::string>(2000, "item"));
  int batches = 0;
  const absl::Status status = splitter.Split("L", kContainerLayout, {reply}, [&](auto, size_t) {
    ++batches;
    return absl::ResourceExhaustedError("enough");
  });
  EXPECT_EQ(status, absl::ResourceExhaustedError("enough"));
  EXPECT_EQ(batches, 1);
  EXPECT_THAT(Split("", 1).items, IsEmpty());
  EXPECT_THAT(Split("", 1).done, ElementsAre(0u));
}

}  // namespace
}  // namespace runtime
