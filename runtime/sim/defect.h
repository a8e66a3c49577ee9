// How a reply can be broken.

#ifndef PLEGD_RUNTIME_SIM_DEFECT_H_
#define PLEGD_RUNTIME_SIM_DEFECT_H_

#include "pleg/ids.h"

namespace sim {

enum class Defect {
  // Of the whole reply.
  kTruncated,  // Ends in the middle of its last field.
  kGarbage,    // No protobuf at all.
  kEmpty,      // No bytes: a valid message with nothing in it.
  // Of one item; framing stays intact, so that it costs a careful client only that item.
  kBadItem,       // A field inside promises more bytes than the item has.
  kBadUtf8,       // A label that is not UTF-8.
  kNoMetadata,    // Without metadata.
  kNoId,          // Without its id.
  kNoImage,       // Without an image (containers only).
  kDuplicate,     // Listed twice (lists only).
  kUnknownEnum,   // A state that no enum knows.
  kUnknownField,  // Fields of a later CRI version: still valid.
  // The other state of two: ready or not, running or exited. As a status that has moved on since
  // the list, or a list that has not noticed yet.
  kOtherState,
};

// Which item of a reply is broken, and how.
struct ItemDefect {
  Defect defect;
  pleg::ContainerId id;  // Empty: the oldest item of a list, the only one of a status.
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_DEFECT_H_
