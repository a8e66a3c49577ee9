#include "pleg/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace pleg {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";

std::string Replacements(int n) {
  std::string out;
  while (n-- > 0) out += kReplacement;
  return out;
}

TEST(Utf8Test, KeepsWhatIsValid) {
  for (const char* text : {"", "plain", "\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x90\xB3",
                           "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(ToValidUtf8(text), text);
  }
  EXPECT_EQ(ToValidUtf8(absl::string_view("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Utf8Test, ReplacesEachIllFormedSequence) {
  struct Case {
    const char* text;
    int replacements;
  };
  for (const Case& c : {
           Case{"\x80", 1},              // a continuation without a start
           Case{"\xFF\xFE", 2},          // never in UTF-8
           Case{"\xC0\xAF", 2},          // overlong '/'
           Case{"\xE0\x80\x80", 3},      // overlong NUL
           Case{"\xED\xA0\x80", 3},      // a surrogate
           Case{"\xF4\x90\x80\x80", 4},  // beyond U+10FFFF
           Case{"\xE2\x82", 1},          // cut off
           Case{"\xF0\x9F\x90", 1},      // cut off
       }) {
    const std::string framed = std::string("<") + c.text + ">";
    EXPECT_EQ(ToValidUtf8(framed), "<" + Replacements(c.replacements) + ">");
    EXPECT_EQ(ToValidUtf8(c.text), Replacements(c.replacements));
  }
}

TEST(Utf8Test, OfALongTextTheEndIsKept) {
  EXPECT_EQ(Abridge("no such file", 12), "no such file");
  EXPECT_EQ(Abridge("failed to load: open /run/x: no such file", 24),
            "failed \u2026: no such file");
  for (size_t bytes = 0; bytes < 30; ++bytes) {
    const std::string cut = Abridge(
        "\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc\u00e4\u00f6",
        bytes);
    EXPECT_EQ(ToValidUtf8(cut), cut);
    EXPECT_LE(cut.size(), bytes < 3 ? 3 : bytes);
  }
}

TEST(Utf8Test, DecodesCodePoints) {
  EXPECT_EQ(DecodeUtf8("\xE2\x80\xAE rest").code, 0x202Eu);
  EXPECT_EQ(DecodeUtf8("\xF0\x9F\x90\xB3").code, 0x1F433u);
  EXPECT_EQ(DecodeUtf8("\xF0\x9F\x90\xB3").length, 4u);
  EXPECT_FALSE(DecodeUtf8("\xE2x").valid);
  EXPECT_EQ(DecodeUtf8("\xE2x").length, 1u);
}

}  // namespace
}  // namespace pleg
