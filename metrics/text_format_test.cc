#include "metrics/text_format.h"

#include <cmath>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metrics/families.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/summary.h"

namespace metrics {
namespace {

using ::testing::HasSubstr;

std::string Sample(double value) { return WriteText({Gauge("g", "h", value)}); }

TEST(TextFormatTest, NumbersReadBackTheSame) {
  EXPECT_THAT(Sample(0), HasSubstr("\ng 0\n"));
  EXPECT_THAT(Sample(-7), HasSubstr("\ng -7\n"));
  EXPECT_THAT(Sample(1700000000), HasSubstr("\ng 1700000000\n"));
  EXPECT_THAT(Sample(0.1), HasSubstr("\ng 0.1\n"));
  EXPECT_THAT(Sample(0.0005), HasSubstr("\ng 0.0005\n"));
  EXPECT_THAT(Sample(1e300), HasSubstr("\ng 1e+300\n"));
  EXPECT_THAT(Sample(119.20928955078125), HasSubstr("\ng 119.20928955078125\n"));
  EXPECT_THAT(Sample(std::nan("")), HasSubstr("\ng NaN\n"));
  EXPECT_THAT(Sample(HUGE_VAL), HasSubstr("\ng +Inf\n"));
  EXPECT_THAT(Sample(-HUGE_VAL), HasSubstr("\ng -Inf\n"));
  const double odd = 1.0 / 3;
  const std::string text = Sample(odd);
  EXPECT_EQ(std::stod(text.substr(text.rfind(' '))), odd);
  const double tiny = -std::numeric_limits<double>::denorm_min();
  EXPECT_THAT(Sample(tiny), HasSubstr("\ng -5e-324\n"));
}

TEST(TextFormatTest, LabelsAndHelpCannotBreakOutOfTheirPlace) {
  prometheus::MetricFamily family = CounterFamily("c", "one\ntwo \\ \"three\"");
  AddSample(family, 1, {{"a", "x\"} 9\nevil 1\\"}, {"b", "\xff\xc3"}});
  EXPECT_EQ(WriteText({family}),
            "# HELP c one\\ntwo \\\\ \"three\"\n"
            "# TYPE c counter\n"
            "c{a=\"x\\\"} 9\\nevil 1\\\\\",b=\"\xEF\xBF\xBD\xEF\xBF\xBD\"} 1\n");
}

TEST(TextFormatTest, HistogramsAndSummaries) {
  prometheus::Registry registry;
  prometheus::BuildHistogram()
      .Name("hist")
      .Help("h")
      .Register(registry)
      .Add({{"l", "v"}}, prometheus::Histogram::BucketBoundaries{0.25, 2})
      .Observe(0.5);
  EXPECT_EQ(WriteText(registry.Collect()),
            "# HELP hist h\n"
            "# TYPE hist histogram\n"
            "hist_bucket{l=\"v\",le=\"0.25\"} 0\n"
            "hist_bucket{l=\"v\",le=\"2\"} 1\n"
            "hist_bucket{l=\"v\",le=\"+Inf\"} 1\n"
            "hist_sum{l=\"v\"} 0.5\n"
            "hist_count{l=\"v\"} 1\n");
  prometheus::Registry other;
  prometheus::BuildSummary().Name("sum").Help("s").Register(other).Add(
      {}, prometheus::Summary::Quantiles{{0.99, 0.001}});
  EXPECT_EQ(WriteText(other.Collect()),
            "# HELP sum s\n"
            "# TYPE sum summary\n"
            "sum{quantile=\"0.99\"} NaN\n"
            "sum_sum 0\n"
            "sum_count 0\n");
}

}  // namespace
}  // namespace metrics
