#include "runtime/sim/fault_table.h"

#include <algorithm>
#include <utility>

namespace sim {
namespace {

bool Matches(const Fault& fault, Rpc rpc, const pleg::ContainerId& id) {
  if (fault.rpc.has_value() && *fault.rpc != rpc) return false;
  return fault.id.empty() || !IsInspection(rpc) || fault.id == id;
}

}  // namespace

uint64_t FaultTable::AddLocked(Fault fault, std::string convoy, bool first) {
  Entry entry{next_number_++, std::move(fault), 0, std::move(convoy)};
  const uint64_t number = entry.number;
  entries_.insert(first ? entries_.begin() : entries_.end(), std::move(entry));
  return number;
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
  return ClearIf([number](const Entry& entry) { return entry.number == number; });
}

size_t FaultTable::ClearAll() {
  return ClearIf([](const Entry&) { return true; });
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
