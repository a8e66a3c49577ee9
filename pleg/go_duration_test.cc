#include "pleg/go_duration.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/status.h"

namespace pleg {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

struct Case {
  const char* text;
  int64_t nanos;
};

// As Go prints them: each is read back as what it was printed of.
constexpr Case kPrinted[] = {
    {"0s", 0},
    {"1ns", 1},
    {"999ns", 999},
    {"1µs", 1'000},
    {"1.1µs", 1'100},
    {"2.2ms", 2'200'000},
    {"250ms", 250'000'000},
    {"999.999999ms", 999'999'999},
    {"1s", 1'000'000'000},
    {"3.3s", 3'300'000'000},
    {"1.000000001s", 1'000'000'001},
    {"59.999999999s", 59'999'999'999},
    {"1m0s", 60'000'000'000},
    {"3m0s", 180'000'000'000},
    {"3m0.352359086s", 180'352'359'086},
    {"3m7.629592089s", 187'629'592'089},
    {"4m5.001s", 245'001'000'000},
    {"1h0m0s", 3'600'000'000'000},
    {"1h0m5s", 3'605'000'000'000},
    {"16h17m50.791825508s", 58'670'791'825'508},
    {"100h0m0.1s", 360'000'100'000'000},
    {"2562047h47m16.854775807s", kMax},
    {"-1ns", -1},
    {"-1.5µs", -1'500},
    {"-2.5s", -2'500'000'000},
    {"-1m0s", -60'000'000'000},
    {"-2562047h47m16.854775808s", kMin},
};

TEST(FormatGoDurationTest, AsGoPrints) {
  for (const Case& c : kPrinted) {
    EXPECT_EQ(FormatGoDuration(absl::Nanoseconds(c.nanos)), c.text) << c.nanos;
  }
}

TEST(FormatGoDurationTest, SaturatesAndTruncates) {
  EXPECT_EQ(FormatGoDuration(absl::InfiniteDuration()), "2562047h47m16.854775807s");
  EXPECT_EQ(FormatGoDuration(absl::Hours(3'000'000)), "2562047h47m16.854775807s");
  EXPECT_EQ(FormatGoDuration(-absl::InfiniteDuration()), "-2562047h47m16.854775808s");
  EXPECT_EQ(FormatGoDuration(absl::Nanoseconds(3) / 2), "1ns");
}

TEST(ParseGoDurationTest, ReadsBackWhatIsPrinted) {
  for (const Case& c : kPrinted) {
    const absl::StatusOr<absl::Duration> parsed = ParseGoDuration(c.text);
    ASSERT_TRUE(parsed.ok()) << c.text << ": " << parsed.status();
    EXPECT_EQ(absl::ToInt64Nanoseconds(*parsed), c.nanos) << c.text;
  }
}

// Of Go's own table (time_test.go, parseDurationTests).
TEST(ParseGoDurationTest, AsGoReads) {
  constexpr Case kCases[] = {
      {"0", 0},
      {"+0", 0},
      {"-0", 0},
      {"5s", 5'000'000'000},
      {"+5s", 5'000'000'000},
      {"1478s", 1'478'000'000'000},
      {"5.0s", 5'000'000'000},
      {"5.6s", 5'600'000'000},
      {"5.s", 5'000'000'000},
      {".5s", 500'000'000},
      {"-.5s", -500'000'000},
      {"1.004s", 1'004'000'000},
      {"100.00100s", 100'001'000'000},
      {"10ns", 10},
      {"11us", 11'000},
      {"12\u00b5s", 12'000},
      {"12\u03bcs", 12'000},
      {"13ms", 13'000'000},
      {"14s", 14'000'000'000},
      {"15m", 900'000'000'000},
      {"16h", 57'600'000'000'000},
      {"10.5s4m", 250'500'000'000},
      {"-2m3.4s", -123'400'000'000},
      {"1h2m3s4ms5us6ns", 3'723'004'005'006},
      {"39h9m14.425s", 140'954'425'000'000},
      {"52763797000ns", 52'763'797'000},
      {"0.3333333333333333333h", 1'200'000'000'000},
      {"0.100000000000000000000h", 360'000'000'000},
      {"0.830103483285477580700h", 2'988'372'539'827},
      {"9007199254740993ns", (int64_t{1} << 53) + 1},
      {"9223372036854775807ns", kMax},
      {"9223372036854775.807us", kMax},
      {"9223372036s854ms775us807ns", kMax},
      {"-9223372036854775808ns", kMin},
      {"-9223372036854775.808us", kMin},
      {"-9223372036s854ms775us808ns", kMin},
  };
  for (const Case& c : kCases) {
    const absl::StatusOr<absl::Duration> parsed = ParseGoDuration(c.text);
    ASSERT_TRUE(parsed.ok()) << c.text << ": " << parsed.status();
    EXPECT_EQ(absl::ToInt64Nanoseconds(*parsed), c.nanos) << c.text;
  }
}

TEST(ParseGoDurationTest, BadInputIsNamed) {
  for (const std::string text : {"",
                                 "3",
                                 "-",
                                 "+",
                                 "s",
                                 ".",
                                 "-.",
                                 ".s",
                                 "+.s",
                                 "1d",
                                 "1 s",
                                 " 1s",
                                 "1s ",
                                 "--1s",
                                 "+-1s",
                                 "1s-",
                                 "1e3s",
                                 "1sm",
                                 "1hh",
                                 "\x85\x85",
                                 "1.2.3s",
                                 "0x1s",
                                 "9223372036854775808ns",
                                 "-9223372036854775809ns",
                                 "9223372036854775.808us",
                                 "9223372036854ms775us808ns",
                                 "3000000h",
                                 "99999999999999999999999999999999s"}) {
    const absl::StatusOr<absl::Duration> parsed = ParseGoDuration(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(parsed.status().message().find("\"" + text + "\""), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace pleg
