// How often callers may make plegd ask the runtime: each such request costs two lists, or the
// status of every container of a pod.
//
//   if (!limiter.Take(uid)) return absl::ResourceExhaustedError(…);

#ifndef PLEGD_API_REQUEST_LIMITER_H_
#define PLEGD_API_REQUEST_LIMITER_H_

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "pleg/ids.h"
#include "pleg/mono_time.h"
#include "pleg/mutex.h"

namespace api {

// A bucket of tokens for all pods, and for each pod one token a second. Keeps no more pods than the
// bucket lets through in that second. Thread-safe.
class RequestLimiter {
 public:
  // Of all pods: so many a second, and so many at once after a pause.
  static constexpr int kPerSecond = 5;
  // Between two of one pod.
  static constexpr absl::Duration kPodPause = absl::Seconds(1);
  // Who was refused succeeds after it at the latest, unless others ask as well.
  static constexpr absl::Duration kRetryAfter = absl::Seconds(1);

  // `clock` outlives the limiter.
  explicit RequestLimiter(const pleg::Clock& clock) : clock_(clock) {}
  RequestLimiter(const RequestLimiter&) = delete;
  RequestLimiter& operator=(const RequestLimiter&) = delete;

  // Whether plegd may ask for this pod now. Takes nothing when it may not.
  bool Take(const pleg::PodUid& uid);
  // Pods that are remembered.
  size_t pods() const;

 private:
  const pleg::Clock& clock_;
  mutable pleg::Mutex mu_;
  double tokens_ ABSL_GUARDED_BY(mu_) = kPerSecond;
  pleg::MonoTime filled_at_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<pleg::PodUid, pleg::MonoTime> taken_at_ ABSL_GUARDED_BY(mu_);
};

}  // namespace api

#endif  // PLEGD_API_REQUEST_LIMITER_H_
