#include "runtime/list_budget.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace runtime {

std::string ListBudget::ToString() const {
  constexpr double kMebibyte = 1 << 20;
  return absl::StrFormat("%.1f MiB or %d objects", static_cast<double>(bytes) / kMebibyte, items);
}

ListBudget BudgetOf(uint64_t reply_bytes) {
  ListBudget budget;
  budget.bytes = static_cast<size_t>(reply_bytes);
  budget.items = budget.bytes / ListBudget::kBytesOfBudgetPerItem;
  return budget;
}

ListBudget BudgetFor(uint64_t memory_bytes) {
  const uint64_t above_base = memory_bytes - std::min(memory_bytes, ListBudget::kBaseBytes);
  return BudgetOf(std::clamp(above_base / ListBudget::kPeakFactor, ListBudget::kLeastBytes,
                             ListBudget::kMostBytes));
}

}  // namespace runtime
