#include "pleg/history/relist_ring.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pleg {
namespace {

uint32_t Saturated(size_t value) {
  return static_cast<uint32_t>(std::min<size_t>(value, std::numeric_limits<uint32_t>::max()));
}

std::string ErrorText(const absl::Status& status) {
  std::string text = absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message());
  if (text.size() > RelistRing::kMaxErrorBytes) text.resize(RelistRing::kMaxErrorBytes);
  return text;
}

}  // namespace

RelistRing::RelistRing(const Clock& clock) : clock_(clock) { entries_.reserve(kCapacity); }

std::vector<RelistRing::Entry> RelistRing::Newest(size_t limit) const {
  const MonoTime oldest = clock_.Now() + -kKept;
  std::vector<Entry> newest;
  MutexLock lock(mu_);
  const size_t wanted = limit == 0 ? entries_.size() : std::min(limit, entries_.size());
  newest.reserve(wanted);
  for (size_t back = wanted; back > 0; --back) {
    const Entry& entry = entries_[(next_ + entries_.size() - back) % entries_.size()];
    if (entry.started_at >= oldest) newest.push_back(entry);
  }
  return newest;
}

std::optional<RelistRing::ClockStep> RelistRing::LastClockStep() const {
  MutexLock lock(mu_);
  return step_;
}

void RelistRing::NoteClockLocked() {
  const MonoTime now = clock_.Now();
  const absl::Time started = clock_.WallNow() - (now - MonoTime());
  // A clock that is slewed goes a few milliseconds a second astray.
  const absl::Duration by = started - clock_started_.value_or(started);
  if (absl::AbsDuration(by) >= kStep) step_ = {now, by};
  clock_started_ = started;
}

void RelistRing::OnRelistEnd(const RelistRecord& relist) {
  Entry entry = {.started_at = relist.started_at,
                 .total = relist.total,
                 .list_sandboxes = relist.list_sandboxes,
                 .list_containers = relist.list_containers,
                 .diff = relist.diff,
                 .inspect = relist.inspect,
                 .sandboxes = Saturated(relist.sandboxes),
                 .containers = Saturated(relist.containers),
                 .changed_pods = Saturated(relist.changed_pods),
                 .list_sandboxes_bytes = Saturated(relist.list_sandboxes_bytes),
                 .list_containers_bytes = Saturated(relist.list_containers_bytes),
                 .error = nullptr};
  std::string error = relist.lists.ok() ? "" : ErrorText(relist.lists);
  MutexLock lock(mu_);
  NoteClockLocked();
  if (!error.empty()) {
    if (last_error_ == nullptr || *last_error_ != error) {
      last_error_ = std::make_shared<const std::string>(std::move(error));
    }
    entry.error = last_error_;
  }
  if (entries_.size() < kCapacity) {
    entries_.push_back(std::move(entry));
  } else {
    entries_[next_] = std::move(entry);
  }
  next_ = (next_ + 1) % kCapacity;
}

}  // namespace pleg
