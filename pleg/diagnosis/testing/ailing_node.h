// Evidence of a node that is well in all that plegd watches over, and what makes each sign bad.

#ifndef PLEGD_PLEG_DIAGNOSIS_TESTING_AILING_NODE_H_
#define PLEGD_PLEG_DIAGNOSIS_TESTING_AILING_NODE_H_

#include "pleg/diagnosis/evidence.h"
#include "pleg/diagnosis/sign.h"

namespace pleg::testing {

// Everything was looked at, and every sign is good.
Evidence HealthyNode();
// Makes that sign bad, and no more than it takes.
void Spoil(SignId id, Evidence& evidence);

}  // namespace pleg::testing

#endif  // PLEGD_PLEG_DIAGNOSIS_TESTING_AILING_NODE_H_
