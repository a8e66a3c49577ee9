#include "api/user_quota.h"

namespace api {

bool UserQuota::Take(const User& user) {
  if (taken() >= limits_.total) return false;
  if (IsRoot(user)) {
    ++roots_;
    return true;
  }
  if (others_ + limits_.for_root >= limits_.total) return false;
  if (user.has_value()) {
    const auto found = by_user_.find(*user);
    if (found != by_user_.end() && found->second >= limits_.per_user) return false;
    ++by_user_[*user];
  }
  ++others_;
  return true;
}

void UserQuota::Return(const User& user) {
  if (IsRoot(user)) {
    --roots_;
    return;
  }
  --others_;
  if (!user.has_value()) return;
  const auto found = by_user_.find(*user);
  if (--found->second == 0) by_user_.erase(found);
}

}  // namespace api
