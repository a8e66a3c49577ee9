#include "runtime/host/shim_count.h"

#include <algorithm>
#include <set>

#include "absl/strings/string_view.h"

namespace runtime::host {
namespace {

// From its start to a listing, and from the last one to its end, it takes a shim seconds.
constexpr absl::Duration kSettled = absl::Minutes(5);

bool IsCounted(const HostProcess& process) {
  const bool ended = process.stat.state == 'Z' || process.stat.state == 'X';
  return process.role == Role::kShim && process.for_kubelet && !ended;
}

}  // namespace

std::optional<pleg::ShimCount> CountShims(const HostSample& sample,
                                          const std::vector<WatchedObject>& watched) {
  if (sample.shims_unknown || sample.hidden || watched.size() >= kMaxWatched) return std::nullopt;
  std::set<absl::string_view> listed;
  for (const WatchedObject& watch : watched) {
    listed.insert(watch.object.id.value());
    listed.insert(watch.sandbox.value());
  }
  pleg::ShimCount count;
  for (const HostProcess& process : sample.processes) {
    if (!IsCounted(process)) continue;
    ++count.all;
    const absl::Duration age = absl::Seconds(AgeSeconds(sample, process.stat.start_ticks));
    const bool serves = !process.bundle.empty() && listed.contains(process.bundle);
    if (serves || age < kSettled) continue;
    ++count.unlisted;
    count.oldest_unlisted = std::max(count.oldest_unlisted, age);
  }
  if (count.all == 0) return std::nullopt;
  return count;
}

}  // namespace runtime::host
