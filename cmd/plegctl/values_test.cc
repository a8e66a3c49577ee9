// Texts, quantities and tables.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "cmd/plegctl/human.h"
#include "cmd/plegctl/relist_marks.h"
#include "cmd/plegctl/table.h"
#include "cmd/plegctl/testing/scenarios.h"
#include "cmd/plegctl/text.h"

namespace plegctl {
namespace {

constexpr Terminal kUnicode = {.unicode = true};
constexpr Terminal kAscii = {};

TEST(VisibleTest, KeepsWhatIsPlain) {
  EXPECT_EQ(Visible("kube-system/web-0 (app) 100%", kAscii), "kube-system/web-0 (app) 100%");
  EXPECT_EQ(Visible("größe 日本 😀", kUnicode), "größe 日本 😀");
  EXPECT_EQ(Visible("", kUnicode), "");
}

TEST(VisibleTest, EscapesTheRest) {
  const struct {
    std::string text;
    absl::string_view shown;
  } kCases[] = {
      {"\x1b[2J\x07", R"(\x1b[2J\x07)"},
      {"a\nb\r\tc", R"(a\nb\r\tc)"},
      {std::string(1, '\0'), R"(\x00)"},
      {"\x7f", R"(\x7f)"},
      {"\xc2\x9b"
       "31m",
       R"(\u009b31m)"},                     // C1: a CSI of eight bits
      {"\xff\xc3(", R"(\xff\xc3()"},        // invalid
      {"\xed\xa0\x80", R"(\xed\xa0\x80)"},  // a surrogate
      {"a\u202eb\u2066c\u200f", R"(a\u202eb\u2066c\u200f)"},
      {"a\u200b\u200d\ufeff\u00ad", R"(a\u200b\u200d\ufeff\u00ad)"},
      {"e\u0301", R"(e\u0301)"},  // combining
      {"\u00a0\u3000\u2028", R"(\u00a0\u3000\u2028)"},
      {"\u05d0\u0627", R"(\u05d0\u0627)"},  // letters from right to left
      {"\U000e0041", R"(\U000e0041)"},      // a tag
      {"\ue000", R"(\ue000)"},              // private use
  };
  for (const auto& [text, shown] : kCases) EXPECT_EQ(Visible(text, kUnicode), shown);
  EXPECT_EQ(Visible("größe", kAscii), R"(gr\u00f6\u00dfe)");
}

TEST(VisibleTest, AnEllipsisIsDotsWithoutUnicode) {
  EXPECT_EQ(Visible("a\u2026", Terminal{}), "a...");
  EXPECT_EQ(Visible("a\u2026", {.unicode = true}), "a\u2026");
}

TEST(VisibleTest, IsBounded) {
  const std::string megabyte(1 << 20, '\x1b');
  EXPECT_LT(Visible(megabyte, kUnicode).size(), 5000U);
  EXPECT_EQ(Visible("abcdef", kUnicode, 3), "abc…");
  EXPECT_EQ(Visible("abcdef", kAscii, 3), "abc...");
  EXPECT_EQ(Visible("abc", kUnicode, 3), "abc");
}

TEST(VisibleTest, LineByLine) {
  EXPECT_EQ(VisibleLines("no runtime\n  /run/\x1b.sock: no\n"),
            "no runtime\n  /run/\\x1b.sock: no\n");
}

TEST(WidthTest, WideCharactersTakeTwo) {
  EXPECT_EQ(Width("web"), 3U);
  EXPECT_EQ(Width("日本"), 4U);
  EXPECT_EQ(Width("😀"), 2U);
  EXPECT_EQ(Width("größe"), 5U);
}

TEST(FitTest, CutsToTheWidth) {
  EXPECT_EQ(Fit("default/web-0", 13, kUnicode), "default/web-0");
  EXPECT_EQ(Fit("default/web-0", 8, kUnicode), "default…");
  EXPECT_EQ(Fit("default/web-0", 8, kAscii), "defau...");
  EXPECT_EQ(FitMiddle("default/web-0", 8, kUnicode), "defa…b-0");
  EXPECT_EQ(FitMiddle("日本語日本語", 7, kUnicode), "日…語");
  for (size_t width = 0; width < 20; ++width) {
    for (const Terminal& terminal : {kAscii, kUnicode}) {
      EXPECT_LE(Width(Fit("日本default/web-0日本", width, terminal)), width);
      EXPECT_LE(Width(FitMiddle("日本default/web-0日本", width, terminal)), width);
    }
  }
}

TEST(WrapTest, BreaksAtBlanks) {
  EXPECT_EQ(Wrap("what hangs and since when", 10),
            (std::vector<std::string>{"what hangs", "and since", "when"}));
  EXPECT_EQ(Wrap("averylongword b", 5), (std::vector<std::string>{"avery", "longw", "ord b"}));
  EXPECT_EQ(Wrap("any length", 0), (std::vector<std::string>{"any length"}));
}

TEST(VisibleJsonTest, HidesNothing) {
  EXPECT_EQ(VisibleJson("{\"a\":\"\u202e\u2066\x7f\U000e0041\xff\"}"),
            R"({"a":"\u202e\u2066\u007f\udb40\udc41\ufffd"})");
  EXPECT_EQ(VisibleJson("{\"a\":\"größe\"}\n"), "{\"a\":\"größe\"}\n");
}

TEST(HumanTest, Durations) {
  const struct {
    double seconds;
    absl::string_view text;
  } kCases[] = {{0, "0s"},         {-3, "0s"},       {0.0002, "<1ms"}, {0.0124, "12ms"},
                {0.9999, "999ms"}, {1, "1s"},        {1.47, "1.4s"},   {9.99, "9.9s"},
                {19.9, "19s"},     {59.9, "59s"},    {60, "1m"},       {161, "2m41s"},
                {3599, "59m59s"},  {3600, "1h"},     {11'100, "3h5m"}, {86'400, "1d"},
                {273'600, "3d4h"}, {1e9, "11574d1h"}};
  for (const auto& [seconds, text] : kCases) EXPECT_EQ(HumanDuration(Seconds(seconds)), text);
  EXPECT_EQ(HumanDuration(Seconds(std::numeric_limits<double>::infinity())), "forever");
  EXPECT_EQ(HumanDuration(Seconds(std::nan(""))), "0s");
  EXPECT_EQ(ShowSeconds(161.0625, {.exact = true}), "2m41.0625s");
  EXPECT_EQ(ShowSeconds(0.0021, {.exact = true}), "2.1ms");
}

TEST(HumanTest, Quantities) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes(16U << 20), "16 MiB");
  EXPECT_EQ(HumanPercent(0.00001), "<0.1%");
  EXPECT_EQ(HumanPercent(0.0186), "1.9%");
  EXPECT_EQ(HumanPercent(1.2), "120%");
  EXPECT_EQ(HumanPercent(std::nan("")), "?");
  EXPECT_EQ(Count(1, "pod"), "1 pod");
  EXPECT_EQ(Count(0, "pod"), "0 pods");
  EXPECT_EQ(Count(2, "entry", "entries"), "2 entries");
}

TEST(HumanTest, ShortIds) {
  EXPECT_EQ(ShortId("7421868e4d51cb5d08e9", kAscii), "7421868e4d51c");
  EXPECT_EQ(ShortId("7421868e4d51cb5d08e9", {.full_ids = true}), "7421868e4d51cb5d08e9");
  EXPECT_EQ(ShortId("short", kAscii), "short");
  EXPECT_EQ(ShortId("\x1b[2J34567890123456", kAscii), R"(\x1b[2J345678)");
}

TEST(TableTest, AlignsByColumns) {
  Table table({{.heading = "POD", .shrinks = true}, {.heading = "AGE", .right = true}});
  table.Add({"日本", "19s"});
  table.Add({"web-0", "1m"});
  EXPECT_EQ(table.Text(kUnicode), "POD    AGE\n日本   19s\nweb-0   1m\n");
}

TEST(TableTest, ShrinksTheWidestFirst) {
  Table table({{.heading = "NAMESPACE", .shrinks = true},
               {.heading = "NAME", .shrinks = true},
               {.heading = "AGE"}});
  table.Add({"kube-system", "a-very-long-name-of-a-pod-that-does-not-fit", "19s"});
  for (const std::string& line : table.Lines({.unicode = true, .width = 40})) {
    EXPECT_LE(Width(line), 40U) << line;
  }
  EXPECT_EQ(table.Lines({.unicode = true, .width = 40})[1],
            "kube-system  a-very-long…es-not-fit  19s");
}

TEST(TableTest, NeverCutsWithNoTrunc) {
  Table table({{.heading = "NAME", .shrinks = true}});
  const std::string name(200, 'x');
  table.Add({name});
  EXPECT_EQ(table.Lines({.full_ids = true, .width = 40})[1], name);
}

TEST(RelistMarksTest, HeightsAreTheSameOnEveryNode) {
  plegd::v1::Relists relists;
  for (const double seconds : {0.01, 0.02, 0.1, 0.2, 0.9, 5.0, 60.0, 61.0}) {
    relists.add_relists()->set_total_seconds(seconds);
  }
  relists.add_relists()->set_error("no");
  EXPECT_EQ(RelistMarks(relists, 60, kUnicode), "▁▂▃▄▅▆▇█x");
  EXPECT_EQ(RelistMarks(relists, 60, kAscii), "_.-~+=*#x");
  EXPECT_EQ(RelistMarks(relists, 3, kAscii), "*#x");
  relists.set_listing_for_seconds(44);
  EXPECT_EQ(RelistMarks(relists, 3, kAscii), "#x*");
  EXPECT_EQ(RelistMarks(plegd::v1::Relists(), 60, kAscii), "");
}

TEST(RelistMarksTest, TheHourIsMinuteByMinute) {
  EXPECT_EQ(HourMarks(*plegctl_testing::Healthy().relists, kAscii), ".");
  EXPECT_EQ(HourMarks(*plegctl_testing::NotReady().relists, kAscii), "..  #");
  EXPECT_EQ(HourMarks(plegd::v1::Relists(), kAscii), "");
}

}  // namespace
}  // namespace plegctl
