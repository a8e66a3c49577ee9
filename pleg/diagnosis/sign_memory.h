// What was bad a moment ago: a verdict begins and ends by its signs, not by which poll was last.
//
//   SignMemory memory;   …   Diagnosis diagnosis = Diagnose(evidence, clock.Now(), memory);
//
// A sign counts as bad once it has been so for its `hold`, by its own account or by the memory's,
// and it is good again once it has been so for its `release`. While a sign is held, so is the
// finding that explained it. Whoever publishes the diagnosis owns the memory; a record that is
// judged later needs none: what it tells of the past is all there is.

#ifndef PLEGD_PLEG_DIAGNOSIS_SIGN_MEMORY_H_
#define PLEGD_PLEG_DIAGNOSIS_SIGN_MEMORY_H_

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pleg/diagnosis/sign.h"
#include "pleg/diagnosis/verdict.h"
#include "pleg/mono_time.h"

namespace pleg {

struct Ranked;  // a finding and its rank: private to the diagnosis

// Thread-compatible. Bounded by the signs and kMaxBadObjects of each.
class SignMemory {
 public:
  SignMemory();
  ~SignMemory();

  // Makes of the signs of this moment those that count, and tells since when they have been bad
  // where they do not. `now` never goes back.
  void Settle(MonoTime now, std::vector<Sign>& signs);
  // The findings of this moment are those to keep while their signs are held.
  void Keep(MonoTime now, const std::vector<Ranked>& findings);
  // The finding that explained the sign when it was bad last, as old as it is now; empty if none
  // did then, whatever explained it before.
  std::optional<Ranked> Recall(MonoTime now, const Sign& held) const;

 private:
  struct Past {
    MonoTime bad_since;
    MonoTime bad_at;       // last
    bool counted = false;  // it was bad for long enough
    Sign sign;             // as it was at `bad_at`
    // What explained it then; empty if nothing did.
    std::optional<VerdictCode> explained_by = {};
  };
  struct Kept;  // a finding, and when it was found
  using Key = std::pair<SignId, std::string>;

  void NoteBad(MonoTime now, Sign& sign);
  void Forget(MonoTime now);

  std::map<Key, Past> past_;
  std::vector<Kept> kept_;  // one of a code
};

// The same without a memory: a sign that tells since when it has been bad counts from its hold on.
void SettleAlone(std::vector<Sign>& signs);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_SIGN_MEMORY_H_
