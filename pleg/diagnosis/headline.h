// What one line has room for beside a verdict: how the node is now, and what comes of it. Private
// to the diagnosis.

#ifndef PLEGD_PLEG_DIAGNOSIS_HEADLINE_H_
#define PLEGD_PLEG_DIAGNOSIS_HEADLINE_H_

#include <string>

#include "pleg/diagnosis/facts.h"
#include "pleg/diagnosis/sign.h"
#include "pleg/diagnosis/verdict.h"

namespace pleg {

// Not ready if every kubelet that is modelled would post that, or the kubelet is over its own
// limit.
Readiness ReadinessOf(const Facts& facts);
// Never empty. See Diagnosis. `worst` is the severity of what was found.
std::string HeadlineOf(const Facts& facts, Severity worst, bool starting);
// Of each generation of kubelets, if they differ.
std::string ForecastOf(const Facts& facts, Severity worst);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_HEADLINE_H_
