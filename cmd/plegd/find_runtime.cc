#include "cmd/plegd/find_runtime.h"

#include <pthread.h>

#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <utility>

#include "absl/time/time.h"
#include "runtime/config_file.h"
#include "runtime/discovery.h"
#include "runtime/discovery_settings.h"
#include "runtime/handshake.h"

namespace plegd {
namespace {

constexpr absl::Duration kProbeTimeout = absl::Seconds(1);
// A relist shall follow within 1.5 s once a runtime is there.
constexpr absl::Duration kLookAgain = absl::Milliseconds(500);

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

runtime::DiscoverySettings Settings(const Flags& flags) {
  return {.flag = flags.runtime_endpoint,
          .environment = Environment("CONTAINER_RUNTIME_ENDPOINT"),
          .crictl_config_flag = flags.crictl_config,
          .crictl_config_environment = Environment("CRI_CONFIG_FILE")};
}

}  // namespace

absl::StatusOr<FoundRuntime> AskedForRuntime(const Flags& flags) {
  absl::StatusOr<runtime::FoundSetting> setting =
      runtime::FindSetting(Settings(flags), runtime::ReadConfigFile);
  if (!setting.ok()) return setting.status();
  FoundRuntime found{.endpoint = std::move(setting->endpoint),
                     .reason = std::move(setting->reason),
                     .lines = std::move(setting->notes)};
  found.settled = found.endpoint.has_value();
  return found;
}

absl::StatusOr<FoundRuntime> FindRuntime(const Flags& flags) {
  absl::StatusOr<runtime::DiscoveryResult> result =
      runtime::Discover(Settings(flags), {.probe = [](const runtime::Endpoint& endpoint) {
                          return runtime::ProbeVersion(endpoint, kProbeTimeout);
                        }});
  if (!result.ok()) return result.status();
  FoundRuntime found{.endpoint = result->endpoint,
                     .reason = result->reason,
                     .lines = result->notes,
                     .settled = result->asked_for};
  for (const runtime::CandidateReport& candidate : result->candidates) {
    const bool missing = candidate.state == runtime::CandidateState::kMissing;
    (missing ? found.missing : found.lines).push_back(candidate.line);
    if (result->endpoint != candidate.endpoint) continue;
    found.answered = candidate.state == runtime::CandidateState::kAnswers;
    found.settled |= found.answered || candidate.state == runtime::CandidateState::kSilent;
  }
  return found;
}

RuntimeFinder::RuntimeFinder(Flags flags, std::function<void()> wake)
    : flags_(std::move(flags)),
      wake_(std::move(wake)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

void RuntimeFinder::Run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "plegd-look");
  std::condition_variable_any never;
  std::mutex mu;
  FoundRuntime last;
  while (!stop.stop_requested() && !last.settled) {
    absl::StatusOr<FoundRuntime> found = FindRuntime(flags_);
    // A setting that has become wrong meanwhile is not ours to die of.
    if (found.ok() && *found != last) {
      last = *found;
      {
        pleg::MutexLock lock(mu_);
        news_ = *std::move(found);
      }
      wake_();
    }
    std::unique_lock<std::mutex> lock(mu);
    never.wait_for(lock, stop, absl::ToChronoMilliseconds(kLookAgain), [] { return false; });
  }
}

std::optional<FoundRuntime> RuntimeFinder::Take() {
  pleg::MutexLock lock(mu_);
  return std::exchange(news_, std::nullopt);
}

int PrintFoundRuntime(const Flags& flags) {
  const absl::StatusOr<FoundRuntime> found = FindRuntime(flags);
  if (!found.ok()) {
    std::cerr << "plegd: " << found.status().message() << '\n';
    return kExitUsage;
  }
  for (const std::string& line : found->missing) std::cerr << line << '\n';
  for (const std::string& line : found->lines) std::cerr << line << '\n';
  if (found->endpoint.has_value()) std::cout << found->endpoint->Url() << '\n';
  return found->answered ? 0 : kExitNoRuntime;
}

}  // namespace plegd
