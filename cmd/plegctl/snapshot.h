// What a plegd said of one moment. Of a daemon that answers half, the half.

#ifndef PLEGD_CMD_PLEGCTL_SNAPSHOT_H_
#define PLEGD_CMD_PLEGCTL_SNAPSHOT_H_

#include <optional>
#include <string>
#include <vector>

#include "plegd/v1/calls.pb.h"
#include "plegd/v1/diagnosis.pb.h"
#include "plegd/v1/health.pb.h"
#include "plegd/v1/node.pb.h"
#include "plegd/v1/relists.pb.h"

namespace plegctl {

struct Missing {
  std::string call;    // GetCalls
  std::string reason;  // one line
};

struct Snapshot {
  std::optional<plegd::v1::Health> health;
  std::optional<plegd::v1::Node> node;
  std::optional<plegd::v1::Calls> calls;
  std::optional<plegd::v1::Relists> relists;
  std::optional<plegd::v1::Diagnosis> diagnosis;
  std::vector<Missing> missing;
};

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_SNAPSHOT_H_
