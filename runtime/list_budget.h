// How much of a list plegd takes: so much that what it makes of it fits the memory it may have.
//
//   const MemoryLimit limit = FindMemoryLimit();
//   ListBudget budget = BudgetFor(limit.bytes);

#ifndef PLEGD_RUNTIME_LIST_BUDGET_H_
#define PLEGD_RUNTIME_LIST_BUDGET_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace runtime {

// Of the reply to one list, streamed or not. Thread-compatible.
struct ListBudget {
  // What plegd and its children need without any pod (docs/performance.md).
  static constexpr uint64_t kBaseBytes = uint64_t{40} << 20;
  // Above that, a reply may cost so many times its size.
  static constexpr uint64_t kPeakFactor = 3;
  // An object costs 4 KiB in all parts of plegd, and two thirds of the memory are for objects.
  static constexpr size_t kBytesOfBudgetPerItem = 2048;
  static constexpr uint64_t kLeastBytes = uint64_t{4} << 20;
  static constexpr uint64_t kMostBytes = uint64_t{256} << 20;

  size_t bytes = size_t{64} << 20;
  size_t items = (size_t{64} << 20) / kBytesOfBudgetPerItem;  // sandboxes and containers together
  // Of the texts and lists in all statuses that are kept (pleg/status_size.h): three quarters of
  // `bytes`, so that the usual status of an object, of about 1.3 KiB, fits whatever their number.
  size_t status_bytes = size_t{48} << 20;

  // "29.3 MiB or 15018 objects"
  std::string ToString() const;
};

// With so many bytes for a reply.
ListBudget BudgetOf(uint64_t reply_bytes);
// With so much memory for plegd as a whole; of kLeastBytes to kMostBytes.
ListBudget BudgetFor(uint64_t memory_bytes);

// What answers of the API that wait for their readers may take, over HTTP and over gRPC each, of so
// much memory for plegd as a whole: a sixteenth of what is beyond kBaseBytes, of 1 MiB to 64 MiB.
uint64_t AnswerBudgetFor(uint64_t memory_bytes);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_LIST_BUDGET_H_
