// How long a thread was runnable and did not run, as the scheduler counts it (/proc/PID/schedstat).
//
//   RunDelay delay;   once a second, on the thread:  delay.Sample();   …   delay.Worst()

#ifndef PLEGD_RUNTIME_HOST_RUN_DELAY_H_
#define PLEGD_RUNTIME_HOST_RUN_DELAY_H_

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "pleg/mutex.h"

namespace runtime::host {

// Sample is confined to the thread that is measured; Worst is thread-safe.
class RunDelay {
 public:
  // So many of the last samples count: a minute of them.
  static constexpr size_t kSamples = 60;

  // `path` is the thread's own schedstat, for tests another file.
  explicit RunDelay(std::string path = "/proc/thread-self/schedstat") : path_(std::move(path)) {}

  // Counts from the sample before; the first one starts the count. A kernel that does not tell
  // leaves the delay at zero.
  void Sample();
  // The most between two samples.
  absl::Duration Worst() const;

 private:
  const std::string path_;
  std::optional<absl::Duration> waited_;  // since the thread began

  mutable pleg::Mutex mu_;
  std::array<absl::Duration, kSamples> samples_ ABSL_GUARDED_BY(mu_) = {};
  size_t next_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_RUN_DELAY_H_
