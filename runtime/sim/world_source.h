// The world that `cri-sim --world` serves, read again when somebody edits it.
//
//   auto source = WorldSource::Open("node.json", {.origin = absl::Now()});   // or a directory
//   (*source)->Current()->sandboxes;
//   const absl::StatusOr<bool> changed = (*source)->Poll();      // several times a second

#ifndef PLEGD_RUNTIME_SIM_WORLD_SOURCE_H_
#define PLEGD_RUNTIME_SIM_WORLD_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pleg/mutex.h"
#include "runtime/sim/fixed_world.h"

namespace sim {

// What a world need not say.
struct WorldDefaults {
  // What times such as "-1h" are told from, for good: an edit of one object changes no other.
  absl::Time origin;
  std::string runtime_name = "containerd";
  std::string runtime_version = "unknown";
};

// Thread-safe. Blocks for as long as it takes to read the files.
class WorldSource {
 public:
  // A path to a file is a world (world_file.h), to a directory what crictl printed (world_dump.h):
  // all of its files whose names do not begin with a dot. kInvalidArgument names file, line and
  // field; kNotFound and the like the path that cannot be read.
  static absl::StatusOr<std::unique_ptr<WorldSource>> Open(std::string path,
                                                           WorldDefaults defaults);

  const std::string& path() const { return path_; }
  // The last good one.
  std::shared_ptr<const FixedWorld> Current() const ABSL_LOCKS_EXCLUDED(mu_);
  // Why what is in the files now is not what is in force; OK while it is.
  absl::Status Refusal() const ABSL_LOCKS_EXCLUDED(mu_);

  // Reads again what has changed and rests since the last Poll, so that nothing is read that is
  // half written. True if another world is in force; an error once for each change that is no
  // world.
  absl::StatusOr<bool> Poll() ABSL_LOCKS_EXCLUDED(mu_);
  // Reads now, changed or not.
  absl::Status Read() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  WorldSource(std::string path, WorldDefaults defaults)
      : path_(std::move(path)), defaults_(std::move(defaults)) {}

  absl::Status ReadLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string path_;
  const WorldDefaults defaults_;
  mutable pleg::Mutex mu_;
  std::shared_ptr<const FixedWorld> current_ ABSL_GUARDED_BY(mu_);
  absl::Status refusal_ ABSL_GUARDED_BY(mu_);
  // Names, sizes and times of the files: as they were read, and at the last Poll.
  std::string read_ ABSL_GUARDED_BY(mu_);
  std::string polled_ ABSL_GUARDED_BY(mu_);
};

}  // namespace sim

#endif  // PLEGD_RUNTIME_SIM_WORLD_SOURCE_H_
