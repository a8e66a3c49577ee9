#include "runtime/list_budget.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace runtime {
namespace {

uint64_t AboveBase(uint64_t memory_bytes) {
  return memory_bytes - std::min(memory_bytes, ListBudget::kBaseBytes);
}

}  // namespace

std::string ListBudget::ToString() const {
  constexpr double kMebibyte = 1 << 20;
  return absl::StrFormat("%.1f MiB or %d objects", static_cast<double>(bytes) / kMebibyte, items);
}

ListBudget BudgetOf(uint64_t reply_bytes) {
  ListBudget budget;
  budget.bytes = static_cast<size_t>(reply_bytes);
  budget.items = budget.bytes / ListBudget::kBytesOfBudgetPerItem;
  budget.status_bytes = budget.bytes / 4 * 3;
  return budget;
}

ListBudget BudgetFor(uint64_t memory_bytes) {
  return BudgetOf(std::clamp(AboveBase(memory_bytes) / ListBudget::kPeakFactor,
                             ListBudget::kLeastBytes, ListBudget::kMostBytes));
}

uint64_t AnswerBudgetFor(uint64_t memory_bytes) {
  return std::clamp(AboveBase(memory_bytes) / 16, uint64_t{1} << 20, uint64_t{64} << 20);
}

}  // namespace runtime
