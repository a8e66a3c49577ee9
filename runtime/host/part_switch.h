// Which parts of a look at the host are left out, because a probe got stuck in them. For a while
// only: what was stuck may be free again.
//
//   parts.TurnOff(ProbePart::kBundles, now);   ...   question.off = parts.Off(now);

#ifndef PLEGD_RUNTIME_HOST_PART_SWITCH_H_
#define PLEGD_RUNTIME_HOST_PART_SWITCH_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pleg/diagnosis/host_evidence.h"
#include "pleg/mono_time.h"
#include "runtime/host/probe_parts.h"

namespace runtime::host {

// Thread-compatible.
class PartSwitch {
 public:
  static constexpr absl::Duration kFirst = absl::Minutes(10);
  static constexpr absl::Duration kLongest = absl::Hours(2);

  // For kFirst, and twice as long each time that it is stuck when it is tried again, up to
  // kLongest.
  void TurnOff(ProbePart part, pleg::MonoTime now);
  // A look has ended that left out `off`: what was tried again is as good as any other.
  void OnLook(const std::vector<ProbePart>& off);
  std::vector<ProbePart> Off(pleg::MonoTime now) const;
  // A line for each part that is off: since when, and when it is tried again.
  std::vector<pleg::ProbeProblem> Problems(pleg::MonoTime now) const;

 private:
  struct State {
    pleg::MonoTime since;
    absl::Duration length;
  };

  std::map<ProbePart, State> stuck_;
};

}  // namespace runtime::host

#endif  // PLEGD_RUNTIME_HOST_PART_SWITCH_H_
