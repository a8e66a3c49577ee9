#include "runtime/host/run_delay.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "runtime/host/proc_file.h"

namespace runtime::host {
namespace {

// "<ran> <waited> <time slices>", the first two in nanoseconds.
std::optional<absl::Duration> ParseWaited(absl::string_view schedstat) {
  const std::vector<absl::string_view> fields =
      absl::StrSplit(schedstat, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  int64_t waited = 0;
  if (fields.size() < 3 || !absl::SimpleAtoi(fields[1], &waited)) return std::nullopt;
  return absl::Nanoseconds(waited);
}

}  // namespace

void RunDelay::Sample() {
  const absl::StatusOr<std::string> text = ReadSmallFile(path_);
  const std::optional<absl::Duration> waited = text.ok() ? ParseWaited(*text) : std::nullopt;
  const std::optional<absl::Duration> before = std::exchange(waited_, waited);
  if (!waited.has_value() || !before.has_value()) return;
  pleg::MutexLock lock(mu_);
  samples_[next_++ % kSamples] = std::max(*waited - *before, absl::ZeroDuration());
}

absl::Duration RunDelay::Worst() const {
  pleg::MutexLock lock(mu_);
  return *std::max_element(samples_.begin(), samples_.end());
}

}  // namespace runtime::host
