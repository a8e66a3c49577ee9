// What is said beside the findings: what can be ruled out, and what is worth knowing. Private to
// the diagnosis.

#ifndef PLEGD_PLEG_DIAGNOSIS_SURROUNDINGS_H_
#define PLEGD_PLEG_DIAGNOSIS_SURROUNDINGS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "pleg/diagnosis/facts.h"
#include "pleg/diagnosis/verdict.h"

namespace pleg {

// Why a kubelet that has not relisted for long may only be busy; empty if nothing says so.
std::string WhyKubeletIsBusy(const Facts& facts);
// The host's processes were seen, and none of them is a kubelet.
bool KubeletIsMissing(const Facts& facts);
// Of an error in asking the kubelet: nobody listens there.
bool IsRefused(absl::string_view error);

// One of each subject, in their order.
std::vector<Exclusion> Exclusions(const Facts& facts);
std::vector<Hint> Hints(const Facts& facts);
// See Diagnosis.
std::vector<std::string> Particulars(const Facts& facts);

}  // namespace pleg

#endif  // PLEGD_PLEG_DIAGNOSIS_SURROUNDINGS_H_
