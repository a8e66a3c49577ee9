#include "metrics/process.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace metrics {
namespace {

constexpr char kStat[] =
    "4711 (plegd) x) y) S 1 4711 4711 0 -1 4194560 1234 0 5 0 250 150 0 0 20 0 9 0 500 "
    "104857600 2560 18446744073709551615 1 1 0 0 0 0 0 4096 17942 0 0 0 17 1 0 0 0 0 0\n";

double Value(const std::vector<prometheus::MetricFamily>& families, const std::string& name) {
  for (const auto& family : families) {
    if (family.name != name) continue;
    return family.type == prometheus::MetricType::Counter ? family.metric.at(0).counter.value
                                                          : family.metric.at(0).gauge.value;
  }
  return -1;
}

class ProcessMetricsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = ::testing::TempDir() + "/proc-" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_ + "/self/fd");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void Write(const std::string& path, const std::string& text) {
    std::ofstream(root_ + path) << text;
  }
  std::string root_;
};

TEST(ParseProcStatTest, ACommandNameMayContainAnything) {
  const auto stat = ParseProcStat(kStat);
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->cpu_ticks, 400u);
  EXPECT_EQ(stat->threads, 9u);
  EXPECT_EQ(stat->start_ticks, 500u);
  EXPECT_EQ(stat->virtual_bytes, 104857600u);
  EXPECT_EQ(stat->resident_pages, 2560u);
}

TEST(ParseProcStatTest, RejectsWhatIsNoStatLine) {
  EXPECT_FALSE(ParseProcStat("").has_value());
  EXPECT_FALSE(ParseProcStat("4711 (plegd) S 1 2").has_value());
  std::string text = kStat;
  text.replace(text.find("2560"), 4, "many");
  EXPECT_FALSE(ParseProcStat(text).has_value());
}

TEST_F(ProcessMetricsTest, ReadsProcfs) {
  Write("/stat", "cpu 1 2 3\nbtime 1700000000\nprocesses 5\n");
  Write("/self/stat", kStat);
  for (const char* fd : {"/self/fd/0", "/self/fd/1", "/self/fd/2"}) Write(fd, "");
  const auto families = ProcessMetrics(root_).Collect();
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  EXPECT_DOUBLE_EQ(Value(families, "process_cpu_seconds_total"), 400 / ticks);
  EXPECT_DOUBLE_EQ(Value(families, "process_start_time_seconds"), 1700000000 + 500 / ticks);
  EXPECT_DOUBLE_EQ(Value(families, "process_resident_memory_bytes"),
                   2560.0 * static_cast<double>(sysconf(_SC_PAGESIZE)));
  EXPECT_DOUBLE_EQ(Value(families, "process_virtual_memory_bytes"), 104857600);
  EXPECT_DOUBLE_EQ(Value(families, "process_threads"), 9);
  // One of the three is the descriptor that lists them.
  EXPECT_DOUBLE_EQ(Value(families, "process_open_fds"), 2);
  EXPECT_GT(Value(families, "process_max_fds"), 0);
}

TEST_F(ProcessMetricsTest, LeavesOutWhatItCannotRead) {
  std::filesystem::remove_all(root_);
  const auto families = ProcessMetrics(root_).Collect();
  EXPECT_EQ(Value(families, "process_cpu_seconds_total"), -1);
  EXPECT_EQ(Value(families, "process_open_fds"), -1);
  EXPECT_GT(Value(families, "process_max_fds"), 0);
}

TEST(OwnProcessTest, IsPlausible) {
  const auto families = ProcessMetrics("/proc").Collect();
  EXPECT_GE(Value(families, "process_threads"), 1);
  EXPECT_GE(Value(families, "process_open_fds"), 3);
  EXPECT_GT(Value(families, "process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(Value(families, "process_start_time_seconds"), 1.6e9);
}

}  // namespace
}  // namespace metrics
