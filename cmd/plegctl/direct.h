// A node without a daemon: plegctl relists the runtime itself, with plegd's own core, for as long
// as it runs. It knows nothing of what was before.
//
//   DirectNode node("0.1.0", flags.from_here);
//   if (const absl::Status started = node.Start(); !started.ok()) …
//   node.Watch(absl::Seconds(5));   RenderStatus(node.GetSnapshot(60), terminal);

#ifndef PLEGD_CMD_PLEGCTL_DIRECT_H_
#define PLEGD_CMD_PLEGCTL_DIRECT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cmd/plegctl/flags.h"
#include "cmd/plegctl/snapshot.h"
#include "plegd/v1/evidence.pb.h"

namespace plegctl {

// Confined to the main thread.
class DirectNode {
 public:
  // `version` is plegctl's.
  DirectNode(std::string version, const DirectFlags& flags);
  ~DirectNode();
  DirectNode(const DirectNode&) = delete;
  DirectNode& operator=(const DirectNode&) = delete;

  // Begins to relist the endpoint, or without one what plegd would find. kNotFound if there is
  // none, with a line for each place that was looked at. Blocks for a second for each socket that
  // does not answer.
  absl::Status Start();

  // Blocks for so long.
  void Watch(absl::Duration duration);

  // All of it; the newest so many relists.
  Snapshot GetSnapshot(uint32_t relists);
  plegd::v1::Evidence GetEvidence();

 private:
  struct Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_DIRECT_H_
