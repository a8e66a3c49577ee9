#include "api/percent.h"

#include <string>

#include "gtest/gtest.h"

namespace api {
namespace {

TEST(PercentTest, Decodes) {
  EXPECT_EQ(PercentDecode(""), "");
  EXPECT_EQ(PercentDecode("a+b~c"), "a+b~c");
  EXPECT_EQ(PercentDecode("a%2Fb%2fc%20"), "a/b/c ");
  EXPECT_EQ(PercentDecode("%00%ff"), std::string("\0\xff", 2));
  EXPECT_EQ(PercentDecode("%2541"), "%41");
}

TEST(PercentTest, RejectsWhatIsCutOffOrNoNumber) {
  for (const char* text : {"%", "a%", "%4", "%zz", "%4g", "%%41", "% 4"}) {
    EXPECT_FALSE(PercentDecode(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace api
