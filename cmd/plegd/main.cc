// plegd: relists a container runtime and serves what it learns.

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "cmd/plegd/daemon.h"
#include "cmd/plegd/find_runtime.h"
#include "cmd/plegd/flags.h"
#include "journal/structured_log.h"
#include "runtime/system_clock.h"

namespace {

// SIGTERM to exit, whatever hangs.
constexpr unsigned kExitSeconds = 2;

sigset_t EndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
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

int Run(const plegd::Flags& flags, const sigset_t& signals) {
  absl::StatusOr<plegd::FoundRuntime> found = plegd::FindRuntime(flags.runtime_endpoint);
  if (!found.ok()) return Fail(found.status().message());

  const runtime::SystemClock clock;
  journal::StructuredLog log(
      {.format = flags.log_json ? journal::LogFormat::kJson : journal::LogFormat::kLogfmt,
       .level = flags.log_level},
      clock);
  plegd::Daemon daemon(flags, *found, log, clock);
  if (const absl::Status started = daemon.Start(); !started.ok()) return Fail(started.message());
  if (const absl::Status started = log.Start(); !started.ok()) return Fail(started.message());
  for (const std::string& line : found->candidates) {
    log.Write(pleg::LogLevel::kInfo, "looked for a runtime", {{"candidate", line, true}});
  }
  log.Write(pleg::LogLevel::kInfo, "plegd started",
            {{"version", PLEGD_VERSION},
             {"runtime_endpoint", found->endpoint.Url()},
             {"reason", found->reason},
             {"listening", absl::StrJoin(daemon.addresses(), ",")}});

  int signal = 0;
  sigwait(&signals, &signal);
  LimitExit();
  log.Write(pleg::LogLevel::kInfo, "stopping", {{"signal", std::to_string(signal)}});
  daemon.Stop();
  log.Stop(absl::Milliseconds(500));
  // Not by return: destructors have nothing left to do that could not hang.
  _exit(EXIT_SUCCESS);
}

}  // namespace

int main(int argc, char** argv) {
  const plegd::ParsedFlags parsed = plegd::ParseFlags(argc, argv);
  if (parsed.exit_code.has_value()) return *parsed.exit_code;
  if (parsed.flags.find_runtime) return plegd::PrintFoundRuntime();
  // Before any thread, so that all inherit it and only this one is signalled.
  const sigset_t signals = EndSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return Run(parsed.flags, signals);
}
