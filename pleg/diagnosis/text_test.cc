#include "pleg/diagnosis/text.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "pleg/diagnosis/verdict.h"

namespace pleg {
namespace {

TEST(PrintableTest, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(Printable("web-0"), "web-0");
  EXPECT_EQ(Printable("a\nb\tc"), "a\\nb\\tc");
  EXPECT_EQ(Printable("\x1b[31m"), "\\x1b[31m");
  EXPECT_EQ(Printable("a\u202Eb"), "a\\u202eb");
  EXPECT_EQ(Printable("a\u2028b"), "a\\u2028b");
  EXPECT_EQ(Printable("\u0085"), "\\x85");
  EXPECT_EQ(Printable("caf\u00e9 \xff"), "caf\u00e9 \uFFFD");
}

TEST(ShortenTest, CutsBetweenCharacters) {
  EXPECT_EQ(Shorten("short", 10), "short");
  EXPECT_EQ(Shorten("abcdefghij", 8), "abcde\u2026");
  EXPECT_EQ(Shorten("abcdefghijklmnop", 9, true), "abc\u2026nop");
  EXPECT_EQ(Shorten("\u00e9\u00e9\u00e9\u00e9", 6), "\u00e9\u2026");
  EXPECT_EQ(Shorten("abcdef", 2), "\u2026");
}

TEST(FormatAgeTest, TwoUnitsAreEnough) {
  EXPECT_EQ(FormatAge(absl::Milliseconds(420)), "0.4s");
  EXPECT_EQ(FormatAge(absl::Seconds(5)), "5s");
  EXPECT_EQ(FormatAge(absl::Milliseconds(9990)), "9.9s");
  EXPECT_EQ(FormatAge(absl::Seconds(12.7)), "12s");
  EXPECT_EQ(FormatAge(absl::Seconds(123)), "2m3s");
  EXPECT_EQ(FormatAge(absl::Minutes(2)), "2m");
  EXPECT_EQ(FormatAge(absl::Minutes(185)), "3h5m");
  EXPECT_EQ(FormatAge(absl::Hours(52)), "2d4h");
  EXPECT_EQ(FormatAge(absl::Seconds(-1)), "0s");
  EXPECT_EQ(FormatAge(absl::InfiniteDuration()), "forever");
}

TEST(FormatTest, NumbersThatAreNone) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(FormatPercent(nan), "?");
  EXPECT_EQ(FormatPercent(0.34), "0.3 %");
  EXPECT_EQ(FormatPercent(82.6), "83 %");
  EXPECT_EQ(WholeNumber(nan), 0);
  EXPECT_EQ(WholeNumber(-1), 0);
  EXPECT_EQ(WholeNumber(1e300), 1000000000000000000);
  EXPECT_EQ(FormatBytes(16 * 1024 * 1024), "16.0 MiB");
  EXPECT_EQ(FormatLatency(absl::Microseconds(2500)), "2.5 ms");
  EXPECT_EQ(FormatLatency(absl::Seconds(3)), "3s");
}

TEST(ObjectNameTest, NamesWhatIsKnown) {
  ObjectRef object;
  EXPECT_EQ(ObjectName(object), "an unknown container");
  object.id = ContainerId("0123456789abcdef");
  EXPECT_EQ(ObjectName(object), "container 0123456789abc");
  object.pod_namespace = "shop";
  object.pod_name = "web-0";
  EXPECT_EQ(ObjectName(object), "the sandbox of shop/web-0 (0123456789abc)");
  object.container = "app";
  EXPECT_EQ(ObjectName(object), "shop/web-0/app (0123456789abc)");
  object.pod_name = std::string(253, 'x');
  object.pod_namespace = std::string(63, 'x');
  object.container = std::string(63, 'x');
  EXPECT_LE(ObjectName(object).size(), 110);
}

TEST(InnermostTest, KeepsTheEndThatTells) {
  EXPECT_EQ(Innermost("plugin returns error: not initialized", 60),
            "plugin returns error: not initialized");
  EXPECT_EQ(Innermost("a: bb: not initialized", 21), "bb: not initialized");
  EXPECT_EQ(Innermost("plugin returns error: not initialized", 20), "not initialized");
  EXPECT_EQ(Innermost("plugin: not initialized", 8), "not i\u2026");
  EXPECT_EQ(Innermost("", 8), "");
}

TEST(ShellWordTest, IsOneWordOrNothing) {
  EXPECT_EQ(ShellWord("abc-1_2.3"), "abc-1_2.3");
  EXPECT_EQ(ShellWord("/sys/fs/cgroup/a b"), "'/sys/fs/cgroup/a b'");
  EXPECT_EQ(ShellWord("a'; reboot #"), "'a'\\''; reboot #'");
  EXPECT_EQ(ShellWord("$(reboot)"), "'$(reboot)'");
  EXPECT_EQ(ShellWord("-rf"), "");
  EXPECT_EQ(ShellWord(""), "");
  EXPECT_EQ(ShellWord("a\nreboot"), "");
  EXPECT_EQ(ShellWord("a\u202Eb"), "");
}

TEST(SentenceTest, KeepsWhatToDoWhenItIsTooLong) {
  EXPECT_EQ(Sentence("A is stuck", "node NotReady in 1m", "End it"),
            "A is stuck; node NotReady in 1m. End it.");
  EXPECT_EQ(Sentence("A is stuck", "", ""), "A is stuck.");
  const std::string without_meaning =
      Sentence(std::string(200, 'a'), std::string(200, 'b'), "End it");
  EXPECT_EQ(without_meaning, std::string(200, 'a') + ". End it.");
  const std::string cut = Sentence(std::string(400, 'a'), "b", "End it");
  EXPECT_LE(cut.size(), kMaxSentence);
  EXPECT_TRUE(cut.ends_with("\u2026. End it."));
  EXPECT_LE(Sentence(std::string(400, 'a'), "b", std::string(400, 'c')).size(), kMaxSentence);
}

}  // namespace
}  // namespace pleg
