#include "cmd/plegd/daemon.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "api/debug_text.h"
#include "api/listen_address.h"
#include "api/node_routes.h"
#include "api/web_handler.h"
#include "metrics/process.h"
#include "pleg/go_duration.h"

namespace plegd {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);
constexpr absl::Duration kEventLogPatience = absl::Seconds(1);
// Nobody can end plegd while it waits for the file to open.
constexpr absl::Duration kEventLogOpen = absl::Milliseconds(500);

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
               ServiceManager& manager, std::unique_ptr<runtime::host::Prober> prober)
    : flags_(flags),
      log_(log),
      clock_(clock),
      manager_(manager),
      metrics_(MetricsOptions(flags), clock),
      hub_(clock),
      cache_(loop_),
      story_(clock, log),
      watch_(flags_, metrics_, loop_, clock, std::move(prober)),
      runtime_(CriOptions(flags), loop_, clock, watch_.call_observer(), log),
      poller_(runtime_, loop_, clock, state_,
              [this](const auto& conditions) { story_.OnStatus(conditions); }),
      pleg_(CoreOptions(flags),
            {runtime_, clock, loop_, cache_, hub_, watch_.pleg_observer(), log}),
      sweep_({}, runtime_, loop_, clock, [this] { return pleg_.RunningContainers(); }) {
  watch_.Connect(
      {.pleg = pleg_, .runtime = runtime_, .cache = cache_, .state = state_, .view = [this] {
         return DescribeRuntime();
       }});
}

Daemon::~Daemon() { Stop(); }

absl::Status Daemon::Start(const std::vector<InheritedSocket>& inherited) {
  if (absl::Status status = watch_.Serve(log_); !status.ok()) return status;
  MakeEventLog();  // before the web, whose thread tells of it
  if (absl::Status status = StartWeb(inherited); !status.ok()) return status;
  if (event_log_.has_value()) {
    if (absl::Status status = event_log_->Start(); !status.ok()) return status;
  }
  ConnectMetrics();
  started_ = true;
  ListenToRuntime();
  loop_.Post([this] {
    if (flags_.sweep) {
      pleg_.OnRelistSent([this] { sweep_.Beside(); });
      sweep_.Start();
    }
    watch_.Start();
    Tick();
  });
  loop_.Start();
  return absl::OkStatus();
}

void Daemon::ListenToRuntime() {
  auto connection = [this](bool connected, absl::string_view reason) {
    story_.OnConnection(connected, reason);
    watch_.OnConnection(connected, reason);
    if (!connected) return;
    pleg_.RelistNow();
    poller_.PollNow();
  };
  runtime_.Listen({.connection = connection,
                   .identity = [this](const auto& identity) { story_.OnIdentity(identity); },
                   .list = [this](const absl::Status& status) { story_.OnList(status); }});
}

void Daemon::Use(const FoundRuntime& found) {
  {
    pleg::MutexLock lock(mu_);
    found_ = found;
  }
  if (!found.settled || std::exchange(has_runtime_, true)) return;
  loop_.Post([this, endpoint = *found.endpoint] {
    story_.OnEndpoint(endpoint.Url());
    watch_.OnEndpoint();
    runtime_.Connect(endpoint);
    // Not sooner: a relist without anybody to ask is none.
    pleg_.Start();
    poller_.Start();
  });
  watcher_.emplace(
      runtime::SocketWatcher::Options{.path = found.endpoint->path()},
      [this] { loop_.Post([this] { runtime_.ResetConnectionBackoff(); }); }, log_);
}

void Daemon::TellReady() {
  loop_.Post([this] { manager_.Ready(); });
}

absl::Status Daemon::SetLogLevel(absl::string_view name, absl::string_view by) {
  const absl::StatusOr<pleg::LogLevel> level = journal::ParseLogLevel(name);
  if (!level.ok()) return level.status();
  const pleg::LogLevel before = log_.level();
  // Told at whichever of the two levels tells more.
  log_.SetLevel(std::min(before, *level));
  log_.Write(pleg::LogLevel::kWarning, "log level is changed",
             {{"from", std::string(journal::LogLevelName(before))},
              {"to", std::string(journal::LogLevelName(*level)), true},
              {"by", std::string(by)}});
  log_.SetLevel(*level);
  return absl::OkStatus();
}

void Daemon::MakeEventLog() {
  if (flags_.event_log.empty()) return;
  event_log_.emplace(journal::EventLogOptions{.path = flags_.event_log,
                                              .boot_id = watch_.boot_id(),
                                              .max_bytes = flags_.event_log_max_bytes,
                                              .open_patience = kEventLogOpen},
                     journal::EventLogDeps{hub_, clock_, log_});
}

absl::Status Daemon::StartWeb(const std::vector<InheritedSocket>& inherited) {
  api::HttpServerOptions options{.api_on_tcp = flags_.enable_api, .host_names = flags_.host_names};
  options.host_names.push_back(HostName());
  for (const InheritedSocket& socket : inherited) options.inherited_fds.push_back(socket.fd);
  for (const std::string& text : flags_.listen_addresses) {
    absl::StatusOr<api::ListenAddress> address = api::ParseListenAddress(text);
    if (!address.ok()) return address.status();
    if (inherited.empty()) options.addresses.push_back(*std::move(address));
  }
  api::WebSources sources{
      .metrics = [this] { return metrics_.Render(); },
      .verdict = [this] { return pleg_.Healthy(); },
      .loop_age = [this] { return clock_.Now() - loop_.LastTurn(); },
      .ready = [this] { return pleg_.Snapshot()->last_relist.has_value(); },
      .runtime = [this] { return DescribeRuntime(); },
      .debug = [this] { return DebugText(); },
      .log_level = [this] { return std::string(journal::LogLevelName(log_.level())); },
      .set_log_level = [this](absl::string_view name) { return SetLogLevel(name, "API"); },
      .api = [routes = api::NodeRoutes(watch_.api())](
                 const api::Request& request) { return routes.Serve(request); },
  };
  absl::StatusOr<std::unique_ptr<api::HttpServer>> server = api::HttpServer::Start(
      std::move(options), api::WebHandler({.version = PLEGD_VERSION,
                                           .metrics_type = std::string(metrics::kContentType)},
                                          std::move(sources)));
  if (!server.ok()) return server.status();
  http_ = *std::move(server);
  return absl::OkStatus();
}

std::vector<std::string> Daemon::addresses() const {
  std::vector<std::string> texts;
  for (const api::ListenAddress& address : http_->addresses()) texts.push_back(address.ToString());
  if (!watch_.address().empty()) texts.push_back(watch_.address());
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
  metrics::LiveSources sources = {.calls = [this] { return runtime_.Snapshot(); },
                                  .pleg = [this] { return pleg_.Snapshot(); },
                                  .verdict = [this] { return pleg_.Healthy(); },
                                  .event_log = event_log,
                                  .log = log,
                                  .runtime_info = runtime_info,
                                  .conditions = [this] { return state_.conditions(); }};
  watch_.AddTo(sources);
  metrics_.SetSources(std::move(sources));
}

api::RuntimeView Daemon::DescribeRuntime() const {
  const pleg::Verdict verdict = pleg_.Healthy();
  const pleg::MonoTime now = clock_.Now();
  const absl::StatusOr<runtime::RuntimeIdentity> identity = runtime_.Identity();
  api::RuntimeView view{.endpoint = {},
                        .endpoint_reason = {},
                        .connection = story_.Connection(),
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

std::string Daemon::DebugText() {
  api::DebugFacts facts{.version = PLEGD_VERSION,
                        .flags = flags_.effective,
                        .connection = story_.Connection(),
                        .loop_queued = loop_.QueueDepth(),
                        .loop_age = clock_.Now() - loop_.LastTurn(),
                        .subscriber_queues = hub_.Pending(),
                        .log_queued_bytes = log_.queued_bytes(),
                        .core = *pleg_.Snapshot(),
                        .calls = runtime_.Snapshot(),
                        .pods = cache_.All()};
  for (metrics::ThreadCpu& thread : metrics::ReadThreads()) {
    facts.threads.push_back({std::move(thread.name), thread.id, thread.cpu_seconds});
  }
  if (event_log_.has_value()) {
    const journal::EventLogStats stats = event_log_->stats();
    facts.writers.emplace_back("event log",
                               absl::StrCat("dropped=", stats.dropped, " errors=", stats.errors));
  }
  const journal::StructuredLogStats stats = log_.stats();
  facts.writers.emplace_back("log",
                             absl::StrCat("dropped=", stats.dropped, " errors=", stats.errors));
  pleg::MutexLock lock(mu_);
  facts.endpoint = found_.endpoint.has_value() ? found_.endpoint->Url() : "no endpoint yet";
  return api::DebugText(facts);
}

void Daemon::ReopenFiles() {
  log_.Write(pleg::LogLevel::kInfo, "files are opened anew",
             {{"event_log", flags_.event_log.empty() ? "none" : flags_.event_log}});
  if (event_log_.has_value()) event_log_->Reopen();
}

void Daemon::LogDebugText() {
  for (absl::string_view line : absl::StrSplit(DebugText(), '\n', absl::SkipEmpty())) {
    log_.Write(pleg::LogLevel::kInfo, "debug", {{"state", std::string(line), true}});
  }
}

std::string Daemon::StatusLine() {
  const std::string& trouble = watch_.Trouble();
  if (!trouble.empty()) return trouble;
  const std::shared_ptr<const pleg::PlegSnapshot> core = pleg_.Snapshot();
  return absl::StrCat(
      "PLEG is healthy: ", core->pods_ready + core->pods_notready + core->pods_no_sandbox, " pods");
}

void Daemon::Tick() {
  if (event_log_.has_value()) event_log_->CheckStall();
  const pleg::Verdict verdict = pleg_.Healthy();
  story_.Tick({.verdict = verdict,
               .node = state_.Ready(verdict, clock_.Now()),
               .calls = runtime_.Snapshot()});
  watch_.Tick();
  manager_.SetStatus(StatusLine());
  manager_.Tick(clock_.Now());
  loop_.PostAt(clock_.Now() + kTick, [this] { Tick(); });
}

void Daemon::Stop() {
  watcher_.reset();
  http_ = nullptr;
  watch_.StopServing();
  if (!std::exchange(started_, false)) return;
  loop_.Stop();
  poller_.Stop();
  sweep_.Stop();
  watch_.Stop();
  pleg_.Stop();
  runtime_.Shutdown();
  metrics_.SetSources({});
  if (event_log_.has_value()) event_log_->Stop(kEventLogPatience);
}

}  // namespace plegd
