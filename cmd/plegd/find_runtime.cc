#include "cmd/plegd/find_runtime.h"

#include <iostream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "runtime/handshake.h"

namespace plegd {
namespace {

constexpr absl::Duration kProbeTimeout = absl::Seconds(1);

}  // namespace

absl::StatusOr<FoundRuntime> FindRuntime(const std::string& configured) {
  if (!configured.empty()) {
    absl::StatusOr<runtime::Endpoint> endpoint = runtime::ParseEndpoint(configured);
    if (!endpoint.ok()) return endpoint.status();
    return FoundRuntime{*std::move(endpoint), "as configured", false, {}};
  }
  const std::vector<runtime::Endpoint> endpoints = runtime::DefaultEndpoints();
  std::optional<runtime::Endpoint> present;
  std::vector<std::string> candidates;
  for (const runtime::Endpoint& endpoint : endpoints) {
    const auto version = runtime::ProbeVersion(endpoint, kProbeTimeout);
    if (version.ok()) {
      candidates.push_back(
          absl::StrCat(endpoint.Url(), ": answers, ", version->name, " ", version->version));
      return FoundRuntime{endpoint, "the first usual socket that answers Version", true,
                          std::move(candidates)};
    }
    candidates.push_back(absl::StrCat(endpoint.Url(), ": ", version.status().message()));
    if (!present.has_value() && !absl::IsNotFound(version.status())) present = endpoint;
  }
  if (present.has_value()) {
    return FoundRuntime{*present, "the first usual socket that exists; it does not answer yet",
                        false, std::move(candidates)};
  }
  return FoundRuntime{endpoints.front(), "no usual socket exists yet", false,
                      std::move(candidates)};
}

int PrintFoundRuntime() {
  const absl::StatusOr<FoundRuntime> found = FindRuntime("");
  for (const std::string& line : found->candidates) std::cerr << line << '\n';
  if (!found->answered) return 3;
  std::cout << found->endpoint.Url() << '\n';
  return 0;
}

}  // namespace plegd
