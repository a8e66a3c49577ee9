#include "api/query.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(QueryTest, DecodesNamesAndValues) {
  EXPECT_THAT(*ParseQuery("", {"a"}), IsEmpty());
  EXPECT_THAT(*ParseQuery("b=x%3D%26y&a=", {"a", "b"}),
              ElementsAre(Pair("a", ""), Pair("b", "x=&y")));
  EXPECT_THAT(*ParseQuery("a", {"a"}), ElementsAre(Pair("a", "")));
  EXPECT_THAT(*ParseQuery("a=b=c", {"a"}), ElementsAre(Pair("a", "b=c")));
}

TEST(QueryTest, RefusesWhatItDoesNotUnderstand) {
  for (const char* bad : {"b=1", "a=1&a=2", "a=%zz", "%=1", "&", "a=1&", "=", "a=1&\x1b=1"}) {
    const auto query = ParseQuery(bad, {"a"});
    EXPECT_EQ(query.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_EQ(query.status().message().find('\x1b'), absl::string_view::npos);
  }
}

TEST(QueryTest, Values) {
  const Query query = {{"yes", "true"},       {"no", "false"}, {"n", "60"},
                       {"s", "2.5"},          {"x", "1e3"},    {"minus", "-1"},
                       {"big", "4294967296"}, {"empty", ""},   {"dot", "."}};
  EXPECT_TRUE(*BoolOf(query, "yes"));
  EXPECT_FALSE(*BoolOf(query, "no"));
  EXPECT_FALSE(*BoolOf(query, "absent"));
  EXPECT_EQ(*NumberOf(query, "n"), 60u);
  EXPECT_EQ(*NumberOf(query, "absent"), 0u);
  EXPECT_EQ(*SecondsOf(query, "s"), 2.5);
  EXPECT_EQ(*SecondsOf(query, "absent"), 0);
  for (const char* bad : {"n", "empty", "minus"}) EXPECT_FALSE(BoolOf(query, bad).ok()) << bad;
  for (const char* bad : {"yes", "s", "minus", "big", "empty"}) {
    EXPECT_FALSE(NumberOf(query, bad).ok()) << bad;
  }
  for (const char* bad : {"yes", "x", "minus", "empty", "dot"}) {
    EXPECT_FALSE(SecondsOf(query, bad).ok()) << bad;
  }
  EXPECT_THAT(std::string(BoolOf(query, "n").status().message()),
              HasSubstr("n \"60\" is not true"));
}

}  // namespace
}  // namespace api
