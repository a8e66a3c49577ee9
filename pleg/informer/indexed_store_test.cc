#include "pleg/informer/indexed_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace pleg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Thing {
  std::string color;
  std::vector<std::string> roles;
};
using Store = IndexedStore<Thing>;

Store::Object Make(std::string color, std::vector<std::string> roles = {}) {
  return std::make_shared<Thing>(Thing{std::move(color), std::move(roles)});
}
std::vector<std::string> ByColor(const Thing& thing) {
  return thing.color.empty() ? std::vector<std::string>() : std::vector{thing.color};
}

TEST(IndexedStoreTest, FindsByEveryValueOfEveryIndex) {
  Store store;
  ASSERT_TRUE(store.AddIndex("color", &ByColor).ok());
  store.Put("b", Make("red", {"web", "db"}));
  store.Put("a", Make("red"));
  store.Put("c", Make(""));
  EXPECT_THAT(*store.IndexKeys("color", "red"), ElementsAre("a", "b"));
  EXPECT_THAT(*store.IndexKeys("color", "blue"), IsEmpty());
  EXPECT_EQ(store.ByIndex("color", "red")->size(), 2u);
  // Added later, an index covers what is stored already.
  ASSERT_TRUE(store.AddIndex("role", [](const Thing& thing) { return thing.roles; }).ok());
  EXPECT_THAT(*store.IndexKeys("role", "db"), ElementsAre("b"));
  EXPECT_THAT(*store.ListIndexValues("role"), ElementsAre("db", "web"));
  EXPECT_THAT(store.ListKeys(), ElementsAre("a", "b", "c"));
}

TEST(IndexedStoreTest, AChangeMovesTheObjectAndEmptyValuesGo) {
  Store store;
  ASSERT_TRUE(store.AddIndex("color", &ByColor).ok());
  store.Put("a", Make("red"));
  EXPECT_EQ(store.Put("a", Make("blue"))->color, "red");
  EXPECT_THAT(*store.ListIndexValues("color"), ElementsAre("blue"));
  EXPECT_EQ(store.Erase("a")->color, "blue");
  EXPECT_THAT(*store.ListIndexValues("color"), IsEmpty());
  EXPECT_EQ(store.Erase("a"), nullptr);
  EXPECT_TRUE(absl::IsNotFound(store.GetByKey("a").status()));
}

TEST(IndexedStoreTest, AnIndexThatIsNotThereOrThereAlreadyIsAnError) {
  Store store;
  ASSERT_TRUE(store.AddIndex("color", &ByColor).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(store.AddIndex("color", &ByColor)));
  EXPECT_TRUE(absl::IsNotFound(store.IndexKeys("size", "1").status()));
  EXPECT_TRUE(absl::IsNotFound(store.ByIndex("size", "1").status()));
  EXPECT_EQ(store.ListIndexValues("size").status().message(), "no index of the name size");
}

TEST(IndexedStoreTest, ASnapshotStaysAsItWas) {
  Store store;
  store.Put("a", Make("red"));
  const auto before = store.Snapshot();
  EXPECT_EQ(before, store.Snapshot());
  store.Put("a", Make("blue"));
  store.Put("b", Make("green"));
  store.Erase("a");
  EXPECT_EQ(before->size(), 1u);
  EXPECT_EQ(before->at("a")->color, "red");
  EXPECT_EQ(store.Snapshot()->size(), 1u);
}

}  // namespace
}  // namespace pleg
