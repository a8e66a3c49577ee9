// Which of root's rights plegd keeps once it has forked its host probe.

#ifndef PLEGD_CMD_PLEGD_OWN_RIGHTS_H_
#define PLEGD_CMD_PLEGD_OWN_RIGHTS_H_

#include <vector>

#include "cmd/plegd/flags.h"

namespace plegd {

// Capabilities, by number: CAP_NET_BIND_SERVICE for a TCP port below 1024, and no other. Whatever
// root owns, a socket of the runtime's above all, it opens as its owner. Thread-safe: pure.
std::vector<int> KeptCapabilities(const Flags& flags);

}  // namespace plegd

#endif  // PLEGD_CMD_PLEGD_OWN_RIGHTS_H_
