// How often a piece of code allocates. Whoever links this has operator new and operator delete
// replaced by ones that count.
//
//   const uint64_t before = ThreadAllocations();  …  ThreadAllocations() - before

#ifndef PLEGD_PLEG_TESTING_ALLOCATION_COUNTER_H_
#define PLEGD_PLEG_TESTING_ALLOCATION_COUNTER_H_

#include <cstdint>

namespace pleg::testing {

// Calls of any operator new by the calling thread so far. Thread-safe.
uint64_t ThreadAllocations();

}  // namespace pleg::testing

#endif  // PLEGD_PLEG_TESTING_ALLOCATION_COUNTER_H_
