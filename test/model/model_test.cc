// Random histories of a runtime under the real core. To see one again: PLEGD_TEST_SEED=<seed>. To
// look further: PLEGD_TEST_SEEDS=<how many>.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/strings/numbers.h"
#include "test/model/random_history.h"

namespace model {
namespace {

constexpr size_t kOps = 200;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  uint64_t value = 0;
  const char* text = std::getenv(name);
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

TEST(ModelTest, EventsAndCacheFollowTheRuntime) {
  const bool one = std::getenv("PLEGD_TEST_SEED") != nullptr;
  const uint64_t first = FromEnvironment("PLEGD_TEST_SEED", 1);
  const uint64_t count = one ? 1 : FromEnvironment("PLEGD_TEST_SEEDS", 400);
  Activity all;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const std::string wrong = RandomHistory(seed, all).Run(kOps);
    ASSERT_TRUE(wrong.empty()) << "PLEGD_TEST_SEED=" << seed << ": " << wrong;
  }
  std::cout << "seeds " << first << " to " << first + count - 1 << ": " << all.events << " events, "
            << all.pod_syncs << " of them PodSync; " << all.inspections << " inspections, "
            << all.failed_inspections << " failed, " << all.discarded_inspections << " discarded; "
            << all.failed_lists << " failed lists, " << all.pod_relists << " on demand; "
            << all.answered_waiters << " waiters answered, " << all.expired_waiters << " expired\n";
  if (one) return;
  // What never happens is not tested.
  EXPECT_GT(all.events, count * 10);
  EXPECT_GT(all.pod_syncs, count);
  EXPECT_GT(all.failed_inspections, count);
  EXPECT_GT(all.discarded_inspections, count / 10);
  EXPECT_GT(all.failed_lists, count / 10);
  EXPECT_GT(all.pod_relists, count / 2);
  EXPECT_GT(all.answered_waiters, count);
  EXPECT_GT(all.expired_waiters, count / 10);
}

}  // namespace
}  // namespace model
