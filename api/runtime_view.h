// What is known of the container runtime at one moment, for pages and answers.

#ifndef PLEGD_API_RUNTIME_VIEW_H_
#define PLEGD_API_RUNTIME_VIEW_H_

#include <string>
#include <vector>

#include "pleg/runtime_state.h"

namespace api {

// Thread-compatible.
struct RuntimeView {
  std::string endpoint;         // empty: none has been found yet
  std::string endpoint_reason;  // "flag --runtime-endpoint", "first socket that answers Version", …
  std::string connection;       // "up for 3m0s", or what is wrong with it
  std::string identity;         // "containerd 1.7.27", or why it has not told
  std::vector<std::string> runtime_errors;  // the kubelet's, PLEG's included
  std::vector<std::string> network_errors;
  pleg::NodeReady node_ready;  // what the kubelet would post
};

}  // namespace api

#endif  // PLEGD_API_RUNTIME_VIEW_H_
