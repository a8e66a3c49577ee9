// A diagnosis as `plegctl explain` prints it. The line with the verdict alone tells what to do.

#ifndef PLEGD_PLEG_DIAGNOSIS_EXPLAIN_TEXT_H_
#define PLEGD_PLEG_DIAGNOSIS_EXPLAIN_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pleg/diagnosis/verdict.h"

namespace pleg {

struct ExplainTextOptions {
  // The other findings as fully as the first, the particulars, and every sign.
  bool all = false;
  // Of another time, perhaps on another machine: the first line says when and where it was recorded
  // ("recorded 2026-11-30 02:47:13 UTC on node-7; what follows was true then"), and commands that
  // name what was there at that moment are commented out (see NamesTheMoment in text.h).
  bool recorded = false;
  absl::TimeZone zone = absl::UTCTimeZone();  // of times
};

// Lines that end in a line feed; no control character beside it, whatever the diagnosis holds:
//
//   LIST_LOCK_CONVOY: ListContainers has been blocked for 2m3s by the lock of shop/web-0/app (…): …
//
//   since       02:47:13 UTC (2m3s), confidence high
//   for         ListContainers unanswered for 2m3s; ListPodSandbox is not
//   against     …
//   excluded    disk     io full 0.3 % (limit 40 %)
//   suspect     runtime  ContainerStatus unanswered for 2m3s (limit 5s)
//   unknown     kubelet  the kubelet was not asked
//   do next     See where it waits in the kernel
//                   cat /proc/4711/stack
//   hints       …
//   docs        docs/verdicts/LIST_LOCK_CONVOY.md
//   bad         list_containers_silent: ListContainers unanswered for 2m3s (limit 5s and …)
//   good        58 signs: calls 17, statuses 7, …
//   not known   11 signs: kubelet 8, …
std::string ExplainText(const Diagnosis& diagnosis, const ExplainTextOptions& options);

// The same, for who lays it out otherwise.
struct ExplainLine {
  enum class Kind : uint8_t {
    kHeading,  // the verdict: code and sentence
    kAcross,   // over the whole width; a blank line if it is empty
    kBeside,   // beside the title of its block
    kCommand,  // the same, to be copied as it is
    kPage,     // the same: "docs/verdicts/LIST_LOCK_CONVOY.md"
  };
  Kind kind = Kind::kAcross;
  std::string title = {};  // on the first line of a block
  std::string text = {};
};
// Columns of a title, and of what stands before a command besides.
inline constexpr size_t kExplainTitle = 12;
inline constexpr size_t kExplainCommand = 4;

// At least one. Printable.
std::vector<ExplainLine> ExplainLines(const Diagnosis& diagnosis,
                                      const ExplainTextOptions& options);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_EXPLAIN_TEXT_H_
