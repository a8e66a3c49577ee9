// plegd: relists a container runtime and serves what it learns.

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/evidence_proto.h"
#include "cmd/plegd/daemon.h"
#include "cmd/plegd/find_runtime.h"
#include "cmd/plegd/flags.h"
#include "cmd/plegd/own_rights.h"
#include "cmd/plegd/service_manager.h"
#include "cmd/plegd/service_manager_limits.h"
#include "cmd/plegd/service_manager_sockets.h"
#include "cmd/standard_streams.h"
#include "journal/structured_log.h"
#include "runtime/grpc_log.h"
#include "runtime/host/privileges.h"
#include "runtime/host/prober.h"
#include "runtime/system_clock.h"

namespace {

// SIGTERM to exit, whatever hangs; a little less than the two seconds that are promised.
constexpr itimerval kExitLimit = {.it_interval = {}, .it_value = {.tv_sec = 1, .tv_usec = 800'000}};

// The child that looks at the host; null with --host-probe=off. To be called before there is any
// thread.
absl::StatusOr<std::unique_ptr<runtime::host::Prober>> ForkProber(const plegd::Flags& flags,
                                                                  const pleg::Clock& clock) {
  if (!flags.host_probe) return nullptr;
  return runtime::host::Prober::Fork(
      {.paths = flags.host, .codec = {&api::SerializeHostEvidence, &api::ParseHostEvidence}},
      clock);
}

void TellConfinement(const runtime::host::Prober::Confinement& of, journal::StructuredLog& log) {
  if (of.system_calls && of.files) return;
  // Many kernels have no Landlock.
  log.Write(of.system_calls ? pleg::LogLevel::kInfo : pleg::LogLevel::kWarning,
            "the host probe is kept from less than usual",
            {{"system_calls", of.system_calls ? "filtered" : "all: no seccomp filter can be had"},
             {"files", of.files ? "confined" : "all that its user may read: no Landlock here"}});
}

// There is news of the runtime. Sent to the main thread only.
int NewsSignal() { return SIGRTMIN; }

// TERM and INT end plegd, USR1 writes its state to the log, USR2 switches debug lines on and off,
// HUP opens its files anew.
sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, NewsSignal()})
    sigaddset(&signals, signal);
  return signals;
}

// A thread in an uninterruptible write cannot be joined: after the limit the process ends all the
// same.
void LimitExit() {
  struct sigaction action = {};
  action.sa_handler = [](int) { _exit(EXIT_SUCCESS); };
  sigaction(SIGALRM, &action, nullptr);
  setitimer(ITIMER_REAL, &kExitLimit, nullptr);
}

int Fail(absl::string_view what) {
  std::cerr << "plegd: " << what << '\n';
  return plegd::kExitUsage;
}

void LogFound(journal::StructuredLog& log, const plegd::FoundRuntime& found) {
  for (const std::string& line : found.missing) {
    log.Write(pleg::LogLevel::kDebug, "looked for a runtime", {{"candidate", line, true}});
  }
  for (const std::string& line : found.lines) {
    log.Write(pleg::LogLevel::kInfo, "looked for a runtime", {{"candidate", line, true}});
  }
  log.Write(pleg::LogLevel::kInfo,
            found.settled ? "using the container runtime at" : "no container runtime is there yet",
            {{"endpoint", found.endpoint.has_value() ? found.endpoint->Url() : "none", true},
             {"reason", found.reason, true},
             {"plegd", found.settled ? "connects" : "looks again every half second"}});
}

// Debug lines on, or back to the level of the command line.
void ToggleDebug(journal::StructuredLog& log, plegd::Daemon& daemon, pleg::LogLevel configured) {
  const bool to_debug =
      !log.Enabled(pleg::LogLevel::kDebug) || configured == pleg::LogLevel::kDebug;
  const pleg::LogLevel level = to_debug ? pleg::LogLevel::kDebug : configured;
  static_cast<void>(daemon.SetLogLevel(journal::LogLevelName(level), "SIGUSR2"));
}

// What there is to use, from the command line and files at once, else as it is found.
class RuntimeNews {
 public:
  RuntimeNews(const plegd::Flags& flags, journal::StructuredLog& log, plegd::Daemon& daemon)
      : flags_(flags), log_(log), daemon_(daemon) {}

  void Begin(const plegd::FoundRuntime& asked) {
    if (asked.settled) return Use(asked);
    finder_.emplace(flags_, [main = pthread_self()] { pthread_kill(main, NewsSignal()); });
  }
  void Take() {
    if (!finder_.has_value()) return;
    if (const std::optional<plegd::FoundRuntime> found = finder_->Take()) Use(*found);
  }

 private:
  void Use(const plegd::FoundRuntime& found) {
    LogFound(log_, found);
    daemon_.Use(found);
    if (!std::exchange(told_ready_, true)) daemon_.TellReady();
  }

  const plegd::Flags& flags_;
  journal::StructuredLog& log_;
  plegd::Daemon& daemon_;
  std::optional<plegd::RuntimeFinder> finder_;
  bool told_ready_ = false;
};

// Until a signal says to end; which.
int WaitForEnd(const sigset_t& signals, const plegd::Flags& flags, journal::StructuredLog& log,
               plegd::Daemon& daemon, RuntimeNews& news) {
  while (true) {
    const int signal = sigwaitinfo(&signals, nullptr);
    if (signal == SIGTERM || signal == SIGINT) return signal;
    if (signal == SIGUSR1) daemon.LogDebugText();
    if (signal == SIGUSR2) ToggleDebug(log, daemon, flags.log_level);
    if (signal == SIGHUP) daemon.ReopenFiles();
    if (signal == NewsSignal()) news.Take();
  }
}

int Run(const plegd::Flags& flags, const std::vector<plegd::InheritedSocket>& sockets,
        const sigset_t& signals, plegd::ServiceManager& manager) {
  const runtime::SystemClock clock;
  absl::StatusOr<std::unique_ptr<runtime::host::Prober>> prober = ForkProber(flags, clock);
  if (!prober.ok()) return Fail(prober.status().message());
  std::optional<runtime::host::Prober::Confinement> confinement;
  if (*prober != nullptr) confinement = (*prober)->confinement();
  // Before there is a thread: all of them inherit it.
  runtime::host::KeepCapabilities(plegd::KeptCapabilities(flags));
  runtime::host::ForbidNewPrivileges();
  const absl::StatusOr<plegd::FoundRuntime> asked = plegd::AskedForRuntime(flags);
  if (!asked.ok()) return Fail(asked.status().message());

  journal::StructuredLog log(
      {.format = flags.log_json ? journal::LogFormat::kJson : journal::LogFormat::kLogfmt,
       .level = flags.log_level},
      clock);
  runtime::RouteGrpcLog(&log);
  const absl::Cleanup unroute = [] { runtime::RouteGrpcLog(nullptr); };
  plegd::Daemon daemon(flags, log, clock, manager, *std::move(prober));
  if (const absl::Status started = daemon.Start(sockets); !started.ok()) {
    return Fail(started.message());
  }
  if (const absl::Status started = log.Start(); !started.ok()) return Fail(started.message());
  const plegd::FileLimit files = plegd::RaiseFileLimit();
  if (!files.warning.empty()) log.Write(pleg::LogLevel::kWarning, files.warning, {});
  log.Write(pleg::LogLevel::kInfo, "plegd started",
            {{"version", PLEGD_VERSION},
             {"listening", absl::StrJoin(daemon.addresses(), ",")},
             {"sockets", sockets.empty() ? "own" : "from the service manager"},
             {"open_files", absl::StrCat(files.soft)}});
  if (confinement.has_value()) TellConfinement(*confinement, log);
  if (!manager.status().ok()) {
    log.Write(pleg::LogLevel::kWarning, "the service manager cannot be told anything",
              {{"error", std::string(manager.status().message())}});
  }
  RuntimeNews news(flags, log, daemon);
  news.Begin(*asked);

  const int signal = WaitForEnd(signals, flags, log, daemon, news);
  LimitExit();
  manager.Stopping();
  log.Write(pleg::LogLevel::kInfo, "stopping", {{"signal", strsignal(signal)}});
  daemon.Stop();
  log.Stop(absl::Milliseconds(500));
  // Not by return: destructors have nothing left to do that could not hang.
  _exit(EXIT_SUCCESS);
}

}  // namespace

int main(int argc, char** argv) {
  if (!cmd::HasStandardStreams()) return EXIT_FAILURE;
  const plegd::ParsedFlags parsed = plegd::ParseFlags(argc, argv);
  if (parsed.exit_code.has_value()) return *parsed.exit_code;
  if (parsed.flags.find_runtime) return plegd::PrintFoundRuntime(parsed.flags);
  // Each relist takes and frees the same memory. By default the C library gives all but 128 KiB of
  // it back to the kernel, and takes it again page fault by page fault.
  mallopt(M_TRIM_THRESHOLD, 2 << 20);
  // gRPC's default engine has one epoll set for the whole process, so that the thread that serves
  // the API would be woken for every reply of the runtime.
  setenv("GRPC_POLL_STRATEGY", "poll", /*overwrite=*/0);
  // Before any thread: the environment is not safe to change later, and all threads inherit the
  // mask, so that only this one is signalled.
  const absl::StatusOr<std::vector<plegd::InheritedSocket>> sockets = plegd::TakeInheritedSockets();
  if (!sockets.ok()) return Fail(sockets.status().message());
  if (sockets->empty() && parsed.flags.systemd_socket) {
    return Fail("--web.systemd-socket: no sockets were passed (LISTEN_FDS)");
  }
  plegd::ServiceManager manager(plegd::TakeNotifyEnvironment());
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return Run(parsed.flags, *sockets, signals, manager);
}
