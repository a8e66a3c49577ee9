// What plegd serves over HTTP, as a function from request to response: no sockets, no threads.
//
//   WebHandler web(info, sources);   HttpServer::Start(options, std::ref(web));
//
//   /metrics /healthz /livez /readyz /   on every listener
//   /healthz?verbose                     each of the kubelet's checks, a line
//   /api/v1/                             where the listener allows the API; see node_routes.h
//   /debug/ /debug/log-level             on unix sockets only

#ifndef PLEGD_API_WEB_HANDLER_H_
#define PLEGD_API_WEB_HANDLER_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/http.h"
#include "api/runtime_view.h"
#include "pleg/health.h"

namespace api {

// What never changes in a run.
struct WebInfo {
  std::string version;
  std::string metrics_type;  // Content-Type of what `metrics` returns
  // The core's loop is dead when it has not turned for so long.
  absl::Duration loop_limit = absl::Seconds(10);
};

// Each function is thread-safe, does not block and is not empty.
struct WebSources {
  std::function<std::string()> metrics;
  std::function<pleg::Verdict()> verdict;    // the kubelet's
  std::function<absl::Duration()> loop_age;  // since the core's loop last turned
  std::function<bool()> ready;               // a first relist has succeeded
  std::function<RuntimeView()> runtime;
  std::function<std::string()> debug;  // what plegd knows of itself, as text
  std::function<std::string()> log_level;
  // kInvalidArgument for what is no level.
  std::function<absl::Status(absl::string_view)> set_log_level;
  // What is below /api/v1/, for requests that may use it; empty if nothing is there.
  std::function<std::optional<Response>(const Request&)> api;
};

// Thread-safe: immutable. /livez asks only for the loop: a runtime that hangs must not get plegd
// killed.
class WebHandler {
 public:
  WebHandler(WebInfo info, WebSources sources);

  // `request` keeps to request_rules.h. Does not block.
  Response operator()(const Request& request) const;

 private:
  Response Landing(const Request& request) const;
  Response Metrics() const;
  Response Healthz(const Request& request) const;
  Response Debug(const Request& request) const;
  Response LogLevel(const Request& request) const;
  Response Livez() const;
  Response Readyz() const;
  Response Api(const Request& request) const;

  const WebInfo info_;
  const WebSources sources_;
};

}  // namespace api

#endif  // PLEGD_API_WEB_HANDLER_H_
