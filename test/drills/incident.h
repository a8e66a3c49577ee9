// Something that goes wrong on a node, wherever that node is: on a real containerd, on a simulated
// runtime.
//
//   incident->Prepare();   // and plegd is started with endpoint(), dir() and plegd_flags()
//   incident->Break();     // … plegd names the victims()
//   incident->Heal();      // … and then nobody any more

#ifndef PLEGD_TEST_DRILLS_INCIDENT_H_
#define PLEGD_TEST_DRILLS_INCIDENT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace plegd_testing {

// A container or sandbox that a diagnosis has to blame.
struct Victim {
  std::string id;
  std::string pod_namespace;
  std::string pod_name;
};

// Every method blocks until what it does has taken effect. Confined to one thread. What is still
// broken when it goes is healed by the destructor.
class Incident {
 public:
  Incident() = default;
  virtual ~Incident() = default;
  Incident(const Incident&) = delete;
  Incident& operator=(const Incident&) = delete;

  // Makes a node on which all is well. Once, before anything else.
  virtual absl::Status Prepare() = 0;
  virtual absl::Status Break() = 0;
  virtual absl::Status Heal() = 0;

  // From Prepare on. For a person: "three pods on a private containerd".
  virtual std::string node() const = 0;
  // Of the runtime: unix:///...
  virtual std::string endpoint() const = 0;
  // For plegd's sockets and logs; goes with the incident, or later.
  virtual std::string dir() const = 0;
  // Beside those that every plegd of a test has.
  virtual std::vector<std::string> plegd_flags() const { return {}; }
  // What starts a plegd there, if it takes anything: a program and its arguments, to be followed by
  // plegd's. One that is `confined` has no capability, as the packaged unit has it.
  virtual std::vector<std::string> starter(bool /*confined*/) const { return {}; }
  // From Break on; empty if nobody is to blame. All must be named.
  virtual std::vector<Victim> victims() const { return {}; }
  // From Break on: what else the sentence has to name, such as the process to signal ("pid 4711").
  virtual std::vector<std::string> words() const { return {}; }
};

}  // namespace plegd_testing

#endif  // PLEGD_TEST_DRILLS_INCIDENT_H_
