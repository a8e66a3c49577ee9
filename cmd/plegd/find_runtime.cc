#include "cmd/plegd/find_runtime.h"

#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/time/time.h"
#include "runtime/discovery.h"
#include "runtime/handshake.h"

namespace plegd {
namespace {

constexpr absl::Duration kProbeTimeout = absl::Seconds(1);

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

absl::StatusOr<FoundRuntime> FindRuntime(const Flags& flags) {
  const runtime::DiscoverySettings settings{
      .flag = flags.runtime_endpoint,
      .environment = Environment("CONTAINER_RUNTIME_ENDPOINT"),
      .crictl_config_flag = flags.crictl_config,
      .crictl_config_environment = Environment("CRI_CONFIG_FILE")};
  absl::StatusOr<runtime::DiscoveryResult> result =
      runtime::Discover(settings, {.probe = [](const runtime::Endpoint& endpoint) {
                          return runtime::ProbeVersion(endpoint, kProbeTimeout);
                        }});
  if (!result.ok()) return result.status();
  FoundRuntime found{
      .endpoint = result->endpoint, .reason = result->reason, .lines = result->notes};
  for (const runtime::CandidateReport& candidate : result->candidates) {
    found.lines.push_back(candidate.line);
    found.answered |= result->endpoint == candidate.endpoint && candidate.identity.has_value();
  }
  return found;
}

int PrintFoundRuntime(const Flags& flags) {
  const absl::StatusOr<FoundRuntime> found = FindRuntime(flags);
  if (!found.ok()) {
    std::cerr << "plegd: " << found.status().message() << '\n';
    return kExitUsage;
  }
  for (const std::string& line : found->lines) std::cerr << line << '\n';
  if (found->endpoint.has_value()) std::cout << found->endpoint->Url() << '\n';
  return found->answered ? 0 : kExitNoRuntime;
}

}  // namespace plegd
