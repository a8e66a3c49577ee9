#include "cmd/plegctl/direct.h"

#include <linux/capability.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/evidence_proto.h"
#include "pleg/log.h"
#include "runtime/discovery.h"
#include "runtime/grpc_log.h"
#include "runtime/handshake.h"
#include "runtime/host/privileges.h"
#include "runtime/host/prober.h"

namespace plegctl {
namespace {

constexpr absl::Duration kProbeTimeout = absl::Seconds(1);

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<runtime::DiscoveryResult> FindRuntime(const std::string& endpoint) {
  return runtime::Discover({.flag = endpoint,
                            .environment = Environment("CONTAINER_RUNTIME_ENDPOINT"),
                            .crictl_config_flag = "",
                            .crictl_config_environment = Environment("CRI_CONFIG_FILE")},
                           {.probe = [](const runtime::Endpoint& candidate) {
                             return runtime::ProbeVersion(candidate, kProbeTimeout);
                           }});
}

// Without it nothing is known of the host, that is all.
std::unique_ptr<runtime::host::Prober> ForkProber(const runtime::host::HostPaths& paths,
                                                  const pleg::Clock& clock) {
  auto prober = runtime::host::Prober::Fork(
      {.paths = paths, .codec = {&api::SerializeHostEvidence, &api::ParseHostEvidence}}, clock);
  // A record is saved where the operator who called sudo wants it.
  runtime::host::KeepCapabilities({CAP_DAC_OVERRIDE});
  return prober.ok() ? *std::move(prober) : nullptr;
}

node::Options NodeOptions(absl::string_view version, node::Options options) {
  options.settings.version = absl::StrCat("plegctl --direct ", version);
  return options;
}

}  // namespace

DirectNode::DirectNode(absl::string_view version, const DirectFlags& flags)
    : endpoint_(flags.runtime_endpoint),
      node_(NodeOptions(version, flags.node), clock_, pleg::NullLog(),
            ForkProber(flags.host, clock_), {}),
      api_(node_, clock_) {}

absl::Status DirectNode::Start() {
  runtime::RouteGrpcLog(nullptr);
  const absl::StatusOr<runtime::DiscoveryResult> found = FindRuntime(endpoint_);
  if (!found.ok()) return found.status();
  if (!found->endpoint.has_value()) {
    std::string message = absl::StrCat("no container runtime: ", found->reason);
    for (const runtime::CandidateReport& candidate : found->candidates) {
      absl::StrAppend(&message, "\n  ", candidate.line);
    }
    return absl::NotFoundError(message);
  }
  node_.Start({});
  node_.Connect(*found->endpoint, found->reason);
  return absl::OkStatus();
}

void DirectNode::Watch(absl::Duration duration) { absl::SleepFor(duration); }

Snapshot DirectNode::GetSnapshot(uint32_t relists) {
  plegd::v1::GetRelistsRequest newest;
  newest.set_limit(relists);
  return {.health = api_.GetHealth(),
          .node = api_.GetNode(),
          .calls = api_.GetCalls(),
          .relists = api_.GetRelists(newest),
          .diagnosis = api_.GetDiagnosis(),
          .missing = {}};
}

}  // namespace plegctl
