// What the consumer of a DeltaFifo has already: the queue must know it to find deletions that
// nobody saw, and to resync.

#ifndef PLEGD_PLEG_INFORMER_KNOWN_OBJECTS_H_
#define PLEGD_PLEG_INFORMER_KNOWN_OBJECTS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pleg {

// client-go: KeyListerGetter. Implementations are thread-safe. The queue calls them with its own
// lock held: they must not call the queue, nor block.
template <typename T, typename Key = std::string>
class KnownObjects {
 public:
  virtual ~KnownObjects() = default;

  // In the order in which `Replace` reports deletions and `Resync` reports objects.
  virtual std::vector<Key> ListKeys() const = 0;
  // NOT_FOUND if there is no such object; any other error means that this cannot be known now.
  virtual absl::StatusOr<std::shared_ptr<const T>> GetByKey(const Key& key) const = 0;
};

}  // namespace pleg

#endif  // PLEGD_PLEG_INFORMER_KNOWN_OBJECTS_H_
