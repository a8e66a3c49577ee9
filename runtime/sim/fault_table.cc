#include "runtime/sim/fault_table.h"

#include <algorithm>
#include <utility>

namespace sim {
namespace {

bool Matches(const Fault& fault, Rpc rpc, const pleg::ContainerId& id) {
  if (fault.rpc.has_value() && *fault.rpc != rpc) return false;
  return fault.id.empty() || !IsInspection(rpc) || fault.id == id;
}

// Whether the next of the calls that match is hit: evenly, so that no run of a test has more luck
// than another.
bool IsShare(double share, uint64_t matched) {
  const auto hits = [share](uint64_t calls) {
    return static_cast<uint64_t>(static_cast<double>(calls) * share + 1e-9);
  };
  return hits(matched + 1) > hits(matched);
}

}  // namespace

uint64_t FaultTable::AddLocked(Fault fault, std::string convoy, bool first) {
  Entry entry{next_number_++, std::move(fault), 0, std::move(convoy)};
  const uint64_t number = entry.number;
  const auto rules =
      std::find_if(entries_.begin(), entries_.end(), [](const Entry& other) { return other.rule; });
  entries_.insert(first ? entries_.begin() : rules, std::move(entry));
  return number;
}

void FaultTable::SetRules(std::vector<Fault> rules) {
  {
    pleg::MutexLock lock(mu_);
    std::vector<Entry> before;
    std::vector<Entry> faults;
    for (Entry& entry : entries_) (entry.rule ? before : faults).push_back(std::move(entry));
    entries_ = std::move(faults);
    for (Fault& rule : rules) {
      const auto same = std::find_if(before.begin(), before.end(), [&](const Entry& other) {
        return other.rule && other.fault == rule;
      });
      if (same != before.end()) {
        entries_.push_back(*same);
        same->rule = false;  // Taken.
      } else {
        entries_.push_back({.number = next_number_++, .fault = std::move(rule), .rule = true});
      }
    }
  }
  on_change_();
}

uint64_t FaultTable::Add(Fault fault) {
  pleg::MutexLock lock(mu_);
  return AddLocked(std::move(fault), "", false);
}

void FaultTable::AddConvoy(const pleg::ContainerId& id) {
  pleg::MutexLock lock(mu_);
  for (const Rpc rpc : {Rpc::kListContainers, Rpc::kStreamContainers, Rpc::kContainerStatus}) {
    Fault fault;
    fault.rpc = rpc;
    fault.kind = Fault::Kind::kHang;
    if (rpc == Rpc::kContainerStatus) fault.id = id;
    AddLocked(std::move(fault), id.value(), true);
  }
}

void FaultTable::Freeze() {
  pleg::MutexLock lock(mu_);
  frozen_ = true;
}

void FaultTable::Thaw() {
  {
    pleg::MutexLock lock(mu_);
    frozen_ = false;
  }
  on_change_();
}

bool FaultTable::frozen() const {
  pleg::MutexLock lock(mu_);
  return frozen_;
}

template <typename Predicate>
size_t FaultTable::ClearIf(Predicate predicate) {
  size_t cleared = 0;
  {
    pleg::MutexLock lock(mu_);
    cleared = std::erase_if(entries_, predicate);
  }
  if (cleared > 0) on_change_();
  return cleared;
}

size_t FaultTable::Clear(uint64_t number) {
  return ClearIf([number](const Entry& e) { return e.number == number && !e.rule; });
}

size_t FaultTable::ClearAll() {
  return ClearIf([](const Entry& entry) { return !entry.rule; });
}

size_t FaultTable::ClearConvoys() {
  return ClearIf([](const Entry& entry) { return !entry.convoy.empty(); });
}

std::vector<FaultTable::Entry> FaultTable::List() const {
  pleg::MutexLock lock(mu_);
  return entries_;
}

std::optional<FaultTable::Entry> FaultTable::Match(Rpc rpc, const pleg::ContainerId& id) {
  pleg::MutexLock lock(mu_);
  if (frozen_) {
    Entry freeze;
    freeze.fault.kind = Fault::Kind::kHang;
    return freeze;
  }
  for (Entry& entry : entries_) {
    if (!Matches(entry.fault, rpc, id)) continue;
    if (!IsShare(entry.fault.share, entry.matched++)) continue;
    if (entry.fault.count.has_value() && entry.hits >= *entry.fault.count) continue;
    ++entry.hits;
    return entry;
  }
  return std::nullopt;
}

bool FaultTable::InForce(uint64_t number) const {
  pleg::MutexLock lock(mu_);
  if (number == 0) return frozen_;
  return std::any_of(entries_.begin(), entries_.end(),
                     [number](const Entry& entry) { return entry.number == number; });
}

}  // namespace sim
