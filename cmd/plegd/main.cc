// plegd: relists a container runtime and serves what it learns.

#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "cmd/plegd/daemon.h"
#include "cmd/plegd/find_runtime.h"
#include "cmd/plegd/flags.h"
#include "cmd/plegd/service_manager.h"
#include "cmd/plegd/service_manager_limits.h"
#include "journal/structured_log.h"
#include "runtime/grpc_log.h"
#include "runtime/system_clock.h"

namespace {

// SIGTERM to exit, whatever hangs.
constexpr unsigned kExitSeconds = 2;
// How often to look for a runtime while there is none.
constexpr timespec kLookAgain = {.tv_sec = 2, .tv_nsec = 0};

// TERM and INT end plegd, USR1 writes its state to the log, HUP switches debug lines on and off.
sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGUSR1, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

// A thread in an uninterruptible write cannot be joined: after the limit the process ends all the
// same.
void LimitExit() {
  struct sigaction action = {};
  action.sa_handler = [](int) { _exit(EXIT_SUCCESS); };
  sigaction(SIGALRM, &action, nullptr);
  alarm(kExitSeconds);
}

int Fail(absl::string_view what) {
  std::cerr << "plegd: " << what << '\n';
  return plegd::kExitUsage;
}

void LogFound(journal::StructuredLog& log, const plegd::FoundRuntime& found) {
  for (const std::string& line : found.lines) {
    log.Write(pleg::LogLevel::kInfo, "looked for a runtime", {{"candidate", line, true}});
  }
  log.Write(pleg::LogLevel::kInfo,
            found.endpoint.has_value() ? "using a runtime" : "no runtime is there yet, waiting",
            {{"endpoint", found.endpoint.has_value() ? found.endpoint->Url() : ""},
             {"reason", found.reason}});
}

void ToggleDebug(journal::StructuredLog& log, pleg::LogLevel configured) {
  const bool debug = log.Enabled(pleg::LogLevel::kDebug);
  const bool to_debug = !debug || configured == pleg::LogLevel::kDebug;
  log.SetLevel(to_debug ? pleg::LogLevel::kDebug : configured);
  log.Write(pleg::LogLevel::kWarning, to_debug ? "debug lines on" : "debug lines off", {});
}

// Until a signal says to end. Looks for a runtime while there is none.
int WaitForEnd(const sigset_t& signals, const plegd::Flags& flags, journal::StructuredLog& log,
               plegd::Daemon& daemon) {
  while (true) {
    const int signal = daemon.has_runtime() ? sigwaitinfo(&signals, nullptr)
                                            : sigtimedwait(&signals, nullptr, &kLookAgain);
    if (signal == SIGTERM || signal == SIGINT) return signal;
    if (signal == SIGUSR1) daemon.LogDebugText();
    if (signal == SIGHUP) ToggleDebug(log, flags.log_level);
    if (daemon.has_runtime()) continue;
    const absl::StatusOr<plegd::FoundRuntime> found = plegd::FindRuntime(flags);
    if (!found.ok() || !found->endpoint.has_value()) continue;
    LogFound(log, *found);
    daemon.Use(*found);
  }
}

int Run(const plegd::Flags& flags, const sigset_t& signals, plegd::ServiceManager& manager) {
  const absl::StatusOr<plegd::FoundRuntime> found = plegd::FindRuntime(flags);
  if (!found.ok()) return Fail(found.status().message());

  const runtime::SystemClock clock;
  journal::StructuredLog log(
      {.format = flags.log_json ? journal::LogFormat::kJson : journal::LogFormat::kLogfmt,
       .level = flags.log_level},
      clock);
  runtime::RouteGrpcLog(&log);
  plegd::Daemon daemon(flags, log, clock, manager);
  if (const absl::Status started = daemon.Start(*found); !started.ok()) {
    return Fail(started.message());
  }
  if (const absl::Status started = log.Start(); !started.ok()) return Fail(started.message());
  const plegd::FileLimit files = plegd::RaiseFileLimit();
  if (!files.warning.empty()) log.Write(pleg::LogLevel::kWarning, files.warning, {});
  log.Write(pleg::LogLevel::kInfo, "plegd started",
            {{"version", PLEGD_VERSION}, {"listening", absl::StrJoin(daemon.addresses(), ",")}});
  LogFound(log, *found);
  manager.Ready();

  const int signal = WaitForEnd(signals, flags, log, daemon);
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
  const plegd::ParsedFlags parsed = plegd::ParseFlags(argc, argv);
  if (parsed.exit_code.has_value()) return *parsed.exit_code;
  if (parsed.flags.find_runtime) return plegd::PrintFoundRuntime(parsed.flags);
  // Each relist takes and frees the same memory. By default the C library gives all but 128 KiB of
  // it back to the kernel, and takes it again page fault by page fault.
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
  // Before any thread: the environment is not safe to change later, and all threads inherit the
  // mask, so that only this one is signalled.
  plegd::ServiceManager manager(plegd::TakeNotifyEnvironment());
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return Run(parsed.flags, signals, manager);
}
