#include "cmd/plegd/own_rights.h"

#include <linux/capability.h>

#include <algorithm>
#include <string>

#include "absl/status/statusor.h"
#include "api/listen_address.h"

namespace plegd {
namespace {

constexpr uint16_t kFirstFreePort = 1024;  // net.ipv4.ip_unprivileged_port_start, by default

}  // namespace

std::vector<int> KeptCapabilities(const Flags& flags) {
  const bool low_port = std::any_of(
      flags.listen_addresses.begin(), flags.listen_addresses.end(), [](const std::string& text) {
        const absl::StatusOr<api::ListenAddress> address = api::ParseListenAddress(text);
        return address.ok() && !address->is_unix && address->port != 0 &&
               address->port < kFirstFreePort;
      });
  return low_port ? std::vector<int>{CAP_NET_BIND_SERVICE} : std::vector<int>{};
}

}  // namespace plegd
