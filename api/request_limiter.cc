#include "api/request_limiter.h"

#include <algorithm>

namespace api {

bool RequestLimiter::Take(const pleg::PodUid& uid) {
  const pleg::MonoTime now = clock_.Now();
  pleg::MutexLock lock(mu_);
  tokens_ =
      std::min<double>(kPerSecond, tokens_ + kPerSecond * absl::ToDoubleSeconds(now - filled_at_));
  filled_at_ = now;
  absl::erase_if(taken_at_, [now](const auto& pod) { return now - pod.second >= kPodPause; });
  if (tokens_ < 1 || taken_at_.contains(uid)) return false;
  tokens_ -= 1;
  taken_at_.emplace(uid, now);
  return true;
}

size_t RequestLimiter::pods() const {
  pleg::MutexLock lock(mu_);
  return taken_at_.size();
}

}  // namespace api
