// Which Host headers a TCP listener answers to. A page in a browser on the node can be made to ask
// for http://attacker.example:10270/, a name that then resolves to 127.0.0.1 (DNS rebinding); only
// the Host header tells such a request from an honest one.
//
//   HostPolicy policy({"node-1.example"});   policy.Allows("127.0.0.1:10270") == true

#ifndef PLEGD_API_HOST_POLICY_H_
#define PLEGD_API_HOST_POLICY_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace api {

// Allowed are IP literals, to which no name can be rebound, localhost and what is below it, and the
// names it is given. Thread-safe: immutable.
class HostPolicy {
 public:
  explicit HostPolicy(const std::vector<std::string>& names);

  // `header`: host[:port] as sent. Case and a trailing dot do not matter.
  bool Allows(absl::string_view header) const;

 private:
  std::vector<std::string> names_;
};

}  // namespace api

#endif  // PLEGD_API_HOST_POLICY_H_
