#include "runtime/host/process_stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ProcessStatsTest, AreThoseOfAll) {
  const FixtureTree tree;
  tree.Add({.pid = 7, .comm = "young", .start_ticks = 300});
  tree.Add({.pid = 9, .comm = "old", .start_ticks = 100});
  tree.Add({.pid = 8, .comm = "older", .start_ticks = 100});
  tree.Write("proc/10/stat", "");
  tree.Write("proc/version", "Linux");
  ProcessStats stats;
  std::vector<std::string> problems;
  EXPECT_TRUE(ReadProcessStats(HostTree(tree.paths().procfs), 100, {}, stats, problems));
  EXPECT_THAT(problems, ElementsAre(HasSubstr("not a process's stat")));
  std::vector<std::string> names;
  for (const ProcessStat* stat : OldestFirst(stats)) names.push_back(stat->comm);
  EXPECT_THAT(names, ElementsAre("older", "old", "young"));
}

TEST(ProcessStatsTest, BeyondTheLimitThereAreThoseThatAreWanted) {
  const FixtureTree tree;
  for (int pid = 1; pid <= 50; ++pid) tree.Add({.pid = pid, .comm = "many"});
  ProcessStats stats;
  std::vector<std::string> problems;
  EXPECT_FALSE(
      ReadProcessStats(HostTree(tree.paths().procfs), 10, {1, 25, 50, 0, 4711}, stats, problems));
  EXPECT_LE(stats.size(), 13u);
  for (const int pid : {1, 25, 50}) EXPECT_TRUE(stats.contains(pid)) << pid;
  EXPECT_THAT(problems, ElementsAre("more than 10 processes: not all were looked at"));
}

}  // namespace
}  // namespace runtime::host
