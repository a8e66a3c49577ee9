// Since when something has been so, told by somebody who may have come later: on a node that hangs
// already, what plegd has seen begins with plegd. Private to the diagnosis.
//
//   const Since since = SinceCall(facts, call, owner);
//   draft.Since(since.age).Say(StrCat("The status has hung ", since.text), …);

#ifndef PLEGD_PLEG_DIAGNOSIS_SINCE_H_
#define PLEGD_PLEG_DIAGNOSIS_SINCE_H_

#include <string>

#include "absl/time/time.h"
#include "pleg/diagnosis/facts.h"
#include "pleg/diagnosis/owner.h"

namespace pleg {

struct Since {
  absl::Duration age;
  std::string text;  // "for 2m3s", "since before plegd started (at least 8s)"
};

// Of a call: where plegd met it when it started, it is as old as the process that holds it.
Since SinceCall(const Facts& facts, const UnansweredEvidence& call, const Owner& owner);
// Of a state that plegd has seen for so long.
Since SinceSeen(const Facts& facts, absl::Duration seen_for);
// Of one that the host's probe had seen for so long when it looked last.
Since SinceLooked(const Facts& facts, absl::Duration seen_for);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_SINCE_H_
