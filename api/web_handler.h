// What plegd serves over HTTP, as a function from request to response: no sockets, no threads.
//
//   WebHandler web(info, node, process, api);   HttpServer::Start(options, std::ref(web));
//
//   /metrics /healthz /livez /readyz /   on every listener
//   /healthz?verbose                     each of the kubelet's checks, a line
//   /api/v1/                             where the listener allows the API; see node_routes.h
//   /debug/ /debug/log-level             on unix sockets only

#ifndef PLEGD_API_WEB_HANDLER_H_
#define PLEGD_API_WEB_HANDLER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/http.h"
#include "api/node_api.h"
#include "api/node_routes.h"
#include "node/node_view.h"

namespace api {

// What never changes in a run.
struct WebInfo {
  std::string metrics_type;  // Content-Type of what `metrics` returns
  // The core's loop is dead when it has not turned for so long.
  absl::Duration loop_limit = absl::Seconds(10);
};

// What plegd serves of itself, beside the node. Implementations are thread-safe and do not block.
class ProcessPages {
 public:
  virtual ~ProcessPages() = default;
  virtual std::string Metrics() = 0;
  virtual std::string DebugText() = 0;  // what plegd knows of itself
  virtual std::string LogLevel() = 0;
  // kInvalidArgument for what is no level.
  virtual absl::Status SetLogLevel(absl::string_view name) = 0;
};

// Thread-safe: immutable. /livez asks only for the loop: a runtime that hangs must not get plegd
// killed.
class WebHandler {
 public:
  // All references outlive the handler; `api` is what is served below /api/v1/, to requests that
  // may use it.
  WebHandler(WebInfo info, const node::NodeView& node, ProcessPages& process, NodeApi& api);

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
  const node::NodeView& node_;
  ProcessPages& process_;
  const NodeRoutes routes_;
};

}  // namespace api

#endif  // PLEGD_API_WEB_HANDLER_H_
