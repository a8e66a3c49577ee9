// Reading of a list item only what a PLEG compares, in place and without allocating: a known
// container's identity and its state. Everything else of one identity never changes (CRI), so it
// need not be decoded again on every relist.
//
//   Projection seen;
//   if (Project(item, kContainerLayout, seen) && known.SameIdentity(seen)) state = seen.state;

#ifndef PLEGD_RUNTIME_PROJECTION_H_
#define PLEGD_RUNTIME_PROJECTION_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace runtime {

// The fields of a kind of item. The id is field 1 of both.
struct ItemLayout {
  uint32_t metadata;
  uint32_t state;
  uint32_t created_at;
  uint32_t sandbox_id;  // 0: it has none
  uint32_t labels;
  uint32_t annotations;
  // Whether the labels of a very large item are worth to be copied; annotations never are.
  bool keeps_labels = false;
};
inline constexpr ItemLayout kSandboxLayout{2, 3, 4, 0, 5, 6};
inline constexpr ItemLayout kContainerLayout{3, 6, 7, 2, 8, 9};

// Views into the item. What is compared to know that an item is still the same object is all but
// the state. The length of the item stands for all that is not read: labels and annotations come in
// another order each time, but their length is the same. Thread-compatible.
struct Projection {
  absl::string_view id;
  absl::string_view metadata;
  absl::string_view sandbox_id;
  int64_t created_at = 0;
  int state = 0;
  size_t bytes = 0;  // of all fields but the state
};

// Reads `item`: fields in any order, of scalars the last counts, unknown fields are skipped. False
// for what is damaged or out of the ordinary (a group, a field of another wire type than its own,
// two metadata): that is for the typed decoder to judge.
bool Project(absl::string_view item, const ItemLayout& layout, Projection& out);

}  // namespace runtime

#endif  // PLEGD_RUNTIME_PROJECTION_H_
