// The verdict engine: evidence in, ranked findings out. It answers what "PLEG is not healthy" does
// not: what is stuck, since when, whose fault it is, what is ruled out, and what to do.
//
//   const Diagnosis diagnosis = Diagnose(evidence);
//   std::cout << ExplainText(diagnosis, {});
//
// Every rule looks at all the evidence, so that several things may be wrong at once. Findings are
// ranked by
//   1. whom they hurt: the node, then pods, then nobody yet;
//   2. confidence;
//   3. the order of triage: size of messages, connection, starvation of the node, causes on the
//      host, silent lists, silent statuses, load, kubelet. What comes earlier explains what comes
//      later: a starved disk makes calls hang, hanging calls do not make a disk busy.
// While the node starves, or plegd's own timer slips, findings that follow from how long calls take
// are one level less sure and say so; so are findings about the host from an old sample. A cause
// that was seen (a stopped process, a refused connection, one silent object among many that answer)
// is in no doubt then, and comes before the node's starvation, which would make everything slow.
//
// HEALTHY is found only if no sign is bad (sign.h) and no rule found anything. Bad signs that no
// finding explains make findings of their own: UNEXPLAINED those that hurt pods or the node,
// WARNING the others. STARTING in the first 15 s without a good relist. A look at the host that is
// 2 minutes old is none.

#ifndef PLEGD_PLEG_DIAGNOSIS_DIAGNOSIS_H_
#define PLEGD_PLEG_DIAGNOSIS_DIAGNOSIS_H_

#include "pleg/diagnosis/evidence.h"
#include "pleg/diagnosis/sign_memory.h"
#include "pleg/diagnosis/verdict.h"

namespace pleg {

// Pure and deterministic; never fails, whatever the evidence holds. Costs O(size of the evidence ×
// number of rules). Thread-safe.
Diagnosis Diagnose(const Evidence& evidence);
// The same, with what was bad a moment ago: for who asks time after time.
Diagnosis Diagnose(const Evidence& evidence, MonoTime now, SignMemory& memory);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_DIAGNOSIS_H_
