// What the simulated runtime holds: pods, their sandboxes and containers, as plain data.

#ifndef PLEGD_RUNTIME_SIM_MODEL_H_
#define PLEGD_RUNTIME_SIM_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pleg/ids.h"
#include "runtime/sim/list_cache.h"
#include "runtime/sim/wire_writer.h"

namespace sim {

// Numbers of the CRI's enums. States are plain numbers in the model, so that a test can set one
// that no enum knows.
inline constexpr int kSandboxReady = 0;
inline constexpr int kSandboxNotReady = 1;
inline constexpr int kContainerCreated = 0;
inline constexpr int kContainerRunning = 1;
inline constexpr int kContainerExited = 2;
inline constexpr int kContainerUnknown = 3;

struct Pod;

struct Sandbox {
  Pod* pod = nullptr;
  uint64_t ordinal = 0;  // Age: smaller is older; unique among all items.
  pleg::ContainerId id;
  uint32_t attempt = 0;
  int state = kSandboxReady;
  absl::Time created_at;
  std::vector<std::string> ips;  // Empty with the host's network.
  Labels annotations;
  ListSlot slot;
};

struct Container {
  Pod* pod = nullptr;
  Sandbox* sandbox = nullptr;
  uint64_t ordinal = 0;
  pleg::ContainerId id;
  std::string name;
  uint32_t attempt = 0;
  int state = kContainerCreated;
  absl::Time created_at;
  absl::Time started_at;   // UnixEpoch() until started.
  absl::Time finished_at;  // UnixEpoch() until exited.
  int32_t exit_code = 0;
  std::string reason;
  std::string message;
  std::string image;        // As the pod's spec names it.
  std::string image_id;     // Digest of the image's config: the list's image_ref, too.
  std::string repo_digest;  // The status' image_ref.
  Labels labels;
  Labels annotations;
  ListSlot slot;
};

struct Pod {
  uint64_t ordinal = 0;
  pleg::PodUid uid;
  std::string name;
  std::string namespace_name;
  bool host_network = false;
  bool terminating = false;  // Its removal is under way.
  std::vector<std::string> ips;
  Labels labels;
  std::vector<std::unique_ptr<Sandbox>> sandboxes;     // Oldest first.
  std::vector<std::unique_ptr<Container>> containers;  // Oldest first.
  size_t index = 0;                                    // In World::pods().
};

// One line of the runtime's history.
struct Change {
  absl::Time time;
  absl::string_view what;  // A literal: "sandbox created", "container exited", …
  pleg::PodUid pod;
  pleg::ContainerId id;
  std::string name;  // Of the container; empty for a sandbox.
  int32_t exit_code = 0;

  friend bool operator==(const Change& a, const Change& b) = default;
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_MODEL_H_
