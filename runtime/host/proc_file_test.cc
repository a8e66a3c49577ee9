#include "runtime/host/proc_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "runtime/host/testing/fixture_tree.h"

namespace runtime::host {
namespace {

TEST(ProcFileTest, RefusesWhatCouldBlock) {
  const FixtureTree tree;
  const std::string fifo = tree.paths().procfs + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(ReadSmallFile(fifo).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadSmallFile(tree.paths().procfs).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadSmallFile("/nonexistent").status().code(), absl::StatusCode::kNotFound);
}

TEST(ProcFileTest, CutsAtTheLimit) {
  const FixtureTree tree;
  tree.Write("proc/big", std::string(10'000, 'x'));
  EXPECT_EQ(ReadSmallFile(tree.paths().procfs + "/big", 5'000)->size(), 5'000);
  EXPECT_EQ(ReadSmallFile(tree.paths().procfs + "/big")->size(), 10'000);
}

}  // namespace
}  // namespace runtime::host
