#include "api/http_slots.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace api {

using pleg::MonoTime;

HttpSlots::HttpSlots(const Limits& limits, Wire wire) : limits_(limits), wire_(std::move(wire)) {}

void HttpSlots::Enter(Slot& slot, Phase phase, MonoTime now, MonoTime due) {
  // One that was cut may still have sent what it is now served for.
  if (slot.phase == Phase::kCut) return;
  slot.phase = phase;
  slot.since = now;
  slot.due = due;
}

HttpSlots::Slot* HttpSlots::Open(int fd, MonoTime now) {
  Slot& slot = slots_.emplace_back();
  slot.fd = fd;
  slot.began = now;
  slot.self = std::prev(slots_.end());
  Enter(slot, Phase::kHead, now, now + limits_.head);
  return &slot;
}

bool HttpSlots::HeadCame(Slot& slot, bool health, MonoTime now) {
  const auto under_way = std::count_if(slots_.begin(), slots_.end(), [](const Slot& other) {
    return other.phase == Phase::kAwaits || other.phase == Phase::kReads;
  });
  Enter(slot, Phase::kReads, now, slot.began + limits_.whole);
  return health || static_cast<size_t>(under_way) < limits_.connections;
}

void HttpSlots::AnswerAwaited(Slot& slot) {
  Enter(slot, Phase::kAwaits, slot.since, MonoTime::Max());
}

void HttpSlots::AnswerCame(Slot& slot, MonoTime now) {
  Enter(slot, Phase::kReads, now, now + limits_.whole);
}

void HttpSlots::AnswerSent(Slot& slot, MonoTime now) {
  slot.began = now;
  Enter(slot, Phase::kHead, now, now + limits_.head);
}

void HttpSlots::Close(Slot* slot) { slots_.erase(slot->self); }

size_t HttpSlots::open() const {
  return static_cast<size_t>(std::count_if(
      slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.phase != Phase::kCut; }));
}

void HttpSlots::Enforce(MonoTime now) {
  for (Slot& slot : slots_) {
    if (slot.phase != Phase::kCut && slot.due <= now) Cut(slot);
  }
  for (size_t left = open(); left > limits_.connections; --left) {
    Slot* victim = Victim(now);
    if (victim == nullptr) return;
    Cut(*victim);
  }
}

std::optional<MonoTime> HttpSlots::NextDue(MonoTime now) const {
  const bool short_of_room = open() > limits_.connections;
  MonoTime next = MonoTime::Max();
  for (const Slot& slot : slots_) {
    if (slot.phase == Phase::kCut) continue;
    next = std::min(next, slot.due);
    const MonoTime displaceable = DisplaceableAt(slot);
    // One that is displaceable already has sent something, which wakes the caller.
    if (short_of_room && displaceable > now) next = std::min(next, displaceable);
  }
  if (next == MonoTime::Max()) return std::nullopt;
  return next;
}

void HttpSlots::Cut(Slot& slot) {
  slot.phase = Phase::kCut;
  wire_.cut(slot.fd);
}

MonoTime HttpSlots::DisplaceableAt(const Slot& slot) const {
  if (slot.phase == Phase::kHead) return slot.since + limits_.grace;
  if (slot.phase == Phase::kReads) return slot.since + limits_.head;
  return MonoTime::Max();
}

HttpSlots::Slot* HttpSlots::Victim(MonoTime now) {
  const auto rank = [](const Slot& slot) {
    return std::tuple(slot.phase == Phase::kReads, slot.since);
  };
  Slot* victim = nullptr;
  for (Slot& slot : slots_) {
    if (DisplaceableAt(slot) > now || (victim != nullptr && rank(*victim) <= rank(slot))) continue;
    if (slot.phase == Phase::kHead && wire_.has_input(slot.fd)) continue;
    victim = &slot;
  }
  return victim;
}

}  // namespace api
