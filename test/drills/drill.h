// Incidents of real nodes, to be played for a test or for a person: what breaks, and what a
// diagnosis has to say meanwhile.
//
//   DrillGround ground;
//   absl::StatusOr<std::unique_ptr<Incident>> incident = FindDrill("convoy")->make(ground);

#ifndef PLEGD_TEST_DRILLS_DRILL_H_
#define PLEGD_TEST_DRILLS_DRILL_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "test/containerd/containerd_fixture.h"
#include "test/drills/incident.h"

namespace plegd_testing {

// What the drills of one process share, since a real runtime is slow to start. Outlives their
// incidents. Confined to one thread.
class DrillGround {
 public:
  // Started by the first who asks, and healthy between two drills.
  absl::StatusOr<Containerd*> containerd();

 private:
  std::unique_ptr<Containerd> containerd_;
};

struct Drill {
  std::string name;
  std::string summary;  // what is done, in a line
  std::string code;     // what the diagnosis must be
  // plegd is started when it is broken.
  bool cold = false;
  // plegd is started without any capability, as the packaged unit does it.
  bool confined = false;
  // Needs what Containerd::Unavailable looks for.
  bool real = false;
  // Takes minutes: not for every run of the tests.
  bool slow = false;
  // So much later than it broke the diagnosis may take it to have begun. A plegd that is started
  // later may know no better, unless it is the age of a process.
  absl::Duration dated_within = absl::Seconds(4);
  bool dated_by_process = false;
  // What is staged was broken for so long already, by its own account.
  absl::Duration staged_age = {};
  // What may still be said after it was healed, beside HEALTHY.
  std::string afterwards = {};
  std::function<absl::StatusOr<std::unique_ptr<Incident>>(DrillGround&)> make = {};
};

// The same, but it happens before plegd is started. `make` is as it was.
Drill Cold(Drill drill);
// The same, seen by a plegd without capabilities. `make` is as it was.
Drill Confined(Drill drill);

// In the order in which they can follow each other on one containerd.
std::vector<Drill> ContainerdDrills();
// Any number of them may be played at a time, each with a ground of its own.
std::vector<Drill> SimDrills();

// All there are.
const std::vector<Drill>& Drills();
// Null if there is none of that name.
const Drill* FindDrill(absl::string_view name);

}  // namespace plegd_testing

#endif  // PLEGD_TEST_DRILLS_DRILL_H_
