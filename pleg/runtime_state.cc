#include "pleg/runtime_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pleg {
namespace {

// Go prints a nil condition like this.
std::string Describe(const std::optional<RuntimeCondition>& condition) {
  return condition.has_value() ? condition->ToString() : "<nil>";
}

bool IsTrue(const std::optional<RuntimeCondition>& condition) {
  return condition.has_value() && condition->status;
}

}  // namespace

std::string RuntimeCondition::ToString() const {
  return absl::StrCat(type, "=", status ? "true" : "false", " reason:", reason,
                      " message:", message);
}

std::string AggregateMessage(const std::vector<std::string>& messages) {
  std::vector<std::string> distinct;
  for (const std::string& message : messages) {
    if (std::find(distinct.begin(), distinct.end(), message) == distinct.end()) {
      distinct.push_back(message);
    }
  }
  if (distinct.size() == 1) return distinct.front();
  return distinct.empty() ? "" : absl::StrCat("[", absl::StrJoin(distinct, ", "), "]");
}

void RuntimeState::OnStatus(RuntimeConditions conditions, MonoTime now) {
  MutexLock lock(mu_);
  if (IsTrue(conditions.runtime_ready)) last_sync_ = now;
  conditions_ = std::move(conditions);
}

std::vector<std::string> RuntimeState::RuntimeErrors(const Verdict& pleg, MonoTime now) const {
  std::vector<std::string> errors;
  MutexLock lock(mu_);
  if (!last_sync_.has_value()) {
    errors.push_back("container runtime status check may not have completed yet");
  } else if (now - *last_sync_ > kSyncThreshold) {
    errors.push_back("container runtime is down");
  }
  if (!pleg.healthy) errors.push_back(absl::StrCat("PLEG is not healthy: ", pleg.reason));
  if (conditions_.has_value() && !IsTrue(conditions_->runtime_ready)) {
    errors.push_back(
        absl::StrCat("container runtime not ready: ", Describe(conditions_->runtime_ready)));
  }
  return errors;
}

std::vector<std::string> RuntimeState::NetworkErrors() const {
  MutexLock lock(mu_);
  if (!conditions_.has_value()) return {"network state unknown"};
  if (IsTrue(conditions_->network_ready)) return {};
  return {
      absl::StrCat("container runtime network not ready: ", Describe(conditions_->network_ready))};
}

NodeReady RuntimeState::Ready(const Verdict& pleg, MonoTime now) const {
  std::vector<std::string> errors = RuntimeErrors(pleg, now);
  for (std::string& error : NetworkErrors()) errors.push_back(std::move(error));
  if (errors.empty()) return {true, "KubeletReady", "kubelet is posting ready status"};
  return {false, "KubeletNotReady", AggregateMessage(errors)};
}

std::optional<RuntimeConditions> RuntimeState::conditions() const {
  MutexLock lock(mu_);
  return conditions_;
}

std::optional<MonoTime> RuntimeState::last_sync() const {
  MutexLock lock(mu_);
  return last_sync_;
}

}  // namespace pleg
