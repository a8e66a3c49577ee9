// Who may hold a connection of one HTTP listener, and for how long.
//
//   HttpSlots slots(limits, {has_input, cut});
//   HttpSlots::Slot* slot = slots.Open(fd, now);
//   if (!slots.HeadCame(*slot, is_health, now)) …503…
//
// libmicrohttpd closes a connection that is idle; one byte now and then keeps it open, and when all
// are taken, nobody else gets in. Here every connection has an end that no byte puts off. A few
// spare ones are accepted beyond the limit: while they are in use, the oldest connection that has
// not asked for anything makes room, and who asks when all others have asked, gets health alone.

#ifndef PLEGD_API_HTTP_SLOTS_H_
#define PLEGD_API_HTTP_SLOTS_H_

#include <cstddef>
#include <functional>
#include <list>
#include <optional>

#include "absl/time/time.h"
#include "pleg/mono_time.h"

namespace api {

// Thread-compatible.
class HttpSlots {
 public:
  struct Limits {
    // At once; also of requests under way that are not for health. The caller accepts a few more.
    size_t connections = 64;
    // So long a connection that has not asked is left alone, whoever waits.
    absl::Duration grace = absl::Milliseconds(100);
    // From the beginning of a connection, or the end of its last answer, until a request's head is
    // there in full. So long a reader is left alone as well, whoever waits.
    absl::Duration head = absl::Seconds(5);
    // Of a request from the beginning of its head to the end of its answer, without the time for
    // which it waits for the core.
    absl::Duration whole = absl::Seconds(30);
  };
  // What is done to a descriptor.
  struct Wire {
    // Whether something was sent that is not read yet.
    std::function<bool(int fd)> has_input;
    // Ends the connection. Close follows later, not from within.
    std::function<void(int fd)> cut;
  };
  // One connection, from Open to Close.
  class Slot {
    friend class HttpSlots;
    enum class Phase {
      kHead,    // its next request is not there in full
      kAwaits,  // what the core is to report
      kReads,   // its answer
      kCut,     // by us; soon closed
    };
    int fd = -1;
    Phase phase = Phase::kHead;
    pleg::MonoTime began;  // the head
    pleg::MonoTime since;  // the phase
    pleg::MonoTime due;    // when it is cut
    std::list<Slot>::iterator self;
  };

  HttpSlots(const Limits& limits, Wire wire);
  HttpSlots(const HttpSlots&) = delete;
  HttpSlots& operator=(const HttpSlots&) = delete;

  // A connection was accepted. The slot is valid until its Close.
  Slot* Open(int fd, pleg::MonoTime now);
  // The head of a request is there. False if it cannot be served: requests that are not for health
  // take all connections.
  bool HeadCame(Slot& slot, bool health, pleg::MonoTime now);
  // The answer comes later: until AnswerCame nothing is due.
  void AnswerAwaited(Slot& slot);
  void AnswerCame(Slot& slot, pleg::MonoTime now);
  // The answer was sent, and the next request may come.
  void AnswerSent(Slot& slot, pleg::MonoTime now);
  void Close(Slot* slot);

  // Cuts what is overdue, and what has to make room. To be called once what was sent has been read:
  // who sent something since then is spared.
  void Enforce(pleg::MonoTime now);
  // When Enforce may have something to do, unless something happens before; empty for never.
  std::optional<pleg::MonoTime> NextDue(pleg::MonoTime now) const;
  // Connections, without those that were cut.
  size_t open() const;

 private:
  using Phase = Slot::Phase;
  void Enter(Slot& slot, Phase phase, pleg::MonoTime now, pleg::MonoTime due);
  void Cut(Slot& slot);
  // From when on the slot may have to make room; Max() for never.
  pleg::MonoTime DisplaceableAt(const Slot& slot) const;
  // Who has to make room: the oldest that has not asked, else the oldest reader.
  Slot* Victim(pleg::MonoTime now);

  const Limits limits_;
  const Wire wire_;
  std::list<Slot> slots_;
};

}  // namespace api

#endif  // PLEGD_API_HTTP_SLOTS_H_
