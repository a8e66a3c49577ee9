#include "cmd/plegd/daemon.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "api/debug_text.h"
#include "api/listen_address.h"
#include "api/node_routes.h"
#include "journal/boot_id.h"
#include "metrics/process.h"
#include "runtime/list_budget.h"
#include "runtime/memory_limit.h"

namespace plegd {
namespace {

constexpr absl::Duration kEventLogPatience = absl::Seconds(1);
// Nobody can end plegd while it waits for the file to open.
constexpr absl::Duration kEventLogOpen = absl::Milliseconds(500);
// What shows itself in no event, such as lists that become slower bit by bit, is in the service
// manager's line after so many seconds.
constexpr uint32_t kStatusLineSeconds = 10;
constexpr char kRunDirectory[] = "/run/plegd";
// Its group may pass; the socket's mode says who may ask.
constexpr mode_t kRunDirectoryMode = 0755;

Flags ForThisRun(Flags flags) {
  flags.node.settings.version = PLEGD_VERSION;
  flags.node.settings.boot_id = journal::NewBootId();
  return flags;
}

absl::StatusOr<api::ListenAddress> SocketAddress(const std::string& text) {
  if (absl::StartsWith(text, "/")) return api::ParseListenAddress(absl::StrCat("unix://", text));
  if (absl::StartsWith(text, "unix:")) return api::ParseListenAddress(text);
  return absl::InvalidArgumentError(
      absl::StrCat("--api.socket: \"", text, "\" is no unix socket; write unix:///path"));
}

// This machine's own name, by which others scrape it; empty if it has none.
std::string HostName() {
  char name[HOST_NAME_MAX + 1] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

// Of what clients ask for and do not read; see AnswerBudgetFor.
size_t AnswerBudget() { return runtime::AnswerBudgetFor(runtime::FindMemoryLimit().bytes); }

}  // namespace

Daemon::Daemon(const Flags& flags, journal::StructuredLog& log, const pleg::Clock& clock,
               ServiceManager& manager, std::unique_ptr<runtime::host::Prober> prober)
    : flags_(ForThisRun(flags)),
      log_(log),
      clock_(clock),
      manager_(manager),
      metrics_({.kubelet_names = flags.kubelet_metrics, .legacy_names = flags.legacy_metrics},
               clock),
      node_(flags_.node, clock, log, std::move(prober), {&metrics_, &metrics_}),
      api_(node_, clock) {}

Daemon::~Daemon() { Stop(); }

absl::Status Daemon::Start(const std::vector<InheritedSocket>& inherited) {
  if (absl::Status status = StartApi(); !status.ok()) return status;
  MakeEventLog();  // before the web, whose thread tells of it
  ConnectMetrics();
  if (absl::Status status = StartWeb(inherited); !status.ok()) return status;
  if (event_log_.has_value()) {
    if (absl::Status status = event_log_->Start(); !status.ok()) return status;
  }
  started_ = true;
  node_.Start([this] { Tick(); });
  return absl::OkStatus();
}

void Daemon::Use(const FoundRuntime& found) {
  const bool connect = found.settled && !std::exchange(has_runtime_, found.settled);
  if (connect) return node_.Connect(*found.endpoint, found.reason);
  node_.SetEndpoint(found.endpoint.has_value() ? found.endpoint->Url() : "", found.reason);
}

void Daemon::TellReady() {
  node_.executor().Post([this] { manager_.Ready(); });
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
                                              .boot_id = flags_.node.settings.boot_id,
                                              .max_bytes = flags_.event_log_max_bytes,
                                              .open_patience = kEventLogOpen},
                     journal::EventLogDeps{node_.hub(), clock_, log_});
}

absl::Status Daemon::StartApi() {
  if (flags_.api_socket.empty()) return absl::OkStatus();
  const absl::StatusOr<api::ListenAddress> address = SocketAddress(flags_.api_socket);
  if (!address.ok()) return address.status();
  if (absl::StartsWith(address->path, absl::StrCat(kRunDirectory, "/"))) {
    (void)mkdir(kRunDirectory, kRunDirectoryMode);  // a failure is that of the socket
  }
  api::GrpcServerOptions options{.address = *address};
  options.max_pending_bytes = std::min(options.max_pending_bytes, AnswerBudget());
  absl::StatusOr<std::unique_ptr<api::GrpcServer>> server = api::GrpcServer::Start(options, api_);
  if (server.ok()) {
    grpc_ = *std::move(server);
  } else if (flags_.api_socket_given) {
    return absl::Status(server.status().code(),
                        absl::StrCat("--api.socket: ", server.status().message()));
  } else {
    log_.Write(pleg::LogLevel::kWarning, "no API socket: plegctl cannot ask this plegd",
               {{"error", std::string(server.status().message())},
                {"hint", "--api.socket unix:///PATH, or empty for none"}});
  }
  return absl::OkStatus();
}

absl::Status Daemon::StartWeb(const std::vector<InheritedSocket>& inherited) {
  api::HttpServerOptions options{.api_on_tcp = flags_.enable_api, .host_names = flags_.host_names};
  options.host_names.push_back(HostName());
  options.max_pending_bytes = AnswerBudget();
  for (const InheritedSocket& socket : inherited) options.inherited_fds.push_back(socket.fd);
  for (const std::string& text : flags_.listen_addresses) {
    absl::StatusOr<api::ListenAddress> address = api::ParseListenAddress(text);
    if (!address.ok()) return address.status();
    if (inherited.empty()) options.addresses.push_back(*std::move(address));
  }
  absl::StatusOr<std::unique_ptr<api::HttpServer>> server = api::HttpServer::Start(
      std::move(options),
      api::WebHandler({.metrics_type = std::string(metrics::kContentType)}, node_, *this, api_));
  if (!server.ok()) return server.status();
  http_ = *std::move(server);
  return absl::OkStatus();
}

std::vector<std::string> Daemon::addresses() const {
  std::vector<std::string> texts;
  for (const api::ListenAddress& address : http_->addresses()) texts.push_back(address.ToString());
  if (grpc_ != nullptr) texts.push_back(grpc_->address().ToString());
  return texts;
}

void Daemon::ConnectMetrics() {
  metrics_.Watch(node_);
  metrics_.Count(metrics::Writer::kLog, [this] {
    const journal::StructuredLogStats stats = log_.stats();
    return metrics::WriterTotals{stats.dropped, stats.errors};
  });
  if (!event_log_.has_value()) return;
  metrics_.Count(metrics::Writer::kEventLog, [this] {
    const journal::EventLogStats stats = event_log_->stats();
    return metrics::WriterTotals{stats.dropped, stats.errors};
  });
}

std::string Daemon::LogLevel() { return std::string(journal::LogLevelName(log_.level())); }

std::string Daemon::DebugText() {
  const node::RuntimeView runtime = node_.Runtime();
  api::DebugFacts facts{.version = PLEGD_VERSION,
                        .flags = flags_.effective,
                        .endpoint = runtime.endpoint.empty() ? "no endpoint yet" : runtime.endpoint,
                        .connection = runtime.connection,
                        .loop_queued = node_.loop().QueueDepth(),
                        .loop_age = node_.LoopAge(),
                        .subscriber_queues = node_.hub().Pending(),
                        .log_queued_bytes = log_.queued_bytes(),
                        .core = *node_.Core(),
                        .calls = node_.Calls(),
                        .pods = node_.cache().All()};
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

std::string Daemon::StatusLine() const {
  const pleg::Finding& first = node_.LastAssessment()->diagnosis.findings.front();
  if (first.code != pleg::VerdictCode::kHealthy) {
    return absl::StrCat(pleg::VerdictCodeName(first.code), ": ", first.sentence);
  }
  const std::shared_ptr<const pleg::PlegSnapshot> core = node_.Core();
  return absl::StrCat(
      "PLEG is healthy: ", core->pods_ready + core->pods_notready + core->pods_no_sandbox, " pods");
}

void Daemon::Tick() {
  if (event_log_.has_value()) event_log_->CheckStall();
  if (manager_.listens() && ++ticks_ % kStatusLineSeconds == 0) node_.Assess();
  manager_.SetStatus(StatusLine());
  manager_.Tick(clock_.Now());
}

void Daemon::Stop() {
  http_ = nullptr;
  grpc_ = nullptr;
  node_.Stop();
  if (!std::exchange(started_, false)) return;
  if (event_log_.has_value()) event_log_->Stop(kEventLogPatience);
}

}  // namespace plegd
