#include "cmd/plegctl/direct.h"

#include <linux/capability.h>

#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/evidence_proto.h"
#include "api/node_api.h"
#include "pleg/event_hub.h"
#include "pleg/generic_pleg.h"
#include "pleg/history/call_history.h"
#include "pleg/history/loop_lag.h"
#include "pleg/history/relist_ring.h"
#include "pleg/log.h"
#include "pleg/pod_cache.h"
#include "pleg/runtime_state.h"
#include "pleg/twin/twin_feed.h"
#include "runtime/cri_runtime.h"
#include "runtime/discovery.h"
#include "runtime/event_loop.h"
#include "runtime/grpc_log.h"
#include "runtime/handshake.h"
#include "runtime/host/evidence_watch.h"
#include "runtime/host/privileges.h"
#include "runtime/host/prober.h"
#include "runtime/status_poller.h"
#include "runtime/system_clock.h"

namespace plegctl {
namespace {

constexpr absl::Duration kProbeTimeout = absl::Seconds(1);
// The kubelet's defaults, which are plegd's.
constexpr absl::Duration kRequestTimeout = absl::Minutes(2);

pleg::PlegOptions CoreOptions() {
  pleg::PlegOptions options;
  options.inspect_window = 16;
  options.inspect_calls_per_pod = 16;
  options.inspect_slow_after = absl::Seconds(1);
  options.retry_backoff = absl::Seconds(1);
  return options;
}

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
std::unique_ptr<runtime::host::Prober> ForkProber(const DirectFlags& flags,
                                                  const pleg::Clock& clock) {
  auto prober = runtime::host::Prober::Fork(
      {.paths = flags.host, .codec = {&api::SerializeHostEvidence, &api::ParseHostEvidence}},
      clock);
  // A record is saved where the operator who called sudo wants it.
  runtime::host::KeepCapabilities({CAP_DAC_OVERRIDE});
  return prober.ok() ? *std::move(prober) : nullptr;
}

runtime::host::EvidenceWatch::Options EvidenceOptions(const std::string& version,
                                                      const DirectFlags& flags) {
  runtime::host::EvidenceWatch::Options options;
  options.version = version;
  options.kubelet = flags.kubelet;
  return options;
}

}  // namespace

struct DirectNode::Parts {
  Parts(std::string plegctl_version, const DirectFlags& direct_flags)
      : version(std::move(plegctl_version)),
        flags(direct_flags),
        history(clock),
        relists(clock),
        hub(clock),
        cache(loop),
        runtime({.request_timeout = kRequestTimeout, .list_streaming = true}, loop, clock, history,
                pleg::NullLog()),
        poller(runtime, loop, clock, state, nullptr),
        core(CoreOptions(), {runtime, clock, loop, cache, hub, relists, pleg::NullLog()}),
        lag(loop, clock),
        twin(pleg::KubeletModels(flags.kubelet_version, kRequestTimeout).value(),
             {.core = [this] { return core.Snapshot(); },
              .pods = [this] { return core.Pods(); },
              .calls = [this] { return runtime.Snapshot(); },
              .history = history,
              .state = state},
             clock),
        evidence(EvidenceOptions(version, flags), clock, ForkProber(flags, clock)),
        api({.version = absl::StrCat("plegctl --direct ", version),
             .boot_id = "",
             .relist_period = CoreOptions().relist_period,
             .relist_threshold = CoreOptions().relist_threshold,
             .runtime_request_timeout = kRequestTimeout,
             .kubelet_request_timeout = kRequestTimeout},
            Sources(), clock) {
    evidence.Connect({.pleg = core,
                      .runtime = runtime,
                      .twin = twin,
                      .history = history,
                      .relists = relists,
                      .loop_lag = lag,
                      .endpoint = [this] { return endpoint; }});
    runtime.Listen({.connection = [this](bool connected, absl::string_view reason) {
      evidence.OnConnection(connected, reason);
    }});
  }

  api::NodeSources Sources() {
    return {
        .verdict = [this] { return core.Healthy(); },
        .runtime = [this] { return Runtime(); },
        .runtime_names =
            [this] {
              const absl::StatusOr<runtime::RuntimeIdentity> identity = runtime.Identity();
              if (!identity.ok()) return api::RuntimeNames();
              return api::RuntimeNames{identity->name, identity->version, identity->api_version};
            },
        .core = [this] { return core.Snapshot(); },
        .pods = [this] { return core.Pods(); },
        .calls = [this] { return runtime.Snapshot(); },
        .twins = [this] { return twin.Predict(); },
        .loop_lag = [this] { return lag.Worst(); },
        .evidence =
            [this] {
              evidence.Refresh();
              return evidence.Gather();
            },
        .request_relist = [this](const pleg::PodUid& uid) { core.RequestRelist(uid); },
        .request_reinspect = [this](const pleg::PodUid& uid) { core.RequestReinspect(uid); },
        .history = history,
        .relists = relists,
        .cache = cache,
        .executor = loop};
  }

  api::RuntimeView Runtime() {
    const pleg::Verdict verdict = core.Healthy();
    const pleg::MonoTime now = clock.Now();
    const absl::StatusOr<runtime::RuntimeIdentity> identity = runtime.Identity();
    return {.endpoint = endpoint,
            .endpoint_reason = endpoint_reason,
            .connection = "",
            .identity = identity.ok() ? absl::StrCat(identity->name, " ", identity->version)
                                      : std::string(identity.status().message()),
            .runtime_errors = state.RuntimeErrors(verdict, now),
            .network_errors = state.NetworkErrors(),
            .node_ready = state.Ready(verdict, now)};
  }

  // Inspections that are stuck leave the view of the pods behind.
  void Tick() {
    core.PublishPods();
    evidence.Tick();
    loop.PostAt(clock.Now() + absl::Seconds(1), [this] { Tick(); });
  }

  const std::string version;
  const DirectFlags flags;
  const runtime::SystemClock clock;
  runtime::EventLoop loop;
  pleg::CallHistory history;
  pleg::RelistRing relists;
  pleg::EventHub hub;
  pleg::PodCache cache;
  pleg::RuntimeState state;
  runtime::CriRuntime runtime;
  runtime::StatusPoller poller;
  pleg::GenericPleg core;
  pleg::LoopLag lag;
  pleg::NodeTwin twin;
  runtime::host::EvidenceWatch evidence;
  api::NodeApi api;
  // Written before anything runs.
  std::string endpoint;
  std::string endpoint_reason;
  bool started = false;
};

DirectNode::DirectNode(std::string version, const DirectFlags& flags)
    : parts_(std::make_unique<Parts>(std::move(version), flags)) {}

DirectNode::~DirectNode() {
  if (!parts_->started) return;
  parts_->loop.Stop();
  parts_->lag.Stop();
  parts_->evidence.Stop();
  parts_->poller.Stop();
  parts_->core.Stop();
  parts_->runtime.Shutdown();
}

absl::Status DirectNode::Start() {
  runtime::RouteGrpcLog(nullptr);
  const absl::StatusOr<runtime::DiscoveryResult> found =
      FindRuntime(parts_->flags.runtime_endpoint);
  if (!found.ok()) return found.status();
  if (!found->endpoint.has_value()) {
    std::string message = absl::StrCat("no container runtime: ", found->reason);
    for (const runtime::CandidateReport& candidate : found->candidates) {
      absl::StrAppend(&message, "\n  ", candidate.line);
    }
    return absl::NotFoundError(message);
  }
  Parts& parts = *parts_;
  parts.endpoint = found->endpoint->Url();
  parts.endpoint_reason = found->reason;
  parts.started = true;
  parts.runtime.Connect(*found->endpoint);
  parts.loop.Post([&parts] {
    parts.core.Start();
    parts.poller.Start();
    parts.lag.Start();
    parts.evidence.Start();
    parts.Tick();
  });
  parts.loop.Start();
  return absl::OkStatus();
}

void DirectNode::Watch(absl::Duration duration) { absl::SleepFor(duration); }

Snapshot DirectNode::GetSnapshot(uint32_t relists) {
  plegd::v1::GetRelistsRequest newest;
  newest.set_limit(relists);
  return {.health = parts_->api.GetHealth(),
          .node = parts_->api.GetNode(),
          .calls = parts_->api.GetCalls(),
          .relists = parts_->api.GetRelists(newest),
          .diagnosis = parts_->api.GetDiagnosis(),
          .missing = {}};
}

plegd::v1::Evidence DirectNode::GetEvidence() { return parts_->api.GetEvidence(); }

}  // namespace plegctl
