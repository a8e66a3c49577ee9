// How many bytes of answers wait for readers, at one HTTP listener and at all of them together.
//
//   UnreadAnswers unread(part, all);
//   if (!unread.MayWait(body.size())) …503…
//   unread.Add(body.size());   … once it was sent or dropped:   unread.Remove(body.size());

#ifndef PLEGD_API_UNREAD_ANSWERS_H_
#define PLEGD_API_UNREAD_ANSWERS_H_

#include <cstddef>

namespace api {

// A listener has a part of its own, so that slow readers of one leave the others usable. One answer
// that is larger than a part may wait at a time, whichever listener it is of: else a large node had
// none. Thread-compatible; all of a server are confined to one thread.
class UnreadAnswers {
 public:
  // `most`: bytes of this listener. `all`: bytes of all listeners; outlives this.
  UnreadAnswers(size_t most, size_t& all) : most_(most), all_(all) {}
  UnreadAnswers(const UnreadAnswers&) = delete;
  UnreadAnswers& operator=(const UnreadAnswers&) = delete;

  // Too many, whatever the next answer is: it need not be made.
  bool Full() const { return bytes_ > most_; }
  bool MayWait(size_t bytes) const {
    return bytes_ + bytes <= most_ || (bytes > most_ && all_ <= most_);
  }
  // Even if it may not: health is answered whatever waits.
  void Add(size_t bytes) {
    bytes_ += bytes;
    all_ += bytes;
  }
  void Remove(size_t bytes) {
    bytes_ -= bytes;
    all_ -= bytes;
  }

 private:
  const size_t most_;
  size_t& all_;
  size_t bytes_ = 0;
};

}  // namespace api

#endif  // PLEGD_API_UNREAD_ANSWERS_H_
