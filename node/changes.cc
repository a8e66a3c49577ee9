#include "node/changes.h"

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace node {
namespace {

// A call or a relist that takes longer is worth a thought.
constexpr absl::Duration kSlow = absl::Seconds(1);

}  // namespace

void Changes::OnRelistEnd(const pleg::RelistRecord& relist) {
  if (!relist.lists.ok() || relist.changed_pods > 0 || relist.total > kSlow) Note();
}

void Changes::OnInspectionEnd(pleg::InspectionResult result, absl::Duration duration) {
  if (result != pleg::InspectionResult::kOk || duration > kSlow) Note();
}

void Changes::OnCallEnd(const pleg::CallRecord& call) {
  if (call.code != absl::StatusCode::kOk) {
    pleg::MutexLock lock(mu_);
    failing_.emplace(call.method);
    Note();
    return;
  }
  bool recovers = false;
  {
    pleg::MutexLock lock(mu_);
    recovers = failing_.erase(call.method) > 0;
  }
  if (recovers || call.duration > kSlow) Note();
}

}  // namespace node
