#include "api/web_handler.h"

#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "api/health_text.h"
#include "api/landing_page.h"
#include "pleg/go_duration.h"

namespace api {
namespace {

constexpr char kHtmlType[] = "text/html; charset=utf-8";
constexpr absl::string_view kApiPrefix = "/api/v1/";
constexpr absl::string_view kDebugPrefix = "/debug";

Response Text(int status, std::string body) { return {.status = status, .body = std::move(body)}; }

Response NothingAt(absl::string_view path) {
  return Text(404, absl::StrCat("nothing is served at ", absl::CHexEscape(path), "\n"));
}

}  // namespace

WebHandler::WebHandler(WebInfo info, const node::NodeView& node, ProcessPages& process,
                       NodeApi& api)
    : info_(std::move(info)), node_(node), process_(process), routes_(api) {}

Response WebHandler::operator()(const Request& request) const {
  const absl::string_view path = request.path;
  if (path == "/") return Landing(request);
  if (path == "/metrics") return Metrics();
  if (path == "/healthz") return Healthz(request);
  if (path == "/livez") return Livez();
  if (path == "/readyz") return Readyz();
  if (absl::StartsWith(path, kApiPrefix)) return Api(request);
  if (absl::StartsWith(path, kDebugPrefix)) return Debug(request);
  return NothingAt(path);
}

Response WebHandler::Landing(const Request& request) const {
  LandingPage page;
  page.version = node_.settings().version;
  const node::RuntimeView runtime = node_.Runtime();
  page.runtime_endpoint = runtime.endpoint.empty() ? "none found yet" : runtime.endpoint;
  page.runtime_endpoint_origin = runtime.endpoint_reason;
  page.runtime_connection = runtime.connection;
  page.runtime_identity = runtime.Identity();
  page.node_ready = runtime.node_ready.message;
  page.verdict = node_.Healthy();
  page.api_allowed = request.api_allowed;
  Response response{.content_type = kHtmlType, .body = RenderLandingPage(page)};
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; style-src 'unsafe-inline'");
  return response;
}

Response WebHandler::Metrics() const {
  return {.content_type = info_.metrics_type, .body = process_.Metrics()};
}

Response WebHandler::Healthz(const Request& request) const {
  const pleg::Verdict verdict = node_.Healthy();
  if (request.query == "verbose" || absl::StartsWith(request.query, "verbose=")) {
    return Text(verdict.healthy ? 200 : 503, VerboseHealth(verdict, node_.Runtime()));
  }
  if (verdict.healthy) return Text(200, "ok");
  return Text(503, absl::StrCat("PLEG is not healthy: ", verdict.reason));
}

// Only where the file mode of a socket says who may ask.
Response WebHandler::Debug(const Request& request) const {
  if (!request.unix_socket) {
    return Text(403,
                "/debug/ is served on unix sockets only (--web.listen-address unix:///path)\n");
  }
  if (request.path == kLogLevelPath) return LogLevel(request);
  if (request.path == "/debug/" || request.path == "/debug") return Text(200, process_.DebugText());
  return NothingAt(request.path);
}

Response WebHandler::LogLevel(const Request& request) const {
  if (request.method == "PUT") {
    absl::string_view level = request.query;
    const absl::Status set = absl::ConsumePrefix(&level, "level=")
                                 ? process_.SetLogLevel(level)
                                 : absl::InvalidArgumentError("write ?level=debug");
    if (!set.ok()) return Text(400, absl::StrCat(set.message(), "\n"));
  }
  return Text(200, absl::StrCat(process_.LogLevel(), "\n"));
}

Response WebHandler::Livez() const {
  const absl::Duration age = node_.LoopAge();
  if (age <= info_.loop_limit) return Text(200, "ok");
  return Text(503, absl::StrCat("the core's loop last turned ", pleg::FormatGoDuration(age),
                                " ago; limit is ", pleg::FormatGoDuration(info_.loop_limit)));
}

Response WebHandler::Readyz() const {
  if (node_.Core()->last_relist.has_value()) return Text(200, "ok");
  return Text(503, "no relist has succeeded yet");
}

Response WebHandler::Api(const Request& request) const {
  if (!request.api_allowed) {
    return Text(403,
                "the API is not served here: use a unix socket (--web.listen-address unix:///path) "
                "or start plegd with --web.enable-api\n");
  }
  std::optional<Response> response = routes_.Serve(request);
  return response.has_value() ? *std::move(response) : NothingAt(request.path);
}

}  // namespace api
