// A node as one JSON file that a person writes. docs/cri-sim.md has the format.
//
//   const absl::StatusOr<JsonText> text = JsonText::Parse("node.json", bytes);
//   absl::StatusOr<FixedWorld> world = ReadWorldFile(*text, absl::Now());

#ifndef PLEGD_RUNTIME_SIM_WORLD_FILE_H_
#define PLEGD_RUNTIME_SIM_WORLD_FILE_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/sim/fixed_world.h"
#include "runtime/sim/json_text.h"

namespace sim {

// kInvalidArgument names file, line and field, also of a field that the format does not have. A
// time of "-1h" is told from the origin.
absl::StatusOr<FixedWorld> ReadWorldFile(const JsonText& text, absl::Time origin);

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_WORLD_FILE_H_
