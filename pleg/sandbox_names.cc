#include "pleg/sandbox_names.h"

#include <utility>

namespace pleg {

void SandboxNames::Ask(const ContainerId& sandbox) {
  {
    MutexLock lock(state_->mu);
    if (state_->names.size() == kMaxAsked || !state_->names.try_emplace(sandbox).second) return;
  }
  SandboxInfo info;
  info.id = sandbox;
  runtime_.GetSandboxStatus(
      info, [state = state_,
             sandbox](const absl::StatusOr<std::shared_ptr<const SandboxStatus>>& status) {
        if (!status.ok()) return;
        MutexLock lock(state->mu);
        state->names[sandbox] =
            SandboxName{(*status)->pod_uid, (*status)->pod_namespace, (*status)->pod_name};
      });
}

std::optional<SandboxName> SandboxNames::Find(const ContainerId& sandbox) const {
  MutexLock lock(state_->mu);
  const auto name = state_->names.find(sandbox);
  return name == state_->names.end() ? std::nullopt : name->second;
}

}  // namespace pleg
