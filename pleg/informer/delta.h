// What happened to an object, in the words of client-go's tools/cache (delta_fifo.go): the element
// of a DeltaFifo.

#ifndef PLEGD_PLEG_INFORMER_DELTA_H_
#define PLEGD_PLEG_INFORMER_DELTA_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace pleg {

enum class DeltaType : uint8_t {
  kAdded,
  kUpdated,
  kDeleted,
  kReplaced,  // listed, at the start or after a watch broke: it may be as it was
  kSync,      // of a periodic resync: the object as the consumer has it already
};

// "Added", "Updated", …, as client-go writes them.
absl::string_view DeltaTypeName(DeltaType type);

// One change of one object. Thread-compatible.
template <typename T>
struct Delta {
  DeltaType type = DeltaType::kAdded;
  // The state after the change; of a deletion the last one known. Null only in a tombstone.
  std::shared_ptr<const T> object;
  // A tombstone (client-go: DeletedFinalStateUnknown): a deletion that nobody saw. `object` may be
  // older than what was deleted, and null if nothing is known of it.
  bool final_state_unknown = false;

  friend bool operator==(const Delta&, const Delta&) = default;
};

// Oldest first; never empty where a key is queued.
template <typename T>
using Deltas = std::vector<Delta<T>>;

// Appends, and folds two deletions in a row into one: the older, unless that is a tombstone, which
// knows less than any newer one (delta_fifo.go, dedupDeltas).
template <typename T>
void AppendDelta(Deltas<T>& deltas, Delta<T> delta) {
  const bool twice = delta.type == DeltaType::kDeleted && !deltas.empty() &&
                     deltas.back().type == DeltaType::kDeleted;
  if (!twice) {
    deltas.push_back(std::move(delta));
  } else if (deltas.back().final_state_unknown) {
    deltas.back() = std::move(delta);
  }
}

}  // namespace pleg

#endif  // PLEGD_PLEG_INFORMER_DELTA_H_
