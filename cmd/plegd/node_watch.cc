#include "cmd/plegd/node_watch.h"

#include <sys/stat.h>

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/evidence_proto.h"
#include "api/listen_address.h"
#include "journal/boot_id.h"
#include "pleg/diagnosis/diagnosis.h"

namespace plegd {
namespace {

// What shows itself in no call of plegd's, such as a kubelet that is stuck, is found so late.
constexpr absl::Duration kJudgeAgain = absl::Seconds(5);
constexpr char kRunDirectory[] = "/run/plegd";
// Its group may pass; the socket's mode says who may ask.
constexpr mode_t kRunDirectoryMode = 0755;

std::vector<pleg::KubeletModel> Kubelets(const Flags& flags) {
  // The command line has been checked.
  return pleg::KubeletModels(flags.kubelet_version, flags.kubelet_request_timeout).value();
}

runtime::host::EvidenceWatch::Options EvidenceOptions(const Flags& flags) {
  runtime::host::EvidenceWatch::Options options;
  options.version = PLEGD_VERSION;
  options.relist_period = flags.relist_period;
  options.relist_threshold = flags.relist_threshold;
  options.kubelet = flags.kubelet;
  return options;
}

absl::StatusOr<api::ListenAddress> SocketAddress(const std::string& text) {
  if (absl::StartsWith(text, "/")) return api::ParseListenAddress(absl::StrCat("unix://", text));
  if (absl::StartsWith(text, "unix:")) return api::ParseListenAddress(text);
  return absl::InvalidArgumentError(
      absl::StrCat("--api.socket: \"", text, "\" is no unix socket; write unix:///path"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<runtime::host::Prober>> ForkProber(const Flags& flags,
                                                                  const pleg::Clock& clock) {
  if (!flags.host_probe) return nullptr;
  return runtime::host::Prober::Fork(
      {.paths = flags.host, .codec = {&api::SerializeHostEvidence, &api::ParseHostEvidence}},
      clock);
}

NodeWatch::NodeWatch(const Flags& flags, metrics::Metrics& metrics, runtime::EventLoop& loop,
                     const pleg::Clock& clock, std::unique_ptr<runtime::host::Prober> prober)
    : flags_(flags),
      loop_(loop),
      clock_(clock),
      boot_id_(journal::NewBootId()),
      history_(clock),
      relists_(clock),
      loop_lag_(loop, clock),
      pleg_observers_({&metrics, &relists_}),
      call_observers_({&metrics, &history_}),
      evidence_(EvidenceOptions(flags), clock, std::move(prober)) {}

void NodeWatch::Connect(Parts parts) {
  parts_.emplace(std::move(parts));
  twin_.emplace(Kubelets(flags_),
                pleg::NodeTwin::Sources{.core = [this] { return parts_->pleg.Snapshot(); },
                                        .pods = [this] { return parts_->pleg.Pods(); },
                                        .calls = [this] { return parts_->runtime.Snapshot(); },
                                        .history = history_,
                                        .state = parts_->state},
                clock_);
  evidence_.Connect({.pleg = parts_->pleg,
                     .runtime = parts_->runtime,
                     .twin = *twin_,
                     .history = history_,
                     .relists = relists_,
                     .loop_lag = loop_lag_,
                     .endpoint = [this] { return parts_->view().endpoint; }});
  auto names = [this] {
    const absl::StatusOr<runtime::RuntimeIdentity> identity = parts_->runtime.Identity();
    if (!identity.ok()) return api::RuntimeNames();
    return api::RuntimeNames{identity->name, identity->version, identity->api_version};
  };
  api_.emplace(
      api::NodeInfo{.version = PLEGD_VERSION,
                    .boot_id = boot_id_,
                    .relist_period = flags_.relist_period,
                    .relist_threshold = flags_.relist_threshold,
                    .runtime_request_timeout = flags_.runtime_request_timeout,
                    .kubelet_request_timeout = flags_.kubelet_request_timeout},
      api::NodeSources{
          .verdict = [this] { return parts_->pleg.Healthy(); },
          .runtime = [this] { return parts_->view(); },
          .runtime_names = names,
          .core = [this] { return parts_->pleg.Snapshot(); },
          .pods = [this] { return parts_->pleg.Pods(); },
          .calls = [this] { return parts_->runtime.Snapshot(); },
          .twins = [this] { return twin_->Predict(); },
          .loop_lag = [this] { return loop_lag_.Worst(); },
          .evidence =
              [this] {
                evidence_.Refresh();
                return evidence_.Gather();
              },
          .request_relist = [this](const pleg::PodUid& uid) { parts_->pleg.RequestRelist(uid); },
          .request_reinspect =
              [this](const pleg::PodUid& uid) { parts_->pleg.RequestReinspect(uid); },
          .history = history_,
          .relists = relists_,
          .cache = parts_->cache,
          .executor = loop_},
      clock_);
}

absl::Status NodeWatch::Serve(pleg::Log& log) {
  if (flags_.api_socket.empty()) return absl::OkStatus();
  const absl::StatusOr<api::ListenAddress> address = SocketAddress(flags_.api_socket);
  if (!address.ok()) return address.status();
  if (absl::StartsWith(address->path, absl::StrCat(kRunDirectory, "/"))) {
    (void)mkdir(kRunDirectory, kRunDirectoryMode);  // a failure is that of the socket
  }
  absl::StatusOr<std::unique_ptr<api::GrpcServer>> server =
      api::GrpcServer::Start({.address = *address}, *api_);
  if (server.ok()) {
    grpc_ = *std::move(server);
  } else if (flags_.api_socket_given) {
    return absl::Status(server.status().code(),
                        absl::StrCat("--api.socket: ", server.status().message()));
  } else {
    log.Write(pleg::LogLevel::kWarning, "no API socket: plegctl cannot ask this plegd",
              {{"error", std::string(server.status().message())},
               {"hint", "--api.socket unix:///PATH, or empty for none"}});
  }
  return absl::OkStatus();
}

void NodeWatch::Start() {
  loop_lag_.Start();
  evidence_.Start();
}

void NodeWatch::Stop() {
  loop_lag_.Stop();
  evidence_.Stop();
}

void NodeWatch::Tick() {
  parts_->pleg.PublishPods();
  evidence_.Tick();
}

const std::string& NodeWatch::Trouble() {
  const pleg::MonoTime now = clock_.Now();
  const bool due = !judged_at_.has_value() || now - *judged_at_ >= kJudgeAgain;
  if (!due && !evidence_.busy()) return trouble_;
  judged_at_ = now;
  const pleg::Diagnosis diagnosis = pleg::Diagnose(evidence_.Gather());
  const pleg::Finding& first = diagnosis.findings.front();
  trouble_ = first.code == pleg::VerdictCode::kHealthy
                 ? ""
                 : absl::StrCat(pleg::VerdictCodeName(first.code), ": ", first.sentence);
  return trouble_;
}

std::string NodeWatch::address() const {
  return grpc_ == nullptr ? "" : grpc_->address().ToString();
}

void NodeWatch::AddTo(metrics::LiveSources& sources) const {
  sources.twins = [this] { return twin_->Predict(); };
  sources.loop_lag = [this] { return loop_lag_.Worst(); };
  sources.evidence = [this] { return evidence_.Gather(); };
}

}  // namespace plegd
