#include "cmd/plegd/daemon.h"

#include <limits.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "api/listen_address.h"
#include "api/web_handler.h"
#include "journal/boot_id.h"
#include "pleg/go_duration.h"

namespace plegd {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);
constexpr absl::Duration kEventLogPatience = absl::Seconds(1);

pleg::PlegOptions CoreOptions(const Flags& flags) {
  pleg::PlegOptions options{.relist_period = flags.relist_period,
                            .relist_threshold = flags.relist_threshold};
  if (flags.serial_inspect) return options;
  options.inspect_window = flags.inspect_concurrency;
  options.inspect_calls_per_pod = 16;
  options.inspect_slow_after = absl::Seconds(1);
  options.inspect_slow_start_calls = 100;
  options.retry_backoff = absl::Seconds(1);
  return options;
}

runtime::CriOptions CriOptions(const Flags& flags) {
  return {
      .request_timeout = flags.runtime_request_timeout,
      .decode = flags.typed_decode ? runtime::DecodeMode::kTyped : runtime::DecodeMode::kProjected,
      .list_streaming = flags.list_streaming};
}

metrics::MetricsOptions MetricsOptions(const Flags& flags) {
  return {.health_threshold = flags.relist_threshold,
          .version = PLEGD_VERSION,
          .kubelet_names = flags.kubelet_metrics,
          .legacy_names = flags.legacy_metrics};
}

// This machine's own name, by which others scrape it; empty if it has none.
std::string HostName() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

}  // namespace

Daemon::Daemon(const Flags& flags, journal::StructuredLog& log, const pleg::Clock& clock,
               ServiceManager& manager)
    : flags_(flags),
      log_(log),
      clock_(clock),
      manager_(manager),
      metrics_(MetricsOptions(flags), clock),
      hub_(clock),
      cache_(loop_),
      runtime_(CriOptions(flags), loop_, clock, metrics_, log),
      poller_(runtime_, loop_, clock, state_, log),
      pleg_(CoreOptions(flags), {runtime_, clock, loop_, cache_, hub_, metrics_, log}),
      sweep_({}, runtime_, loop_, clock, [this] { return pleg_.RunningContainers(); }) {}

Daemon::~Daemon() { Stop(); }

absl::Status Daemon::Start(const FoundRuntime& found) {
  if (absl::Status status = StartWeb(); !status.ok()) return status;
  if (absl::Status status = StartEventLog(); !status.ok()) return status;
  ConnectMetrics();
  started_ = true;
  runtime_.OnConnectionChange([this](bool connected) {
    if (!connected) return;
    pleg_.RelistNow();
    poller_.PollNow();
  });
  Use(found);
  loop_.Post([this] {
    if (flags_.sweep) {
      pleg_.OnRelistSent([this] { sweep_.Beside(); });
      sweep_.Start();
    }
    pleg_.Start();
    poller_.Start();
    Tick();
  });
  loop_.Start();
  return absl::OkStatus();
}

void Daemon::Use(const FoundRuntime& found) {
  {
    pleg::MutexLock lock(mu_);
    found_ = found;
  }
  if (!found.endpoint.has_value()) return;
  has_runtime_ = true;
  loop_.Post([this, endpoint = *found.endpoint] { runtime_.Connect(endpoint); });
  watcher_.emplace(
      runtime::SocketWatcher::Options{.path = found.endpoint->path()},
      [this] { loop_.Post([this] { runtime_.ResetConnectionBackoff(); }); }, log_);
}

absl::Status Daemon::StartEventLog() {
  if (flags_.event_log.empty()) return absl::OkStatus();
  event_log_.emplace(
      journal::EventLogOptions{.path = flags_.event_log, .boot_id = journal::NewBootId()},
      journal::EventLogDeps{hub_, clock_, log_});
  return event_log_->Start();
}

absl::Status Daemon::StartWeb() {
  api::HttpServerOptions options{.api_on_tcp = flags_.enable_api, .host_names = {HostName()}};
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
      .runtime = [this] { return DescribeRuntime(); },
      .debug = [this] { return DebugText(); },
      .pods = [this] { return cache_.All(); },
      .pod = [this](const pleg::PodUid& uid) { return cache_.Get(uid); },
  };
  absl::StatusOr<std::unique_ptr<api::HttpServer>> server = api::HttpServer::Start(
      std::move(options), api::WebHandler({.version = PLEGD_VERSION}, std::move(sources), clock_));
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
  auto runtime_info = [this]() -> std::optional<metrics::RuntimeInfo> {
    const absl::StatusOr<runtime::RuntimeIdentity> identity = runtime_.Identity();
    if (!identity.ok()) return std::nullopt;
    return metrics::RuntimeInfo{identity->name, identity->version, identity->api_version};
  };
  metrics_.SetSources({.calls = [this] { return runtime_.Snapshot(); },
                       .pleg = [this] { return pleg_.Snapshot(); },
                       .verdict = [this] { return pleg_.Healthy(); },
                       .event_log = event_log,
                       .log = log,
                       .runtime_info = runtime_info,
                       .conditions = [this] { return state_.conditions(); }});
}

api::RuntimeView Daemon::DescribeRuntime() const {
  const pleg::Verdict verdict = pleg_.Healthy();
  const pleg::MonoTime now = clock_.Now();
  const absl::StatusOr<runtime::RuntimeIdentity> identity = runtime_.Identity();
  api::RuntimeView view{.endpoint = {},
                        .endpoint_reason = {},
                        .identity = identity.ok()
                                        ? absl::StrCat(identity->name, " ", identity->version)
                                        : std::string(identity.status().message()),
                        .runtime_errors = state_.RuntimeErrors(verdict, now),
                        .network_errors = state_.NetworkErrors(),
                        .node_ready = state_.Ready(verdict, now)};
  pleg::MutexLock lock(mu_);
  if (found_.endpoint.has_value()) view.endpoint = found_.endpoint->Url();
  view.endpoint_reason = found_.reason;
  return view;
}

std::string Daemon::DebugText() const {
  const pleg::CallSnapshot calls = runtime_.Snapshot();
  const std::shared_ptr<const pleg::PlegSnapshot> core = pleg_.Snapshot();
  std::string out = absl::StrCat(
      "version: ", PLEGD_VERSION, "\nflags: period=", pleg::FormatGoDuration(flags_.relist_period),
      " threshold=", pleg::FormatGoDuration(flags_.relist_threshold),
      " timeout=", pleg::FormatGoDuration(flags_.runtime_request_timeout),
      " inspect=", flags_.serial_inspect ? "serial" : "parallel",
      " decode=", flags_.typed_decode ? "typed" : "projected",
      "\ncore loop: queued=", loop_.QueueDepth(),
      " last_turn=", pleg::FormatGoDuration(clock_.Now() - loop_.LastTurn()),
      "\ncore: sandboxes=", core->sandboxes, " inspections=", core->inspections_running,
      " pending=", core->pods_pending, "\n");
  if (event_log_.has_value()) {
    const journal::EventLogStats stats = event_log_->stats();
    absl::StrAppend(&out, "event log: dropped=", stats.dropped, " errors=", stats.errors, "\n");
  }
  const journal::StructuredLogStats log = log_.stats();
  absl::StrAppend(&out, "log: dropped=", log.dropped, " errors=", log.errors, "\n");
  for (const pleg::RunningCall& call : calls.running) {
    absl::StrAppend(&out, "running: ", call.method, " ", absl::CHexEscape(call.target), " for ",
                    pleg::FormatGoDuration(calls.taken_at - call.started_at), "\n");
  }
  for (const pleg::UnansweredTarget& row : calls.unanswered) {
    absl::StrAppend(&out, "unanswered: ", row.method, " ", absl::CHexEscape(row.target), " for ",
                    pleg::FormatGoDuration(calls.taken_at - row.since), ", ", row.attempts,
                    " calls\n");
  }
  return out;
}

void Daemon::LogDebugText() {
  for (absl::string_view line : absl::StrSplit(DebugText(), '\n', absl::SkipEmpty())) {
    log_.Write(pleg::LogLevel::kInfo, "debug", {{"state", std::string(line), true}});
  }
}

std::string Daemon::StatusLine() const {
  const pleg::Verdict verdict = pleg_.Healthy();
  if (!verdict.healthy) return absl::StrCat("PLEG is not healthy: ", verdict.reason);
  const std::shared_ptr<const pleg::PlegSnapshot> core = pleg_.Snapshot();
  return absl::StrCat(
      "PLEG is healthy: ", core->pods_ready + core->pods_notready + core->pods_no_sandbox, " pods");
}

void Daemon::Tick() {
  if (event_log_.has_value()) event_log_->CheckStall();
  manager_.SetStatus(StatusLine());
  manager_.Tick(clock_.Now());
  loop_.PostAt(clock_.Now() + kTick, [this] { Tick(); });
}

void Daemon::Stop() {
  watcher_.reset();
  http_ = nullptr;
  if (!std::exchange(started_, false)) return;
  loop_.Stop();
  poller_.Stop();
  sweep_.Stop();
  pleg_.Stop();
  runtime_.Shutdown();
  metrics_.SetSources({});
  if (event_log_.has_value()) event_log_->Stop(kEventLogPatience);
}

}  // namespace plegd
