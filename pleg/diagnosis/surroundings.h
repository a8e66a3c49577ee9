// What is said beside the findings: what can be ruled out, and what is worth knowing. Private to
// the diagnosis.

#ifndef PLEGD_PLEG_DIAGNOSIS_SURROUNDINGS_H_
#define PLEGD_PLEG_DIAGNOSIS_SURROUNDINGS_H_

#include <vector>

#include "pleg/diagnosis/facts.h"
#include "pleg/diagnosis/verdict.h"

namespace pleg {

// One of each subject, in their order.
std::vector<Exclusion> Exclusions(const Facts& facts);
std::vector<Hint> Hints(const Facts& facts);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_SURROUNDINGS_H_
