// The verdicts in words, for people.

#ifndef PLEGD_API_HEALTH_TEXT_H_
#define PLEGD_API_HEALTH_TEXT_H_

#include <string>

#include "node/node_view.h"
#include "pleg/health.h"

namespace api {

// A line for each of the kubelet's checks, as its own /healthz?verbose: "[+]name ok" or
// "[-]name failed: why"; then the Ready condition it would post.
std::string VerboseHealth(const pleg::Verdict& verdict, const node::RuntimeView& runtime);

}  // namespace api

#endif  // PLEGD_API_HEALTH_TEXT_H_
