#include "cmd/plegd/daemon.h"

#include <utility>

#include "api/listen_address.h"
#include "api/web_handler.h"
#include "journal/boot_id.h"

namespace plegd {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);
constexpr absl::Duration kEventLogPatience = absl::Seconds(1);

pleg::PlegOptions CoreOptions(const Flags& flags) {
  return {.relist_period = flags.relist_period, .relist_threshold = flags.relist_threshold};
}

}  // namespace

Daemon::Daemon(const Flags& flags, FoundRuntime found, journal::StructuredLog& log,
               const pleg::Clock& clock)
    : flags_(flags),
      found_(std::move(found)),
      log_(log),
      clock_(clock),
      metrics_({.health_threshold = flags.relist_threshold, .version = PLEGD_VERSION}, clock),
      hub_(clock),
      cache_(loop_),
      runtime_({.endpoint = found_.endpoint, .request_timeout = flags.runtime_request_timeout},
               loop_, clock, metrics_, log),
      pleg_(CoreOptions(flags), {runtime_, clock, loop_, cache_, hub_, metrics_, log}) {}

Daemon::~Daemon() { Stop(); }

absl::Status Daemon::Start() {
  if (absl::Status status = StartWeb(); !status.ok()) return status;
  if (absl::Status status = StartEventLog(); !status.ok()) return status;
  ConnectMetrics();
  started_ = true;
  runtime_.Connect();
  loop_.Post([this] {
    pleg_.Start();
    Tick();
  });
  loop_.Start();
  return absl::OkStatus();
}

absl::Status Daemon::StartEventLog() {
  if (flags_.event_log.empty()) return absl::OkStatus();
  event_log_.emplace(
      journal::EventLogOptions{.path = flags_.event_log, .boot_id = journal::NewBootId()},
      journal::EventLogDeps{hub_, clock_, log_});
  return event_log_->Start();
}

absl::Status Daemon::StartWeb() {
  api::HttpServerOptions options{.api_on_tcp = flags_.enable_api};
  for (const std::string& text : flags_.listen_addresses) {
    absl::StatusOr<api::ListenAddress> address = api::ParseListenAddress(text);
    if (!address.ok()) return address.status();
    options.addresses.push_back(*std::move(address));
  }
  api::WebSources sources{
      .metrics = [this] { return metrics_.Render(); },
      .verdict = [this] { return pleg_.Healthy(); },
      .loop_age = [this] { return clock_.Now() - loop_.LastTurn(); },
      .ready = [this] { return pleg_.Snapshot()->last_relist.has_value(); },
      .pods = [this] { return cache_.All(); },
      .pod = [this](const pleg::PodUid& uid) { return cache_.Get(uid); },
  };
  absl::StatusOr<std::unique_ptr<api::HttpServer>> server = api::HttpServer::Start(
      std::move(options), api::WebHandler({.version = PLEGD_VERSION,
                                           .runtime_endpoint = found_.endpoint.Url(),
                                           .runtime_endpoint_origin = found_.reason},
                                          std::move(sources), clock_));
  if (!server.ok()) return server.status();
  http_ = *std::move(server);
  return absl::OkStatus();
}

std::vector<std::string> Daemon::addresses() const {
  std::vector<std::string> texts;
  for (const api::ListenAddress& address : http_->addresses()) texts.push_back(address.ToString());
  return texts;
}

void Daemon::ConnectMetrics() {
  auto event_log = [this] {
    if (!event_log_.has_value()) return metrics::WriterTotals{};
    const journal::EventLogStats stats = event_log_->stats();
    return metrics::WriterTotals{stats.dropped, stats.errors};
  };
  auto log = [this] {
    const journal::StructuredLogStats stats = log_.stats();
    return metrics::WriterTotals{stats.dropped, stats.errors};
  };
  metrics_.SetSources({.calls = [this] { return runtime_.Snapshot(); },
                       .pleg = [this] { return pleg_.Snapshot(); },
                       .verdict = [this] { return pleg_.Healthy(); },
                       .event_log = event_log,
                       .log = log});
}

void Daemon::Tick() {
  if (event_log_.has_value()) event_log_->CheckStall();
  loop_.PostAt(clock_.Now() + kTick, [this] { Tick(); });
}

void Daemon::Stop() {
  http_ = nullptr;
  if (!std::exchange(started_, false)) return;
  loop_.Stop();
  pleg_.Stop();
  runtime_.Shutdown();
  metrics_.SetSources({});
  if (event_log_.has_value()) event_log_->Stop(kEventLogPatience);
}

}  // namespace plegd
