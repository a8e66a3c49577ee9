// A node without a daemon: plegctl relists the runtime itself, with plegd's own core, for as long
// as it runs. It knows nothing of what was before.
//
//   DirectNode node("0.1.0", flags.from_here);
//   if (const absl::Status started = node.Start(); !started.ok()) …
//   node.Watch(absl::Seconds(5));   RenderStatus(node.GetSnapshot(60), terminal);

#ifndef PLEGD_CMD_PLEGCTL_DIRECT_H_
#define PLEGD_CMD_PLEGCTL_DIRECT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/node_api.h"
#include "cmd/plegctl/flags.h"
#include "cmd/plegctl/snapshot.h"
#include "node/node.h"
#include "plegd/v1/evidence.pb.h"
#include "runtime/system_clock.h"

namespace plegctl {

// Confined to the main thread.
class DirectNode {
 public:
  // `version` is plegctl's.
  DirectNode(absl::string_view version, const DirectFlags& flags);

  // Begins to relist the endpoint, or without one what plegd would find. kNotFound if there is
  // none, with a line for each place that was looked at. Blocks for a second for each socket that
  // does not answer.
  absl::Status Start();

  // Blocks for so long.
  void Watch(absl::Duration duration);

  // All of it; the newest so many relists.
  Snapshot GetSnapshot(uint32_t relists);
  plegd::v1::Evidence GetEvidence() { return api_.GetEvidence(); }

 private:
  const std::string endpoint_;  // that was asked for; empty: look for one
  const runtime::SystemClock clock_;
  node::Node node_;
  api::NodeApi api_;
};

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_DIRECT_H_
