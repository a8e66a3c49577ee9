// The projection of list items beside the typed decoder, on any bytes.
//
//   if (std::string difference = FindDifference(input); !difference.empty()) …
//
// The input's first byte chooses sandboxes (odd) or containers; the second how the reply is cut
// into pieces; the rest is the reply.

#ifndef PLEGD_TEST_FUZZ_DIFFERENTIAL_H_
#define PLEGD_TEST_FUZZ_DIFFERENTIAL_H_

#include <string>

#include "absl/strings/string_view.h"

namespace fuzz {

// What the two ways of reading a reply disagree in, in words; empty if in nothing. Looked at are
// the split into items, of each item id, state and identity, and what two decoders list that have
// seen the same replies: ids and states always, and the whole model of every new item. Thread-safe.
std::string FindDifference(absl::string_view input);

}  // namespace fuzz

#endif  // PLEGD_TEST_FUZZ_DIFFERENTIAL_H_
