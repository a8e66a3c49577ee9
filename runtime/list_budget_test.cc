#include "runtime/list_budget.h"

#include <cstdint>
#include <limits>

#include "gtest/gtest.h"
#include "pleg/call_stats.h"

namespace runtime {
namespace {

constexpr uint64_t kMebibyte = 1 << 20;

TEST(ListBudgetTest, APeakFitsTheMemory) {
  for (const uint64_t mebibytes : {64u, 128u, 192u, 256u, 512u}) {
    const ListBudget budget = BudgetFor(mebibytes * kMebibyte);
    EXPECT_LE(ListBudget::kBaseBytes + ListBudget::kPeakFactor * budget.bytes,
              mebibytes * kMebibyte)
        << mebibytes;
    // Objects of 4 KiB each leave a third for the reply that they came in.
    EXPECT_LE(ListBudget::kBaseBytes + budget.items * 4096 + budget.bytes, mebibytes * kMebibyte)
        << mebibytes;
  }
}

// What the kubelet can still receive must not be too much for plegd.
TEST(ListBudgetTest, WithTheLeastMemoryThatIsShippedItTakesWhatTheKubeletTakes) {
  const ListBudget budget = BudgetFor(128 * kMebibyte);
  EXPECT_GT(budget.bytes, pleg::kKubeletMaxReplyBytes);
  EXPECT_GT(budget.items, 14'000u);
  EXPECT_EQ(budget.ToString(), "29.3 MiB or 15018 objects");
  EXPECT_NEAR(static_cast<double>(budget.status_bytes) / kMebibyte, 22, 0.01);
  EXPECT_LT(budget.status_bytes / budget.items, 4096u / 2) << "a part of what an object may cost";
}

TEST(ListBudgetTest, AnswersThatWaitForReadersHaveASixteenth) {
  EXPECT_EQ(AnswerBudgetFor(0), kMebibyte);
  EXPECT_EQ(AnswerBudgetFor(128 * kMebibyte), 11 * kMebibyte / 2);
  EXPECT_EQ(AnswerBudgetFor(256 * kMebibyte), 27 * kMebibyte / 2);
  EXPECT_EQ(AnswerBudgetFor(std::numeric_limits<uint64_t>::max()), 64 * kMebibyte);
}

TEST(ListBudgetTest, ThereIsALeastAndAMost) {
  EXPECT_EQ(BudgetFor(0).bytes, ListBudget::kLeastBytes);
  EXPECT_EQ(BudgetFor(ListBudget::kBaseBytes + 1).bytes, ListBudget::kLeastBytes);
  EXPECT_EQ(BudgetFor(std::numeric_limits<uint64_t>::max()).bytes, ListBudget::kMostBytes);
  EXPECT_EQ(BudgetOf(10 * kMebibyte).bytes, 10 * kMebibyte);
}

}  // namespace
}  // namespace runtime
