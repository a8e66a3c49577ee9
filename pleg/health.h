// The kubelet's verdict on PLEG (pkg/kubelet/pleg/generic.go, Healthy): how long ago the last
// relist began whose lists succeeded.

#ifndef PLEGD_PLEG_HEALTH_H_
#define PLEGD_PLEG_HEALTH_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "pleg/mono_time.h"

namespace pleg {

struct Verdict {
  bool healthy = false;
  // Empty when healthy, else the kubelet's text: "pleg has yet to be successful" or
  // "pleg was last seen active 3m7.6s ago; threshold is 3m0s".
  std::string reason;
};

// Keeps the stamp and judges it. Thread-safe: lock-free.
class Health {
 public:
  explicit Health(absl::Duration threshold) : threshold_(threshold) {}

  // `started_at`: start of a relist whose lists have just succeeded. An earlier one than the stamp
  // is ignored.
  void RecordRelist(MonoTime started_at, absl::Time started_at_wall);

  // Healthy until the stamp is strictly older than the threshold at `now`.
  Verdict Check(MonoTime now) const;

  // Empty before the first success.
  std::optional<MonoTime> last_relist() const;
  std::optional<absl::Time> last_relist_wall() const;
  absl::Duration threshold() const { return threshold_; }

 private:
  static constexpr int64_t kNever = INT64_MIN;

  const absl::Duration threshold_;
  std::atomic<int64_t> last_nanos_{kNever};
  std::atomic<int64_t> last_wall_nanos_{kNever};
};

}  // namespace pleg

#endif  // PLEGD_PLEG_HEALTH_H_
