#include "runtime/host/blocked_budget.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace runtime::host {
namespace {

size_t TakeAll(BlockedBudget& budget, const std::string& container, bool silent = false) {
  size_t taken = 0;
  while (budget.Take(container, silent)) ++taken;
  return taken;
}

TEST(BlockedBudgetTest, NobodyTakesWhatIsAnothers) {
  BlockedBudget budget;
  EXPECT_EQ(TakeAll(budget, "a"), BlockedBudget::kOfContainer);
  EXPECT_EQ(TakeAll(budget, "b"), BlockedBudget::kOfContainer);
  EXPECT_EQ(TakeAll(budget, ""), BlockedBudget::kOfNode);
}

TEST(BlockedBudgetTest, OnlyWhatIsSilentHasAPlaceWhenContainersHaveTakenAll) {
  BlockedBudget budget;
  size_t taken = 0;
  for (int i = 0; i < 100; ++i) taken += TakeAll(budget, absl::StrCat("container ", i));
  EXPECT_EQ(taken, BlockedBudget::kOfContainers);
  EXPECT_FALSE(budget.Take("another", false));
  EXPECT_EQ(TakeAll(budget, "silent", true), BlockedBudget::kOfContainer);
}

}  // namespace
}  // namespace runtime::host
