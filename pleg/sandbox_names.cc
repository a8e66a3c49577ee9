#include "pleg/sandbox_names.h"

#include <utility>

namespace pleg {

void SandboxNames::Ask(const ContainerId& sandbox) {
  {
    MutexLock lock(state_->mu);
    if (state_->names.contains(sandbox) || state_->open.size() == kMaxOpen) return;
    if (!state_->open.insert(sandbox).second) return;
  }
  SandboxInfo info;
  info.id = sandbox;
  runtime_.GetSandboxStatus(
      info, [state = state_,
             sandbox](const absl::StatusOr<std::shared_ptr<const SandboxStatus>>& status) {
        MutexLock lock(state->mu);
        state->open.erase(sandbox);
        if (!status.ok() && !absl::IsNotFound(status.status())) return;
        if (state->names.size() == kMaxKept) state->names.clear();
        std::optional<SandboxName>& name = state->names[sandbox];
        if (!status.ok()) return;
        name = SandboxName{(*status)->pod_uid, (*status)->pod_namespace, (*status)->pod_name};
      });
}

std::optional<SandboxName> SandboxNames::Find(const ContainerId& sandbox) const {
  MutexLock lock(state_->mu);
  const auto name = state_->names.find(sandbox);
  return name == state_->names.end() ? std::nullopt : name->second;
}

}  // namespace pleg
