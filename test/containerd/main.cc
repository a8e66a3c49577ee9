// As gtest_main, except that a machine that cannot run real pods skips the whole binary, with the
// reason and ctest's exit code for it, rather than passing it.
//
// A binary with PLEGD_TEST_SHARDS runs its tests in so many processes at a time, unless it is given
// arguments: tests that wait far more than they compute. Each process has a PID namespace of its
// own, so that a plegd sees on the host what is of its own test alone.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "test/containerd/containerd_fixture.h"
#include "test/process/scratch_dir.h"
#include "test/process/subprocess.h"

#ifndef PLEGD_TEST_SHARDS
#define PLEGD_TEST_SHARDS 1
#endif

namespace plegd_testing {
namespace {

constexpr int kFailed = 1;
constexpr int kSkipped = 77;
constexpr int kShards = PLEGD_TEST_SHARDS;
constexpr absl::Duration kPatience = absl::Minutes(30);
// The first process of the namespace takes all others with it, and a keeper needs time to clean up.
constexpr char kAwaitKeepers[] =
    R"("$0"; code=$?; while pgrep -x ctr-keeper >/dev/null; do sleep 0.1; done; exit $code)";

int RunShards() {
  const ScratchDir dir;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  std::vector<Subprocess> shards;
  const auto log = [&dir](int shard) { return dir.File(absl::StrCat(shard)); };
  for (int i = 0; i < kShards; ++i) {
    absl::StatusOr<Subprocess> shard = Subprocess::Spawn(
        {"unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", kAwaitKeepers, self}, log(i),
        {{"GTEST_TOTAL_SHARDS", absl::StrCat(kShards)}, {"GTEST_SHARD_INDEX", absl::StrCat(i)}});
    if (!shard.ok()) return kFailed;
    shards.push_back(*std::move(shard));
  }
  bool passed = true;
  for (int i = 0; i < kShards; ++i) {
    const absl::StatusOr<int> code = shards[static_cast<size_t>(i)].Wait(kPatience);
    passed &= code.ok() && *code == 0;
    std::cout << ReadFile(log(i)) << std::flush;
  }
  return passed ? 0 : kFailed;
}

}  // namespace
}  // namespace plegd_testing

int main(int argc, char** argv) {
  if (const std::string reason = plegd_testing::Containerd::Unavailable(); !reason.empty()) {
    std::cout << "SKIPPED: " << reason << std::endl;
    return plegd_testing::kSkipped;
  }
  const bool whole = plegd_testing::kShards > 1 && argc == 1 &&
                     std::getenv("GTEST_TOTAL_SHARDS") == nullptr &&
                     std::getenv("GTEST_FILTER") == nullptr;
  if (whole) return plegd_testing::RunShards();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
