// Replies that are nearly right: list items whose fields are moved, doubled, cut and bent.

#ifndef PLEGD_TEST_FUZZ_MUTATE_H_
#define PLEGD_TEST_FUZZ_MUTATE_H_

#include <random>
#include <string>

#include "absl/strings/string_view.h"

namespace fuzz {

// A reply with the items of `reply`, some of them bent, some as they were, in any order; what
// cannot be split is bent byte by byte.
std::string Mutate(absl::string_view reply, std::mt19937& random);

}  // namespace fuzz

#endif  // PLEGD_TEST_FUZZ_MUTATE_H_
