// Where the pages of the verdicts are on this machine.

#ifndef PLEGD_CMD_PLEGCTL_PAGES_H_
#define PLEGD_CMD_PLEGCTL_PAGES_H_

#include <string>

#include "absl/strings/string_view.h"

namespace plegctl {

// The page that a finding's `docs` ("docs/verdicts/LIST_LOCK_CONVOY.md") names, in what was
// installed with this program: "/usr/share/doc/plegd/verdicts/LIST_LOCK_CONVOY.md". `docs` itself,
// its path in the repository, if it is not there. Reads the file system.
std::string VerdictPage(absl::string_view docs);

// The same, with the folder that holds verdicts/.
std::string VerdictPageBelow(const std::string& folder, absl::string_view docs);

}  // namespace plegctl

#endif  // PLEGD_CMD_PLEGCTL_PAGES_H_
