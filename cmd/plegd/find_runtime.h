// Looking for the container runtime with plegd's flags and environment.
//
//   absl::StatusOr<FoundRuntime> asked = AskedForRuntime(flags);
//   if (!asked->endpoint.has_value()) RuntimeFinder finder(flags, wake);

#ifndef PLEGD_CMD_PLEGD_FIND_RUNTIME_H_
#define PLEGD_CMD_PLEGD_FIND_RUNTIME_H_

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "cmd/plegd/flags.h"
#include "pleg/mutex.h"
#include "runtime/endpoint.h"

namespace plegd {

// Thread-compatible.
struct FoundRuntime {
  std::optional<runtime::Endpoint> endpoint;  // empty: nothing is there yet, look again later
  std::string reason;
  std::vector<std::string> lines{};    // what was looked at and is there, for people
  std::vector<std::string> missing{};  // what is not there
  bool answered = false;               // Version was answered there
  // It is the one: somebody has asked for it, it answers, or it takes connections and hangs. Else a
  // better one may appear.
  bool settled = false;

  friend bool operator==(const FoundRuntime&, const FoundRuntime&) = default;
};

// What flag, environment and configuration files ask for; no endpoint if they ask for none. Does
// not look whether it is there. The error is one of the command line or of a file that it names.
absl::StatusOr<FoundRuntime> AskedForRuntime(const Flags& flags);

// The same, and without an endpoint looks what is there. Blocks for about a second per socket that
// takes connections and does not answer.
absl::StatusOr<FoundRuntime> FindRuntime(const Flags& flags);

// Looks every half second until it has settled, on a thread of its own, "plegd-look": sockets that
// hang must not keep anybody from ending plegd. Thread-safe.
class RuntimeFinder {
 public:
  // `wake` is called on that thread when there is news.
  RuntimeFinder(Flags flags, std::function<void()> wake);
  // Waits for the look that is under way.
  ~RuntimeFinder() = default;
  RuntimeFinder(const RuntimeFinder&) = delete;
  RuntimeFinder& operator=(const RuntimeFinder&) = delete;

  // What was found last, once, unless it is what was found before.
  std::optional<FoundRuntime> Take();

 private:
  void Run(const std::stop_token& stop);

  const Flags flags_;
  const std::function<void()> wake_;
  pleg::Mutex mu_;
  std::optional<FoundRuntime> news_ ABSL_GUARDED_BY(mu_);
  std::jthread thread_;  // last: it uses all of the above
};

// --find-runtime: prints it and why. Returns the exit code.
int PrintFoundRuntime(const Flags& flags);

}  // namespace plegd

#endif  // PLEGD_CMD_PLEGD_FIND_RUNTIME_H_
