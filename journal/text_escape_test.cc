#include "journal/text_escape.h"

#include <string>

#include "gtest/gtest.h"

namespace journal {
namespace {

std::string Json(absl::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

std::string Logfmt(absl::string_view text) {
  std::string out;
  AppendLogfmtValue(out, text);
  return out;
}

TEST(TextEscapeTest, JsonKeepsWhatIsHarmless) {
  EXPECT_EQ(Json(""), "\"\"");
  EXPECT_EQ(Json("web-0 = a/b"), "\"web-0 = a/b\"");
  EXPECT_EQ(Json("Gr\xC3\xBC\xC3\x9F"
                 "e \xF0\x9F\x90\xB3"),
            "\"Gr\xC3\xBC\xC3\x9F"
            "e \xF0\x9F\x90\xB3\"");
}

TEST(TextEscapeTest, JsonEscapes) {
  EXPECT_EQ(Json("\"\\\n\r\t"), R"("\"\\\n\r\t")");
  EXPECT_EQ(Json(absl::string_view("\0\x1b[2J\x7f", 6)), R"("\u0000\u001b[2J\u007f")");
  EXPECT_EQ(Json("\xC2\x9B"
                 "31m"),
            R"("\u009b31m")");  // C1 CSI
  EXPECT_EQ(Json("a\xE2\x80\xAE"
                 "b"),
            R"("a\u202eb")");  // right-to-left override
  EXPECT_EQ(Json("a\xE2\x80\x8F"
                 "b"),
            R"("a\u200fb")");                                        // right-to-left mark
  EXPECT_EQ(Json("\xE2\x80\xA8"), R"("\u2028")");                    // line separator
  EXPECT_EQ(Json("\xE2\x81\xA6\xEF\xBB\xBF"), R"("\u2066\ufeff")");  // isolate, byte order mark
  EXPECT_EQ(Json("\xF3\xA0\x81\x81"), R"("\udb40\udc41")");          // tag letter
  EXPECT_EQ(Json("a\xFF"
                 "b\xE2\x82"),
            "\"a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\"");
}

TEST(TextEscapeTest, LogfmtQuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(Logfmt("plain/value:1,2"), "plain/value:1,2");
  EXPECT_EQ(Logfmt(""), "\"\"");
  EXPECT_EQ(Logfmt("two words"), "\"two words\"");
  EXPECT_EQ(Logfmt("a=b"), "\"a=b\"");
  EXPECT_EQ(Logfmt("say \"hi\""), R"("say \"hi\"")");
  EXPECT_EQ(Logfmt("back\\slash"), R"("back\\slash")");
  EXPECT_EQ(Logfmt("x\nlevel=error msg=forged"), R"("x\nlevel=error msg=forged")");
  EXPECT_EQ(Logfmt("\xC3\xBC"), "\"\xC3\xBC\"");
}

}  // namespace
}  // namespace journal
